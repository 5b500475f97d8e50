#!/usr/bin/env bash
# An encrypted repository shows nothing, and gives everything back to who has
# an identity, and to nobody else.
. "${0%/*}/../lib/harness.sh"
requires age sqlite3 jq zstd tar python3

KEY_WORD=quarterly-results CONTENT_WORD=strictly-confidential
TABLE_WORD=whistleblowers

# what is saved, and two pairs of keys
setup() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 20 100 9000
	s3_source big "$B" "big/$KEY_WORD.bin" 2000000 random
	seq 9000 | sed "s/.*/$CONTENT_WORD/" |
	    s3_source put "$B" "reports/$KEY_WORD.txt"
	: | s3_source put "$B" "empty/$KEY_WORD"
	sqlite3 a.db "create table $TABLE_WORD(x);
	    insert into $TABLE_WORD values ('$CONTENT_WORD')"
	sqlite3 a.db .dump >dump
	for name in one two; do
		"$PB" keygen --output $name.key 2>/dev/null
	done
	ONE=$(age-keygen -y one.key) TWO=$(age-keygen -y two.key)
}

# config FLOW-MAP [TARGET]: 'encryption' of a repository in a folder or bucket
config() {
	if [ "${2:-dir}" = dir ]; then
		repository_dir "$T/repository"
	else
		repository_s3 "$2"
	fi
	component_sqlite mlmd "$T/a.db"
	component_bucket mlpipeline "$B" "${PROXY:-}"
	[ -z "$1" ] || sed -i "s|^  name: test|&\\n  encryption: $1|" config.yaml
}

both_keys() {
	echo "{recipients: [$ONE, $TWO], identity-file: $T/one.key}"
}

# the set is put back elsewhere, and is what was saved
restored() {
	local other
	other=$(bucket_name "$1")
	s3_source dump "$B" >before
	s3_source mb "$other"
	pb 0 restore "$ID" --to "mlpipeline=$other" --to "mlmd=$T/$1.db"
	s3_source dump "$other" >after
	same before after
	sqlite3 "$1.db" .dump >dump2
	same dump dump2
}

shows_nothing() {
	local word
	for word in "$KEY_WORD" "$CONTENT_WORD" "$TABLE_WORD" \
	    "$(grep AGE-SECRET one.key)" "$(grep AGE-SECRET two.key)"; do
		not grep -raF -- "$word" "$@"
	done
}

fetch() {
	s3_repo ls "$1" | jq -r .key | while read -r file; do
		mkdir -p "$2/$(dirname "$file")"
		s3_repo get "$1" "$file" "$2/$file"
	done
}

round_trip() {
	setup
	local repo=
	[ "$1" = dir ] || repo=$(bucket_name repo)
	config "$(both_keys)" "${repo:-dir}"
	create --label first
	echo more | s3_source put "$B" "late/$KEY_WORD"
	create
	json created.json '(.encryption.recipients | length) == 2 and
	    .components[1]."new-objects" == 1 and
	    .components[1]."stored-bytes" < 100000'
	pb 0 show "$ID" --json
	json out '.components[1].bucket.bucket == $b' --arg b "$B"
	restored plain
	sed -i s/one.key/two.key/ config.yaml
	restored other
	[ -z "$repo" ] || fetch "$repo" repository
	shows_nothing repository
	# every file of a component is an age file, and age reads it
	local file
	find repository -name '*.age' >files
	[ "$(wc -l <files)" -ge 9 ]
	while read -r file; do
		age -d -i two.key "$file" >/dev/null
	done <files
	find repository -type f ! -name '*.age' | sed 's|.*/||' | sort -u >clear
	printf '%s\n' RESTORE.md manifest.json open.json repository.json >want
	same clear want
}

# neither argv nor messages show more than the repository
says_nothing() {
	setup
	config "$(both_keys)"
	background watcher bash -c 'while :; do
		cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\0" "\n" \
		    >>cmdlines
	done'
	create
	cat err >said
	pb 0 verify "$ID" --read
	cat out err >>said
	pb 0 check
	cat out err >>said
	contains out 'encrypted to 2 recipients'
	kill -KILL "$CHILD"
	grep -qx create cmdlines
	not grep -F AGE-SECRET-KEY-1 cmdlines
	shows_nothing said
	# without an identity show names what it cannot show
	config "{recipients: [$ONE]}"
	pb 0 show "$ID"
	contains out 'not shown without an identity' "$ONE" "$TWO"
	shows_nothing out
	pb 0 verify "$ID" --read
}

# a unit that can only encrypt goes on incrementally, and reads nothing
writer_only() {
	setup
	proxy source "$SOURCE"
	config "{recipients: [$ONE], state: $T/state}"
	create
	[ "$(find state -name '*.mlpipeline.jsonl.zst' -perm 600 | wc -l)" = 1 ]
	[ "$(stat -c %a state)" = 700 ]
	echo more | s3_source put "$B" late/one
	: >source.log
	create
	# the new one; to see that one may be read costs a HEAD
	[ "$(requests source.log '.method == "GET" and
	    (.path | test("^/[^/]+/.")) and
	    (.query | test("tagging") | not)')" = 1 ]
	[ "$(find state -type f | wc -l)" = 1 ]
	pb 2 restore "$ID" --to "mlmd=$T/b.db"
	contains err "give 'identity-file'" "$ONE"
	[ ! -e b.db ]
	PROXY="" config "{identity-file: $T/one.key}"
	restored other
	# who has the identity can build on it as well
	PROXY="" config "{recipients: [$ONE], identity-file: $T/one.key}"
	create
	json created.json '.components[1]."new-objects" == 0'
}

lost_copy() {
	setup
	config "{recipients: [$ONE]}"
	create
	local copy how
	for how in gone damaged; do
		copy=$(find scratch/platform-backup-state -name '*.zst')
		[ -f "$copy" ]
		if [ $how = gone ]; then
			rm "$copy"
		else
			truncate -s -1 "$copy"
		fi
		create
		contains err 'everything is read again'
		json created.json '.components[1] | .status == "ok" and
		    ."new-objects" == .objects'
		create
		lacks err 'everything is read again'
	done
	# a folder that others can read is not used
	chmod 755 scratch/platform-backup-state
	pb 1 create
	contains err "'state' of 'encryption'" 'of mode 0700'
}

# a reference is looked up in the inventory that was just written
references() {
	setup
	python3 "$TOP/tests/lib/mlmd.py" make mlmd.db >/dev/null
	sqlite3 mlmd.db "insert into Artifact(id, type_id, uri,
	    create_time_since_epoch, last_update_time_since_epoch) values
	    (9001, (select min(id) from Type), 's3://$B/reports/$KEY_WORD.txt',
	    1, 1), (9002, (select min(id) from Type),
	    's3://$B/nowhere/$KEY_WORD', 1, 1)"
	config "{recipients: [$ONE]}"
	sed -i "s|$T/a.db|$T/mlmd.db|" config.yaml
	create
	json created.json '.references | .found >= 1 and .dangling >= 1'
	pb 0 show "$ID"
	lacks out "nowhere/$KEY_WORD"
	shows_nothing repository
	sed -i "s|ipients: .*|&|; s|{recip|{identity-file: $T/one.key, recip|" \
	    config.yaml
	pb 0 show "$ID"
	contains out "nowhere/$KEY_WORD"
	pb 0 show "$ID" --json
	json out '.references."dangling-uris" | index($uri)' \
	    --arg uri "s3://$B/nowhere/$KEY_WORD"
}

wrong_keys() {
	setup
	config "{recipients: [$ONE]}"
	create
	cp a.db was.db
	config "{recipients: [$ONE], identity-file: $T/two.key}"
	pb 2 restore "$ID"
	contains err 'to none of the identities given' "$ONE"
	same a.db was.db
	pb 0 create
	contains err 'none of the identities belongs to one of the'
	config "{identity-file: $T/one.key}"
	pb 2 create
	contains err "no 'recipients'" "recipients: [$ONE]"
	config "{recipients: [$(grep AGE-SECRET one.key)]}"
	pb 2 create
	contains err config.yaml:4: 'an identity, which is secret'
	shows_nothing err
}

other_recipients() {
	setup
	config "{recipients: [$ONE], identity-file: $T/one.key}"
	create
	config "{recipients: [$ONE, $TWO], identity-file: $T/one.key}"
	create
	json created.json '(has("parent") | not) and
	    .components[1]."new-objects" == .components[1].objects and
	    (.components[1].message | contains("encrypted to others"))'
	contains err 'is encrypted to others, everything is read again'
	# forgotten is not the same as not wanted
	ls repository/test/sets >sets
	config ''
	pb 2 create
	contains err 'names no recipients' "'encryption: none'"
	ls repository/test/sets >sets2
	same sets sets2
	config none
	create
	json created.json '(has("encryption") or has("parent")) | not'
	config "{recipients: [$ONE], identity-file: $T/one.key}"
	create
	contains err 'is not encrypted, everything is read again'
	pb 0 list
	[ "$(grep -c finished out)" = 4 ]
}

# a byte in the header, and the last one
damage() {
	setup
	config "$(both_keys)"
	create
	local set file at size other to
	other=$(bucket_name none)
	s3_source mb "$other"
	set=$(echo repository/test/sets/"$ID"*)
	chmod -R u+w repository
	for file in mlmd.sqlite.zst.age mlpipeline.inventory.jsonl.zst.age \
	    mlpipeline/pack-000001.tar.zst.age mlpipeline/object-000001.age \
	    names.json.zst.age; do
		size=$(stat -c %s "$set/$file")
		cp "$set/$file" good
		to=mlpipeline=$other
		[ "${file%%.*}" != mlmd ] || to=mlmd=$T/no.db
		for at in 100 $((size - 1)); do
			python3 - "$set/$file" "$at" <<-'PY'
			import sys
			with open(sys.argv[1], "r+b") as f:
			    f.seek(int(sys.argv[2]))
			    b = f.read(1)[0]
			    f.seek(int(sys.argv[2]))
			    f.write(bytes([b ^ 1]))
			PY
			pb 1 restore "$ID" --to "$to"
			contains err "${file##*/}"
			s3_source empty "$other"
			[ ! -e no.db ]
			cat good >"$set/$file"
		done
	done
	pb 0 verify "$ID" --read
}

it 'saves, builds on it and restores, in a folder' round_trip dir
it 'saves, builds on it and restores, in a bucket' round_trip s3
it 'shows nothing in arguments and messages' says_nothing
it 'goes on incrementally with recipients alone' writer_only
it 'reads everything again where a copy is lost or damaged' lost_copy
it 'looks references up with recipients alone' references
it 'refuses keys that are missing or wrong, and changes nothing' wrong_keys
it 'is full again for other recipients, and in the clear only on demand' \
    other_recipients
it 'notices a flipped bit in every file' damage
done_testing
