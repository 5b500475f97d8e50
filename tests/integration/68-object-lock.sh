#!/usr/bin/env bash
# Buckets with object lock and a default retention, on the real MinIO behind a
# proxy that insists on checksums as AWS does.
. "${0%/*}/../lib/harness.sh"
requires jq minio python3

INSISTS='[{"method": "PUT", "path": "^/[^/]+/.", "unless": "x-amz-checksum-",
    "do": "status", "code": 400, "headers": {"content-type": "application/xml"},
    "body": "<Error><Code>InvalidRequest</Code><Message>Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters</Message></Error>"}]'

# an object of several parts in a bucket $B; a locked one $LOCKED, and what
# stands before its server
setup() {
	B=$(bucket_name) LOCKED=$(bucket_name locked)
	s3_source mb "$B"
	s3_source big "$B" large.bin 9000000 random
	s3_source dump "$B" >good
	s3_source mb-locked "$LOCKED" 1
	proxy strict "$SOURCE" "$INSISTS"
}

refusals() {
	requests strict.log '.status == 400'
}

as_a_repository() {
	setup
	s3_source fill "$B" 10 1000 20000
	{
		echo "scratch: $T/scratch"
		echo "retention: {keep-last: 1}"
		echo "repository:"
		echo "  name: test"
		echo "  s3:"
		_yaml_s3 '    ' "$SOURCE" "$LOCKED" "$PROXY"
		echo "components:"
	} >config.yaml
	chmod 600 config.yaml
	component_bucket mlpipeline "$B"
	create
	# one refusal teaches the whole run
	[ "$(refusals)" = 1 ]
	json created.json '."backup-status" == "finished"'
	s3_source fill "$B" 5 1000 20000 other
	s3_source dump "$B" >good
	create
	pb 0 verify --all --read
	pb 0 prune --now
	contains err 'keeps versions'
	pb 0 list --json
	json out '[.[] | ."backup-id"] == [$id]' --arg id "$ID"
	s3_source empty "$B"
	pb 0 restore latest
	s3_source dump "$B" >after
	same good after
}

as_a_target() {
	setup
	repository_dir "$T/repository"
	component_bucket mlpipeline "$B"
	create
	repository_dir "$T/repository"
	component_bucket mlpipeline "$LOCKED" "$PROXY"
	pb 0 restore latest
	s3_source dump "$LOCKED" >after
	same good after
	# the upload was given up at its first part, and begun with checksums
	[ "$(refusals)" = 1 ]
	[ "$(requests strict.log '.method == "POST" and .query == "uploads="')" \
	    = 2 ]
	[ "$(requests strict.log '.method == "DELETE"')" = 1 ]
}

it 'keeps sets in a bucket that insists on checksums' as_a_repository
it 'restores to a bucket that insists on checksums' as_a_target
done_testing
