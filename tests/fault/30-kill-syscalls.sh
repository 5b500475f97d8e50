#!/usr/bin/env bash
# SIGKILL at every change of a file: syscalls.py.
. "${0%/*}/../lib/harness.sh"
requires python3 cc
exec python3 "$TOP/tests/fault/syscalls.py" kill "$SCRIPT"
