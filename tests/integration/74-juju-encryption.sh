#!/usr/bin/env bash
# The charm encrypts to recipients, and reads with an identity that is a secret
# of the model, against real servers and a fake Juju.
. "${0%/*}/../lib/harness.sh"
. "$TOP/tests/lib/juju.sh"
. "$TOP/tests/lib/juju_platform.sh"
requires age jq sqlite3

SECRET=d2kd8g7mp25c7d4a6b1g

# a unit that encrypts, and has no identity
deploy_encrypted() {
	deploy
	"$PB" keygen --output key.txt 2>/dev/null
	RECIPIENT=$(age-keygen -y key.txt)
	juju_edit '.config."encryption-recipients" = $r' --arg r "$RECIPIENT"
	hook config-changed
	status_is active 'ready, no backup yet'
}

# as "juju add-secret", and "juju config"; the rest of the map is the secret's
give_identity() {
	juju_edit '.secrets[$id] = {"owner": "model", "revisions":
	    [{"identity": $text}]} + $more |
	    .config."encryption-identity" = "secret:" + $id' --arg id "$SECRET" \
	    --rawfile text key.txt --argjson more "$1"
	hook config-changed
}

# FILE ENDING: as it is stored
stored() {
	local key
	key=$(s3_repo ls "$R" juju/kubeflow/sets/ | jq -r .key |
	    grep -F "/$ID-" | grep "$2\$")
	s3_repo get "$R" "$key" >"$1"
}

nobody_reads_without_the_secret() {
	deploy_encrypted
	backup
	done_is '.results."backup-status" == "finished"'
	local first=$ID
	sleep 1
	backup
	# the copies of the inventories in the storage of the unit
	result_is '.parent == $first and .components[1]."new-objects" == 0' \
	    --arg first "$first"
	stored mlmd.age 'mlmd.sqlite.zst.age'
	age -d -i key.txt mlmd.age | zstd -dc | head -c 15 |
	    grep -q '^SQLite format 3'
	action list-backups
	done_is '.results.backups | contains($id)' --arg id "$ID"
	action verify-backup backup-id=latest read=all
	sqlite3 mlmd.db 'delete from t'
	action_fails "option 'encryption-identity'" restore backup-id=latest
	done_is '.message | contains("is encrypted") and contains($r)' \
	    --arg r "$RECIPIENT"
	action_fails "option 'encryption-identity'" drill
	[ "$(sqlite3 mlmd.db 'select count(*) from t')" = 0 ]
}

the_secret_restores() {
	deploy_encrypted
	backup
	s3_source dump "$B" >before
	s3_source empty "$B"
	sqlite3 mlmd.db 'delete from t'
	give_identity '{"grants": ["platform-backup"]}'
	status_is active "last backup $ID finished, 1 set"
	action restore backup-id="$ID"
	done_is '.results."restore-status" == "finished"'
	[ "$(sqlite3 mlmd.db 'select count(*) from t')" = 2 ]
	s3_source dump "$B" >after
	same before after
	action drill
	action show-backup backup-id=latest
	done_is '.results.backup | contains($r)' --arg r "$RECIPIENT"
	# the identity is nowhere in what the charm says or keeps
	lacks done.json "$(grep AGE-SECRET key.txt)"
	juju_edit 'del(.secrets)'
	lacks juju.json "$(grep AGE-SECRET key.txt)"
}

says_what_is_wrong_with_the_secret() {
	deploy_encrypted
	backup
	give_identity '{"grants": []}'
	status_is blocked "juju grant-secret secret:$SECRET platform-backup"
	action_fails "juju grant-secret secret:$SECRET platform-backup" \
	    restore backup-id=latest
	give_identity '{"grants": ["platform-backup"],
	    "revisions": [{"key": "x"}]}'
	action_fails "has no key 'identity'" restore backup-id=latest
	"$PB" keygen --output other.txt 2>/dev/null
	mv other.txt key.txt
	give_identity '{"grants": ["platform-backup"]}'
	action_fails "none of the identities given" restore backup-id=latest
}

does_not_go_on_in_the_clear() {
	deploy_encrypted
	backup
	juju_edit 'del(.config."encryption-recipients")'
	hook config-changed
	action_fails 'encryption' create-backup
	juju_edit '.config."encryption-recipients" = "none"'
	hook config-changed
	sleep 1
	backup
	stored mlmd.zst 'mlmd.sqlite.zst'
	zstd -qd mlmd.zst -o mlmd.db.stored
	[ "$(head -c 15 mlmd.db.stored)" = 'SQLite format 3' ]
}

it 'encrypts, and restores nothing without the identity' \
    nobody_reads_without_the_secret
it 'restores with the identity in a secret' the_secret_restores
it 'says what is wrong with the secret' says_what_is_wrong_with_the_secret
it 'does not go on in the clear by itself' does_not_go_on_in_the_clear
done_testing
