#!/usr/bin/env bash
# Files of the repository that are gone, cut or changed: named, and nothing of
# their data reaches what is restored.
. "${0%/*}/../lib/harness.sh"
requires sqlite3 jq python3

# a set of a database, small objects and a large one in a folder
setup() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 60 1000 20000
	s3_source big "$B" large.bin 3000000 random
	sqlite3 a.db 'create table t(x); insert into t values (1)'
	repository_dir "$T/repository"
	component_bucket mlpipeline "$B"
	component_sqlite mlmd "$T/a.db"
	create
	SET=$(echo "repository/test/sets/$ID"*)
	chmod -R u+w repository
	s3_source dump "$B" >good
	sqlite3 a.db 'insert into t values (2)'
	sha256sum a.db >sums
}

# MANNER FILE
hurt() {
	case $1 in
	gone) rm "$2" ;;
	cut) truncate -s -7 "$2" ;;
	longer) echo more >>"$2" ;;
	empty) : >"$2" ;;
	flipped)
		python3 - "$2" <<-'PY'
		import os, sys
		with open(sys.argv[1], "r+b") as f:
		    f.seek(os.path.getsize(sys.argv[1]) // 2)
		    byte = f.read(1)
		    f.seek(-1, 1)
		    f.write(bytes([byte[0] ^ 1]))
		PY
		;;
	esac
}

# what was restored of the bucket is right, as far as it goes
only_good_data() {
	s3_source dump "$B" >after
	not grep -vxFf good after
}

hurt_file() {
	local manner=$1 file
	setup
	s3_source empty "$B"
	file=$(echo "$SET/"$2)
	[ -f "$file" ]
	hurt "$manner" "$file"
	local status=0
	"$PB" -c config.yaml restore "$ID" >out 2>err || status=$?
	[ $status -ne 0 ]
	contains err "${file##*/}"
	only_good_data
	case $file in
	*sqlite*) sha256sum --quiet -c sums ;;
	esac
}

swapped() {
	setup
	s3_source fill "$B" 60 1000 20000 other
	create --full
	local other
	other=$(echo "repository/test/sets/$ID"*)
	chmod -R u+w repository
	cp "$SET/mlpipeline/pack-000001.tar.zst" \
	    "$other/mlpipeline/pack-000001.tar.zst"
	s3_source empty "$B"
	not "$PB" -c config.yaml restore "$ID" >out 2>err
	contains err pack-000001.tar.zst
}

# an object that a later set needs lies in an earlier one
old_file_hurt() {
	setup
	create
	hurt flipped "$SET/mlpipeline/pack-000001.tar.zst"
	s3_source empty "$B"
	not "$PB" -c config.yaml restore "$ID" >out 2>err
	contains err pack-000001.tar.zst
	only_good_data
}

for manner in gone cut flipped; do
	it "notices a database file that is $manner" \
	    hurt_file $manner mlmd.sqlite.zst
	it "notices a pack that is $manner" \
	    hurt_file $manner mlpipeline/pack-000001.tar.zst
	it "notices a large object that is $manner" \
	    hurt_file $manner 'mlpipeline/object-*'
	it "notices an inventory that is $manner" \
	    hurt_file $manner mlpipeline.inventory.jsonl.zst
done
for manner in cut flipped empty longer; do
	it "notices a manifest that is $manner" \
	    hurt_file $manner manifest.json
done
it 'notices a good file in the place of another' swapped
it 'notices damage in an older set that a newer one needs' old_file_hurt
done_testing
