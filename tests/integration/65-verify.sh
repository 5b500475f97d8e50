#!/usr/bin/env bash
# Every kind of file of a repository, hurt in every way: verify names it with
# what it hurts, and a restore writes nothing that is wrong.
. "${0%/*}/../lib/harness.sh"
requires sqlite3 jq python3

# two full sets of everything; OLD and SET are their folders
fill() {
	B=$(bucket_name) C=$(bucket_name c)
	s3_source mb "$B"
	s3_source mb "$C"
	s3_source fill "$B" 60 1000 20000 "$1"
	s3_source fill "$C" 5 10 300 "$1"
	s3_source big "$B" large.bin 1100000 random
	s3_source big "$B" larger.bin 1100000 random
	sqlite3 a.db "create table if not exists t(x);
	    insert into t values ('$1')"
	sqlite3 b.db "create table if not exists t(x);
	    insert into t values ('other $1')"
}

components() {
	component_bucket mlpipeline "$B"
	component_bucket second "$C"
	component_sqlite mlmd "$T/a.db"
	component_sqlite other "$T/b.db"
}

sets_in_a_folder() {
	fill 7
	repository_dir "$T/repository"
	components
	create
	OLD=$(echo "repository/test/sets/$ID"*)
	fill 8
	create --full
	SET=$(echo "repository/test/sets/$ID"*)
	chmod -R u+w repository
	s3_source dump "$B" >good
	sqlite3 a.db .dump >good.sql
	s3_source empty "$B"
	sqlite3 a.db 'insert into t values (3)'
	sqlite3 a.db .dump >live.sql
	cp -a repository whole
}

# flip FILE OFFSET: another bit there; below 0: from the end
flip() {
	local at=$2 byte
	[ "$at" -ge 0 ] || at=$(($(stat -c %s "$1") + at))
	byte=$(od -An -tu1 -j "$at" -N 1 "$1")
	# shellcheck disable=SC2059  # the byte itself
	printf "\\$(printf %03o $((byte ^ 1)))" |
	    dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

# where the skippable frame of a pack begins: its table has 8 bytes a frame
table_of() {
	local size frames
	size=$(stat -c %s "$1")
	frames=$(od -An -tu4 -j $((size - 9)) -N 4 "$1")
	echo $((size - 17 - 8 * frames))
}

heal() {
	cp -a "whole/${1#repository/}" "$1"
}

# FILE COMPONENT: verify names just that, whatever the file's length
is_named() {
	local path=${1#repository/test/}
	pb 1 verify "$ID" --read --json
	json out '."verify-status" == "damaged" and (.sets[0].problems |
	    length >= 1 and all(.file == $f and .component == $c))' \
	    --arg f "$path" --argjson c "$2" || {
		echo "^ $3"
		return 1
	}
}

# FILE COMPONENT: a restore of what it hurts names it, and what it wrote is
# right as far as it goes
restores_nothing_wrong() {
	local status=0 name
	name=$(echo "$2" | tr -d '"')
	[ "$name" != null ] || return 0
	[ "$name" != mlpipeline ] || s3_source empty "$B"
	"$PB" -c config.yaml restore "$ID" --component "$name" >out 2>err ||
	    status=$?
	[ $status -ne 0 ]
	contains err "${1##*/}"
	sqlite3 a.db .dump | same - live.sql
	[ "$name" != mlpipeline ] || {
		s3_source dump "$B" >after
		not grep -vxFf good after
	}
}

# DO FILE COMPONENT: run DO, look, heal
hurt() {
	eval "$1"
	is_named "$2" "$3" "$1"
	[ -z "${RESTORE:-}" ] || restores_nothing_wrong "$2" "$3"
	heal "$2"
}

# the ways in which any file can be hurt; OTHER is one of the same kind
every_way() {
	local f=$1 c=$2 other=$3
	hurt "flip $f 0" "$f" "$c"
	hurt "flip $f -1" "$f" "$c"
	hurt "truncate -s -1 $f" "$f" "$c"
	hurt "echo >>$f" "$f" "$c"
	hurt "rm $f" "$f" "$c"
	hurt "cp $other $f" "$f" "$c"
	local RESTORE=1
	hurt "flip $f $(($(stat -c %s "$f") / 2))" "$f" "$c"
	hurt "cp $OLD/${f#"$SET"/} $f" "$f" "$c"	# replayed
}

every_kind() {
	sets_in_a_folder
	local f=$SET/mlpipeline/pack-000001.tar.zst table
	table=$(table_of "$f")
	every_way "$SET/mlmd.sqlite.zst" '"mlmd"' "$SET/other.sqlite.zst"
	every_way "$SET/mlpipeline.inventory.jsonl.zst" '"mlpipeline"' \
	    "$SET/second.inventory.jsonl.zst"
	every_way "$SET/mlpipeline/object-000001" '"mlpipeline"' \
	    "$SET/mlpipeline/object-000002"
	every_way "$SET/RESTORE.md" null "$OLD/RESTORE.md"
	every_way "$f" '"mlpipeline"' "$SET/second/pack-000001.tar.zst"
	hurt "flip $f 100" "$f" '"mlpipeline"'		# a frame
	hurt "flip $f $table" "$f" '"mlpipeline"'	# its magic number
	hurt "flip $f $((table + 4))" "$f" '"mlpipeline"'	# its length
	hurt "flip $f $((table + 9))" "$f" '"mlpipeline"'	# a size in it
	hurt "flip $f -6" "$f" '"mlpipeline"'		# how many frames
	hurt "flip $f -5" "$f" '"mlpipeline"'		# the descriptor
	restored_whole
	manifests
	records
	restored_whole
}

# all is well again, and what comes back is what was saved
restored_whole() {
	pb 0 verify "$ID" --read
	pb 0 restore "$ID" --component mlmd --component mlpipeline
	sqlite3 a.db .dump >live.sql
	same live.sql good.sql
	s3_source dump "$B" >after
	same good after
}

# without its manifest there is no set; with a wrong one it has no files
manifests() {
	local f=$SET/manifest.json way
	for way in "flip $f 0" "flip $f 2000" "flip $f -1" "flip $f -20" \
	    "truncate -s -1 $f" "echo >>$f" "cp $OLD/manifest.json $f" \
	    "cp $SET/RESTORE.md $f" ": >$f"; do
		eval "$way"
		is_named "$f" null "$way"
		restores_nothing_wrong "$f" '"mlmd"'
		pb 1 verify --all
		contains out "${f#repository/test/}" "$(basename "$OLD" | cut -c 1-20)  ok"
		heal "$f"
	done
	rm "$f"
	not "$PB" -c config.yaml verify "$ID" 2>err
	contains err "$ID"
	not "$PB" -c config.yaml restore "$ID" 2>err
	heal "$f"
}

# they have no hash, and nobody believes them: what is read is right, or
# refused by name
records() {
	local f n status
	for f in repository/test/repository.json "$SET/open.json"; do
		for n in 0 -1 $(($(stat -c %s "$f") / 2)); do
			flip "$f" "$n"
			status=0
			"$PB" -c config.yaml verify "$ID" --read >out 2>err ||
			    status=$?
			[ $status -eq 0 ] || contains err repository.json
			heal "$f"
		done
		rm "$f"
		pb 0 verify "$ID" --read
		pb 0 restore "$ID" --component mlmd --to mlmd="$T/copy.db"
		sqlite3 copy.db .dump | same - good.sql
		rm copy.db
		heal "$f"
	done
}

# files that an incremental set has from an earlier one; then share by share
needed_by_a_later_set() {
	fill 7
	repository_dir "$T/repository"
	components
	create
	SET=$(echo "repository/test/sets/$ID"*)
	create
	chmod -R u+w repository
	shares
	local f=$SET/mlpipeline/pack-000001.tar.zst
	flip "$f" 5000
	pb 1 verify --all --read --json
	json out '[.sets[]."problem-count"] == [1, 1] and
	    ([.sets[].problems[].file] | unique == [$f])' \
	    --arg f "${f#repository/test/}"
	pb 0 list --json
	json out 'all(has("verify-failed")) and (.[1] | has("verified"))'
	pb 0 show latest
	contains out 'verified FAILED'
}

shares() {
	local n read=0
	for n in 1 2 3 4; do
		pb 0 verify latest --read 25% --json
		read=$((read + $(jq '.sets[0]."read-files"' out)))
		json out '.sets[0]."all-read" == $all' \
		    --argjson all "$([ "$n" = 4 ] && echo true || echo false)"
	done
	[ "$read" = "$(jq .sets[0].files out)" ]
	pb 0 list --json
	json out '(.[0] | has("verified") | not) and (.[1] | has("verified"))'
	pb 0 list
	contains out ' | verified '
	pb 2 verify
	pb 2 verify latest --all
	pb 2 verify latest --read 101%
	pb 2 verify latest --read=x
}

# without --read nothing but names and sizes is asked for: one LIST a folder
cheap() {
	R=$(bucket_name r)
	proxy repo "$REPO"
	repository_s3 "$R" "$PROXY"
	sqlite3 a.db 'create table t(x)'
	component_sqlite mlmd "$T/a.db"
	create
	: >repo.log
	pb 0 verify "$ID"
	[ "$(requests repo.log '(.path | contains("sets")) and
	    .method == "GET" and (.path | endswith("manifest.json"))')" = 1 ]
	[ "$(requests repo.log '(.path | contains(".sqlite.zst"))')" = 0 ]
}

# the same on a real server, a way of each kind
on_s3() {
	R=$(bucket_name r)
	fill 7
	repository_s3 "$R"
	components
	create
	local set f c
	set=backups/test/sets/$(s3_repo ls "$R" "backups/test/sets/$ID" |
	    jq -r .key | head -n 1 | cut -d / -f 4)
	pb 0 verify "$ID" --read
	while read -r f c; do
		s3_repo get "$R" "$set/$f" whole
		cp whole hurt
		flip hurt 40
		s3_repo put "$R" "$set/$f" hurt
		is_named "repository/test/${set#backups/test/}/$f" "$c" "$f"
		s3_repo put "$R" "$set/$f" whole
	done <<-'FILES'
	mlmd.sqlite.zst "mlmd"
	mlpipeline/pack-000001.tar.zst "mlpipeline"
	mlpipeline/object-000001 "mlpipeline"
	mlpipeline.inventory.jsonl.zst "mlpipeline"
	RESTORE.md null
	FILES
	s3_repo rm "$R" "$set/mlmd.sqlite.zst"
	is_named "repository/test/${set#backups/test/}/mlmd.sqlite.zst" \
	    '"mlmd"' gone
}

it 'names a file of any kind that is hurt in any way' every_kind
it 'goes round in shares, and names each set that a file hurts' \
    needed_by_a_later_set
it 'asks for names alone where nothing is to be read' cheap
it 'finds the same on a real S3 server' on_s3
done_testing
