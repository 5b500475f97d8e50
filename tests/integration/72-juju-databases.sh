#!/usr/bin/env bash
# The charm's relations to database charms: what it asks for, what it reads.
. "${0%/*}/../lib/harness.sh"
. "$TOP/tests/lib/juju.sh"
requires jq

S3=(endpoint=http://127.0.0.1:9 access-key=AKIDHERE secret-key=KEEPMEQUIET
    bucket=backups)
DOMAIN=kubeflow.svc.cluster.local.
KFP=("endpoints=kfp-db-primary.$DOMAIN:3306"
    "read-only-endpoints=kfp-db-replicas.$DOMAIN:3306")
KATIB=(app=katib-db "endpoints=katib-db-primary.$DOMAIN:3306"
    "read-only-endpoints=katib-db-replicas.$DOMAIN:3306")
ASKED='["username", "password", "tls", "tls-ca", "uris", "read-only-uris"]'

# a unit with a place for its backups; made once, because hooks take a while
deploy() {
	if [ ! -f ../deployed.json ]; then
		juju_new
		hook install
		relate s3-v1 s3-parameters:1 "${S3[@]}"
		status_is blocked 'nothing to save'
		cp juju.json ../deployed.json
	fi
	cp ../deployed.json juju.json
}

# ID DATABASE: what the relation's bags must say; DATABASE "": none
asks_for() {
	juju_is '.relations[$id] | ."own-app-data" ==
	    ({"requested-secrets": $asked} +
	    if $db == "" then {} else {"database": $db} end) and
	    ."own-unit-data" == {"requested-secrets": $asked}' \
	    --arg id "$1" --arg db "$2" --arg asked "$ASKED"
}

asks_and_reads() {
	deploy
	provider mysql mysql:3 created
	hook mysql-relation-created --relation mysql:3
	asks_for mysql:3 mlpipeline
	done_is '[.calls[] | select(.[0] == "relation-set" and
	    (. | index("--app")) and (. | index("mysql:3")))] | length == 1'
	status_is waiting 'kfp-db to give an account to relation mysql:3'
	hook mysql-relation-joined --relation mysql:3 --unit kfp-db/0
	settle mysql mysql:3 "${KFP[@]}"
	asks_for mysql:3 mlpipeline
	juju_is '.relations["mysql:3"].made == ["mlpipeline"]'
	juju_is '[.secrets[] | select(.owner == "kfp-db") |
	    .labels["platform-backup/0"]] == ["mysql.secret-user.3"]'
	status_is active 'ready, no backup yet'
	hook update-status
	status_is active 'ready, no backup yet'
}

# neither password nor anything with a password in it
bag_has_no_secret() {
	deploy
	relate mysql mysql:3 "${KFP[@]}" password=KEEPMEQUIET
	status_is active ready
	jq '.relations["mysql:3"], .state, .status' juju.json >kept
	contains kept requested-secrets
	lacks kept KEEPMEQUIET
	lacks done.json KEEPMEQUIET
}

two_applications() {
	deploy
	relate mysql mysql:3 "${KFP[@]}"
	relate mysql mysql:4 "${KATIB[@]}"
	asks_for mysql:3 mlpipeline
	asks_for mysql:4 katib
	status_is active ready
	relate postgresql postgresql:5 "endpoints=db-primary.$DOMAIN:5432"
	status_is blocked "no database name for postgresql-k8s: set option 'databases'"
	asks_for postgresql:5 ''
	juju_is '.relations["postgresql:5"].made == []'
	juju_edit '.config.databases = "postgresql-k8s: registry"'
	hook config-changed
	asks_for postgresql:5 registry
	settle postgresql postgresql:5 "endpoints=db-primary.$DOMAIN:5432"
	juju_is '.relations["postgresql:5"].made == ["registry"]'
	status_is active ready
}

# each key alone, in each of several orders
any_order() {
	local order key
	deploy
	relate mysql mysql:3 "${KFP[@]}"
	cp juju.json whole.json
	for order in 'endpoints database secret-user' \
	    'secret-user data endpoints' \
	    'read-only-endpoints secret-user database endpoints'; do
		juju_edit '.relations["mysql:3"]."app-data" = {}'
		juju_edit '.status = ["waiting", ""]'
		for key in $order; do
			juju_edit '.relations["mysql:3"]."app-data"[$key] =
			    $whole[0].relations["mysql:3"]."app-data"[$key]' \
			    --arg key "$key" --slurpfile whole whole.json
			juju_is '.status[0] == "waiting"'
			hook mysql-relation-changed --relation mysql:3
		done
		status_is active ready
	done
}

hooks_in_any_order() {
	deploy
	provider mysql mysql:3 created
	hook mysql-relation-changed --relation mysql:3
	asks_for mysql:3 mlpipeline
	provider mysql mysql:3 changed "${KFP[@]}"
	hook mysql-relation-joined --relation mysql:3 --unit kfp-db/0
	status_is active ready
	hook mysql-relation-created --relation mysql:3
	hook leader-elected
	hook upgrade-charm
	asks_for mysql:3 mlpipeline
	status_is active ready
}

secret_is_granted_later() {
	deploy
	provider mysql mysql:3 created
	hook mysql-relation-created --relation mysql:3
	provider mysql mysql:3 changed "${KFP[@]}" tls=True
	juju_edit '(.secrets[] | select(.owner == "kfp-db")).grants = []'
	hook mysql-relation-changed --relation mysql:3
	status_is waiting 'the secret of relation mysql:3'
	juju_edit '."juju-version" = "4.0.1"'
	hook update-status
	status_is waiting 'the secret of relation mysql:3'
	juju_edit '(.secrets[] | select(.revisions[0] | has("username"))).grants =
	    ["platform-backup"]'
	hook update-status
	status_is waiting 'the secret of relation mysql:3'
	juju_edit '.secrets[].grants = ["platform-backup"]'
	hook secret-changed --secret "$(jq -r '.secrets | keys[0]' juju.json)"
	status_is active ready
}

account_in_plain_text() {
	deploy
	provider mysql mysql:3 created
	juju_edit '.relations["mysql:3"]."app-data" = {"username": "u",
	    "password": "p", "endpoints": "h.:3306", "database": "mlpipeline"}'
	hook mysql-relation-created --relation mysql:3
	status_is active ready
}

other_units_write_nothing() {
	deploy
	juju_edit '.leader = false | .unit = "platform-backup/1"'
	provider mysql mysql:3 created
	hook mysql-relation-created --relation mysql:3
	hook mysql-relation-joined --relation mysql:3 --unit kfp-db/0
	juju_is '.relations["mysql:3"] | ."own-app-data" == {} and
	    ."own-unit-data" == {}'
	done_is '[.calls[] | select(.[0] == "relation-set")] == []'
	status_is waiting 'kfp-db to give an account'
	juju_edit '.leader = true'
	hook leader-elected
	asks_for mysql:3 mlpipeline
	juju_edit '.leader = false'
	provider mysql mysql:3 changed "${KFP[@]}"
	hook mysql-relation-changed --relation mysql:3
	status_is active ready
}

subordinate() {
	deploy
	relate mysql mysql:3 "${KFP[@]}" subordinated=true
	status_is waiting 'a unit of kfp-db to be ready'
	settle mysql mysql:3 "${KFP[@]}" subordinated=true state=ready
	status_is active ready
}

certificate_of_the_server() {
	deploy
	relate mysql mysql:3 "${KFP[@]}" tls=True tls-ca=nonsense
	status_is blocked "relation mysql:3: 'tls-ca': "
	settle mysql mysql:3 "${KFP[@]}" tls=True tls-ca="$(
	    printf -- '-----BEGIN %s-----\nQQ==\n-----END %s-----' \
	        CERTIFICATE CERTIFICATE)"
	status_is active ready
}

relation_was_made_for_another_database() {
	deploy
	relate mysql mysql:3 "${KFP[@]}"
	juju_edit '.config.databases = "{kfp-db: other}"'
	hook config-changed
	settle mysql mysql:3 "${KFP[@]}"
	status_is blocked "relation mysql:3 is for database 'mlpipeline', not 'other'"
	juju_edit '.config.databases = "[kfp-db]"'
	hook config-changed
	status_is blocked "charm option 'databases':1: it must be a map"
}

relation_goes() {
	deploy
	relate mysql mysql:3 "${KFP[@]}"
	relate mysql mysql:4 "${KATIB[@]}"
	hook mysql-relation-departed --relation mysql:3 --unit kfp-db/0 \
	    --departing kfp-db/0
	status_is active ready
	hook mysql-relation-broken --relation mysql:3
	status_is active ready
	hook mysql-relation-broken --relation mysql:4
	status_is blocked 'nothing to save'
}

it 'asks for the database and reads its account' asks_and_reads
it 'leaves no password in a bag' bag_has_no_secret
it 'saves databases of several applications' two_applications
it 'takes the data in any order' any_order
it 'takes the hooks in any order' hooks_in_any_order
it 'waits for a secret that is granted later' secret_is_granted_later
it 'takes an account in plain text' account_in_plain_text
it 'writes nothing from a unit that is not the leader' \
    other_units_write_nothing
it 'waits for a subordinate to be ready' subordinate
it 'takes the certificate of the server' certificate_of_the_server
it 'says that a relation is for another database' \
    relation_was_made_for_another_database
it 'notices that a relation goes' relation_goes
done_testing
