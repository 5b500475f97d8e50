#!/usr/bin/env bash
# A database that is written to while it is saved and while it is restored.
. "${0%/*}/../lib/harness.sh"
requires sqlite3 jq zstd python3

bank() {
	python3 "$TOP/tests/lib/bank.py" "$@"
}

writer() {
	background writer python3 "$TOP/tests/lib/bank.py" run "$T/bank.db"
	within 20 test -s writer.out
}

setup() {
	bank init bank.db "$1"
	repository_dir "$T/repository"
	component_sqlite mlmd "$T/bank.db"
}

writer_is_fine() {
	[ ! -s writer.err ] || {
		cat writer.err
		return 1
	}
	local before
	before=$(wc -l <writer.out)
	within 20 more_lines "$before"
}

more_lines() {
	[ "$(wc -l <writer.out)" -gt "$1" ]
}

hot_backup() {
	setup "$1"
	writer
	local i
	for i in 1 2 3; do
		create
		json created.json '.components[0] | .status == "ok" and
		    .seconds < 30'
		zstd -qdc "repository/test/sets/$ID"*/mlmd.sqlite.zst >copy.db
		bank audit copy.db
	done
	writer_is_fine
	bank audit bank.db
}

hot_restore() {
	setup "$1"
	create
	writer
	pb 0 restore "$ID"
	writer_is_fine
	bank audit bank.db
}

# the writer is ended by SIGKILL again and again: a hot journal lies there
hot_journal() {
	setup "$1"
	local i
	for i in 1 2 3 4 5; do
		writer
		sleep 0.0$i
		kill -KILL "$CHILD"
		create
		zstd -qdc "repository/test/sets/$ID"*/mlmd.sqlite.zst >copy.db
		bank audit copy.db
	done
}

readers_do_not_block() {
	setup "$1"
	background holder python3 "$TOP/tests/lib/bank.py" hold bank.db 60 shared
	within 20 test -s holder.out
	create
	json created.json '.components[0].seconds < 20'
}

waits_for_a_lock() {
	setup delete
	background holder python3 "$TOP/tests/lib/bank.py" hold bank.db 4 exclusive
	within 20 test -s holder.out
	create
	json created.json '.components[0] | .status == "ok" and .seconds > 2'
}


for mode in delete wal persist truncate; do
	it "saves while it is written to (journal mode $mode)" \
	    hot_backup $mode
done
for mode in delete wal; do
	it "restores while it is written to ($mode)" hot_restore $mode
	it "saves after writers were killed ($mode)" hot_journal $mode
	it "is not held up by a reader ($mode)" readers_do_not_block $mode
done
it 'waits for a lock that is released' waits_for_a_lock
done_testing
