#!/usr/bin/env bash
# Databases that are missing, empty, broken or locked, and no room for a copy.
. "${0%/*}/../lib/harness.sh"
requires sqlite3 jq python3

bank() {
	python3 "$TOP/tests/lib/bank.py" "$@"
}

setup() {
	repository_dir "$T/repository"
	component_sqlite mlmd "$T/a.db"
}

# the only component failed: no set, or one that is marked
fails() {
	local status=0
	"$PB" -c config.yaml create --json >out 2>err || status=$?
	cat out err >>"$RUN_DIR/said/$SCRIPT.txt"
	[[ $status =~ ^[123]$ ]]
	contains err "$@"
	pb 0 list --json
	json out '[.[] | select(."backup-status" == "finished")] | length == 0'
	[ -z "$(ls scratch)" ]
}

missing() {
	setup
	fails "$T/a.db"
	[ ! -e a.db ]
}

a_folder() {
	setup
	mkdir a.db
	fails "$T/a.db"
}

not_a_database() {
	setup
	head -c 100000 /dev/urandom >a.db
	fails "$T/a.db" 'database'
	echo 'hello' >a.db
	fails "$T/a.db" 'database'
}

# SQLite takes a file of no bytes for an empty database
no_bytes() {
	setup
	: >a.db
	local status=0
	"$PB" -c config.yaml create --json >out 2>err || status=$?
	case $status in
	0)
		ID=$(jq -r '."backup-id"' out)
		pb 0 restore "$ID" --to "mlmd=$T/b.db"
		[ "$(sqlite3 b.db 'select count(*) from sqlite_master')" = 0 ]
		;;
	1 | 3) contains err "$T/a.db" ;;
	*) return 1 ;;
	esac
	[ ! -s a.db ]
}

corrupt_page() {
	setup
	bank init a.db delete
	python3 - <<-'PY'
	with open("a.db", "r+b") as f:
	    for page in range(20, 400):
	        f.seek(page * 4096)
	        f.write(b"\xff" * 64)
	PY
	fails "$T/a.db"
}

cut_short() {
	setup
	bank init a.db delete
	truncate -s 200000 a.db
	fails "$T/a.db"
}

others_are_saved() {
	setup
	sqlite3 good.db 'create table t(x); insert into t values (7)'
	head -c 9000 /dev/urandom >a.db
	component_sqlite good "$T/good.db"
	pb 3 create --json
	json out '."backup-status" == "incomplete" and
	    [.components[] | .name + " " + .status] ==
	    ["mlmd failed", "good ok"]'
	ID=$(jq -r '."backup-id"' out)
	sqlite3 good.db 'delete from t'
	pb 0 restore "$ID" --component good
	[ "$(sqlite3 good.db 'select x from t')" = 7 ]
	sha256sum a.db >sums
	local status=0
	"$PB" -c config.yaml restore "$ID" >out 2>err || status=$?
	[ $status -ne 0 ]
	contains err mlmd
	sha256sum --quiet -c sums
}

locked() {
	setup
	printf '    busy-timeout: 2\n' >>config.yaml
	bank init a.db delete
	background holder python3 "$TOP/tests/lib/bank.py" hold a.db 60 exclusive
	within 20 test -s holder.out
	local begin=$SECONDS
	fails locked
	[ $((SECONDS - begin)) -lt 30 ]
}

restore_into_locked() {
	setup
	printf '    busy-timeout: 2\n' >>config.yaml
	bank init a.db delete
	create
	sqlite3 a.db 'delete from move'
	background holder python3 "$TOP/tests/lib/bank.py" hold a.db 60 reserved
	within 20 test -s holder.out
	pb 1 restore "$ID"
	contains err locked
	[ "$(sqlite3 a.db 'select count(*) from move')" = 0 ]
}

# on_small FOLDER SIZE COMMAND...: where the folder is a small file system
on_small() {
	local namespace=(unshare -m)
	[ "$(id -u)" = 0 ] || namespace=(unshare -rm)
	mkdir -p "$1"
	# shellcheck disable=SC2016
	"${namespace[@]}" sh -c 'mount -t tmpfs -o "size=$2" tmpfs "$1" &&
	    shift 2 && exec "$@"' sh "$@"
}

# for the private copy
small_disk() {
	setup
	bank init a.db delete
	sqlite3 a.db "insert into move(note) select randomblob(400)
	    from move"
	sed -i "s|^scratch: .*|scratch: $T/small|" config.yaml
	local status=0
	# shellcheck disable=SC2016
	on_small "$T/small" 8m sh -c '"$@" >out 2>err; code=$?
	    ls small >left; exit $code' sh "$PB" -c config.yaml create ||
	    status=$?
	[ $status -eq 1 ] || [ $status -eq 3 ]
	contains err "$T/small"
	[ ! -s left ]
	[ ! -e repository/test/sets ] || pb 0 list --json
}

full_repository() {
	setup
	bank init a.db delete
	sqlite3 a.db "update move set note = hex(randomblob(400))"
	local status=0
	# shellcheck disable=SC2016
	on_small "$T/repository" 4m sh -c '"$@" create >out 2>err; code=$?
	    "$@" list --json >listed 2>>err; exit $code' sh \
	    "$PB" -c config.yaml || status=$?
	[ $status -eq 1 ] || [ $status -eq 3 ]
	contains err space
	json listed '[.[] | select(."backup-status" == "finished")] |
	    length == 0'
}

read_only_place() {
	setup
	bank init a.db wal
	create
	mkdir place
	: >place/file
	pb 1 restore "$ID" --to "mlmd=$T/place/file/x.db"
	contains err "$T/place/file"
	pb 1 restore "$ID" --to "mlmd=$T/nowhere/x.db" ||
	    [ -e nowhere/x.db ]
}

it 'names a database that is not there, and makes none' missing
it 'refuses a folder' a_folder
it 'refuses what is not a database' not_a_database
it 'takes a file of no bytes for what it is' no_bytes
it 'does not store a damaged database as a good one' corrupt_page
it 'does not store a database that was cut short' cut_short
it 'saves the others when one component fails, and marks the set' \
    others_are_saved
it 'gives up in bounded time where a lock is held' locked
it 'does not restore half into a database that is locked' \
    restore_into_locked
it 'says that there is no room for a copy, and leaves none' small_disk
it 'says that the repository is full, and lists no set' full_repository
it 'names the place that it cannot restore to' read_only_place
done_testing
