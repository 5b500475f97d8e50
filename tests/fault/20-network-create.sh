#!/usr/bin/env bash
# Everything that the wire can do to a create: network.py.
. "${0%/*}/../lib/harness.sh"
requires python3 faketime
exec python3 "$TOP/tests/fault/network.py" create "$SCRIPT"
