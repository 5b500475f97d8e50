#!/usr/bin/env bash
# Several workers save one set: each its share, in any order, killed and started
# again; the join makes a set of it that is as good as one of a single run.
. "${0%/*}/../lib/harness.sh"
requires jq python3 sqlite3 zstd tar age

N=4

# a bucket, a database that refers into it, and a configuration
setup() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 150 10 9000
	s3_source big "$B" model.bin 3000000 random
	s3_source dump "$B" >first
	{
		cat "$TOP/tests/lib/mlmd-schema.sql"
		echo "insert into Artifact(id, type_id, uri) values
		    (1, 1, 's3://$B/model.bin'),
		    (2, 1, 's3://$B/$(jq -r .key first | sed -n 9p)'),
		    (3, 1, 's3://elsewhere/x');"
	} | sqlite3 mlmd.db
	repository_dir "$T/repository"
	configured
}

configured() {
	component_sqlite mlmd "$T/mlmd.db"
	component_bucket mlpipeline "$B" "${1:-}"
}

# worker I [ARGUMENTS...], to its end: $status
worker() {
	local i=$1
	shift
	"$PB" -c "$T/config.yaml" create --worker "$i/$N" --run "$RUN" \
	    "$@" >"worker-$i.out" 2>"worker-$i.err"
}

# workers FIRST LAST: all at once
workers() {
	local i pids=
	for ((i = $1; i <= $2; i++)); do
		worker "$i" &
		pids="$pids $!"
	done
	for i in $pids; do
		wait "$i" || {
			tail -n 5 worker-*.err
			return 1
		}
	done
}

join() {
	pb 0 create --join $N --run "$RUN" --json "$@"
	cp out created.json
	ID=$(jq -r '."backup-id"' created.json)
	SET=$(echo repository/test/sets/"$ID"-*)
}

# restored BEFORE: the set, elsewhere, is what was dumped
restored() {
	local other
	other=$(bucket_name "$1")
	s3_source mb "$other"
	pb 0 restore "$ID" --to "mlpipeline=$other" --to "mlmd=$T/$1.db"
	s3_source dump "$other" >"restored-$1"
	same "$1" "restored-$1"
	[ "$(sqlite3 mlmd.db .dump | cksum)" = "$(sqlite3 "$1.db" .dump |
	    cksum)" ]
}

four_at_once() {
	setup
	RUN=job-1
	workers 0 3
	pb 0 list
	contains out 'in progress'
	join --label nightly
	json created.json '."backup-status" == "finished" and
	    (.components | map(.name)) == ["mlmd", "mlpipeline"] and
	    .components[1].objects == 151 and
	    .references == {found: 2, external: 1, dangling: 0, unknown: 0,
	    lost: 0}'
	[ "$(find "$SET" -name 'mlpipeline.inventory-*.jsonl.zst' | wc -l)" = 4 ]
	# each had something to do
	[ "$(find "$SET" -name 'mlpipeline.inventory-*' -size +1k | wc -l)" = 4 ]
	zstd -qdc "$SET"/mlpipeline.inventory-*.zst | jq -r .key >keys
	LC_ALL=C sort -uc keys
	restored first
	pb 0 verify --read "$ID"
	pb 0 drill "$ID"
	by_hand
	# once more: it is there already
	pb 0 create --join $N --run $RUN --json
	[ "$(jq -r '."backup-id"' out)" = "$ID" ]
	worker 2
	contains worker-2.out 'has its manifest already'
	[ "$(ls repository/test/sets | wc -l)" = 1 ]
}

# along the guide that lies in the set
by_hand() {
	local guide
	guide=$(echo sets/"$ID"-*/RESTORE-*.md)
	(
		cd repository/test || exit
		guide=$(echo sets/"$ID"-*/RESTORE-*.md)
		contains "$guide" "$guide > restore.sh"
		awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 } on' \
		    "$guide" >../restore.sh
		out=$T/by-hand sh ../restore.sh
	)
	[ "$(wc -l <by-hand/mlpipeline.jsonl)" = 151 ]
	jq -r .sha256 first | sort -u >want
	find by-hand/mlpipeline -type f -printf '%f\n' | sort -u >got
	same want got
}

share_of() {
	find repository/test/sets -name "run-$RUN.share-*$1-*"
}

killed_one() {
	setup
	RUN=job.2
	workers 0 1
	workers 3 3
	# all but a few objects come late, so that it is killed at work
	proxy source "$SOURCE" '[{"do": "delay", "seconds": 60, "skip": 3,
	    "path": "^/[^/]+/."}]'
	repository_dir "$T/repository"
	configured "$PROXY"
	background slow "$PB" -c "$T/config.yaml" create --worker 2/$N \
	    --run $RUN
	within 20 grep -q '"method": "GET".*"path": "/[^/"]*/.' source.log
	kill -KILL $CHILD
	[ -z "$(share_of 2)" ]
	pb 1 create --join $N --run $RUN
	contains err 'is not complete' '1 of 4 workers' 'share: 2;'
	pb 0 list
	contains out 'in progress'
	not test -e repository/test/sets/*/manifest.json
	repository_dir "$T/repository"
	configured
	# those that are done are not done again, the killed one is
	worker 1
	contains worker-1.out 'share 1 of 4 was there'
	[ "$(share_of 1 | wc -l)" = 1 ]
	worker 2
	contains worker-2.out 'share 2 of 4 saved'
	join
	json created.json '."backup-status" == "finished"'
	restored first
}

later_ones() {
	setup
	RUN=first
	workers 0 3
	join
	local before=$ID
	s3_source put "$B" aaa/new mlmd.db
	s3_source put "$B" zzz/new mlmd.db
	s3_source rm "$B" "$(jq -r .key first | sed -n 90p)"
	s3_source dump "$B" >second
	# alone, on the segments
	create
	json created.json '.parent == $p and .components[1]."new-objects" == 2
	    and .components[1].objects == 152' --arg p "$before"
	restored second
	# and three, on what one has made
	N=3 RUN=second
	s3_source put "$B" mmm/new mlmd.db
	s3_source dump "$B" >third
	before=$ID
	workers 0 2
	join
	json created.json '.parent == $p and .components[1]."new-objects" == 1
	    and .components[1].objects == 153' --arg p "$before"
	restored third
	# and on segments again, cut elsewhere
	N=5 RUN=third
	workers 0 4
	join
	json created.json '.components[1]."new-objects" == 0 and
	    .components[1].objects == 153'
	[ "$(find "$SET" -name 'mlpipeline.inventory-*' -size +1k | wc -l)" = 5 ]
	s3_source dump "$B" >fourth
	restored fourth
}

# a plan comes late, or never; workers that do not fit it
waiting() {
	setup
	RUN=late
	worker 1 --wait 40s &
	local pid=$!
	within 5 test -d repository/test
	workers 0 0
	wait $pid
	pb 1 create --join $N --run other
	contains err "run 'other' has no plan"
	pb 1 create --worker 1/4 --run other --wait 0
	contains err "run 'other' has no plan" 'is worker 0 running'
	pb 2 create --worker 1/3 --run late
	contains err "is for 4 workers, not 3"
	pb 2 create --join 5 --run late
	contains err "is for 4 workers, not 5"
	repository_dir "$T/repository"
	component_bucket else "$B"
	pb 2 create --worker 2/4 --run late
	contains err "has a bucket 'mlpipeline', which this configuration"
	[ "$(share_of 2 | wc -l)" = 0 ]
}

wrong_use() {
	setup
	pb 2 create --worker 4/4 --run x
	contains err '0/4 to 3/4'
	pb 2 create --worker 1 --run x
	contains err 'such as 0/4'
	pb 2 create --worker 0/0 --run x
	pb 2 create --join 1001 --run x
	contains err '1 to 1000'
	pb 2 create --join 4 --worker 0/4 --run x
	pb 2 create --run x
	contains err "'--run' is for"
	pb 2 create --join 4
	contains err PLATFORM_BACKUP_RUN
	pb 2 create --worker 0/4 --run a/b
	contains err 'no name for a run'
	pb 2 create --worker 0/4 --run x --wait soon
	contains err 'no time such as'
	PLATFORM_BACKUP_RUN="env" pb 1 create --join 4
	contains err "run 'env'"
	[ -z "$(ls repository/test/sets 2>/dev/null)" ]
}

# what the workers tell each other shows keys; neither it nor data is readable,
# also not with the key that the workers share
encrypted() {
	setup
	local key files
	for key in real job; do
		"$PB" keygen --output $key.key 2>/dev/null
	done
	sed -i "s|^  name: test|&\\n  encryption: {recipients: [$(age-keygen \
	    -y real.key)], identity-file: $T/job.key}|" config.yaml
	RUN=secret
	workers 0 3
	join
	not grep -rqF -e model.bin -e artifacts/ repository
	files=$(find "$SET" -name "run-$RUN.*.age" | wc -l)
	[ "$files" = 6 ] # references, plan, four shares
	sed -i "s|job.key|real.key|" config.yaml
	json created.json '."backup-status" == "finished"'
	restored first
	# without an identity nobody can read a plan
	sed -i "s|, identity-file: [^}]*||" config.yaml
	pb 2 create --worker 0/4 --run again
	contains err "'identity-file'"
}

it 'four workers save a set that restores byte for byte' four_at_once
it 'a worker that was killed is started again, and nobody else' killed_one
it 'sets of one or of several build on each other' later_ones
it 'workers wait for the plan, and fit it' waiting
it 'wrong use is an error in words' wrong_use
it 'in an encrypted repository nothing is shown' encrypted
done_testing
