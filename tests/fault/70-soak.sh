#!/usr/bin/env bash
# A random life of a repository, against a model: soak.py.
. "${0%/*}/../lib/harness.sh"
requires python3 faketime
exec python3 "$TOP/tests/fault/soak.py" "$SCRIPT"
