#!/usr/bin/env bash
# Disks, quotas and buckets that are full: full.py.
. "${0%/*}/../lib/harness.sh"
requires python3 faketime
exec python3 "$TOP/tests/fault/full.py" "$SCRIPT"
