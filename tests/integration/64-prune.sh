#!/usr/bin/env bash
# Old sets go, and nothing that a remaining one needs.
. "${0%/*}/../lib/harness.sh"
requires sqlite3 jq python3 faketime

# setup PLACE ARGUMENT [RETENTION]: a bucket and a database, nothing saved yet
setup() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 40 100 5000
	sqlite3 a.db 'create table t(x)'
	"$1" "$2"
	component_bucket mlpipeline "$B"
	component_sqlite mlmd "$T/a.db"
	echo "retention: ${3:-{keep-last: 2\}}" >>config.yaml
	IDS=()
}

# one more set of other contents; what they were is in state-<n>
grow() {
	local n=${#IDS[@]}
	s3_source put "$B" "new/$n" <(seq "$n" 5000)
	s3_source put "$B" changes <(echo "$n")
	sqlite3 a.db "insert into t values ($n)"
	s3_source dump "$B" >"state-$n"
	create
	IDS+=("$ID")
}

# set N restores as it was
restores() {
	s3_source empty "$B"
	sqlite3 a.db 'delete from t'
	pb 0 restore "${IDS[$1]}"
	s3_source dump "$B" >after
	same "state-$1" after
	[ "$(sqlite3 a.db 'select max(x) from t')" = "$1" ]
}

# listed 'ID STATUS'...: these sets and no others, in this order
listed() {
	pb 0 list --json
	jq -r '.[] | "\(."backup-id") \(."backup-status")"' out >list
	[ $# -eq 0 ] || printf '%s\n' "$@" >want
	same want list
}

chains() {
	setup "$@"
	for _ in 1 2 3 4 5; do
		grow
	done
	pb 0 prune --dry-run --json
	json out '."prune-status" == "dry run" and .marked == 3 and
	    (.refused | contains("3 of 5 sets")) and
	    (.sets[4].reason | startswith("newest finished set, last 1")) and
	    .sets[0] == {"backup-id": $id, decision: "delete",
	    reason: "no rule keeps it"}' --arg id "${IDS[0]}"
	pb 1 prune
	contains err 'more than half' '--allow half'
	pb 0 prune --allow half --json
	json out '.marked == 3 and ."removed-files" == 0'
	listed "${IDS[0]} deleted" "${IDS[1]} deleted" "${IDS[2]} deleted" \
	    "${IDS[3]} finished" "${IDS[4]} finished"
	pb 0 restore --dry-run latest
	contains out "${IDS[4]}"
	restores 1	# a marked one can still be restored
	pb 0 prune --now --json
	json out '.marked == 0 and ."removed-sets" == 3 and ."needed-files" > 0'
	listed "${IDS[3]} finished" "${IDS[4]} finished"
	pb 0 verify --all --read
	restores 3
	restores 4
	pb 1 restore "${IDS[0]}"
	contains err 'was deleted'
}

by_hand() {
	setup repository_dir "$T/repository" '{keep-last: 1}'
	grow
	pb 1 delete "${IDS[0]}"
	contains err 'last finished set' '--allow last'
	grow
	grow
	pb 0 hold "${IDS[0]}"
	pb 1 delete "${IDS[0]}"
	contains err 'is held' "release ${IDS[0]}"
	pb 0 list
	contains out 'finished, held'
	pb 0 delete "${IDS[2]}" --json
	json out '."delete-status" == "marked" and
	    (."files-go" | fromdate) - now > 86000'
	pb 0 show "${IDS[2]}" --json
	json out '."backup-status" == "deleted"'
	pb 0 create --json
	json out '.parent == $p' --arg p "${IDS[1]}"
	ID=$(jq -r '."backup-id"' out)
	pb 0 hold "${IDS[2]}"	# takes it back
	listed "${IDS[0]} finished" "${IDS[1]} finished" \
	    "${IDS[2]} finished" "$ID finished"
	pb 0 release "${IDS[2]}"
	pb 0 delete "${IDS[2]}" --now --json
	json out '."delete-status" == "deleted" and ."removed-files" > 2'
	[ "$(find repository -path "*/${IDS[2]}-*" | wc -l)" = 0 ]
	restores 0
	restores 1
	pb 1 delete 2000-01-01T00:00:00Z
	pb 2 prune --allow everything
	sed -i 's/^retention:.*/retention: {grace: 1h}/' config.yaml
	pb 2 prune
	contains err 'no rule that keeps a set'
	sed -i '/^retention:/d' config.yaml
	pb 0 prune
	contains out 'there are no rules'
}

# as everywhere where an id is taken, and with the same guards
latest() {
	local command
	setup repository_dir "$T/repository"
	grow
	pb 0 delete latest --now --allow last
	for command in show verify drill delete hold release restore; do
		pb 1 $command latest
		contains err 'no '
	done
	IDS=()
	grow
	grow
	pb 0 hold latest --json
	json out '."backup-id" == $id' --arg id "${IDS[1]}"
	pb 1 delete latest
	contains err 'is held'
	pb 0 verify latest --read
	contains out "${IDS[1]}"
	pb 0 drill latest
	pb 0 show latest --json
	json out '."backup-id" == $id' --arg id "${IDS[1]}"
	pb 0 release latest
	pb 0 delete latest
	listed "${IDS[0]} finished" "${IDS[1]} deleted"
	# it is another now, and the last one
	pb 1 delete latest
	contains err 'last finished set'
	pb 0 hold latest --json
	json out '."backup-id" == $id' --arg id "${IDS[0]}"
}

# what the folder of a failed run holds goes, too
left_over() {
	setup repository_dir "$T/repository"
	grow
	local dead=repository/test/sets/2026-01-01T00:00:00Z-00000000
	mkdir -p "$dead/mlpipeline"
	echo '{}' >"$dead/open.json"
	echo x >"$dead/mlpipeline/pack-000001.tar.zst"
	touch -d '2 hours ago' "$dead"/* "$dead"/*/*
	listed "2026-01-01T00:00:00Z failed" "${IDS[0]} finished"
	pb 0 prune
	[ -e "$dead/open.json" ]	# a machine may sleep
	pb 0 prune --now --json
	json out '."removed-runs" == 1 and ."removed-files" == 2'
	listed "${IDS[0]} finished"
	restores 0
}

beside_creates() {
	setup repository_s3 "$(bucket_name repo)" '{keep-last: 1}'
	grow
	local pruner
	(
		set +e
		while [ ! -e stop ]; do
			"$PB" -c config.yaml prune --now --allow half
		done
	) >prunes 2>&1 &
	pruner=$!
	for _ in 1 2 3; do
		grow
	done
	touch stop
	wait $pruner
	lacks prunes error
	pb 0 prune --now --allow half
	listed "${IDS[3]} finished"
	pb 0 verify --all --read
	restores 3
}

beside_another_platform() {
	local repo
	repo=$(bucket_name repo)
	setup repository_s3 "$repo"
	grow
	grow
	cp config.yaml one.yaml
	sed -i 's/^  name: test/  name: other/' config.yaml
	create
	s3_repo ls "$repo" backups/other/ >before
	cp one.yaml config.yaml
	pb 0 delete "${IDS[0]}" --now
	pb 0 delete "${IDS[1]}" --now --allow last
	s3_repo ls "$repo" backups/other/ >after
	same before after
	[ "$(s3_repo ls "$repo" backups/test/ | wc -l)" = 1 ]
}

without_the_right() {
	local repo
	repo=$(bucket_name repo)
	setup repository_s3 "$repo" '{keep-last: 1}'
	grow
	cat >policy.json <<-END
	{"Version": "2012-10-17", "Statement": [{"Effect": "Deny",
	"Principal": "*", "Action": "s3:DeleteObject",
	"Resource": "arn:aws:s3:::$repo/*"}]}
	END
	s3_repo policy "$repo" policy.json
	grow	# needs no such right
	pb 0 prune	# nor does a mark
	pb 1 prune --now
	contains err 'access denied' 'may not delete' 'prune with a key that may'
	listed "${IDS[0]} deleted" "${IDS[1]} finished"
	restores 1
}

in_a_locked_bucket() {
	requires minio
	local repo
	repo=$(bucket_name repo)
	setup repository_dir "$T/none" '{keep-last: 1}'
	s3_source mb-locked "$repo" 1
	{
		echo "repository:"
		echo "  name: test"
		echo "  s3:"
		_yaml_s3 '    ' "$SOURCE" "$repo"
		sed -n '/^components:/,$p' config.yaml
	} >locked.yaml
	mv locked.yaml config.yaml
	chmod 600 config.yaml
	grow
	grow
	pb 0 prune --now
	contains err 'keeps versions'
	listed "${IDS[1]} finished"
	restores 1
	s3_source versions "$repo" >versions
	grep -q 'DeleteMarker.*manifest.json\|manifest.json.*DeleteMarker' versions
	[ "$(grep '"Version"' versions | grep -c 'manifest.json"')" = 2 ]
}

# only what tells the time of day is shifted
shifted() {
	FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f "$1" "$PB" -c config.yaml \
	    "${@:2}" >out 2>err
}

wrong_clocks() {
	setup repository_s3 "$(bucket_name repo)" '{keep-last: 1}'
	grow
	grow
	for by in -3d +3d; do
		not shifted $by prune --now
		contains err 'clocks disagree' '--allow clock'
		listed "${IDS[0]} finished" "${IDS[1]} finished"
	done
	shifted -3d prune --now --allow clock
	listed "${IDS[1]} finished"
	sed -i '/^  s3:/,/^components:/c\  path: '"$T"'/repository\ncomponents:' \
	    config.yaml
	grow
	grow
	not shifted -1d prune --now
	contains err 'lies in the future' '--allow future'
	pb 0 list --json
	json out 'length == 2'
	shifted -1d prune --now --allow future
	pb 0 list --json
	json out 'length == 1'
}

killed() {
	setup repository_s3 "$(bucket_name repo)" '{keep-last: 1}'
	local n pruner
	for _ in 1 2 3; do
		grow
	done
	for n in 2 5 9 14 20; do
		background prune "$PB" -c config.yaml prune --now --allow half
		pruner=$CHILD
		sleep "0.0$n"
		# it may have come to its end before
		kill -KILL "$pruner" 2>/dev/null || true
		within 10 not kill -0 "$pruner"
		pb 0 list --json
		json out 'all(."backup-status" == "finished" or
		    ."backup-status" == "deleted")'
		pb 0 verify "${IDS[2]}"
	done
	grow
	pb 0 prune --now --allow half
	# the last verified set stays as well
	listed "${IDS[2]} finished" "${IDS[3]} finished"
	pb 0 verify --all --read
	restores 3
}

it 'prunes chains in a bucket, and the rest restores' \
    chains repository_s3 "$(bucket_name repo)"
it 'prunes chains in a folder, and the rest restores' \
    chains repository_dir "$WORK/chain"
it 'deletes, holds and releases by hand' by_hand
it 'takes latest wherever an id is taken' latest
it 'removes what failed runs left' left_over
it 'prunes beside runs that build on what goes' beside_creates
it 'leaves other platforms in the bucket alone' beside_another_platform
it 'says so where the key may not delete' without_the_right
it 'prunes a bucket with object lock' in_a_locked_bucket
it 'refuses where a clock is wrong' wrong_clocks
it 'may be killed at any time' killed
done_testing
