#!/usr/bin/env bash
# Drills: a set is restored to a scratch place, where none of its sources can
# be reached, and compared with what was saved.
. "${0%/*}/../lib/harness.sh"
. "$TOP/tests/lib/databases.sh"
requires sqlite3 jq python3

DB=$WORK/mariadb
# the server's user must reach its folder
PG=$(mktemp -d "${TMPDIR:-/tmp}/platform-backup-pg.XXXXXX")
chmod 711 "$PG"
trap 'database_stop "$DB"; database_stop "$PG/pg"; rm -rf "$PG"
    _children_end "$WORK"/*/children' EXIT

# a platform of ML Metadata and its bucket
platform() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 30 100 5000
	s3_source big "$B" large.bin 1100000 random
	MLMD_PLAIN=1 python3 "$TOP/tests/lib/mlmd.py" make "$T/mlmd.db" \
	    >/dev/null
	sqlite3 mlmd.db "insert into Artifact(type_id, uri, state,
	    create_time_since_epoch, last_update_time_since_epoch) values
	    (1, 's3://$B/large.bin', 2, 0, 0), (1, 's3://$B/gone', 2, 0, 0)"
	repository_dir "$T/repository"
	component_sqlite mlmd "$T/mlmd.db"
	component_bucket mlpipeline "$B"
	create
	SET=$(echo "repository/test/sets/$ID"*)
	chmod -R u+w repository
}

# as on another machine: what was saved is nowhere to be reached
elsewhere() {
	mv mlmd.db away.db
	repository_dir "$T/repository"
	component_sqlite mlmd /nowhere/mlmd.db
	component_bucket mlpipeline "$B" http://127.0.0.1:9
}

clean() {
	[ -z "$(ls -A scratch)" ]
}

proves() {
	platform
	elsewhere
	pb 0 drill "$ID"
	contains out 'drill ok' 'integrity_check says ok' 'as they were saved' \
	    '31 objects' 'as their inventory says' 'found in the buckets'
	pb 0 drill latest --json
	json out '."drill-status" == "ok" and ."backup-id" == $id and
	    ([.components[].status] == ["ok", "ok"]) and
	    .references.status == "ok"' --arg id "$ID"
	clean
	[ ! -e mlmd.db ]
	pb 0 list --json
	json out '.[0] | has("drilled") and (has("drill-failed") | not)'
	pb 0 list
	contains out ' | drilled '
	pb 0 show "$ID"
	contains out 'drilled '
}

# each part of it: named, and the other parts are tried all the same
finds_damage() {
	platform
	elsewhere
	local f c
	while read -r c f; do
		cp "$SET/$f" whole
		printf XXXXXXXX | dd of="$SET/$f" bs=1 seek=60 conv=notrunc \
		    status=none
		pb 1 drill "$ID" --json
		json out '."drill-status" == "failed" and (.components |
		    map(select(.status == "failed")) | length == 1 and
		    .[0].name == $c and (.[0].result | contains($f)))' \
		    --arg c "$c" --arg f "$f"
		json out '[.components[] | select(.status == "ok")] |
		    length == 1'
		cp whole "$SET/$f"
		clean
	done <<-'FILES'
	mlmd mlmd.sqlite.zst
	mlpipeline mlpipeline/pack-000001.tar.zst
	mlpipeline mlpipeline/object-000001
	mlpipeline mlpipeline.inventory.jsonl.zst
	FILES
	pb 0 list --json
	json out '.[0] | has("drill-failed") and (has("drilled") | not)'
	pb 0 drill "$ID"
}

# a drill that was killed leaves a folder; the next one takes it away
killed() {
	platform
	elsewhere
	printf 'limits: {bandwidth: 1K}\n' >>config.yaml
	background slow "$PB" -c config.yaml drill "$ID"
	within 20 not clean
	kill -KILL "$CHILD"
	not clean
	sed -i '/^limits/d' config.yaml
	pb 0 drill "$ID"
	clean
}

# a note is not encrypted: it names no key
encrypted() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source put "$B" very-secret-key "$TOP/README.md"
	age-keygen -o id.txt 2>/dev/null
	repository_dir "$T/repository"
	sed -i "s|^components:|  encryption: {recipients: [$(
	    age-keygen -y id.txt)], identity-file: $T/id.txt}\n&|" config.yaml
	component_bucket mlpipeline "$B"
	create
	pb 0 verify "$ID" --read
	pb 0 drill "$ID"
	chmod -R u+w repository
	printf XXXXXXXX | dd of="$(echo repository/test/sets/*/mlpipeline/pack*)" \
	    bs=1 seek=300 conv=notrunc status=none
	pb 1 drill "$ID"
	not grep -r very-secret-key repository
	sed -i '/encryption:/s/, identity-file.*}/}/' config.yaml
	pb 2 drill "$ID"
	contains err 'is encrypted'
	pb 1 verify "$ID" --read
	contains out pack-000001
}

# what is not configured is said, and nothing at all is no drill
not_configured() {
	platform
	repository_dir "$T/repository"
	component_sqlite mlmd /nowhere/mlmd.db
	pb 0 drill "$ID"
	contains out 'skipped' 'not configured here'
	repository_dir "$T/repository"
	component_sqlite another /nowhere/x.db
	pb 2 drill "$ID"
	pb 0 list --json
	json out '.[0] | has("drill-failed") | not'
}

# component NAME TYPE PRIMARY USER [LINES]
component_database() {
	printf '  - name: %s\n    type: %s\n    primary: %s\n' "$1" "$2" "$3"
	printf '    database: ml\n    username: %s\n    password: pw\n' "$4"
	shift 4
	[ $# = 0 ] || printf '    %s\n' "$@"
}

# a dump of MariaDB loads into a scratch server, which keeps nothing of it
mariadb_loads() {
	local live
	mariadb_alone "$DB"
	live=127.0.0.1:$(database_port "$DB" 1)
	mariadb_sql "$DB" 1 <<-'SQL'
	create database ml; create database pb_drill_1000_0123abcd;
	create table ml.t (x int primary key); insert into ml.t values (1), (2);
	create view ml.v as select * from ml.t;
	create user u@'%' identified by 'pw'; grant all on ml.* to u@'%';
	create user d@'%' identified by 'dpw';
	grant all on `pb\_drill\_%`.* to d@'%';
	SQL
	repository_dir "$T/repository"
	component_database db mysql "$live" u >>config.yaml
	create
	SET=$(echo "repository/test/sets/$ID"*)
	repository_dir "$T/repository"
	component_database db mysql 127.0.0.1:9 u >>config.yaml
	pb 0 drill "$ID"
	contains out 'whole' 'no scratch server is configured'
	component_database db mysql 127.0.0.1:9 u \
	    "drill: {primary: '$live', username: d, password: dpw}" >database
	repository_dir "$T/repository"
	cat database >>config.yaml
	pb 0 drill "$ID"
	contains out "loads into '$live'"
	# what an old drill left is gone as well
	[ "$(mariadb_sql "$DB" 1 <<<"show databases like 'pb%'")" = '' ]
	[ "$(mariadb_sql "$DB" 1 ml <<<'select count(*) from t')" = 2 ]
	chmod -R u+w repository
	cut_dump "$SET/db.sql.zst"
	pb 1 drill "$ID"
	contains out db.sql.zst
	[ "$(mariadb_sql "$DB" 1 <<<"show databases like 'pb%'")" = '' ]
}

cut_dump() {
	cp "$1" whole
	printf XXXXXXXX | dd of="$1" bs=1 seek=40 conv=notrunc status=none
}

# a dump of PostgreSQL is read from end to end, without any server
postgresql_reads() {
	local pg=$PG/pg port
	postgresql_start "$pg"
	port=$(database_port "$pg" 1)
	postgresql_sql "$pg" 1 <<-'SQL'
	create user u password 'pw'; create database ml owner u;
	SQL
	postgresql_sql "$pg" 1 ml <<-'SQL'
	create table t (x int primary key); insert into t values (1), (2);
	grant all on t to u;
	SQL
	repository_dir "$T/repository"
	component_database pg postgresql "127.0.0.1:$port" u >>config.yaml
	create
	SET=$(echo "repository/test/sets/$ID"*)
	chmod -R u+w repository
	component_database pg postgresql 127.0.0.1:9 u "drill:
      {primary: '127.0.0.1:$port', username: postgres,
       password-file: $pg/super.txt}" >database
	repository_dir "$T/repository"
	cat database >>config.yaml
	pb 0 drill "$ID"
	contains out 'whole' 'loads into'
	[ "$(postgresql_sql "$pg" 1 <<<"select count(*) from pg_database
	    where datname like 'pb%'")" = 0 ]
	database_stop "$pg"
	repository_dir "$T/repository"
	component_database pg postgresql 127.0.0.1:9 u >>config.yaml
	pb 0 drill "$ID"
	contains out 'whole' 'no scratch server is configured'
	cut_dump "$SET/pg.pgdump.zst"
	pb 1 drill "$ID"
	contains out pg.pgdump.zst
}

it 'proves a set where no source can be reached' proves
it 'names each part that is damaged' finds_damage
it 'cleans up after one that was killed' killed
if command -v age-keygen >/dev/null; then
	it 'keeps keys of an encrypted set out of its note' encrypted
fi
it 'says what is not configured' not_configured
if mariadb_here; then
	it 'loads a dump of MariaDB into a scratch server' mariadb_loads
fi
if postgresql_here; then
	it 'reads and loads a dump of PostgreSQL' postgresql_reads
fi
done_testing
