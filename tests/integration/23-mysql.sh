#!/usr/bin/env bash
# MariaDB: a primary, a replica and one that is an hour late, while others
# write; every fault that can be had, and what is said of it.
# shellcheck disable=SC2154  # the number of a test is the harness's
. "${0%/*}/../lib/harness.sh"
. "$TOP/tests/lib/databases.sh"
requires mariadbd mariadb-dump zstd jq python3

DB=$WORK/mariadb
PASSWORD="p#w\"d\\'$(_server_word 12)"
trap 'database_stop "$DB"; _children_end "$WORK"/*/children' EXIT
sql() {
	mariadb_sql "$DB" "$@"
}

# users that all servers have: the late one hears of nothing for an hour
users() {
	local n
	for n in $(seq 30); do
		cat <<-SQL
		create user u$n@'%' identified by '${PASSWORD//[\\\']/\\&}';
		grant all on ml_$n.* to u$n@'%';
		SQL
	done
}

if ! mariadb_start "$DB" "$(users)"; then
	echo "FAILED - $SCRIPT: MariaDB did not start"
	tail -n 5 "$DB"/*.out "$DB/install.log"
	echo "0 passed, 1 failed"
	exit 1
fi
P1=127.0.0.1:$(database_port "$DB" 1)
P2=127.0.0.1:$(database_port "$DB" 2)
P3=127.0.0.1:$(database_port "$DB" 3)

# a database of the test's own in $NAME, with a user that has no other
setup() {
	NAME=ml_$_number
	sql 1 <<<"create database $NAME character set utf8mb4"
	database_bank mysql | sql 1 "$NAME"
	repository_dir "$T/repository"
	within 20 reached
}

# the replica has what the primary has
reached() {
	local at
	at=$(sql 1 <<<'select @@gtid_current_pos')
	[ "$(sql 2 <<<"select master_gtid_wait('$at', 10)")" = 0 ]
}

# component PRIMARY [REPLICA,...] [MORE LINES]
component() {
	{
		echo "  - name: kfp-db"
		echo "    type: mysql"
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
	background writer bash -c '. "$1/tests/lib/databases.sh"
	    database_writer | mariadb --no-defaults -uroot -S "$2/socket1" "$3"' \
	    bash "$TOP" "$DB" "$NAME"
}

facts() {
	pb 0 show "$ID" --json
	json "$T/out" ".components[0].mysql | $1" "${@:2}"
}

# the sum holds in database $1 of the primary
sum_holds() {
	[ "$(sql 1 "$1" <<<"$DATABASE_SUM")" = 4000000 ]
}

# the only component fails, saying all of that; there is no set to restore
fails() {
	pb 1 create
	contains err "$@"
	[ -z "$(ls -A scratch)" ]
}

from_the_replica() {
	setup
	component "$P1" "'$P2', '$P3'"
	writers
	pb 0 check
	contains out "$P1: primary" "$P2: replica" "$P3: replica, behind" \
	    "from replica $P2"
	: >"$DB/general1.log"
	create
	facts '.unit == $p and .role == "replica" and ."role-after" == "replica"
	    and (."position-before" | length > 3) and ."lag-seconds" < 10
	    and (.candidates | length == 3)' --arg p "$P2"
	lacks "$DB/general1.log" SQL_NO_CACHE
	grep -q 'SQL_NO_CACHE.*acct_a' "$DB/general2.log"
	sql 1 <<<"grant all on copy_$NAME.* to u$_number@'%'"
	pb 0 restore "$ID" --to "kfp-db=copy_$NAME"
	sum_holds "copy_$NAME"
	[ "$(sql 1 "copy_$NAME" <<<'select count(*) from ballast')" = 6000 ]
}

late_is_not_read() {
	setup
	component "$P1" "'$P3'" "replica: required"
	fails 'no non-primary unit: scale' 'to 2 units' "$P3: replica, behind"
	sed -i 's/replica: required/replica: preferred/' config.yaml
	create
	contains err "read from the primary '$P1'"
	facts '.role == "primary"'
	pb 0 show "$ID"
	contains out "read from the primary '$P1'"
}

one_unit() {
	setup
	component "$P1" ""
	create
	contains err 'no other unit is configured'
	sed -i '/replicas/d' config.yaml
	echo "    replica: required" >>config.yaml
	fails 'no non-primary unit: scale it to 2 units'
}

# the name of a Service leads to the application; here nothing answers there
stopped_replica() {
	setup
	sql 2 <<<'stop slave'
	component "$P1" "'$P2'" "replica: required"
	sql 1 "$NAME" <<<'insert into ballast values (100000, 1)'
	fails "$P2: replica, behind"
	sql 2 <<<'start slave'
	within 20 reached
	create
}

killed_in_the_middle() {
	setup
	component "$P1" "'$P2'"
	printf 'limits:\n  bandwidth: 2M\n' >>config.yaml
	: >"$DB/general2.log"
	background create "$PB" -c config.yaml create --json
	within 20 grep -q 'SQL_NO_CACHE.*ballast' "$DB/general2.log"
	database_kill "$DB" 2
	within 30 bash -c "! kill -0 $CHILD"
	_mariadb_server "$DB" 2 --read-only
	contains create.err 'the server went away'
	pb 0 list --json
	json out '[.[] | select(."backup-status" == "finished")] | length == 0'
	# it may have been started with the server; what counts is the next line
	sql 2 <<<'start slave' || true
	within 20 reached
}

in_place() {
	setup
	sql 1 "$NAME" <<-'SQL'
	set global log_bin_trust_function_creators=1;
	create view sums as select sum(amount) from acct_a;
	create trigger t before update on ballast for each row set new.pad = 'x';
	create event e on schedule every 1 day do select ' DISABLE ON SLAVE ';
	create function f() returns int deterministic return 7;
	SQL
	within 20 reached
	component "$P1" "'$P2'"
	pb 1 create
	contains err "may not read the body of FUNCTION 'f'" SHOW_ROUTINE
	sql 1 <<<"grant select on mysql.proc to u$_number@'%'"
	within 20 reached
	create
	sql 1 "$NAME" <<-'SQL'
	update acct_a set amount = 0;
	drop event e;
	create table later(i int);
	SQL
	pb 0 restore "$ID" --dry-run
	[ "$(sql 1 "$NAME" <<<'select sum(amount) from acct_a')" = 0 ]
	pb 0 restore "$ID"
	sum_holds "$NAME"
	[ -z "$(sql 1 "$NAME" <<<"show tables like 'later'")" ]
	[ "$(sql 1 "$NAME" <<<'select * from sums')" = 2000000 ]
	[ "$(sql 1 "$NAME" <<<'select f()')" = 7 ]
	[ "$(sql 1 <<<"select status from information_schema.events where
	    event_schema = '$NAME'")" = ENABLED ]
	sql 1 "$NAME" <<<'show triggers' >triggers
	grep -q ballast triggers
	# and back again, with the command that it names
	local file
	file=$(echo scratch/kfp-db-before-restore-*.sql.zst)
	[ "$(stat -c %a "$file")" = 600 ]
	contains err "$T/$file" 'zstd -dc'
	grep -o "zstd -dc.*" err | tail -n 1 | sed 's/ -p / /' >back.sh
	MYSQL_PWD=$PASSWORD bash back.sh
	[ "$(sql 1 "$NAME" <<<'select sum(amount) from acct_a')" = 0 ]
	rm scratch/*
	echo "    safety-dump: false" >>config.yaml
	pb 0 restore "$ID"
	sum_holds "$NAME"
	[ -z "$(ls -A scratch)" ]
	sql 1 <<<'set global log_bin_trust_function_creators=0'
	sql 1 "$NAME" <<<'update acct_a set amount = 1'
	pb 1 restore "$ID"
	contains err log_bin_trust_function_creators
	[ "$(sql 1 "$NAME" <<<'select sum(amount) from acct_a')" = 2000 ]
}

restore_breaks() {
	setup
	component "$P1" "'$P2'"
	create
	sql 1 "$NAME" <<<'update acct_b set amount = 5'
	printf 'limits:\n  bandwidth: 1M\n' >>config.yaml
	: >"$DB/general1.log"
	background restore "$PB" -c config.yaml restore "$ID"
	within 20 grep -q 'INSERT INTO .ballast' "$DB/general1.log"
	sql 1 <<<"kill $(sql 1 <<<"select id from
	    information_schema.processlist where user = 'u$_number' limit 1")"
	within 30 bash -c "! kill -0 $CHILD"
	contains restore.err 'restored in part' 'went away' 'zstd -dc'
	grep -o 'zstd -dc.*' restore.err | tail -n 1 | sed 's/ -p / /' >back.sh
	MYSQL_PWD=$PASSWORD bash back.sh
	[ "$(sql 1 "$NAME" <<<'select sum(amount) from acct_b')" = 10000 ]
}

damaged_set() {
	setup
	component "$P1" "'$P2'"
	create
	local file
	file=$(find repository -name 'kfp-db.sql.zst')
	printf xxxxxxxx | dd of="$file" bs=1 seek=100000 conv=notrunc status=none
	sql 1 "$NAME" <<<'update acct_a set amount = 3'
	pb 1 restore "$ID"
	[ "$(sql 1 "$NAME" <<<'select sum(amount) from acct_a')" = 6000 ]
	[ -z "$(ls -A scratch)" ]
}

faults() {
	setup
	component "$P1" "'$P2'"
	cp config.yaml good.yaml
	sed -i 's/password: .*/password: wrong/' config.yaml
	fails 'user or password is wrong'
	lacks err wrong,
	cp good.yaml config.yaml
	sed -i 's/database: .*/database: nothing_here/' config.yaml
	fails "no database 'nothing_here'"
	cp good.yaml config.yaml
	sed -i "s/$P1/127.0.0.1:1/; s/$P2/127.0.0.1:2/" config.yaml
	fails 'cannot be reached' '127.0.0.1:1' '127.0.0.1:2'
	cp good.yaml config.yaml
	sed -i "s/replicas: .*/replicas: ['127.0.0.1:2']/" config.yaml
	create
	contains err "read from the primary '$P1'" 'does not answer'
	cp good.yaml config.yaml
	sed -i "s/primary: .*/primary: '$P2'/" config.yaml
	pb 1 restore "$ID"
	contains err 'no unit takes writes'
	cp good.yaml config.yaml
	sql 1 "$NAME" <<<'create table old(i int) engine=MyISAM'
	within 20 reached
	pb 3 create
	contains err "not in one snapshot with the rest: 'old' (MyISAM)"
	sql 1 <<<"revoke all on $NAME.* from u$_number@'%'; grant select on
	    $NAME.acct_a to u$_number@'%'"
	within 20 reached
	pb 1 create
	contains err 'grant the user'
	mkdir bin
	not env PATH="$T/bin" "$PB" -c config.yaml create >out 2>err
	contains err 'is not installed: install the package mariadb-client'
}

to_another() {
	setup
	component "$P1" "'$P2'"
	create
	pb 1 restore "$ID" --to kfp-db=not_ours
	contains err "cannot make database 'not_ours'" 'grant user'
	sql 1 <<<"grant all on \`odd\`\`name\`.* to u$_number@'%'"
	pb 0 restore "$ID" --to 'kfp-db=odd`name'
	sum_holds 'odd`name'
}

tls() {
	setup
	component "$P1" "'$P2'" "tls-ca-chain-file: $DB/ca.pem" "tls: true"
	sql 1 <<<"alter user u$_number@'%' require ssl"
	within 20 reached
	create
	sed -i '/tls/d' config.yaml
	echo "    tls: true" >>config.yaml
	create
	server_certificate "$T/other"
	echo "    tls-ca-chain-file: $T/other/ca.pem" >>config.yaml
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
	grep -q mariadb-dump cmdlines
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
	sql 1 by_hand <hand/kfp-db.sql
	sum_holds by_hand
}

it 'reads the replica that is up to date, while others write' from_the_replica
it 'does not read a replica that is an hour late' late_is_not_read
it 'reads the only unit, unless a replica is required' one_unit
it 'sees that replication stands still' stopped_replica
it 'says that the server went away in the middle' killed_in_the_middle
it 'restores in place, after a safety dump that can be put back' in_place
it 'names what puts the old database back when a restore breaks' restore_breaks
it 'changes nothing when the set is damaged' damaged_set
it 'says what is wrong before anything is written' faults
it 'restores into another database' to_another
it 'checks certificates' tls
it 'keeps the password out of arguments, messages and repository' secret
it 'can be restored by hand' by_hand
done_testing
