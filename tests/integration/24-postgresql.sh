#!/usr/bin/env bash
# PostgreSQL: a primary and a standby, while others write; a standby that is
# promoted while it is read; faults, and what is said of them.
# shellcheck disable=SC2154  # the number of a test is the harness's
. "${0%/*}/../lib/harness.sh"
. "$TOP/tests/lib/databases.sh"
requires "$POSTGRESQL_BIN/postgres" pg_dump psql zstd jq python3 setpriv

# the server's user must reach its folder
DB=$(mktemp -d "${TMPDIR:-/tmp}/platform-backup-pg.XXXXXX")/pg
chmod 711 "${DB%/pg}"
PASSWORD="p:w\\'#$(_server_word 12)"
trap 'database_stop "$DB"; rm -rf "${DB%/pg}"
    _children_end "$WORK"/*/children' EXIT
sql() {
	postgresql_sql "$DB" "$@"
}

if ! postgresql_start "$DB"; then
	echo "FAILED - $SCRIPT: PostgreSQL did not start"
	tail -n 5 "$DB"/*.out "$DB/install.log"
	echo "0 passed, 1 failed"
	exit 1
fi
P1=127.0.0.1:$(database_port "$DB" 1)
P2=127.0.0.1:$(database_port "$DB" 2)

setup() {
	NAME=ml_$_number
	sql 1 <<-SQL
	create role u$_number login password '${PASSWORD//\'/\'\'}';
	create database $NAME owner u$_number;
	SQL
	{
		echo "set role u$_number;"
		database_bank postgresql
	} | sql 1 "$NAME"
	repository_dir "$T/repository"
	within 20 reached
}

reached() {
	local at
	at=$(sql 1 <<<'select pg_current_wal_lsn()')
	[ "$(sql 2 <<<"select pg_last_wal_replay_lsn() >= '$at'")" = t ]
}

# component PRIMARY [REPLICA,...] [MORE LINES]
component() {
	{
		echo "  - name: db"
		echo "    type: postgresql"
		echo "    primary: '$1'"
		[ -z "${2:-}" ] || echo "    replicas: [${2}]"
		echo "    database: $NAME"
		echo "    username: u$_number"
		echo "    password: '${PASSWORD//\'/\'\'}'"
		shift $(($# < 2 ? $# : 2))
		[ $# = 0 ] || printf '    %s\n' "$@"
	} >>"$T/config.yaml"
}

writers() {
	background writer bash -c '. "$1/tests/lib/servers.sh"
	    . "$1/tests/lib/databases.sh"
	    database_writer | postgresql_sql "$2" 1 "$3"' \
	    bash "$TOP" "$DB" "$NAME"
}

facts() {
	pb 0 show "$ID" --json
	json "$T/out" ".components[0].postgresql | $1" "${@:2}"
}

sum_holds() {
	[ "$(sql 1 "$1" <<<"$DATABASE_SUM")" = 4000000 ]
}

fails() {
	pb 1 create
	contains err "$@"
	[ -z "$(ls -A scratch)" ]
}

from_the_standby() {
	setup
	component "$P1" "'$P2'"
	writers
	pb 0 check
	contains out "$P1: primary" "$P2: replica" "from replica $P2"
	create
	facts '.unit == $p and .role == "replica" and ."role-after" == "replica"
	    and (."position-before" | test("/")) and ."lag-seconds" < 10
	    and .tables == 3' --arg p "$P2"
	not grep -q "COPY public.*TO stdout.*$NAME\|$NAME.*COPY public.*TO stdout" \
	    "$DB/server1.out"
	grep -q "COPY public.ballast.*TO stdout" "$DB/server2.out"
	lacks "$DB/server1.out" 'COPY public.ballast'
	sql 1 <<<"create database copy_$NAME owner u$_number"
	pb 0 restore "$ID" --to "db=copy_$NAME"
	sum_holds "copy_$NAME"
	[ "$(sql 1 "copy_$NAME" <<<'select count(*) from ballast')" = 6000 ]
}

in_place() {
	setup
	sql 1 "$NAME" <<-SQL
	create role reader_$_number;
	set role u$_number;
	create view sums as select sum(amount) from acct_a;
	create type mood as enum ('good', 'bad');
	create function f() returns int language sql as 'select 7';
	create schema other;
	create table other.things(id serial primary key, m mood);
	create materialized view mv as select count(*) from acct_a;
	grant select on acct_a to reader_$_number;
	grant usage on schema other to reader_$_number;
	select lo_from_bytea(0, 'large');
	SQL
	within 20 reached
	component "$P1" "'$P2'"
	create
	sql 1 "$NAME" <<-SQL
	set role u$_number;
	update acct_a set amount = 0;
	create table later(i int primary key, r int references acct_a(id));
	create table other.later(i int);
	drop function f();
	SQL
	pb 0 restore "$ID" --dry-run
	[ "$(sql 1 "$NAME" <<<'select sum(amount) from acct_a')" = 0 ]
	pb 0 restore "$ID"
	sum_holds "$NAME"
	local found
	found=$(sql 1 "$NAME" <<<"select to_regclass('later') is null,
	    to_regclass('other.later') is null, f(),
	    (select count(*) from pg_largeobject_metadata),
	    has_table_privilege('reader_$_number', 'acct_a', 'select'),
	    has_schema_privilege('reader_$_number', 'other', 'usage')")
	echo "$found"
	[ "$found" = 't|t|7|1|t|t' ]
	local file
	file=$(echo scratch/db-before-restore-*.pgdump.zst)
	[ "$(stat -c %a "$file")" = 600 ]
	contains err "$T/$file" 'zstd -dc'
	sql 1 <<<"create database hand_$NAME owner u$_number"
	grep -o "zstd -dc.*" err | tail -n 1 |
	    sed "s/-d $NAME/-d hand_$NAME/" >back.sh
	PGPASSWORD=$PASSWORD bash back.sh
	[ "$(sql 1 "hand_$NAME" <<<'select sum(amount) from acct_a')" = 0 ]
	rm scratch/*
	echo "    safety-dump: false" >>config.yaml
	pb 0 restore "$ID"
	[ -z "$(ls -A scratch)" ]
}

# all or nothing: what was there is there
restore_breaks() {
	setup
	component "$P1" "'$P2'"
	create
	sql 1 "$NAME" <<<'update acct_b set amount = 5'
	printf 'limits:\n  bandwidth: 1M\n' >>config.yaml
	: >"$DB/server1.out"
	background restore "$PB" -c config.yaml restore "$ID"
	within 40 grep -q 'COPY public.ballast.*FROM stdin' "$DB/server1.out"
	sql 1 >/dev/null <<-SQL
	select pg_terminate_backend(pid) from pg_stat_activity
	    where usename = 'u$_number';
	SQL
	within 30 bash -c "! kill -0 $CHILD"
	contains restore.err 'nothing was changed' 'went away'
	[ "$(sql 1 "$NAME" <<<'select sum(amount) from acct_b')" = 10000 ]
	local file
	file=$(find repository -name 'db.pgdump.zst')
	printf xxxxxxxx | dd of="$file" bs=1 seek=500000 conv=notrunc status=none
	pb 1 restore "$ID"
	[ "$(sql 1 "$NAME" <<<'select sum(amount) from acct_b')" = 10000 ]
}

late_is_not_read() {
	setup
	component "$P1" "'$P2'" "replica: required" "max-lag: 2"
	sql 2 <<<'select pg_wal_replay_pause()'
	sql 1 "$NAME" <<<"set role u$_number; create table more as select 1"
	sleep 3
	local status=0
	"$PB" -c config.yaml create >out 2>err || status=$?
	sed -i 's/replica: required/replica: preferred/' config.yaml
	# judged below, when the standby goes on whatever came of it
	"$PB" -c config.yaml create >out2 2>err2 || true
	sql 2 <<<'select pg_wal_replay_resume()'
	[ $status = 1 ]
	contains err 'no non-primary unit: scale' "$P2: replica"
	contains err2 "read from the primary '$P1'" 'ok, 1 objects'
	within 20 reached
}

one_unit() {
	setup
	component "$P1" ""
	create
	contains err 'no other unit is configured'
	echo "    replica: required" >>config.yaml
	fails 'no non-primary unit: scale'
}

faults() {
	setup
	component "$P1" "'$P2'"
	create
	cp config.yaml good.yaml
	sed -i 's/password: .*/password: wrong/' config.yaml
	fails 'user or password is wrong'
	cp good.yaml config.yaml
	sed -i 's/database: .*/database: nothing_here/' config.yaml
	fails "no database 'nothing_here'"
	cp good.yaml config.yaml
	sed -i "s/$P1/127.0.0.1:1/; s/$P2/127.0.0.1:2/" config.yaml
	fails 'cannot be reached' '127.0.0.1:1' '127.0.0.1:2'
	cp good.yaml config.yaml
	sed -i "s/primary: .*/primary: '$P2'/" config.yaml
	pb 1 restore "$ID"
	contains err 'no unit takes writes'
	cp good.yaml config.yaml
	pb 1 restore "$ID" --to db=not_ours
	contains err "cannot make database 'not_ours'"
	sql 1 "$NAME" <<<'create unlogged table fast(i int)'
	sql 1 "$NAME" <<<"alter table fast owner to u$_number"
	within 20 reached
	pb 3 create
	contains err 'unlogged tables' fast
	sql 1 "$NAME" <<<'create table secret(i int)'
	within 20 reached
	pb 1 create
	contains err 'permission denied for table secret'
	mkdir bin
	printf '#!/bin/sh\necho "pg_dump (PostgreSQL) 9.6.24"\n' >bin/pg_dump
	chmod +x bin/pg_dump
	PATH=$T/bin:$PATH pb 1 create
	contains err '9.6.24 is too old' 'install the package postgresql-client-'
	rm bin/pg_dump
	not env PATH="$T/bin" "$PB" -c config.yaml create >out 2>err
	contains err 'is not installed: install the package postgresql-client'
}

tls() {
	setup
	component "$P1" "'$P2'" "tls-ca-chain-file: $DB/ca.pem" "tls: true"
	create
	sql 2 <<<'select 1' >/dev/null
	server_certificate "$T/other"
	sed -i "s#tls-ca-chain-file: .*#tls-ca-chain-file: $T/other/ca.pem#" \
	    config.yaml
	fails 'TLS failed'
}

secret() {
	setup
	component "$P1" "'$P2'"
	background watcher bash -c 'while :; do
		cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\0" "\n" >>cmdlines
	done'
	create
	pb 0 restore "$ID"
	kill -KILL "$CHILD"
	grep -q pg_dump cmdlines
	find repository scratch -name '*.zst' -exec zstd -qkd {} +
	not grep -raF -- "$PASSWORD" cmdlines out err repository scratch
}

by_hand() {
	setup
	component "$P1" "'$P2'"
	create
	awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 } on' \
	    repository/*/sets/*/RESTORE.md >restore.sh
	(cd repository/test && out=$T/hand sh "$T/restore.sh")
	sql 1 <<<'create database by_hand'
	PGPASSWORD=$(server_get "$DB" super) pg_restore --no-owner --no-acl \
	    --single-transaction -h 127.0.0.1 -p "${P1#*:}" -U postgres \
	    -d by_hand hand/db.pgdump
	sum_holds by_hand
}

# the last: there are two primaries then
promoted() {
	setup
	component "$P1" "'$P2'"
	printf 'limits:\n  bandwidth: 2M\n' >>config.yaml
	: >"$DB/server2.out"
	background create "$PB" -c config.yaml create --json
	within 20 grep -q 'COPY public.ballast.*TO stdout' "$DB/server2.out"
	sql 2 <<<'select pg_promote()'
	within 60 bash -c "! kill -0 $CHILD"
	contains create.err 'became the primary while it was read'
	ID=$(jq -r '."backup-id"' create.out)
	facts '.role == "replica" and ."role-after" == "primary"'
	pb 1 restore "$ID"
	contains err 'are two servers that both take writes'
}

it 'reads the standby, while others write' from_the_standby
it 'restores in place, with owners and grants' in_place
it 'changes nothing when a restore breaks' restore_breaks
it 'does not read a standby that is late' late_is_not_read
it 'reads the only unit, unless a replica is required' one_unit
it 'says what is wrong before anything is written' faults
it 'checks certificates' tls
it 'keeps the password out of arguments, messages and repository' secret
it 'can be restored by hand' by_hand
it 'notes that a standby was promoted while it was read' promoted
done_testing
