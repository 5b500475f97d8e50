#!/usr/bin/env bash
# Hooks of the charm: what it tells related charms, and what its status says.
. "${0%/*}/../lib/harness.sh"
. "$TOP/tests/lib/juju.sh"
requires jq

S3=(endpoint=http://127.0.0.1:9 access-key=AKIDHERE secret-key=KEEPMEQUIET)
MINIO=(access-key=minio namespace=kubeflow port=9000 secret-key=\'0123\'
    secure=false service=minio)

deploy() {
	juju_new "${1:-{\}}"
	hook install
}

ours() {
	juju_is '.relations[$id]."own-app-data" == ($want | fromjson)' \
	    --arg id "$1" --arg want "$2"
}

SECRETS='"requested-secrets":"[\"access-key\", \"secret-key\"]"'

says_what_is_missing() {
	deploy
	status_is blocked 'juju integrate platform-backup s3-integrator'
	hook leader-elected
	hook config-changed
	hook start
	status_is blocked 'juju integrate platform-backup s3-integrator'
	juju_is '.version | test("^[0-9]+\\.[0-9]+")'
	relate s3-v1 s3-parameters:1 "${S3[@]}" bucket=backups
	status_is blocked 'juju integrate platform-backup minio'
	relate minio object-storage:2 "${MINIO[@]}"
	status_is active 'ready, no backup yet'
	hook update-status
	status_is active 'ready, no backup yet'
}

v1_provider() {
	deploy
	provider s3-v1 s3-parameters:1 created
	hook s3-parameters-relation-created --relation s3-parameters:1
	ours s3-parameters:1 "{$SECRETS,\"version\":\"1\"}"
	juju_is '.relations[]."own-unit-data" | has("requested-secrets")'
	status_is waiting 's3-integrator to give its keys'
	settle s3-v1 s3-parameters:1 "${S3[@]}"
	status_is blocked "no bucket name: set option 'bucket'"
	juju_is '.relations[].made == []'
	settle s3-v1 s3-parameters:1 "${S3[@]}" bucket=backups
	status_is blocked 'nothing to save'
	ours s3-parameters:1 "{$SECRETS,\"version\":\"1\"}"
	juju_is '.secrets[].labels["platform-backup/0"] == "s3.1"'
}

v1_provider_makes_our_bucket() {
	deploy '{"config": {"bucket": "mine", "path": "deep"}}'
	relate s3-v1 s3-parameters:1 "${S3[@]}"
	ours s3-parameters:1 \
	    "{$SECRETS,\"version\":\"1\",\"bucket\":\"mine\",\"path\":\"deep\"}"
	juju_is '.relations[] | .made == ["mine"] and
	    ."app-data".bucket == "mine" and ."app-data".path == "deep"'
	status_is blocked 'nothing to save'
	juju_edit '.config = {}'
	hook config-changed
	ours s3-parameters:1 "{$SECRETS,\"version\":\"1\"}"
}

v0_provider() {
	deploy
	relate s3-v0 s3-parameters:3 "${S3[@]}"
	ours s3-parameters:3 \
	    "{$SECRETS,\"version\":\"1\",\"bucket\":\"relation-3\"}"
	juju_is '.relations[]."app-data" | .bucket == "relation-3" and
	    ."access-key" == "AKIDHERE"'
	status_is blocked "no bucket name: set option 'bucket'"
	settle s3-v0 s3-parameters:3 "${S3[@]}" bucket=backups
	status_is blocked 'nothing to save'
}

v0_provider_with_our_bucket() {
	deploy '{"config": {"bucket": "mine"}}'
	relate s3-v0 s3-parameters:3 "${S3[@]}"
	juju_is '.relations[]."app-data".bucket == "mine"'
	status_is blocked 'nothing to save'
}

secret_comes_later() {
	deploy
	provider s3-v1 s3-parameters:1 created
	hook s3-parameters-relation-created --relation s3-parameters:1
	provider s3-v1 s3-parameters:1 changed "${S3[@]}" bucket=backups
	juju_edit '.secrets[].grants = []'
	hook s3-parameters-relation-changed --relation s3-parameters:1
	status_is waiting 'the secret of relation s3-parameters:1'
	juju_edit '."juju-version" = "4.0.1"'
	hook update-status
	status_is waiting 'the secret of relation s3-parameters:1'
	juju_edit '.secrets[].grants = ["platform-backup"]'
	hook secret-changed --secret "$(jq -r '.secrets | keys[0]' juju.json)"
	status_is blocked 'nothing to save'
}

minio_is_told_at_once() {
	deploy '{"leader": true}'
	provider minio object-storage:2 created
	hook object-storage-relation-created --relation object-storage:2
	ours object-storage:2 '{"_supported_versions":"- v1\n"}'
	provider minio object-storage:2 changed "${MINIO[@]}"
}

# what others wait for is written whatever else is wrong
minio_is_told_whatever_else() {
	deploy '{"config": {"components": "{not a list"}}'
	status_is blocked "charm option 'components'"
	provider minio object-storage:2 created
	hook object-storage-relation-created --relation object-storage:2
	ours object-storage:2 '{"_supported_versions":"- v1\n"}'
}

other_units_write_nothing() {
	deploy '{"leader": false, "unit": "platform-backup/1"}'
	provider s3-v1 s3-parameters:1 created
	provider minio object-storage:2 created
	for end in s3-parameters:1 object-storage:2; do
		hook "${end%:*}-relation-created" --relation "$end"
		hook "${end%:*}-relation-joined" --relation "$end"
		hook "${end%:*}-relation-changed" --relation "$end"
	done
	ours s3-parameters:1 '{}'
	ours object-storage:2 '{}'
	done_is '[.calls[] | select(.[0] == "relation-set")] == []'
	status_is waiting 's3-integrator to give its keys'
	juju_edit '.leader = true'
	hook leader-elected
	ours object-storage:2 '{"_supported_versions":"- v1\n"}'
	ours s3-parameters:1 "{$SECRETS,\"version\":\"1\"}"
}

source_is_another_s3() {
	deploy
	relate s3-v1 s3-parameters:1 "${S3[@]}" bucket=backups
	provider s3-v1 s3-source:4 created
	hook s3-source-relation-created --relation s3-source:4
	status_is waiting 's3-integrator to give its keys to relation s3-source:4'
	settle s3-v1 s3-source:4 "${S3[@]}"
	juju_is '.relations["s3-source:4"].made == []'
	status_is active 'ready'
}

mistakes_are_named() {
	deploy '{"config": {"components": "- {name: a, type: sqlite}"}}'
	relate s3-v1 s3-parameters:1 "${S3[@]}" bucket=backups
	status_is blocked "charm option 'components':1: 'path' is missing"
	juju_edit '.config.components =
	    "[{name: mlpipeline, type: sqlite, path: /x}]"'
	hook config-changed
	status_is active ready
	relate minio object-storage:2 "${MINIO[@]}"
	status_is blocked "two components have the name 'mlpipeline'"
}

relation_goes() {
	deploy
	relate s3-v1 s3-parameters:1 "${S3[@]}" bucket=backups
	relate minio object-storage:2 "${MINIO[@]}"
	juju_edit '.state["last-backup"] = "last backup x finished, 3 sets"'
	hook update-status
	status_is active 'last backup x finished, 3 sets'
	hook s3-parameters-relation-departed --relation s3-parameters:1 \
	    --unit s3-integrator/0 --departing s3-integrator/0
	hook s3-parameters-relation-broken --relation s3-parameters:1
	status_is blocked 'no place for backups'
	juju_is '.state["last-backup"] == ""'
	hook object-storage-relation-broken --relation object-storage:2
	hook stop
	hook remove
}

unreadable_bag_is_empty() {
	deploy
	provider s3-v1 s3-parameters:1 created
	juju_edit '.relations[].unreadable = true'
	hook s3-parameters-relation-created --relation s3-parameters:1
	status_is waiting 's3-integrator to give its keys'
}

unknown_hook_is_done() {
	mkdir -p charm
	cp -r "$CHARM"/{hooks,*.yaml} charm/
	ln -s "$CHARM/bin" charm/bin
	cp charm/hooks/start charm/hooks/secret-expired
	CHARM=$T/charm
	juju_new
	hook secret-expired
	done_is '.calls == [] and .log == [] and .stdout == ""'
}

without_juju_it_is_an_error() {
	local status=0
	env -i PATH="$PATH" JUJU_DISPATCH_PATH=hooks/install "$PB" \
	    >out 2>err || status=$?
	[ $status -eq 1 ]
	contains err "only Juju can run this"
}

arguments_win_over_the_environment() {
	JUJU_DISPATCH_PATH=hooks/install "$PB" version >out
	contains out platform-backup
}

secrets_stay_secret() {
	deploy
	relate s3-v0 s3-parameters:1 "${S3[@]}" bucket=backups
	relate minio object-storage:2 "${MINIO[@]}"
	lacks done.json KEEPMEQUIET
	jq '{state, status, own: [.relations[] | ."own-app-data",
	    ."own-unit-data"]}' juju.json >kept
	lacks kept KEEPMEQUIET
	lacks kept 0123
}

it 'says what is missing, one thing after the other' says_what_is_missing
it 'talks to s3-integrator of track 2' v1_provider
it 'lets s3-integrator of track 2 make its own bucket' \
    v1_provider_makes_our_bucket
it 'talks to s3-integrator of track 1' v0_provider
it 'keeps its own bucket with track 1' v0_provider_with_our_bucket
it 'waits for a secret that is granted later' secret_comes_later
it 'tells MinIO its versions as soon as they are related' \
    minio_is_told_at_once
it 'tells MinIO its versions whatever else is wrong' \
    minio_is_told_whatever_else
it 'writes nothing from a unit that is not the leader' \
    other_units_write_nothing
it 'saves a bucket of another S3' source_is_another_s3
it 'names a mistake in options' mistakes_are_named
it 'notices that a relation goes' relation_goes
it 'takes a bag that it may not read for an empty one' \
    unreadable_bag_is_empty
it 'does nothing in a hook that it does not know' unknown_hook_is_done
it 'says that it needs Juju' without_juju_it_is_an_error
it 'is a command line where it gets arguments' \
    arguments_win_over_the_environment
it 'keeps secrets out of messages and of what it writes' secrets_stay_secret
done_testing
