#!/usr/bin/env bash
# Objects that change, vanish or appear between the listing and the reading.
. "${0%/*}/../lib/harness.sh"
requires jq python3

S3=$TOP/tests/lib/s3.py

setup_env() {
	S3_ENDPOINT=$(server_get "$SOURCE" endpoint)
	S3_ACCESS=$(server_get "$SOURCE" access)
	S3_SECRET=$(server_get "$SOURCE" secret)
	export S3_ENDPOINT S3_ACCESS S3_SECRET
}

setup() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 50 1000 5000
	printf 'old content' | s3_source put "$B" victim -M age=old
	setup_env
}

# before the first GET of the victim, run the commands of a shell
meanwhile() {
	jq -n --arg path "/$B/victim\$" --arg script "$1" '[{method: "GET",
	    path: $path, do: "run", times: 1, command: ["sh", "-c", $script]}]' \
	    >rules
	proxy source "$SOURCE" "$(cat rules)"
	repository_s3 "$(bucket_name repo)"
	component_bucket mlpipeline "$B" "$PROXY"
}

overwritten() {
	setup
	meanwhile "printf 'new content, and longer' |
	    python3 $S3 put $B victim -M age=new"
	create
	s3_source dump "$B" >now
	s3_source mb "$B-2"
	pb 0 restore "$ID" --to "mlpipeline=$B-2"
	s3_source dump "$B-2" >restored
	same now restored
}

vanished() {
	setup
	meanwhile "python3 $S3 rm $B victim"
	create
	json created.json '.components[0].objects == 50'
	s3_source dump "$B" >now
	s3_source mb "$B-2"
	pb 0 restore "$ID" --to "mlpipeline=$B-2"
	s3_source dump "$B-2" >restored
	same now restored
}

appeared() {
	setup
	meanwhile "echo more | python3 $S3 put $B zzz-late"
	create
	s3_source mb "$B-2"
	pb 0 restore "$ID" --to "mlpipeline=$B-2"
	s3_source ls "$B-2" | jq -r .key | grep -v zzz-late | sort >got
	s3_source ls "$B" | jq -r .key | grep -v zzz-late | sort >want
	same want got
	create
	json created.json '.components[0].objects == 52'
}

# each object that a saved database names is in the same set
at_work() {
	B=$(bucket_name)
	s3_source mb "$B"
	setup_env
	python3 "$TOP/tests/lib/pipelines.py" run mlmd.db "$B" 50
	background pipelines python3 "$TOP/tests/lib/pipelines.py" run mlmd.db "$B"
	repository_s3 "$(bucket_name repo)"
	component_bucket mlpipeline "$B"
	component_sqlite mlmd "$T/mlmd.db"
	local i
	for i in 1 2 3; do
		create
		s3_source mb "$B-$i"
		pb 0 restore "$ID" --to "mlpipeline=$B-$i" \
		    --to "mlmd=$T/restored-$i.db"
		# the copies' rows name the first bucket
		sqlite3 "restored-$i.db" "update Artifact
		    set uri = replace(uri, '//$B/', '//$B-$i/')"
		python3 "$TOP/tests/lib/pipelines.py" verify \
		    "restored-$i.db" "$B-$i"
	done
}

it 'saves the new version of an object that is overwritten' overwritten
it 'leaves out an object that is deleted' vanished
it 'saves next time what appeared behind its back' appeared
it 'makes sets in which every reference finds its object' at_work
done_testing
