#!/usr/bin/env bash
# Objects that are larger than a part, than a pack, than the program's memory.
. "${0%/*}/../lib/harness.sh"
requires jq python3 zstd

# KIND SIZE
large() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source big "$B" "large/$1.bin" "$2" "$1"
	printf small | s3_source put "$B" small
	s3_source dump "$B" >before
	repository_s3 "$(bucket_name repo)"
	component_bucket mlpipeline "$B"
	python3 "$TOP/tests/lib/measure.py" usage "$PB" -c config.yaml \
	    create --json >created.json 2>err
	json usage '.rss < 64'
	ID=$(jq -r '."backup-id"' created.json)
	s3_source rm "$B" "large/$1.bin"
	python3 "$TOP/tests/lib/measure.py" usage "$PB" -c config.yaml \
	    restore "$ID" >out 2>err
	json usage '.rss < 64'
	s3_source dump "$B" >after
	same before after
	pb 0 check
}

random_is_stored() {
	large random 104857600
	json created.json '.components[0] | ."stored-bytes" < .bytes * 1.01'
	[ "$(s3_repo ls "$(bucket_name repo)" | grep -c '/object-000001"')" = 1 ]
}

text_is_compressed() {
	large text 104857600
	json created.json '.components[0] | ."stored-bytes" < .bytes / 20'
	[ "$(s3_repo ls "$(bucket_name repo)" |
	    grep -c '/object-000001.zst"')" = 1 ]
}

many_parts() {
	large random 300000001
}

large_database() {
	python3 - <<-'PY'
	import os, sqlite3
	db = sqlite3.connect("large.db")
	db.execute("create table t(id integer primary key, x blob)")
	with db:
	    for i in range(200):
	        db.execute("insert into t(x) values (?)", (os.urandom(1 << 20),))
	PY
	sqlite3 large.db 'select id, hex(substr(x, 1, 16)) from t' >before
	repository_s3 "$(bucket_name repo)"
	component_sqlite mlmd "$T/large.db"
	python3 "$TOP/tests/lib/measure.py" usage "$PB" -c config.yaml \
	    create --json >created.json 2>err
	json usage '.rss < 64'
	ID=$(jq -r '."backup-id"' created.json)
	sqlite3 large.db 'delete from t where id > 50'
	pb 0 restore "$ID"
	sqlite3 large.db 'select id, hex(substr(x, 1, 16)) from t' >after
	same before after
	[ -z "$(ls scratch)" ]
}

it 'stores what cannot be compressed as it is, in flat memory' \
    random_is_stored
it 'compresses what can be compressed' text_is_compressed
it 'restores an object of many parts' many_parts
it 'saves and restores a database of 200 MiB' large_database
done_testing
