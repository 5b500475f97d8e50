#!/usr/bin/env bash
# Servers that refuse, lie or are not there: said in words, nothing written.
. "${0%/*}/../lib/harness.sh"
requires jq python3 sqlite3

# a database as the component, a bucket as the repository: in $B
setup() {
	sqlite3 mlmd.db 'create table t(x); insert into t values (1)'
	B=$(bucket_name)
	repository_s3 "$B" "${1:-}"
	component_sqlite mlmd "$T/mlmd.db"
}

# replace the value of a key in config.yaml (its first place)
set_key() {
	python3 - "$1" "$2" <<-'PY'
	import re, sys
	text = open("config.yaml").read()
	text = re.sub(r"(?m)^( *%s:).*" % sys.argv[1],
	              lambda m: m.group(1) + " " + sys.argv[2], text, count=1)
	open("config.yaml", "w").write(text)
	PY
}

fails() {
	local status=$1
	shift
	pb "$status" create
	[ ! -s out ] || lacks out finished
	contains err "$@"
}

wrong_keys() {
	setup
	set_key secret-key wrongwrongwrongwrong
	fails 1 "secret"
	lacks err wrongwrongwrongwrong
	set_key access-key AKNOSUCHKEY
	fails 1 "access"
}

no_bucket() {
	setup
	sed -i 's/^  name: test/&\n  create-bucket: false/' config.yaml
	fails 1 "'$B'"
	not s3_repo ls "$B"
	sed -i 's/create-bucket: false/create-bucket: true/' config.yaml
	pb 0 create
	pb 0 list
}

list_of_nothing() {
	setup
	sed -i 's/^  name: test/&\n  create-bucket: false/' config.yaml
	pb 0 list --json
	json out 'length == 0'
	contains err "'$B'"
	not s3_repo ls "$B"
	s3_repo mb "$B"
	pb 0 list --json
	json out 'length == 0'
}

unknown_authority() {
	setup "$(server_get "$REPO" tls)"
	fails 1 certificate
	server_certificate other
	sed -i "s|^    uri-style: path|&\n    tls-ca-chain-file: $T/other/ca.pem|" \
	    config.yaml
	fails 1 certificate
	printf 'not a certificate\n' >other/ca.pem
	pb 2 create || pb 1 create
	contains err tls-ca-chain || contains err certificate
}

private_authority() {
	setup "$(server_get "$REPO" tls)"
	sed -i "s|^    uri-style: path|&\n    tls-ca-chain-file: $(server_get \
	    "$REPO" ca)|" config.yaml
	pb 0 create
	repository_s3 "$B" "$(server_get "$REPO" tls)"
	{
		echo "    tls-ca-chain: |"
		sed 's/^/      /' "$(server_get "$REPO" ca)"
	} >chain
	sed -i '/^    path: backups/r chain' config.yaml
	component_sqlite mlmd "$T/mlmd.db"
	pb 0 create
	pb 0 list --json
	json out 'length == 2'
	ID=$(jq -r '.[0]."backup-id"' out)
	sqlite3 mlmd.db 'delete from t'
	pb 0 restore "$ID"
	[ "$(sqlite3 mlmd.db 'select count(*) from t')" = 1 ]
}

wrong_host_name() {
	setup "$(server_get "$REPO" tls | sed 's/127.0.0.1/127.0.0.2/')"
	sed -i "s|^    uri-style: path|&\n    tls-ca-chain-file: $(server_get \
	    "$REPO" ca)|" config.yaml
	pb 1 create
	contains err 127.0.0.2
}

nobody_there() {
	setup "http://127.0.0.1:1"
	local begin=$SECONDS
	fails 1 "127.0.0.1:1"
	[ $((SECONDS - begin)) -lt 90 ]
	rm mlmd.db
	setup "http://no-such-host.invalid:9000"
	fails 1 "no-such-host.invalid"
}

not_s3() {
	proxy html "$REPO" '[{"do": "status", "code": 200, "headers":
	    {"content-type": "text/html"},
	    "body": "<html><body>Welcome</body></html>"}]'
	setup "$PROXY"
	pb 1 create
	[ "$(wc -l <err)" -lt 10 ]
	printf '[{"do": "status", "code": 404, "body": "nope"}]' >html.rules
	pb 1 create
	printf '[{"do": "status", "code": 403, "headers": {"content-type":
	    "text/html"}, "body": "<html>Blocked by proxy</html>"}]' >html.rules
	pb 1 create
	printf '[{"do": "status", "code": 301, "headers": {"location":
	    "http://127.0.0.1:1/"}, "body": ""}]' >html.rules
	pb 1 create
}

# what is transient is tried again
hiccups() {
	proxy bad "$REPO" '[
	    {"method": "PUT", "do": "status", "code": 503, "times": 2,
	     "body": "<Error><Code>SlowDown</Code></Error>"},
	    {"method": "PUT", "do": "reset", "skip": 3, "times": 1},
	    {"method": "PUT", "do": "lose", "skip": 5, "times": 1},
	    {"method": "GET", "do": "truncate", "times": 1}]'
	setup "$PROXY"
	create
	sqlite3 mlmd.db 'delete from t'
	printf '[{"method": "GET", "path": "sqlite.zst", "do": "truncate",
	    "times": 2}, {"method": "GET", "do": "status", "code": 500,
	    "times": 2, "body": ""}]' >bad.rules
	pb 0 restore "$ID"
	[ "$(sqlite3 mlmd.db 'select count(*) from t')" = 1 ]
	pb 0 check
}

always_broken() {
	proxy bad "$REPO"
	setup "$PROXY"
	pb 0 create
	printf '[{"method": "PUT", "path": "manifest.json", "do": "status",
	    "code": 500, "body": ""}]' >bad.rules
	pb 1 create
	echo '[]' >bad.rules
	sleep 0.1
	pb 0 list --json
	json out '[.[] | select(."backup-status" == "finished")] | length == 1'
}

# a second user, who may do only what a policy says
limited_user() {
	local name
	name=user$(date +%s%N)
	radosgw_user "$REPO" "$name" "AKLIMITED$name" "limited$name-secret"
	sed -i "s/access-key: .*/access-key: AKLIMITED$name/
	    s/secret-key: .*/secret-key: limited$name-secret/" config.yaml
	jq -n --arg user "arn:aws:iam:::user/$name" --arg b "$B" \
	    --argjson actions "$1" '{Version: "2012-10-17", Statement: [{
	    Effect: "Allow", Principal: {AWS: [$user]}, Action: $actions,
	    Resource: ["arn:aws:s3:::" + $b, "arn:aws:s3:::" + $b + "/*"]}]}' \
	    >policy
	s3_repo policy "$B" policy
}

no_delete() {
	setup
	s3_repo mb "$B"
	limited_user '["s3:ListBucket", "s3:GetObject", "s3:PutObject",
	    "s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts",
	    "s3:AbortMultipartUpload"]'
	create
	pb 0 check
	sqlite3 mlmd.db 'delete from t'
	pb 0 restore "$ID"
}

no_multipart_listing() {
	setup
	s3_repo mb "$B"
	limited_user '["s3:ListBucket", "s3:GetObject", "s3:PutObject"]'
	create
}

no_write() {
	setup
	s3_repo mb "$B"
	limited_user '["s3:ListBucket", "s3:GetObject"]'
	fails 1 denied
	pb 0 list
}

no_read() {
	setup
	create
	limited_user '["s3:ListBucket", "s3:PutObject"]'
	pb 1 restore "$ID"
	contains err denied
	[ "$(sqlite3 mlmd.db 'select count(*) from t')" = 1 ]
}

no_list() {
	setup
	create
	limited_user '["s3:GetObject", "s3:PutObject"]'
	pb 1 list
	contains err denied "$B"
}

# the source: one object that may not be read degrades the component
unreadable_object() {
	# shellcheck disable=SC2034
	SOURCE=$REPO
	B=$(bucket_name source)
	s3_source mb "$B"
	local i
	for i in 1 2 3; do
		echo "object $i" | s3_source put "$B" "object-$i"
	done
	repository_dir "$T/repository"
	component_bucket mlpipeline "$B"
	limited_user '["s3:ListBucket", "s3:GetObject", "s3:GetObjectTagging"]'
	jq --arg r "arn:aws:s3:::$B/object-2" '.Statement += [.Statement[0] |
	    .Effect = "Deny" | .Action = ["s3:GetObject"] | .Resource = [$r]]' \
	    policy >policy2
	s3_source policy "$B" policy2
	pb 3 create --json
	json out '."backup-status" == "incomplete" and
	    .components[0].status == "degraded"'
	contains err object-2
	pb 0 list --json
	json out '.[0]."backup-status" == "incomplete"'
}

it 'says that the keys are wrong, and does not repeat them' wrong_keys
it 'makes the bucket only where it may' no_bucket
it 'lists nothing where nothing was saved, and says why' list_of_nothing
it 'refuses a certificate of an unknown authority' unknown_authority
it 'trusts a private authority that is given' private_authority
it 'refuses a certificate for another host' wrong_host_name
it 'says that nobody is there' nobody_there
it 'recognises that it does not talk to S3' not_s3
it 'tries again what is transient' hiccups
it 'never lists a set whose manifest could not be written' always_broken
it 'works with a key that may not delete' no_delete
it 'works with a key that may not list uploads' no_multipart_listing
it 'says that the key may not write' no_write
it 'says that the key may not read' no_read
it 'says that the key may not list' no_list
it 'marks a set in which an object could not be read' unreadable_object
done_testing
