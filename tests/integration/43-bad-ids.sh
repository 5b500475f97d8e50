#!/usr/bin/env bash
# Sets that are not there, not finished, or of another time.
. "${0%/*}/../lib/harness.sh"
requires sqlite3 jq

setup() {
	sqlite3 a.db 'create table t(x); insert into t values (1)'
	repository_dir "$T/repository"
	component_sqlite mlmd "$T/a.db"
	create
	SET=$(echo "repository/test/sets/$ID"*)
	sqlite3 a.db 'insert into t values (2)'
	sha256sum a.db >sums
}

untouched() {
	sha256sum --quiet -c sums
}

unknown() {
	setup
	local id
	for id in 2020-01-01T00:00:00Z nonsense '' ../../etc/passwd \
	    "$ID-00000000" '2026-99-99T99:99:99Z' newest; do
		local status=0 command
		for command in show restore; do
			status=0
			"$PB" -c config.yaml $command "$id" >out 2>err ||
			    status=$?
			[ $status -eq 1 ] || [ $status -eq 2 ]
			[ ! -s out ]
			[ -s err ]
		done
	done
	pb 1 restore 2020-01-01T00:00:00Z || pb 2 restore 2020-01-01T00:00:00Z
	contains err 2020-01-01T00:00:00Z
	untouched
}

unfinished() {
	setup
	rm "$SET/manifest.json"
	pb 0 list --json
	json out '.[0]."backup-status" == "in progress"'
	local status=0
	"$PB" -c config.yaml restore "$ID" >out 2>err || status=$?
	[ $status -ne 0 ]
	contains err "$ID"
	# an hour later it counts as failed
	find "$SET" -exec touch -d '2 hours ago' {} +
	pb 0 list --json
	json out '.[0]."backup-status" == "failed"'
	pb 0 list
	contains out failed
	not "$PB" -c config.yaml restore "$ID" >out 2>err
	contains err "$ID"
	untouched
	# and is no obstacle to the next
	create
	pb 0 list --json
	json out 'length == 2 and .[1]."backup-status" == "finished" and
	    .[1].parent == null'
}

newer_format() {
	setup
	jq '.format = 2' "$SET/manifest.json" >x
	chmod u+w "$SET/manifest.json"
	cp x "$SET/manifest.json"
	local status=0
	"$PB" -c config.yaml restore "$ID" >out 2>err || status=$?
	[ $status -ne 0 ]
	contains err "$ID"
	untouched
	chmod u+w repository/test/repository.json
	jq '.format = 99' repository/test/repository.json >x
	cp x repository/test/repository.json
	local command
	for command in create list "restore $ID"; do
		# shellcheck disable=SC2086
		not "$PB" -c config.yaml $command >out 2>err
		contains err newer || contains err format
	done
	untouched
}

no_repository() {
	setup
	rm repository/test/repository.json
	# the sets are still there
	pb 0 restore "$ID"
	contains err repository.json
	rm -rf repository
	sha256sum a.db >sums
	local command
	pb 0 list --json
	json out 'length == 0'
	[ ! -e repository ]
	for command in "show $ID" "restore $ID"; do
		# shellcheck disable=SC2086
		not "$PB" -c config.yaml $command >out 2>err
		contains err repository
		[ ! -e repository ]
	done
	untouched
}

foreign_files() {
	setup
	mkdir -p repository/test/sets/junk repository/test/sets/2026
	touch repository/test/sets/file repository/test/other "$SET/extra"
	mkdir -p "repository/test/sets/2026-11-20T16:28:00Z-zzzzzzzz"
	pb 0 list --json
	json out 'length == 1'
	create
	pb 0 restore "$ID"
}

component_that_is_not_in_the_set() {
	setup
	sqlite3 b.db 'create table u(x)'
	component_sqlite new "$T/b.db"
	pb 0 restore "$ID"
	[ "$(sqlite3 a.db 'select count(*) from t')" = 1 ]
	not "$PB" -c config.yaml restore "$ID" --component new >out 2>err
	contains err "'new'"
}

it 'refuses ids that name no set' unknown
it 'shows a set that was never finished, and does not restore it' unfinished
it 'refuses a format that is newer than itself' newer_format
it 'says that there is no repository' no_repository
it 'is not misled by files that are not its own' foreign_files
it 'says that a component is not in the set' component_that_is_not_in_the_set
done_testing
