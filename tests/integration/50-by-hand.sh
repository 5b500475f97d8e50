#!/usr/bin/env bash
# A set is put back without platform-backup: with tar, zstd, sqlite3, jq and an
# S3 client, along the RESTORE.md that lies in the set.
. "${0%/*}/../lib/harness.sh"
requires age sqlite3 jq zstd tar rclone python3

setup() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 30 500 20000
	s3_source big "$B" large/model.bin 12000000 random
	s3_source big "$B" large/log.txt 9000000 text
	local status=0
	# curl 7.88 cannot sign a header of no value
	python3 "$TOP/tests/lib/odd_objects.py" | grep -v '"m/empty"' |
	    s3_source load "$B" || status=$?
	[ $status -eq 0 ] || [ $status -eq 4 ]
	sqlite3 a.db 'create table t(x); insert into t values (42)'
	sqlite3 a.db .dump >dump
	R=$(bucket_name repo)
	repository_s3 "$R"
	component_sqlite mlmd "$T/a.db"
	component_bucket mlpipeline "$B"
	[ "${1:-}" != encrypted ] || encrypt
	create
	echo late | s3_source put "$B" aaa/late
	s3_source dump "$B" >before
	create		# its data lies in two sets
}

# to two keys, of which the unit that saves has none
encrypt() {
	local name
	for name in one two; do
		age-keygen -o $name.key 2>/dev/null
	done
	sed -i "s|^  name: test|&\\n  encryption: {recipients: [$(age-keygen \
	    -y one.key), $(age-keygen -y two.key)]}|" config.yaml
}

# rclone as the guides of today configure it
fetch() {
	cat >rclone.conf <<-CONF
	[store]
	type = s3
	provider = Other
	endpoint = $(server_get "$REPO" endpoint)
	access_key_id = $(server_get "$REPO" access)
	secret_access_key = $(server_get "$REPO" secret)
	CONF
	rclone --config rclone.conf copy "store:$R/backups/test" fetched
}

with_common_tools() {
	setup
	fetch
	cd fetched || return
	local set
	set=$(echo sets/"$ID"*)
	contains "$set/RESTORE.md" zstd tar sqlite3 jq
	# every file is what the manifest says
	jq -r '.components[] | (.files + .needs)[] |
	    .sha256 + "  " + .path' "$set/manifest.json" | sort -u >../sums
	sha256sum --quiet -c ../sums
	# the database
	zstd -qdc "$set/mlmd.sqlite.zst" >../by-hand.db
	sqlite3 ../by-hand.db .dump >../dump2
	same ../dump ../dump2
	# the objects: members of the packs are named by their hash
	mkdir ../objects
	local pack file
	for pack in sets/*/mlpipeline/pack-*.tar.zst; do
		zstd -qdc "$pack" | tar -x -C ../objects
	done
	zstd -qdc "$set/mlpipeline.inventory.jsonl.zst" >../inventory
	jq -r 'select(.file and (.offset | not)) | .sha256 + " " + .file' \
	    ../inventory | while read -r hash file; do
		case $file in
		*.zst) zstd -qdc "$file" >"../objects/$hash" ;;
		*) cp "$file" "../objects/$hash" ;;
		esac
	done
	cd ..
	(cd objects && for file in *; do
		echo "$file  $file"
	done | sha256sum --quiet -c -)
	put_back
	s3_source dump "$B-2" >after
	same before after
}

# the inventory's lines have keys, headers, metadata and tags
put_back() {
	s3_source mb "$B-2"
	S3_ENDPOINT=$(server_get "$SOURCE" endpoint) \
	    S3_ACCESS=$(server_get "$SOURCE" access) \
	    S3_SECRET=$(server_get "$SOURCE" secret) \
	    PYTHONPATH="$TOP/tests/lib" python3 - "$B-2" <<-'PY'
	import json, os, sys
	import s3
	env = os.environ
	c = s3.Client(env["S3_ENDPOINT"], env["S3_ACCESS"], env["S3_SECRET"])
	for text in open("inventory", encoding="utf-8"):
	    line = json.loads(text)
	    body = b""
	    if line.get("file"):
	        with open("objects/" + line["sha256"], "rb") as f:
	            body = f.read()
	    names = [n + x for n in s3.HEADERS for x in ("", "-base64")]
	    c.put(sys.argv[1], s3.unkeyed(line, "key"), body,
	          {n: line[n] for n in names if n in line},
	          line.get("meta"), line.get("tags"))
	PY
}

# one object out of a pack, without reading the rest, by offset and length
one_object() {
	setup
	fetch
	local key
	key=$(jq -r 'select(.size > 100 and .size < 20000) | .key' before |
	    sed -n 9p)
	zstd -qdc fetched/sets/"$ID"*/mlpipeline.inventory.jsonl.zst |
	    jq -c --arg key "$key" 'select(.key == $key)' >line
	zstd -qdc "fetched/$(jq -r .file line)" |
	    tail -c "+$(($(jq .offset line) + 1))" |
	    head -c "$(jq .size line)" >object || true # head ends the pipe
	[ "$(sha256sum <object)" = "$(jq -r .sha256 line)  -" ]
}

# the commands of the guide itself, as they stand there
guide_runs() {
	setup "$@"
	fetch
	cd fetched || return
	local guide status=0
	guide=$(echo sets/"$ID"*/RESTORE.md)
	lacks "$guide" "$(server_get "$REPO" secret)"
	lacks "$guide" "$(server_get "$SOURCE" secret)"
	# as its first lines say
	awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 } on' "$guide" \
	    >../restore.sh
	s3_source mb "$B-2"
	out=$T/restored IDENTITY=$T/two.key BUCKET=$B-2 AWS_ACCESS_KEY_ID=$(server_get "$SOURCE" \
	    access) AWS_SECRET_ACCESS_KEY=$(server_get "$SOURCE" secret) \
	    ENDPOINT=$(server_get "$SOURCE" endpoint) sh -eu ../restore.sh
	cd ..
	sqlite3 restored/mlmd.sqlite .dump >dump2
	same dump dump2
	s3_source dump "$B-2" >after
	same before after
}

it 'is restored with rclone, zstd, tar, sqlite3 and jq' with_common_tools
it 'gives one object of a pack by offset and length' one_object
it 'carries a guide whose commands restore all of it' guide_runs
it 'carries one that decrypts it with age' guide_runs encrypted
done_testing
