# shellcheck shell=bash
# juju.sh - a unit under a fake Juju (fakejuju.py), for integration tests.
#
#   juju_new [JSON]           a unit; its state is in $T/juju.json
#   juju_edit EXPRESSION      change the state, as jq does; options behind
#   juju_is EXPRESSION        true of the state
#   hook NAME [OPTION...]     run one; what happened is in $T/done.json
#   hook_fails NAME ...       the same, of one that must fail
#   action NAME [KEY=VALUE]   run one that completes; results in done.json
#   action_fails TEXT NAME …  run one that fails and says so
#   done_is EXPRESSION        true of what happened
#   status_is WORD TEXT       the unit's status
#   relate KIND ID [K=V...]   relate to a provider (fakeprovider.py), and let
#                             both sides talk until nothing changes
#   provider KIND ID EVENT [K=V...]
#   CHARM                     the folder of the charm; default: this one
CHARM=${CHARM:-$TOP}
# the interpreter itself, not what chooses among several
PYTHON=$(python3 -c 'import sys; print(sys.executable)')

juju_new() {
	printf '%s\n' "${1:-{\}}" >"$T/juju.json"
}

juju_edit() {
	local what=$1
	shift
	jq "$@" "$what" "$T/juju.json" >"$T/juju.next"
	mv "$T/juju.next" "$T/juju.json"
}

juju_is() {
	json "$T/juju.json" "$@"
}

done_is() {
	json "$T/done.json" "$@"
}

_juju() {
	"$PYTHON" "$TOP/tests/lib/fakejuju.py" --charm "$CHARM" "$T/juju.json" \
	    "$@" >"$T/done.json" || return
	cat "$T/done.json" >>"$RUN_DIR/said/$SCRIPT.txt"
}

hook() {
	_juju hook "$@"
	done_is '.exit == 0'
}

hook_fails() {
	_juju hook "$@"
	done_is '.exit != 0'
}

action() {
	_juju action "$@"
	done_is '."action-status" == "completed"'
}

action_fails() {
	local text=$1
	shift
	_juju action "$@"
	done_is '."action-status" == "failed" and (.message | contains($text))' \
	    --arg text "$text"
}

status_is() {
	juju_is '.status[0] == $word and (.status[1] | contains($text))' \
	    --arg word "$1" --arg text "$2"
}

provider() {
	"$PYTHON" "$TOP/tests/lib/fakeprovider.py" "$T/juju.json" "$@"
}

# hooks of a relation until its other side has no more to say
settle() {
	local kind=$1 id=$2 before
	shift 2
	for _ in 1 2 3 4; do
		before=$(jq -c '.relations, .secrets' "$T/juju.json")
		provider "$kind" "$id" changed "$@"
		hook "${id%:*}-relation-changed" --relation "$id"
		[ "$before" != "$(jq -c '.relations, .secrets' \
		    "$T/juju.json")" ] || return 0
	done
	echo "relation $id does not settle"
	return 1
}

relate() {
	local kind=$1 id=$2
	shift 2
	provider "$kind" "$id" created "$@"
	hook "${id%:*}-relation-created" --relation "$id"
	hook "${id%:*}-relation-joined" --relation "$id" \
	    --unit "$(jq -r '.relations[$id].units | keys[0]' --arg id "$id" \
	    "$T/juju.json")"
	settle "$kind" "$id" "$@"
}
