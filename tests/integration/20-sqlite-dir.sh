#!/usr/bin/env bash
# One SQLite database, kept in a folder.
. "${0%/*}/../lib/harness.sh"
requires sqlite3 jq zstd

database() {
	sqlite3 "$1" <<-'SQL'
	create table artifact(id integer primary key, uri text, size real);
	create table event(id integer primary key, artifact int, at text);
	create index event_artifact on event(artifact);
	create view big as select * from artifact where size > 100;
	with recursive n(i) as (select 1 union all select i + 1 from n
	    where i < 5000)
	insert into artifact select i, 'minio://mlpipeline/' || i, i * 1.5
	    from n;
	insert into event select id, id, 'x' || id from artifact;
	pragma user_version = 10;
	SQL
}

content() {
	sqlite3 "$1" .dump 'pragma user_version' 'pragma integrity_check'
}

setup() {
	database "$T/mlmd.db"
	content "$T/mlmd.db" >"$T/before"
	repository_dir "$T/repository"
	component_sqlite mlmd "$T/mlmd.db"
}

round_trip() {
	setup
	create --label 'before the upgrade'
	json created.json '."backup-status" == "finished" and
	    .label == "before the upgrade" and .parent == null and
	    (.components | length) == 1 and (.components[0] |
	    .name == "mlmd" and .type == "sqlite" and .status == "ok" and
	    .bytes > 0 and ."stored-bytes" > 0 and .seconds >= 0)'
	pb 0 list --json
	json out 'length == 1 and .[0]."backup-id" == $id and
	    .[0]."backup-status" == "finished"' --arg id "$ID"
	pb 0 show "$ID" --json
	json out '."backup-id" == $id and .format == 1' --arg id "$ID"
	sqlite3 mlmd.db 'delete from artifact where id > 100;
	    drop table event; pragma user_version = 3'
	pb 0 restore "$ID"
	content mlmd.db >after
	same before after
}

repository_is_as_written() {
	setup
	create
	cd repository/test || return
	[ -f repository.json ]
	local set
	set=$(echo sets/"$ID"*)
	[ -f "$set/open.json" ]
	[ -f "$set/manifest.json" ]
	[ -f "$set/RESTORE.md" ]
	[ -f "$set/mlmd.sqlite.zst" ]
	jq -r '.. | objects | select(.sha256 and .path) |
	    .sha256 + "  " + .path' "$set/manifest.json" >../sums
	[ -s ../sums ]
	sha256sum --quiet -c ../sums
	zstd -qdc "$set/mlmd.sqlite.zst" >../copy.db
	content ../copy.db >../after
	same "$T/before" ../after
}

source_is_untouched() {
	setup
	sqlite3 mlmd.db 'pragma journal_mode = wal' >/dev/null
	sha256sum mlmd.db >sums
	create
	sha256sum --quiet -c sums
	[ "$(ls scratch)" = "" ]
}

restores_elsewhere() {
	setup
	create
	pb 0 restore "$ID" --to "mlmd=$T/other.db"
	content other.db >after
	same before after
	sha256sum mlmd.db >sums
	rm mlmd.db
	pb 0 restore "$ID"
	content mlmd.db >after
	same before after
}

dry_run_changes_nothing() {
	setup
	create
	sqlite3 mlmd.db 'delete from event'
	sha256sum mlmd.db >sums
	pb 0 restore "$ID" --dry-run
	sha256sum --quiet -c sums
	rm mlmd.db
	pb 0 restore "$ID" --dry-run
	[ ! -e mlmd.db ]
}

second_set() {
	setup
	create
	local first=$ID
	sqlite3 mlmd.db "insert into artifact values (9999, 'late', 1)"
	content mlmd.db >before2
	create
	[ "$ID" != "$first" ]
	json created.json '.parent == $id' --arg id "$first"
	pb 0 list --json
	json out '[.[]."backup-id"] == [$a, $b]' --arg a "$first" --arg b "$ID"
	pb 0 restore "$first"
	content mlmd.db >after
	same before after
	pb 0 restore "$ID"
	content mlmd.db >after
	same before2 after
}

only_named_components() {
	setup
	database other.db
	component_sqlite other "$T/other.db"
	create --component mlmd
	json created.json '[.components[].name] == ["mlmd"] and
	    (."not-in-set" | tostring | contains("other"))'
	create
	json created.json '[.components[].name] == ["mlmd", "other"]'
	sqlite3 mlmd.db 'delete from event'
	sqlite3 other.db 'delete from event'
	pb 0 restore "$ID" --component other
	[ "$(sqlite3 other.db 'select count(*) from event')" = 5000 ]
	[ "$(sqlite3 mlmd.db 'select count(*) from event')" = 0 ]
	pb 2 create --component nothere
	contains err "'nothere'"
}

results_and_messages_are_apart() {
	setup
	pb 0 create
	[ "$(wc -l <out)" -ge 1 ]
	pb 0 create --json
	jq -e . out >/dev/null
	pb 0 list
	[ "$(wc -l <out)" -ge 2 ]
	pb 0 check
}

it 'saves a database and puts it back as it was' round_trip
it 'writes the files that the format names' repository_is_as_written
it 'does not change the database that it saves' source_is_untouched
it 'restores to another file, and where the file is gone' restores_elsewhere
it 'changes nothing on a dry run' dry_run_changes_nothing
it 'keeps sets apart, newest last' second_set
it 'saves and restores only the components that are named' \
    only_named_components
it 'writes results to stdout and messages to stderr' \
    results_and_messages_are_apart
done_testing
