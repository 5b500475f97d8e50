#!/usr/bin/env bash
# Files of the repository that are not what they were: damaged.py.
. "${0%/*}/../lib/harness.sh"
requires python3
exec python3 "$TOP/tests/fault/damaged.py" "$SCRIPT"
