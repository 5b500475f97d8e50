#!/usr/bin/env bash
# Kubeflow Pipelines at work: objects, ML Metadata's rows and its own rows are
# written all the time, and in each set every reference finds its object.
# shellcheck disable=SC2154  # the number of a test is the harness's
. "${0%/*}/../lib/harness.sh"
. "$TOP/tests/lib/databases.sh"
requires mariadbd mariadb-dump sqlite3 jq python3

DB=$WORK/mariadb
B=mlpipeline	# rows of KFP name keys alone, and this is its bucket
PIPELINES=$TOP/tests/lib/pipelines.py
trap 'database_stop "$DB"; _children_end "$WORK"/*/children' EXIT
if ! mariadb_alone "$DB"; then
	echo "FAILED - $SCRIPT: MariaDB did not start"
	tail -n 5 "$DB"/*.out "$DB/install.log"
	echo "0 passed, 1 failed"
	exit 1
fi

sql() {
	mariadb_sql "$DB" 1 "$@"
}

# a database of the test's own in $NAME, and KFP's bucket, empty
setup() {
	NAME=kfp_$_number
	sql <<-SQL
	create database $NAME;
	create user u$_number@'%' identified by 'hush';
	grant all on $NAME.* to u$_number@'%';
	grant all on copy_$NAME.* to u$_number@'%';
	SQL
	python3 "$PIPELINES" tables | sql "$NAME"
	S3_ENDPOINT=$(server_get "$SOURCE" endpoint)
	S3_ACCESS=$(server_get "$SOURCE" access)
	S3_SECRET=$(server_get "$SOURCE" secret)
	export S3_ENDPOINT S3_ACCESS S3_SECRET
	s3_source mb "$B"
	s3_source empty "$B"
}

component_mysql() {
	cat >>"$T/config.yaml" <<-YAML
	  - name: kfp-db
	    type: mysql
	    primary: 127.0.0.1:$(database_port "$DB" 1)
	    database: $NAME
	    username: u$_number
	    password: hush
	YAML
}

# references of the last set are so
references() {
	pb 0 show "$ID" --json
	json out ".references | $1"
}

# version ID STATUS SPEC URI
version() {
	sql "$NAME" <<<"insert into pipeline_versions values ('$1', 1, '$1', 'p',
	    '$2', '', '', '$3', '$4')"
}

kinds() {
	local key workflow
	setup
	for key in pipelines/there pipelines/unreadable own/key \
	    v2/artifacts/model artifacts/log.tgz; do
		echo "$key" | s3_source put "$B" "$key"
	done
	version there READY '' ''
	version removed READY '' ''
	version unreadable READY '' ''
	version begun CREATING '' ''
	version inline READY 'a definition' 'https://example.org/p.yaml'
	version keyed READY '' own/key
	workflow='{"status": {"nodes": {"a": {"outputs": {"artifacts": [
	    {"name": "x", "s3": {"key": "artifacts/log.tgz"}},
	    {"name": "y", "s3": {"key": "artifacts/expired.tgz"}},
	    {"name": "z"}]}}, "b": {}}}}'
	sql "$NAME" <<-SQL
	insert into run_details values
	  ('1', 'r', '', '', '', 'minio://$B/v2/artifacts?region=x', 1, '', '',
	   '$workflow'),
	  ('2', 'r', '', '', '', 'gs://elsewhere/root', 1, '', '{cut', ''),
	  ('3', 'r', '', '', '', '', 1, '', '{"status": {}}', '[]');
	SQL
	proxy source "$SOURCE" '[{"method": "GET", "do": "status",
	    "path": "/mlpipeline/pipelines/unreadable$", "code": 403, "body":
	    "<Error><Code>AccessDenied</Code></Error>"}]'
	repository_dir "$T/repository"
	component_bucket mlpipeline "$B" "$PROXY"
	component_mysql
	pb 3 create --json
	ID=$(jq -r '."backup-id"' out)
	references '.found == 4 and .dangling == 2 and .lost == 1 and
	    .external == 1 and ."lost-uris" ==
	    ["s3://mlpipeline/pipelines/unreadable"] and ."dangling-uris" ==
	    ["s3://mlpipeline/artifacts/expired.tgz",
	    "s3://mlpipeline/pipelines/removed"]'
	json out '.components[] | select(.name == "kfp-db") |
	    .mysql.references == 8'
	echo '[]' >source.rules
	create
	references '.found == 5 and .lost == 0'
}

another() {
	setup
	sql "$NAME" <<<'drop table run_details; create table artifacts(URI text)'
	sql "$NAME" <<<"insert into artifacts values ('minio://$B/none')"
	repository_dir "$T/repository"
	component_bucket mlpipeline "$B"
	component_mysql
	create
	pb 0 show "$ID" --json
	json out '.references == null and (.components[0].mysql |
	    has("references") | not)'
}

# restore set $1 beside, and look at each row of it
restored() {
	s3_source mb "$B-$_number-$1"
	sql <<<"drop database if exists copy_$NAME"
	pb 0 restore "$2" --to "mlpipeline=$B-$_number-$1" \
	    --to "mlmd=$T/restored-$1.db" --to "kfp-db=copy_$NAME"
	sqlite3 "restored-$1.db" "update Artifact
	    set uri = replace(uri, '//$B/', '//$B-$_number-$1/')"
	python3 "$PIPELINES" verify "restored-$1.db" "$B-$_number-$1"
	sql "copy_$NAME" <<-'SQL' >"rows-$1"
	select json_value(json_extract(WorkflowRuntimeManifest,
	  '$.status.nodes.*.outputs.artifacts[0].s3.key'), '$[0]'), Description
	  from run_details;
	select concat('pipelines/', UUID), Description from pipeline_versions
	  where Status = 'READY';
	SQL
	python3 "$PIPELINES" rows "$B-$_number-$1" <"rows-$1"
}

# more than there was before the last set
grown() {
	local n
	n=$(sql "$NAME" <<<'select count(*) from run_details')
	[ "$n" -gt "$RUNS" ] && RUNS=$n
}

at_work() {
	local i ids=() RUNS=20
	setup
	export SEED=${SEED:-$RANDOM}
	echo "SEED=$SEED"
	python3 "$PIPELINES" sql mlmd.db "$B" 20 | sql "$NAME"
	SEED=$((SEED + 1)) background pipelines bash -c 'python3 "$1" sql "$2" "$3" |
	    mariadb --no-defaults -uroot -S "$4" "$5"' bash "$PIPELINES" \
	    "$T/mlmd.db" "$B" "$DB/socket1" "$NAME"
	repository_s3 "$(bucket_name repo)"
	component_bucket mlpipeline "$B"
	component_sqlite mlmd "$T/mlmd.db"
	component_mysql
	for i in 1 2 3 4 5 6; do
		within 10 grown
		create
		ids[i]=$ID
		references '.found >= 25 and .lost == 0 and .dangling == 0 and
		    .unknown == 0'
		json out '.components | map(.name) ==
		    ["mlmd", "kfp-db", "mlpipeline"]'
	done
	restored 2 "${ids[2]}"
	restored 6 "${ids[6]}"
}

it 'looks up what rows of Kubeflow Pipelines name in its bucket' kinds
it 'knows no references in a database of something else' another
it 'makes sets whose rows find their objects, while all is written' at_work
done_testing
