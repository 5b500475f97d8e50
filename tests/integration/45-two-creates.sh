#!/usr/bin/env bash
# Two at once never get in each other's way.
. "${0%/*}/../lib/harness.sh"
requires sqlite3 jq python3

setup() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 300 1000 20000
	s3_source dump "$B" >before
	sqlite3 a.db 'create table t(x); insert into t values (1)'
	"$1" "$2"
	component_bucket mlpipeline "$B"
	component_sqlite mlmd "$T/a.db"
}

two() {
	local a b
	"$PB" -c config.yaml create --json >out1 2>err1 &
	a=$!
	"$PB" -c config.yaml create --json >out2 2>err2 &
	b=$!
	wait $a
	wait $b
	local first second
	first=$(jq -r '."backup-id"' out1)
	second=$(jq -r '."backup-id"' out2)
	[ "$first" != "$second" ]
	pb 0 list --json
	json out 'length == 2 and all(."backup-status" == "finished")'
	local id
	for id in "$first" "$second"; do
		s3_source empty "$B"
		pb 0 restore "$id"
		s3_source dump "$B" >after
		same before after
	done
	pb 0 check
}

in_a_bucket() {
	setup repository_s3 "$(bucket_name repo)"
	two
}

in_a_folder() {
	setup repository_dir "$T/repository"
	two
}

# a restore while the next set is made
beside_a_restore() {
	setup repository_s3 "$(bucket_name repo)"
	create
	"$PB" -c config.yaml create --full --json >out1 2>err1 &
	local a=$!
	s3_source mb "$B-2"
	pb 0 restore "$ID" --to "mlpipeline=$B-2"
	wait $a
	s3_source dump "$B-2" >after
	same before after
}

# two platforms in one bucket under names of their own
two_platforms() {
	setup repository_s3 "$(bucket_name repo)"
	create
	cp config.yaml one.yaml
	sed -i 's/^  name: test/  name: other/' config.yaml
	pb 0 list --json
	json out 'length == 0'
	create
	json created.json '.parent == null'
	cp one.yaml config.yaml
	pb 0 list --json
	json out 'length == 1'
}

it 'makes two sets at once in a bucket' in_a_bucket
it 'makes two sets at once in a folder' in_a_folder
it 'restores while a set is made' beside_a_restore
it 'keeps platforms of one bucket apart' two_platforms
done_testing
