#!/usr/bin/env bash
# Programs that run at the same time, for one platform or for two that share a
# bucket: each is right, or is refused and says why.
. "${0%/*}/../lib/harness.sh"
requires sqlite3 jq python3

# model NAME: a platform that keeps its sets in the bucket that all share; its
# configuration is NAME.yaml
model() {
	s3_source mb "$(bucket_name "$1")"
	sqlite3 "$1.db" 'create table t(x)'
	repository_s3 "$(bucket_name repo)"
	sed -i "s/^  name: test/  name: $1/" config.yaml
	component_sqlite mlmd "$T/$1.db"
	component_bucket mlpipeline "$(bucket_name "$1")"
	echo 'retention: {keep-last: 1}' >>config.yaml
	mv config.yaml "$1.yaml"
}

# NAME...: they change, and are remembered as they are then
change() {
	local name
	for name; do
		s3_source fill "$(bucket_name "$name")" 5 1000 20000 "$RANDOM"
		sqlite3 "$name.db" 'insert into t values (random())'
		s3_source dump "$(bucket_name "$name")" >"$name.dump"
		sqlite3 "$name.db" .dump >"$name.sql"
	done
}

_one() {
	local n=$1 name=$2 status=0
	shift 2
	"$PB" -c "$name.yaml" "$@" >"$n.out" 2>"$n.err" || status=$?
	echo $status >"$n.status"
}

# 'NAME ARGUMENTS'...: all at once; what the n-th says and its exit status are
# in n.out, n.err, n.status
together() {
	local line n=0
	rm -f ./*.status
	for line; do
		n=$((n + 1))
		# shellcheck disable=SC2086
		_one $n $line &
	done
	wait
}

all_well() {
	together "$@"
	[ "$(sort -u ./*.status)" = 0 ] || {
		head -n 5 ./*.status ./*.err
		return 1
	}
}

# COMMAND... of NAME, alone
of() {
	cp "$1.yaml" config.yaml
	pb 0 "${@:2}"
}

# NAME BUCKET FILE: they are what NAME was
are() {
	s3_source dump "$2" >after.dump
	same "$1.dump" after.dump
	sqlite3 "$3" .dump >after.sql
	same "$1.sql" after.sql
}

# the newest set of NAME is what it was, and there are so many
has_sets() {
	local other
	of "$1" list --json
	json out 'length == $n and all(."backup-status" == "finished")' \
	    --argjson n "$2"
	of "$1" verify --all --read
	other=$(bucket_name "back-$1")
	s3_source mb "$other"
	of "$1" restore latest --exact --to "mlpipeline=$other" \
	    --to "mlmd=$T/back.db"
	are "$1" "$other" back.db
	rm back.db
}

two_models() {
	model one
	model two
	change one two
	all_well 'one create' 'two create'	# who makes the bucket?
	has_sets one 1
	has_sets two 1
	change one two
	all_well 'one create' 'two create' 'one prune --now' 'two drill latest'
	change one two
	all_well 'one prune --now --allow half' 'two create' 'one create' \
	    'two prune --now --allow half' 'one verify --all' 'two list'
	all_well 'one prune --now --allow half' 'two prune --now --allow half'
	# what was verified last stays as well
	of one list --json
	json out 'length <= 2'
	has_sets one "$(jq length out)"
	of two list --json
	json out 'length <= 2'
	has_sets two "$(jq length out)"
}

two_that_delete() {
	local first
	model one
	for _ in 1 2 3 4; do
		change one
		of one create
	done
	all_well 'one prune --now --allow half' 'one prune --now --allow half'
	has_sets one 1
	of one list --json
	first=$(jq -r '.[0]."backup-id"' out)
	change one
	of one create
	# one of them does it, and the other too, or finds nothing to do
	together "one delete $first --now" "one delete $first --now"
	[ "$(sort ./*.status | head -n 1)" = 0 ]
	for n in 1 2; do
		[ "$(cat $n.status)" = 0 ] ||
		    contains $n.err "there is no backup '$first'"
	done
	has_sets one 1
}

restores_beside_what_deletes() {
	local other
	model one
	for _ in 1 2 3; do
		change one
		of one create
	done
	other=$(bucket_name other)
	s3_source mb "$other"
	all_well 'one prune --now --allow half' 'one verify latest --read' \
	    'one drill latest' \
	    "one restore latest --to mlpipeline=$other --to mlmd=$T/other.db"
	are one "$other" other.db
	# the set itself goes: it is restored, or what is missing is named
	s3_source empty "$other"
	rm other.db*
	together 'one delete latest --now --allow last' \
	    "one restore latest --to mlpipeline=$other --to mlmd=$T/other.db"
	[ "$(cat 1.status)" = 0 ]
	if [ "$(cat 2.status)" = 0 ]; then
		are one "$other" other.db
	else
		[ "$(cat 2.status)" = 1 ]
		contains 2.err error
		s3_source dump "$other" >after.dump
		not grep -vxFf one.dump after.dump
	fi
}

two_restores() {
	model one
	change one
	of one create
	s3_source fill "$(bucket_name one)" 8 1000 20000 harm
	sqlite3 one.db 'delete from t'
	all_well 'one restore latest --exact' 'one restore latest --exact'
	are one "$(bucket_name one)" one.db
}

it 'saves and prunes two models in one bucket' two_models
it 'prunes twice at once, and deletes twice at once' two_that_delete
it 'restores, verifies and drills beside what deletes' \
    restores_beside_what_deletes
it 'restores twice at once to one place' two_restores
done_testing
