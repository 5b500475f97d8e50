#!/usr/bin/env bash
# SIGKILL at every request of a run: kill_requests.py.
. "${0%/*}/../lib/harness.sh"
requires python3
exec python3 "$TOP/tests/fault/kill_requests.py" "$SCRIPT"
