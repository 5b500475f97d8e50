# shellcheck shell=bash
# databases.sh - a SQLite file and a MariaDB database, to S3 and back.
# shellcheck disable=SC2034

sqlite_fill() {
	rm -f "$WORK/mlmd.db"
	sqlite3 "$WORK/mlmd.db" "
	    pragma journal_mode = off; pragma synchronous = off;
	    create table Artifact(id integer primary key, uri text, note text);
	    with recursive n(i) as (select 1 union all select i + 1 from n
	        where i < $DB_MIB * 1900)
	    insert into Artifact select i, 'minio://mlpipeline/artifacts/run-'
	        || i || '/model', hex(randomblob(230)) from n;" >/dev/null
}

# three steps in a row, as guides have it; what the first one took
# shellcheck disable=SC2016
sqlite_by_hand='
	begin=$(date +%s%N)
	sqlite3 "$1/mlmd.db" ".backup $1/copy.db" || exit
	end=$(date +%s%N)
	echo "{\".backup, ms\": $(((end - begin) / 1000000))}" >"$1/also.json"
	zstd -q -1 --rm "$1/copy.db" -o "$1/copy.db.zst" &&
	rclone copyto "$1/copy.db.zst" target:backups/mlmd.db.zst &&
	rm "$1/copy.db.zst"'

part_sqlite() {
	local more
	say "SQLite: a database of $DB_MIB MiB"
	network=plain
	sqlite_fill
	more="{\"bytes\": $(stat -c %s "$WORK/mlmd.db")}"
	for ((round = 1; round <= ROUNDS; round++)); do
		fresh_target
		config '  - name: mlmd' '    type: sqlite' \
		    "    path: $WORK/mlmd.db"
		measured SQLite platform-backup "$more" \
		    "$PB" -q -c "$WORK/config.yaml" create
		amend "$(ours show latest --json | jq -c '{also: {"writers locked out, ms":
		    .components[0].sqlite."writers-locked-ms"}}')"
		verify_newest
		fresh_target
		rclone mkdir target:backups
		measured SQLite '.backup, zstd -1, upload' "$more" \
		    sh -c "$sqlite_by_hand" sh "$WORK" &&
			amend "$(jq -c '{also: .}' "$WORK/also.json")"
	done
	rm -f "$WORK/mlmd.db"
}

# --- MariaDB

# rows as long as a workflow's, half of it random
sql_fill() {
	mariadb_sql "$WORK/mariadb" 1 <<-SQL
	create database ml;
	grant all on ml.* to bench@'%' identified by 'hush';
	use ml;
	create table run_details(id int primary key, manifest longtext);
	set @text = repeat('{"displayName": "train", "type": "Pod"}', 20);
	insert into run_details select seq, concat(
	  to_base64(random_bytes(600)), @text) from seq_1_to_$((SQL_MIB * 640));
	SQL
}

sql_config() {
	config '  - name: kfp-db' '    type: mysql' \
	    "    primary: 127.0.0.1:$(database_port "$WORK/mariadb" 1)" \
	    '    database: ml' '    username: bench' '    password: hush' \
	    '    safety-dump: false'
}

# the bare programs, for a shell
sql_bare() {
	printf '%s' 'set -o pipefail; MYSQL_PWD=hush; export MYSQL_PWD; ' \
	    "at='-h 127.0.0.1 -P $(database_port "$WORK/mariadb" 1) -u bench'; "
	case $1 in
	dump) echo 'mariadb-dump --no-defaults $at --single-transaction --quick ml |
	    zstd -q -1 -c | rclone rcat target:bare/ml.sql.zst' ;;
	load) echo 'rclone cat target:bare/ml.sql.zst | zstd -dqc |
	    mariadb --no-defaults $at ml' ;;
	esac
}

sql_rows() {
	mariadb_sql "$WORK/mariadb" 1 <<<'select count(*), sum(length(manifest))
	    from ml.run_details'
}

# measured, and what is restored is as much as there was
sql_restored() {
	local before
	before=$(sql_rows)
	measured 'MariaDB, restore' "$@"
	[ "$(sql_rows)" = "$before" ] || {
		say "$1 restored $(sql_rows), not $before"
		exit 1
	}
}

# each takes its turn at the same target
part_mariadb() {
	local bare='mariadb-dump, zstd -1, rclone'
	local more="{\"bytes\": $((SQL_MIB << 20))}"
	say "MariaDB: a database of $SQL_MIB MiB"
	network=plain
	mariadb_alone "$WORK/mariadb" --general-log=0 \
	    --innodb-buffer-pool-size=512M
	sql_fill
	for ((round = 1; round <= ROUNDS; round++)); do
		fresh_target
		rclone mkdir target:bare
		sql_config
		measured 'MariaDB, dump' platform-backup "$more" \
		    "$PB" -q -c "$WORK/config.yaml" create
		verify_newest
		measured 'MariaDB, dump' "$bare" "$more" \
		    bash -c "$(sql_bare dump)" || continue
		sql_restored platform-backup "$more" \
		    "$PB" -q -c "$WORK/config.yaml" restore latest
		sql_restored "$bare" "$more" bash -c "$(sql_bare load)"
	done
	database_stop "$WORK/mariadb"
}
