# shellcheck shell=bash
# juju_platform.sh - a unit of the charm that has a small platform to save, for
# integration tests.
#
#   deploy               make and relate it; $B is what is saved, $R keeps it,
#                        mlmd.db is a component as well
#   backup [KEY=VALUE]   the action create-backup; $ID is the set's
#   result_is EXPRESSION true of the last action's "result"
# shellcheck disable=SC2034,SC2154

# a unit that is related to everything; $B is what is saved, $R keeps it
deploy() {
	local address
	B=$(bucket_name src) R=$(bucket_name repo)
	address=$(server_get "$SOURCE" endpoint)
	address=${address#http://}
	sqlite3 mlmd.db 'create table t(x); insert into t values (1), (2)'
	s3_source mb "$B"
	s3_source fill "$B" 20 10 3000
	juju_new
	juju_edit '.config = {"object-store-bucket-name": $b, "components":
	    "[{name: mlmd, type: sqlite, path: \($dir)/mlmd.db}]"} |
	    .storage = {"scratch/0": "\($dir)/scratch"}' \
	    --arg b "$B" --arg dir "$T"
	S3=(endpoint="$(server_get "$REPO" endpoint)" bucket="$R" path=/juju/
	    access-key="$(server_get "$REPO" access)"
	    secret-key="$(server_get "$REPO" secret)" s3-uri-style=path
	    region=us-east-1)
	MINIO=(access-key="$(server_get "$SOURCE" access)" namespace=null
	    port="${address#*:}" secret-key="$(server_get "$SOURCE" secret)"
	    secure=false service="${address%:*}")
	relate "${PROVIDER:-s3-v1}" s3-parameters:1 "${S3[@]}"
	relate minio object-storage:2 "${MINIO[@]}"
	status_is active 'ready, no backup yet'
}

backup() {
	action create-backup "$@"
	ID=$(jq -r '.results."backup-id"' done.json)
}

result_is() {
	jq -r .results.result done.json >result.json
	json result.json "$@"
}
