#!/usr/bin/env bash
# What a set does not cover stays untouched, and nothing is built on sand.
. "${0%/*}/../lib/harness.sh"
requires jq python3

setup() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 30 1000 5000
	local key
	for key in m/1 m/2 other/1; do
		echo "$key" | s3_source put "$B" "$key"
	done
}

# the prefix of the set counts, not the one that is configured now
other_prefix() {
	setup
	repository_dir "$T/repository"
	component_bucket mlpipeline "$B" '' 'prefix: m/'
	create
	json created.json '.components[0].objects == 2'
	sed -i '/prefix: m/d' config.yaml
	s3_source dump "$B" >before
	s3_source rm "$B" m/2
	echo late | s3_source put "$B" m/late
	pb 0 restore "$ID" --exact --json
	json out '.components[0].written == 1 and .components[0].removed == 1'
	s3_source dump "$B" >after
	same before after
}

# GET of the key is answered with that status
answers() {
	jq -n --arg path "/$B/$1\$" --argjson status "$2" --arg name "$3" \
	    '[{method: "GET", path: $path, do: "status", code: $status,
	    body: "<Error><Code>\($name)</Code></Error>"}]' >rules
	proxy source "$SOURCE" "$(cat rules)"
	repository_dir "$T/repository"
	component_bucket mlpipeline "$B" "$PROXY"
}

degraded_exact() {
	setup
	answers m/2 403 AccessDenied
	pb 3 create --json
	ID=$(jq -r '."backup-id"' out)
	json out '.components[0].status == "degraded"'
	pb 2 restore "$ID" --exact
	contains err exact
	pb 0 restore "$ID"
	s3_source head "$B" m/2 >/dev/null
}

# a server that lists what it cannot give has lost it: nobody deleted it
listed_not_found() {
	setup
	answers m/2 404 NoSuchKey
	pb 3 create --json
	json out '.components[0].gone == 0'
	contains out "'m/2'"
}

# nothing of it was saved before: a few objects are asked for, not all
reads_nothing() {
	setup
	printf '[{"method": "HEAD", "path": "/%s/.", "do": "status",
	    "code": 403}]\n' "$B" >rules
	proxy source "$SOURCE" "$(cat rules)"
	repository_dir "$T/repository"
	component_bucket mlpipeline "$B" "$PROXY"
	pb 1 create
	contains err "component 'mlpipeline'" denied
	[ "$(requests source.log '.method == "HEAD"')" = 10 ]
	[ "$(requests source.log ".method == \"GET\" and
	    (.path | test(\"^/[^/]+/.\"))")" = 0 ]
	pb 1 check
	contains out denied
}

lost_pack() {
	setup
	repository_dir "$T/repository"
	component_bucket mlpipeline "$B"
	create
	rm "$T"/repository/test/sets/"$ID"*/mlpipeline/pack-000001.tar.zst
	create
	contains err 'everything is read again'
	json created.json '.components[0]."new-objects" == 33'
	s3_source mb "$B-2"
	pb 0 restore "$ID" --to "mlpipeline=$B-2"
	s3_source dump "$B" >before
	s3_source dump "$B-2" >after
	same before after
}

# a set of one component is neither the base nor the latest of all
part() {
	setup
	repository_dir "$T/repository"
	component_bucket one "$B"
	component_bucket two "$B" '' 'prefix: m/'
	create
	local all=$ID
	create --component two
	create --component one
	json created.json '.parent == $all and
	    .components[0]."new-objects" == 0' --arg all "$all"
	pb 0 restore latest --dry-run --json
	json out '."backup-id" == $all' --arg all "$all"
}

# one stumble while it is looked at does not make it a failure
stumble() {
	setup
	jq -n '[{method: "GET", query: "list-type", do: "status", times: 1,
	    code: 503, body: "<Error><Code>SlowDown</Code></Error>"}]' >rules
	proxy source "$SOURCE" "$(cat rules)"
	repository_dir "$T/repository"
	component_bucket mlpipeline "$B" "$PROXY"
	create
	json created.json '."backup-status" == "finished"'
}

no_record() {
	setup
	repository_dir "$T/repository"
	component_bucket mlpipeline "$B"
	create
	rm repository/test/repository.json
	pb 0 list --json
	json out 'length == 1'
	contains err 'repository.json'
	pb 0 restore "$ID"
}

check_makes_nothing() {
	setup
	repository_s3 "$(bucket_name repo)"
	component_bucket mlpipeline "$B"
	pb 0 check
	not s3_repo ls "$(bucket_name repo)"
	s3_repo mb "$(bucket_name repo)"
	pb 0 check
	[ "$(s3_repo ls "$(bucket_name repo)" | wc -l)" = 0 ]
}

it 'restores under the prefix of the set alone' other_prefix
it 'does not remove what it could not save' degraded_exact
it 'names what is listed and cannot be found' listed_not_found
it 'asks for a few objects where it may read none' reads_nothing
it 'reads everything again when an older pack is gone' lost_pack
it 'builds on the newest set that has the component' part
it 'goes on after one 503 while it looks' stumble
it 'reads a repository that lost its record' no_record
it 'makes nothing when it only checks' check_makes_nothing
done_testing
