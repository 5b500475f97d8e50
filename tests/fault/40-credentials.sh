#!/usr/bin/env bash
# Keys that end in the middle, clocks that are wrong: credentials.py.
. "${0%/*}/../lib/harness.sh"
requires python3 faketime
exec python3 "$TOP/tests/fault/credentials.py" "$SCRIPT"
