#!/usr/bin/env bash
# Actions of a charm that is related to databases, against real servers.
. "${0%/*}/../lib/harness.sh"
. "$TOP/tests/lib/juju.sh"
. "$TOP/tests/lib/databases.sh"
requires jq mariadbd mariadb-dump "$POSTGRESQL_BIN/postgres" pg_dump setpriv

MY=$WORK/mariadb
# PostgreSQL's own user must reach its folder
PG=$(mktemp -d "${TMPDIR:-/tmp}/platform-backup-pg.XXXXXX")/pg
chmod 711 "${PG%/pg}"
PASSWORD="p#w:$(_server_word 12)"
trap 'database_stop "$MY"; database_stop "$PG"; rm -rf "${PG%/pg}"
    _children_end "$WORK"/*/children' EXIT

if ! mariadb_start "$MY" "
    create user 'relation-3'@'%' identified by '$PASSWORD';
    create user 'relation-4'@'%' identified by '$PASSWORD';
    grant all on mlpipeline.* to 'relation-3'@'%';
    grant all on katib.* to 'relation-4'@'%'"; then
	echo "FAILED - $SCRIPT: MariaDB did not start"
	echo "0 passed, 1 failed"
	exit 1
fi
if ! postgresql_start "$PG"; then
	echo "FAILED - $SCRIPT: PostgreSQL did not start"
	echo "0 passed, 1 failed"
	exit 1
fi

# a unit with a place for its backups
deploy() {
	R=$(bucket_name r)
	juju_new "{\"storage\": {\"scratch/0\": \"$T/scratch\"}}"
	hook install
	relate s3-v1 s3-parameters:1 \
	    endpoint="$(server_get "$REPO" endpoint)" bucket="$R" \
	    access-key="$(server_get "$REPO" access)" \
	    secret-key="$(server_get "$REPO" secret)" s3-uri-style=path \
	    region=us-east-1
}

# FOLDER KIND ID APP: relate to the servers there, with the dot of a Service
relate_to() {
	relate "$2" "$3" app="$4" password="$PASSWORD" tls=True \
	    tls-ca="$(cat "$1/ca.pem")" \
	    endpoints="127.0.0.1.:$(database_port "$1" 1)" \
	    read-only-endpoints="127.0.0.1.:$(database_port "$1" 2)"
}

backup() {
	action create-backup
	done_is '.results."backup-status" == "finished"'
	ID=$(jq -r '.results."backup-id"' done.json)
	jq -r .results.result done.json >result.json
}

# both replicas have what their primaries have
reached() {
	local at
	at=$(mariadb_sql "$MY" 1 <<<'select @@gtid_current_pos')
	[ "$(mariadb_sql "$MY" 2 <<<"select master_gtid_wait('$at', 10)")" = 0 ]
	at=$(postgresql_sql "$PG" 1 <<<'select pg_current_wal_lsn()')
	[ "$(postgresql_sql "$PG" 2 \
	    <<<"select pg_last_wal_replay_lsn() >= '$at'")" = t ]
}

fill() {
	local name
	for name in mlpipeline katib; do
		mariadb_sql "$MY" 1 <<<"create database $name"
		database_bank mysql | mariadb_sql "$MY" 1 "$name"
	done
	postgresql_sql "$PG" 1 <<-SQL
	create role "relation-5" login password '$PASSWORD';
	create database registry owner "relation-5";
	SQL
	{
		echo 'set role "relation-5";'
		database_bank postgresql
	} | postgresql_sql "$PG" 1 registry
	within 20 reached
}

round_trip() {
	local name key
	fill
	deploy
	juju_edit '.config.databases = "{postgresql-k8s: registry}"'
	relate_to "$MY" mysql mysql:3 kfp-db
	relate_to "$MY" mysql mysql:4 katib-db
	relate_to "$PG" postgresql postgresql:5 postgresql-k8s
	status_is active 'ready, no backup yet'
	action check
	backup
	json result.json '[.components[].name] |
	    sort == ["katib-db", "kfp-db", "postgresql-k8s"]'
	json result.json 'all(.components[]; .status == "ok")'
	lacks done.json "$PASSWORD"
	key=$(s3_repo ls "$R" kubeflow/sets/ | jq -r .key | grep manifest.json)
	s3_repo get "$R" "$key" >manifest.json
	json manifest.json \
	    'all(.components[]; (.mysql // .postgresql).role == "replica")'
	lacks manifest.json "$PASSWORD"
	for name in mlpipeline katib; do
		mariadb_sql "$MY" 1 "$name" \
		    <<<'drop table ballast; update acct_a set amount = 0'
	done
	postgresql_sql "$PG" 1 registry \
	    <<<'drop table ballast; update acct_a set amount = 0'
	action restore backup-id="$ID"
	done_is '.results."restore-status" == "finished"'
	for name in mlpipeline katib; do
		[ "$(mariadb_sql "$MY" 1 "$name" <<<"$DATABASE_SUM")" = 4000000 ]
		[ "$(mariadb_sql "$MY" 1 "$name" \
		    <<<'select count(*) from ballast')" = 6000 ]
	done
	[ "$(postgresql_sql "$PG" 1 registry <<<"$DATABASE_SUM")" = 4000000 ]
	[ "$(postgresql_sql "$PG" 1 registry \
	    <<<'select count(*) from ballast')" = 6000 ]
	status_is active "last backup $ID finished, 1 set"
}

wrong_password() {
	deploy
	PASSWORD=wrong-and-quiet
	relate_to "$MY" mysql mysql:3 kfp-db
	status_is active ready
	action_fails 'kfp-db: no unit can be read' check
	action_fails "component 'kfp-db': no unit can be read" create-backup
	lacks done.json wrong-and-quiet
}

it 'saves and restores the databases of its relations' round_trip
it 'says that an account does not work' wrong_password
done_testing
