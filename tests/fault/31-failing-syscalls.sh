#!/usr/bin/env bash
# Every change of a file fails once: syscalls.py.
. "${0%/*}/../lib/harness.sh"
requires python3 cc
exec python3 "$TOP/tests/fault/syscalls.py" fail "$SCRIPT"
