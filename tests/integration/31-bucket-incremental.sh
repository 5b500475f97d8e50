#!/usr/bin/env bash
# A second set fetches only what is new, and stands on its own.
. "${0%/*}/../lib/harness.sh"
requires jq python3

OBJECT='(.path | test("^/[^/]+/."))'

setup() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 700 10 20000
	s3_source big "$B" model.bin 30000000 random
	s3_source dump "$B" >first
	proxy repository "$REPO"
	repository_s3 "$(bucket_name repo)" "$PROXY"
	proxy source "$SOURCE"
	component_bucket mlpipeline "$B" "$PROXY"
	create
	FIRST=$ID
}

restored_elsewhere() {
	local other
	other=$(bucket_name "$1")
	s3_source mb "$other"
	pb 0 restore "$2" --to "mlpipeline=$other"
	s3_source dump "$other" >"restored-$1"
	same "$1" "restored-$1"
}

unchanged() {
	setup
	: >source.log
	: >repository.log
	create
	# of 701 keys one page, and before any work one to see that the bucket is
	# there; no object
	[ "$(requests source.log 'true')" = 2 ]
	[ "$(requests source.log '.query | test("max-keys=1000(&|$)")')" = 1 ]
	[ "$(requests source.log '.query | test("max-keys=1(&|$)")')" = 1 ]
	# each of them is in DESIGN.md, "Requests of a create"
	[ "$(requests repository.log 'true')" = 17 ]
	[ "$(requests repository.log '.method == "PUT"')" = 4 ]
	json created.json '.parent == $first and .components[0].objects == 701
	    and .components[0]."stored-bytes" < 200000' --arg first "$FIRST"
	restored_elsewhere first "$ID"
}

changed() {
	setup
	local key
	key=$(jq -r .key first | sed -n 5p)
	head -c 3000 /dev/urandom | s3_source put "$B" "$key"
	echo new | s3_source put "$B" artifacts/zzz/new
	s3_source rm "$B" "$(jq -r .key first | sed -n 300p)"
	s3_source dump "$B" >second
	: >source.log
	create
	[ "$(requests source.log ".method == \"GET\" and $OBJECT and
	    (.query | test(\"tagging\") | not)")" = 2 ]
	local second=$ID
	s3_source rm "$B" model.bin
	echo again | s3_source put "$B" "$key"
	s3_source dump "$B" >third
	create
	restored_elsewhere first "$FIRST"
	restored_elsewhere second "$second"
	restored_elsewhere third "$ID"
	pb 0 check
}

full() {
	setup
	: >source.log
	create --full
	json created.json '.parent == null'
	[ "$(requests source.log ".method == \"GET\" and $OBJECT and
	    (.query | test(\"tagging\") | not)")" -ge 701 ]
	restored_elsewhere first "$ID"
}

headers_of_unchanged() {
	setup
	local key
	key=$(jq -r .key first | sed -n 7p)
	s3_source get "$B" "$key" content
	s3_source put "$B" "$key" content -M run=2 -T stage=prod
	s3_source dump "$B" >second
	create
	restored_elsewhere second "$ID"
}

empty_bucket() {
	B=$(bucket_name)
	s3_source mb "$B"
	repository_s3 "$(bucket_name repo)"
	component_bucket mlpipeline "$B"
	create
	json created.json '.components[0].objects == 0'
	echo x | s3_source put "$B" late
	pb 0 restore "$ID"
	pb 0 restore "$ID" --exact
	[ "$(s3_source ls "$B" | wc -l)" = 0 ]
}

it 'reads no object of a bucket that did not change' unchanged
it 'reads what was changed or added, and keeps old sets whole' changed
it 'reads all again with --full' full
it 'saves new metadata and tags of the same content' headers_of_unchanged
it 'saves and restores an empty bucket' empty_bucket
done_testing
