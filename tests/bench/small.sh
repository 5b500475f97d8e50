# shellcheck shell=bash
# small.sh - how long it takes to begin, and how it grows.
# shellcheck disable=SC2034

# --- a hook of the charm

# Juju's tools that answer at once, in $WORK/tools
hook_tools() {
	local name
	mkdir -p "$WORK/tools"
	for name in application-version-set config-get is-leader juju-log \
	    relation-get relation-ids relation-list secret-get state-delete \
	    state-get state-set status-set storage-get storage-list; do
		ln -sf "$TOOLS/hooktool" "$WORK/tools/$name"
	done
}

# a hook as Juju calls it: WORKLOAD TOOL NAME
hook() {
	(
		export PATH="$WORK/tools:$PATH" JUJU_CHARM_DIR="$PWD" \
		    JUJU_DISPATCH_PATH="hooks/$3" JUJU_HOOK_NAME="$3" \
		    JUJU_UNIT_NAME=platform-backup/0 JUJU_VERSION=3.6.8 \
		    JUJU_MODEL_NAME=kubeflow JUJU_CONTEXT_ID=bench \
		    JUJU_MODEL_UUID=0b5c8e0e-2f6c-4d6e-8a3b-7d1f6a0c9e11
		measured "$1" "$2" '{"goal": {"wall": 0.01}}' "hooks/$3"
		HOOKTOOL_LOG=$WORK/asked "hooks/$3"
	)
}

# what is measured is a hook that comes to its end, and is content
hook_was_right() {
	grep -qx status-set "$WORK/asked" || {
		say 'the hook sets no status'
		exit 1
	}
	if grep -qx juju-log "$WORK/asked"; then
		say 'the hook complains'
		exit 1
	fi
}

part_start() {
	local what='hook with nothing to do' TIMES=20
	say 'start: a hook, 20 times'
	hook_tools
	for ((round = 1; round <= 3 * ROUNDS; round++)); do
		hook "$what" platform-backup stop
		hook "$what" 'platform-backup, update-status' update-status
		[ -z "$PYTHON" ] || measured "$what" 'python3, import ops' \
		    '{}' "$PYTHON" -c 'import ops'
	done
	hook_was_right
}

# --- growth: a source that lists as many objects as one likes (sea.c), a
# folder as the repository

sea_stop() {
	# it may have ended by itself
	[ -z "$sea" ] || kill "$sea" 2>/dev/null || true
	sea=
}

# a sea of so many objects, every so many-th of them changed
sea_start() {
	sea_stop
	rm -f "$WORK/sea.url"
	"$TOOLS/sea" "$@" >"$WORK/sea.url" &
	sea=$!
	until [ -s "$WORK/sea.url" ]; do
		kill -0 "$sea"
		sleep 0.05
	done
	cat >"$WORK/config.yaml" <<-YAML
	scratch: $WORK
	repository: {path: $WORK/repository}
	components:
	  - {name: sea, type: bucket, endpoint: "$(cat "$WORK/sea.url")",
	     region: none, bucket: sea, access-key: none, secret-key: none}
	YAML
}

# runs with other numbers keep their figures
forget_growth() {
	jq -c --argjson n "$1" 'select(.part != "growth" or .objects != $n)' \
	    "$RESULTS" >"$RESULTS.new"
	mv "$RESULTS.new" "$RESULTS"
}

# grown N WHAT [MORE]
grown() {
	local n
	n=$(echo "$1" | sed ':more; s/\B[0-9]\{3\}\>/,&/; t more')
	measured "growth, $n, $2" platform-backup "$(jq -nc \
	    --argjson n "$1" --argjson more "${3:-{\}}" \
	    '{objects: $n} + $more')" \
	    "$PB" -q -c "$WORK/config.yaml" create
}

part_growth() {
	local n
	round=1
	for server in source target home; do
		server_end $server
	done
	source_has=
	for n in ${BENCH_GROWTH:-10000 100000 1000000}; do
		say "growth: $n objects"
		forget_growth "$n"
		rm -rf "$WORK/repository"
		sea_start "$n"
		grown "$n" 'all new'
		grown "$n" 'nothing changed' '{"unchanged": true}'
		sea_start "$n" 100
		grown "$n" '1 % changed'
		verify_newest
	done
	rm -rf "$WORK/repository"
	sea_stop
}

# a script of its own, where there is one: it appends its lines
part_workers() {
	[ -x tests/bench/workers ] || return 0
	for server in source target home; do
		server_end $server
	done
	source_has=
	BENCH_TOOLS=$TOOLS tests/bench/workers
}
