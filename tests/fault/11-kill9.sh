#!/usr/bin/env bash
# Ended by SIGKILL at any moment: nothing false is listed, nothing is locked,
# nothing is lost.
. "${0%/*}/../lib/harness.sh"
requires sqlite3 jq python3

ROUNDS=${ROUNDS:-4}

setup() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 400 1000 30000
	s3_source big "$B" large.bin 40000000 random
	s3_source dump "$B" >before
	python3 "$TOP/tests/lib/bank.py" init a.db delete
	"$1" "$2"
	component_bucket mlpipeline "$B"
	component_sqlite mlmd "$T/a.db"
	local begin
	begin=$(date +%s%N)
	create
	FIRST=$ID
	TOOK=$(($(date +%s%N) - begin))
}

# run it, and end it after a part of the time that it took
kill_within() {
	local wait
	wait=$(awk -v took="$TOOK" -v r="$RANDOM" \
	    'BEGIN { printf "%.3f", took / 1e9 * r / 32768 }')
	"$PB" -c config.yaml "$@" >/dev/null 2>killed.err &
	local p=$!
	sleep "$wait"
	# the run may have come to its end before
	kill -KILL $p 2>/dev/null || true
	wait $p 2>/dev/null || true
}

create_killed() {
	local i finished
	for ((i = 0; i < ROUNDS; i++)); do
		kill_within create --full
	done
	pb 0 list --json
	# what is listed as finished is whole
	for finished in $(jq -r '.[] | select(."backup-status" == "finished") |
	    ."backup-id"' out); do
		s3_source empty "$B"
		pb 0 restore "$finished"
		s3_source dump "$B" >after
		same before after
	done
	create
	pb 0 check
	pb 0 restore "$FIRST"
}

in_a_bucket() {
	setup repository_s3 "$(bucket_name repo)"
	create_killed
}

in_a_folder() {
	setup repository_dir "$T/repository"
	create_killed
	[ -z "$(ls scratch)" ] || {
		ls -la scratch
		return 1
	}
}

restore_killed() {
	setup repository_dir "$T/repository"
	local i
	for ((i = 0; i < ROUNDS; i++)); do
		s3_source rm "$B" large.bin
		sqlite3 a.db 'delete from move where id % 3 = 0'
		kill_within restore "$ID"
		# the database is the old one or the new one
		python3 "$TOP/tests/lib/bank.py" audit a.db
	done
	pb 0 restore "$ID"
	s3_source dump "$B" >after
	same before after
	[ "$(sqlite3 a.db 'select count(*) from move')" = 20000 ]
}

# parts of uploads that were never completed cost money for ever
leftover_uploads() {
	setup repository_s3 "$(bucket_name repo)"
	local r
	r=$(bucket_name repo)
	s3_repo leave-upload "$r" foreign/upload
	s3_repo leave-upload "$r" \
	    "backups/test/sets/2020-01-01T00:00:00Z-0123abcd/a.sqlite.zst"
	[ "$(s3_repo uploads "$r" | wc -l)" = 2 ]
	# a day later, by the program's own clock it is not: only what is old
	# is swept, so young ones of a set that may be running stay
	create
	s3_repo uploads "$r" | contains_line foreign/upload
}

contains_line() {
	grep -q "$1"
}

it 'survives SIGKILL while a set is made in a bucket' in_a_bucket
it 'survives SIGKILL while a set is made in a folder' in_a_folder
it 'survives SIGKILL while it restores' restore_killed
it 'leaves the unfinished uploads of others alone' leftover_uploads
done_testing
