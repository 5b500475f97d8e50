#!/usr/bin/env bash
# A bucket with every key, header, metadata and tag that the server takes.
. "${0%/*}/../lib/harness.sh"
requires jq python3

# a bucket full of them in $B, its facts in the file before
fill() {
	B=$(bucket_name)
	s3_source mb "$B"
	local status=0
	python3 "$TOP/tests/lib/odd_objects.py" | s3_source load "$B" ||
	    status=$?
	[ $status -eq 0 ] || [ $status -eq 4 ]	# 4: the server refused some
	s3_source dump "$B" >before
	[ "$(wc -l <before)" -gt 60 ]
	repository_s3 "$(bucket_name repo)"
	component_bucket mlpipeline "$B" "${PROXY:-}"
}

damage() {
	s3_source rm "$B" plain.txt case/x 's/one' 'h/all-headers'
	printf 'other' | s3_source put "$B" 's/two-alike-1'
	# as long as it was, so that only its hash tells
	head -c 5000 /dev/zero | s3_source put "$B" 's/two-alike-2'
	# the same content with other headers, metadata, tags
	local key
	for key in h/gzip m/many t/ten; do
		s3_source get "$B" $key content
		s3_source put "$B" $key content -H content-type=x/y \
		    -M wrong=1 -T wrong=1
	done
	printf 'extra' | s3_source put "$B" extra/object
}

saves_all() {
	fill
	create
	json created.json '.components[0] | .name == "mlpipeline" and
	    .type == "bucket" and .status == "ok" and .objects == $n and
	    .bytes == $bytes' --argjson n "$(wc -l <before)" \
	    --argjson bytes "$(jq -s 'map(.size) | add' before)"
	local other
	other=$(bucket_name other)
	s3_source mb "$other"
	pb 0 restore "$ID" --to "mlpipeline=$other"
	s3_source dump "$other" >after
	same before after
	s3_source dump "$B" >untouched
	same before untouched
}

repairs() {
	fill
	create
	damage
	pb 0 restore "$ID"
	s3_source dump "$B" >after
	grep -v '"extra/object"' after >after2
	same before after2
	grep -q '"extra/object"' after
	pb 0 restore "$ID" --exact
	s3_source dump "$B" >after
	same before after
}

writes_only_differences() {
	proxy source "$SOURCE"
	fill
	create
	: >source.log
	pb 0 restore "$ID"
	[ "$(requests source.log '.method == "PUT" or .method == "POST"')" = 0 ]
	damage
	: >source.log
	pb 0 restore "$ID"
	# 4 that were gone, 2 with other content, 3 with other headers
	[ "$(requests source.log '.method == "PUT" and
	    (.query | test("tagging") | not)')" = 9 ]
	[ "$(requests source.log '.method == "DELETE"')" = 0 ]
	s3_source dump "$B" | grep -v '"extra/object"' >after
	same before after
}

dry_run() {
	fill
	create
	damage
	s3_source dump "$B" >damaged
	pb 0 restore "$ID" --dry-run --exact
	s3_source dump "$B" >after
	same damaged after
}

prefix_only() {
	fill
	printf '    prefix: h/\n' >>config.yaml
	create
	json created.json '.components[0].objects == 4'
	s3_source rm "$B" h/gzip
	s3_source rm "$B" plain.txt
	printf x | s3_source put "$B" h/extra
	pb 0 restore "$ID" --exact
	s3_source dump "$B" >after
	grep -v '"plain.txt"' before >before2
	same before2 after
}

inventory_is_readable() {
	fill
	sed -i '/^  s3:/,/^components/{/^components/!d}' config.yaml
	sed -i "s|^  name: test|&\n  path: $T/folder|" config.yaml
	create
	zstd -qdc folder/test/sets/*/mlpipeline.inventory.jsonl.zst >inventory
	[ "$(wc -l <inventory)" = "$(wc -l <before)" ]
	# same keys and hashes, sorted by the bytes of the keys
	python3 - before inventory <<-'PY'
	import base64, json, sys
	def read(name):
	    for text in open(name, encoding="utf-8"):
	        line = json.loads(text)
	        key = (base64.b64decode(line["key-base64"])
	               if "key-base64" in line else line["key"].encode())
	        yield key, line["size"], line["sha256"]
	want, got = sorted(read(sys.argv[1])), list(read(sys.argv[2]))
	assert got == want, [p for p in zip(got, want) if p[0] != p[1]][:3]
	PY
}

for kind in source repo; do
	[ $kind = source ] || SOURCE=$REPO
	name=$(server_get "$SOURCE" kind)
	it "restores every key, header, metadata and tag ($name)" saves_all
	it "puts back what was deleted or changed ($name)" repairs
done
unset PROXY
it 'restores only what differs' writes_only_differences
unset PROXY
it 'changes nothing on a dry run' dry_run
it 'keeps to its prefix' prefix_only
it 'writes an inventory that anyone can read' inventory_is_readable
done_testing
