#!/usr/bin/env bash
# MySQL with group replication.  Where none can be had this is skipped.
# shellcheck disable=SC2154  # the number of a test is the harness's
. "${0%/*}/../lib/harness.sh"
. "$TOP/tests/lib/databases.sh"
requires zstd jq python3
if ! mysql_fetch; then
	echo "skipped - $SCRIPT: no MySQL to be had here"
	echo "0 passed, 0 failed"
	exit 0
fi

DB=$WORK/mysql
trap 'database_stop "$DB"; _children_end "$WORK"/*/children' EXIT
if ! mysql_start "$DB"; then
	echo "FAILED - $SCRIPT: MySQL did not start"
	tail -n 5 "$DB"/*.out "$DB/install.log"
	echo "0 passed, 1 failed"
	exit 1
fi
mysql_programs "$WORK/bin"
P1=127.0.0.1:$(database_port "$DB" 1)
P2=127.0.0.1:$(database_port "$DB" 2)

setup() {
	NAME=ml_$_number
	mysql_sql "$DB" 1 <<<"create database $NAME; create user u$_number@'%'
	    identified with caching_sha2_password by 'p#1';
	    grant all on $NAME.* to u$_number@'%'"
	database_bank mysql | mysql_sql "$DB" 1 "$NAME"
	repository_dir "$T/repository"
	cat >>config.yaml <<-YAML
	  - {name: kfp-db, type: mysql, primary: '$P1', replicas: ['$P2'],
	     database: $NAME, username: u$_number, password: 'p#1'}
	YAML
	within 30 member
}

member() {
	[ "$(mysql_sql "$DB" 2 "$NAME" <<<'select count(*) from ballast')" = 6000 ]
}

round_trip() {
	setup
	create
	pb 0 show "$ID" --json
	json out '.components[0].mysql | .unit == $p and .role == "replica"' \
	    --arg p "$P2"
	mysql_sql "$DB" 1 "$NAME" <<<'update acct_a set amount = 0'
	pb 0 restore "$ID"
	[ "$(mysql_sql "$DB" 1 "$NAME" <<<"$DATABASE_SUM")" = 4000000 ]
}

with_its_own_tools() {
	PATH=$WORK/bin:$PATH
	round_trip
	contains "$T/repository/test/sets/"*/manifest.json 'mysqldump  Ver'
}

offline() {
	setup
	mysql_sql "$DB" 2 <<<'set global offline_mode=1'
	create
	contains err 'offline mode' "read from the primary '$P1'"
	mysql_sql "$DB" 2 <<<'set global offline_mode=0'
}

it 'saves from the secondary and restores, by MySQL'\''s tools' with_its_own_tools
it 'saves from the secondary and restores, by what tools there are' round_trip
it 'goes on where a unit is in offline mode' offline
done_testing
