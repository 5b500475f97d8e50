#!/usr/bin/env bash
# Actions of the charm, against real servers and a fake Juju.
. "${0%/*}/../lib/harness.sh"
. "$TOP/tests/lib/juju.sh"
. "$TOP/tests/lib/juju_platform.sh"
requires jq sqlite3

round_trip() {
	deploy
	backup label='before the upgrade'
	done_is '.results."backup-status" == "finished" and
	    (.results | has("stderr") or has("stdout") | not)'
	result_is '."backup-id" == $id and .label == "before the upgrade" and
	    ([.components[].name] == ["mlmd", $b]) and
	    .components[1].objects == 20' --arg id "$ID" --arg b "$B"
	done_is '[.statuses[] | .[0] + ": " + .[1]] | .[0] ==
	    "maintenance: creating backup" and
	    any(. == "maintenance: creating backup: mlmd") and
	    any(. == "maintenance: creating backup: " + $b)' --arg b "$B"
	done_is '[.log[] | select(.[0] == "ACTION")] | length == 2'
	status_is active "last backup $ID finished, 1 set"
	s3_repo ls "$R" juju/kubeflow/sets/ >stored
	grep -q manifest.json stored
	s3_source dump "$B" >before
	s3_source empty "$B"
	sqlite3 mlmd.db 'delete from t'
	action restore backup-id="$ID"
	done_is '.results."restore-status" == "finished" and
	    .results."backup-id" == $id' --arg id "$ID"
	result_is '.components | length == 2 and
	    (map(select(.name == $b))[0].written == 20)' --arg b "$B"
	[ "$(sqlite3 mlmd.db 'select count(*) from t')" = 2 ]
	s3_source dump "$B" >after
	same before after
	status_is active "last backup $ID finished, 1 set"
}

keys_of_track_1() {
	PROVIDER=s3-v0
	deploy
	backup
	action restore backup-id=latest dry-run=true
	done_is '.results."restore-status" == "dry run"'
}

lists() {
	deploy
	action list-backups
	done_is '.results.backups == $want and .results.json == "[]" and
	    (.results.note | contains("repository"))' --arg want "$(
	    printf '%s\n' 'backup-id             | backup-type  | backup-status' \
	        '----------------------------------------------------')"
	backup
	local first=$ID
	sleep 1
	backup full=true
	sleep 1
	backup label=third
	action list-backups
	jq -r .results.backups done.json >table
	printf '%-21s | %-12s | %s\n' "$first" full finished >row
	sed -n 3p table | same - row
	[ "$(wc -l <table)" = 5 ]
	[ "$(sed -n '5s/ .*//p' table)" = "$ID" ]
	jq -r .results.json done.json >list.json
	json list.json 'length == 3 and .[2].label == "third" and
	    .[2]."backup-id" == $id and .[1]."backup-type" == "full"' \
	    --arg id "$ID"
	done_is '.results | has("note") | not'
	action list-backups limit=1
	done_is '(.results.backups | split("\n") | length == 3) and
	    (.results.note | contains("2 older sets are left out"))'
	juju_edit '.state = {}'
	hook update-status
	status_is active 'ready, no backup yet'
	action list-backups
	status_is active "last backup $ID finished, 3 sets"
}

shows() {
	deploy
	backup
	action show-backup backup-id="$ID"
	done_is '.results.backup | contains($id) and contains("mlmd")' \
	    --arg id "$ID"
	result_is '."backup-status" == "finished"'
	action_fails "2001-01-01T00:00:00Z" show-backup \
	    backup-id=2001-01-01T00:00:00Z
}

checks() {
	deploy
	action check
	done_is '.results."check-status" == "ok" and
	    (.results.checks | contains("repository"))'
	action resume
	done_is '.results."resume-status" == "finished" and
	    (.results.workloads | contains("no component names a"))'
	result_is '.workloads == []'
	rm mlmd.db
	action_fails "mlmd: " check
	done_is '.results."check-status" == "failed"'
	result_is '.checks | any(.name == "mlmd" and .status == "failed")'
}

verifies_and_drills() {
	local ok
	deploy
	backup
	ok="last backup $ID finished, 1 set"
	action verify-backup backup-id="$ID" read=all
	done_is '.results."verify-status" == "ok" and
	    (.results.sets | contains($id))' --arg id "$ID"
	result_is '.sets[0] | ."all-read" and .problems == []'
	rm mlmd.db
	action drill
	done_is '.results."drill-status" == "ok" and
	    .results."backup-id" == $id and
	    (.results.drill | contains("integrity_check"))' --arg id "$ID"
	status_is active "$ok"
	s3_repo rm "$R" "$(s3_repo ls "$R" juju/kubeflow/sets/ |
	    jq -r .key | grep mlmd.sqlite)"
	action_fails "set $ID is damaged: mlmd: " verify-backup all=true
	done_is '.results."verify-status" == "damaged"'
	result_is '.sets[0].problems[0].component == "mlmd"'
	status_is active "$ok; a set is damaged"
	action_fails "set $ID: mlmd: " drill backup-id="$ID"
	done_is '.results."drill-status" == "failed"'
	status_is active "$ok; a set is damaged; a drill failed"
}

some_components() {
	deploy
	backup component=" mlmd , "
	result_is '[.components[].name] == ["mlmd"]'
	action_fails "no component 'other'" create-backup component=other
	s3_source mb "$B-2"
	backup
	action restore backup-id="$ID" to="$B=$B-2"
	result_is '[.components[].name] == [$b]' --arg b "$B"
	s3_source dump "$B" >one
	s3_source dump "$B-2" >two
	same one two
}

does_not_leave_out_what_waits() {
	deploy
	provider s3-v1 s3-source:5 created
	hook s3-source-relation-created --relation s3-source:5
	action_fails 's3-integrator to give its keys to relation s3-source:5' \
	    create-backup
	# the bucket may not have been made at all
	s3_repo ls "$R" >objects 2>&1 || true
	lacks objects manifest
	backup component=mlmd
	status_is waiting 's3-source:5'
}

unrelated_unit_says_what_to_do() {
	juju_new
	for name in create-backup list-backups check; do
		action_fails 'juju integrate platform-backup s3-integrator' \
		    "$name"
		status_is blocked 'juju integrate platform-backup'
	done
	action_fails 'juju integrate platform-backup s3-integrator' restore \
	    backup-id=latest
}

# a new unit next to the old sets, such as after a disaster
lists_without_components() {
	deploy
	backup
	juju_edit 'del(.relations["object-storage:2"]) |
	    .config.components = "" | .config.mlmd = ""'
	hook config-changed
	status_is blocked 'nothing to save'
	action list-backups
	done_is '.results.backups | contains($id)' --arg id "$ID"
	action show-backup backup-id="$ID"
	done_is '.results.backup | contains("mlmd")'
	action_fails 'nothing to save' create-backup
	action_fails 'no components are configured' create-backup \
	    component=mlmd
	action_fails "no component '$B' in the configuration" restore \
	    backup-id="$ID" component="$B"
	status_is blocked 'nothing to save'
}

failure_is_remembered() {
	deploy
	backup
	local good=$ID
	S3=("${S3[@]/secret-key=*/secret-key=wrongwrongwrong}")
	settle s3-v1 s3-parameters:1 "${S3[@]}"
	action_fails 'repository: ' create-backup
	done_is '.exit == 0'
	status_is active "last backup $good finished, 1 set; a backup failed at"
	S3=("${S3[@]/secret-key=*/secret-key=$(server_get "$REPO" secret)}")
	settle s3-v1 s3-parameters:1 "${S3[@]}"
	sleep 1
	backup
	juju_is '.status[1] == "last backup \($id) finished, 2 sets"' \
	    --arg id "$ID"
}

# a key that was rotated is read at the next use, with no hook in between
rotated_keys() {
	deploy
	juju_edit '.secrets[].revisions = [{"access-key": "old",
	    "secret-key": "old"}] + .secrets[].revisions |
	    .secrets[].pinned["platform-backup/0"] = 1'
	backup
}

incomplete_set_fails_the_action() {
	deploy
	rm mlmd.db
	mkdir mlmd.db
	action_fails "component 'mlmd' is failed" create-backup
	done_is '.exit == 0 and .results."backup-status" == "incomplete"'
	result_is '.components[1] | .status == "ok" and .objects == 20'
	status_is active "incomplete, 1 set"
}

secret_is_not_granted() {
	deploy
	juju_edit '.secrets[].grants = []'
	action_fails 'waiting for the secret of relation s3-parameters:1' \
	    create-backup
	status_is waiting 'the secret of relation s3-parameters:1'
}

cancelled() {
	deploy
	s3_source big "$B" large.bin 60000000 random
	juju_edit '.config.bandwidth = "2M"'
	_juju action create-backup --kill-after 6
	done_is '."action-status" == "aborted"'
	status_is maintenance 'creating backup'
	hook update-status
	status_is active 'ready, no backup yet'
	juju_edit '.config.bandwidth = ""'
	action list-backups
	done_is '.results.backups | contains("finished") | not'
	status_is active 'ready, no backup yet'
	backup
	status_is active "last backup $ID finished, 1 set"
}

other_units_may() {
	deploy
	juju_edit '.leader = false'
	backup
	status_is active "last backup $ID finished"
}

proxy_of_the_model() {
	deploy
	juju_edit '.environment = {"JUJU_CHARM_HTTP_PROXY":
	    "http://127.0.0.1:9"}'
	action_fails 'repository: ' create-backup
	juju_edit '.environment["JUJU_CHARM_NO_PROXY"] = "127.0.0.1"'
	backup
}

prunes() {
	deploy
	juju_edit '.config.retention = "{keep-last: 1}"'
	backup
	local first=$ID
	backup
	local second=$ID
	action prune dry-run=true
	done_is '.results."prune-status" == "dry run" and
	    (.results.sets | contains("no rule keeps it"))'
	action prune
	result_is '.marked == 1 and .sets[0].decision == "delete"'
	status_is active "last backup $second finished, 1 set"
	action list-backups
	done_is '.results.backups | contains("| deleted")'
	action hold-backup backup-id="$first"
	done_is '.results.held == "true" and .results."backup-id" == $id' \
	    --arg id "$first"
	status_is active "last backup $second finished, 2 sets"
	action_fails 'is held' delete-backup backup-id="$first"
	action release-backup backup-id="$first"
	action delete-backup backup-id="$first"
	done_is '.results."delete-status" == "marked" and
	    (.results."files-go" | fromdate) > now'
	action prune now=true
	result_is '."removed-sets" == 1'
	action_fails 'last finished set' delete-backup backup-id="$second" now=true
	action delete-backup backup-id="$second" now=true allow=last
	done_is '.results."delete-status" == "deleted"'
	status_is active 'ready, no backup yet'
	juju_edit '.config.retention = "{keep-last: x}"'
	action_fails "charm option 'retention'" prune
}

days_of_the_provider() {
	deploy
	relate s3-v1 s3-parameters:1 "${S3[@]}" delete-older-than-days=30
	backup
	action prune dry-run=true
	done_is '.results.sets | contains("newer than 30 days")'
}

it 'saves and restores a platform' round_trip
it 'works with s3-integrator of track 1' keys_of_track_1
it 'lists sets in the table of the database charms' lists
it 'shows a set' shows
it 'checks what it is related to, and resumes nothing' checks
it 'verifies and drills, and the status tells' verifies_and_drills
it 'saves and restores some components' some_components
it 'saves nothing while something is not there yet' \
    does_not_leave_out_what_waits
it 'says what to do where it is not related' unrelated_unit_says_what_to_do
it 'lists and shows sets where there is nothing to save' \
    lists_without_components
it 'shows that a backup failed until one succeeds' failure_is_remembered
it 'reads keys that were rotated' rotated_keys
it 'prunes, deletes, holds and releases' prunes
it 'keeps sets as long as s3-integrator says' days_of_the_provider
it 'fails where a component cannot be saved' incomplete_set_fails_the_action
it 'waits for a secret that is not granted' secret_is_not_granted
it 'leaves nothing behind when it is cancelled' cancelled
it 'works on a unit that is not the leader' other_units_may
it 'goes through the proxy of the model' proxy_of_the_model
done_testing
