#!/usr/bin/env bash
# A clock that is wrong: the server's is taken, and said so.
. "${0%/*}/../lib/harness.sh"
requires faketime sqlite3 jq python3

setup() {
	sqlite3 a.db 'create table t(x); insert into t values (1)'
	repository_s3 "$(bucket_name repo)"
	component_sqlite mlmd "$T/a.db"
}

# only what tells the time of day is shifted
shifted() {
	FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f "$1" "$PB" -c config.yaml \
	    "${@:2}" >out 2>err
}

off_by() {
	setup
	create
	local first=$ID
	shifted "$1" create --json
	ID=$(jq -r '."backup-id"' out)
	# ids are in the order in which the sets were made
	[[ $first < $ID ]]
	local now id
	now=$(date +%s)
	id=$(date -d "$ID" +%s)
	[ $((now - id)) -lt 120 ]
	[ $((id - now)) -lt 120 ]
	shifted "$1" restore "$ID"
	shifted "$1" list
}

for by in +20m -20m +3d -400d; do
	it "works with a clock that is off by $by" off_by "$by"
done
done_testing
