# shellcheck shell=bash
# harness.sh - what every integration test stands on.
#
#   . "${0%/*}/../lib/harness.sh"
#   it 'says what it shows' function      one test; its own folder is $T
#   done_testing                          the count and the exit status
#
# A test is a function that runs in a subshell under set -e; the first command
# that fails ends it and is shown with its line.  The servers are started once,
# by tests/integration/run; a script that is run alone starts that with itself.
# shellcheck disable=SC2034

set -uo pipefail
TOP=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
if [ -z "${RUN_DIR:-}" ]; then
	exec bash "$TOP/tests/integration/run" "$0"
fi
. "$TOP/tests/lib/servers.sh"
# shellcheck source=tests/lib/kube.sh
. "$TOP/tests/lib/kube.sh"
PB=${PB:-$TOP/bin/platform-backup}
SCRIPT=$(basename "$0" .sh)
WORK=$RUN_DIR/$SCRIPT
REPO=$RUN_DIR/repo	# the server that keeps backups
SOURCE=$RUN_DIR/source	# the server that is backed up
mkdir -p "$WORK" "$RUN_DIR/said"
_passed=0 _failed=0 _number=0
_failures=

_is_over() {
	[ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"
}

# end what a test left running, so that it writes no more: FILE...
_children_end() {
	local p
	cat "$@" 2>/dev/null | while read -r p; do
		kill -KILL "$p" 2>/dev/null
		within 10 _is_over "$p"
	done
}
trap '_children_end "$WORK"/*/children' EXIT
trap 'exit 130' INT TERM

_where() {
	echo "line $2: $3 (exit status $1)" >&2
}

it() {
	local sentence=$1 status begin took
	shift
	[ -z "${MATCH:-}" ] || [[ $sentence == *$MATCH* ]] || return 0
	_number=$((_number + 1))
	T=$WORK/$_number
	mkdir -p "$T/scratch"
	begin=$SECONDS
	(
		set -eE
		trap '_where $? $LINENO "$BASH_COMMAND"' ERR
		trap - EXIT
		cd "$T"
		"$@"
	) >"$T/test.log" 2>&1 </dev/null
	status=$?
	took=$((SECONDS - begin))
	_children_end "$T/children"
	if [ $status -eq 0 ]; then
		_passed=$((_passed + 1))
		echo "ok - $SCRIPT: $sentence$([ $took -lt 5 ] ||
		    echo " ($took s)")"
		[ -n "${KEEP:-}" ] || rm -rf -- "$T"
	else
		_failed=$((_failed + 1))
		echo "FAILED - $SCRIPT: $sentence"
		tail -n 25 "$T/test.log" | sed 's/^/    /'
		for log in out err; do
			[ ! -s "$T/$log" ] || {
				echo "    --- $log of the last command"
				tail -n 12 "$T/$log" | cut -c 1-600 |
				    sed 's/^/    /'
			}
		done
	fi
}

done_testing() {
	echo "$_passed passed, $_failed failed"
	exit $((_failed > 0))
}

# Something that a test cannot do without.  Missing: the script ends, and says
# so; in CI that is a failure.
requires() {
	local what
	for what; do
		case $what in
		minio) [ "$(server_get "$SOURCE" kind)" = minio ] && continue ;;
		kubernetes) kube_here && continue ;;
		root) [ "$(id -u)" = 0 ] && continue ;;
		*) command -v "$what" >/dev/null && continue ;;
		esac
		if [ "${CI:-}" = true ]; then
			echo "FAILED - $SCRIPT: needs $what, which is not here"
			echo "0 passed, 1 failed"
			exit 1
		fi
		echo "skipped - $SCRIPT: needs $what"
		echo "$_passed passed, $_failed failed"
		exit $((_failed > 0))
	done
}

# --- child processes of a test, ended with it

# background NAME COMMAND...: a program, what it says in NAME.out and NAME.err,
# its process id in $CHILD
background() {
	local name=$1
	shift
	"$@" >"$T/$name.out" 2>"$T/$name.err" &
	CHILD=$!
	disown
	echo $CHILD >>"$T/children"
}

# within SECONDS COMMAND...: until it succeeds
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@" 2>/dev/null; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# --- the servers

_s3() {
	local server=$1
	shift
	S3_ENDPOINT=$(server_get "$server" endpoint) \
	    S3_ACCESS=$(server_get "$server" access) \
	    S3_SECRET=$(server_get "$server" secret) \
	    python3 "$TOP/tests/lib/s3.py" "$@"
}

s3_repo() {
	_s3 "$REPO" "$@"
}

s3_source() {
	_s3 "$SOURCE" "$@"
}

# a bucket name of this test's own
bucket_name() {
	echo "${1:-b}-$SCRIPT-$_number" | tr -c 'a-z0-9\n' - | cut -c 1-60
}

# proxy NAME SERVER [RULES]: $PROXY is its address, NAME.log what came by
proxy() {
	local name=$1 to
	to=$(server_get "$2" endpoint)
	printf '%s\n' "${3:-[]}" >"$T/$name.rules"
	rm -f "$T/$name.port"
	background "$name-proxy" python3 "$TOP/tests/fault/proxy.py" --to "${to#http://}" \
	    --port-file "$T/$name.port" --log "$T/$name.log" \
	    --rules "$T/$name.rules"
	within 10 test -s "$T/$name.port"
	PROXY=http://127.0.0.1:$(cat "$T/$name.port")
}

# --- configuration

# the lines of an s3 block: INDENT SERVER BUCKET [ENDPOINT]
_yaml_s3() {
	printf '%s%s\n' \
	    "$1" "endpoint: ${4:-$(server_get "$2" endpoint)}" \
	    "$1" "region: us-east-1" \
	    "$1" "bucket: $3" \
	    "$1" "access-key: $(server_get "$2" access)" \
	    "$1" "secret-key: $(server_get "$2" secret)" \
	    "$1" "uri-style: path"
}

# repository_s3 BUCKET [ENDPOINT], repository_dir FOLDER: begin config.yaml
repository_s3() {
	{
		echo "scratch: $T/scratch"
		echo "repository:"
		echo "  name: test"
		echo "  s3:"
		_yaml_s3 '    ' "$REPO" "$1" "${2:-}"
		echo "    path: backups"
		echo "components:"
	} >"$T/config.yaml"
	chmod 600 "$T/config.yaml"
}

repository_dir() {
	{
		echo "scratch: $T/scratch"
		echo "repository:"
		echo "  name: test"
		echo "  path: $1"
		echo "components:"
	} >"$T/config.yaml"
	chmod 600 "$T/config.yaml"
}

# add a component: sqlite NAME PATH; bucket NAME BUCKET [ENDPOINT [MORE LINES]]
component_sqlite() {
	printf '  - name: %s\n    type: sqlite\n    path: %s\n' "$1" "$2" \
	    >>"$T/config.yaml"
}

component_bucket() {
	{
		printf '  - name: %s\n    type: bucket\n' "$1"
		_yaml_s3 '    ' "$SOURCE" "$2" "${3:-}"
		shift $(($# < 3 ? $# : 3))
		# grep finds nothing where there are no more options
		printf '    %s\n' "$@" | grep '[a-z]' || true
	} >>"$T/config.yaml"
}

# --- the program

# pb STATUS ARGUMENTS...: run it, want that exit status; out and err hold what
# it said, and so does the folder that the test of secrets reads
pb() {
	local want=$1 status=0
	shift
	"$PB" -c "$T/config.yaml" "$@" >"$T/out" 2>"$T/err" || status=$?
	cat "$T/out" "$T/err" >>"$RUN_DIR/said/$SCRIPT.txt"
	[ $status -eq "$want" ] || {
		echo "platform-backup $*: exit status $status, not $want"
		tail -n 15 "$T/err"
		return 1
	}
}

# create a set: its id in $ID, its result in created.json
create() {
	pb 0 create --json "$@"
	cp "$T/out" "$T/created.json"
	ID=$(jq -r '."backup-id"' "$T/created.json")
	[ -n "$ID" ] && [ "$ID" != null ]
}

# --- statements

same() {
	cmp "$1" "$2" || {
		diff "$1" "$2" | head -n 20
		return 1
	}
}

# not COMMAND...: it fails ("! COMMAND" says nothing under set -e)
not() {
	if "$@"; then
		echo "did not fail: $*" >&2
		return 1
	fi
}

# contains FILE TEXT...
contains() {
	local file=$1 text
	shift
	for text; do
		grep -qF -- "$text" "$file" || {
			echo "$file does not say '$text':"
			head -c 2000 "$file"
			return 1
		}
	done
}

lacks() {
	if grep -F -- "$2" "$1"; then
		echo "^ $1 says '$2'"
		return 1
	fi
}

# json FILE EXPRESSION [jq's options]: true
json() {
	local file=$1 what=$2
	shift 2
	jq -e "$@" "$what" "$file" >/dev/null || {
		echo "not so: $what"
		head -c 3000 "$file"
		return 1
	}
}

# requests LOG EXPRESSION: how many lines of a proxy's log are so
requests() {
	jq -s "[.[] | select($2)] | length" "$1"
}
