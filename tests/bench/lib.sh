# shellcheck shell=bash
# lib.sh - what all parts of the benchmark stand on: servers, configuration,
# one measurement.
# shellcheck disable=SC2034
. tests/lib/servers.sh
. tests/lib/databases.sh
unset AWS_CA_BUNDLE http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
# only what is below reaches rclone, restic and mc
unset "${!RCLONE_@}" "${!RESTIC_@}" "${!MC_@}" "${!AWS_@}"

ROUNDS=${BENCH_ROUNDS:-2}
DB_MIB=${BENCH_DB_MIB:-1024}
SQL_MIB=${BENCH_SQL_MIB:-$DB_MIB}
SMALL=${BENCH_SMALL:-20000}
LARGE=${BENCH_LARGE:-8}
LARGE_MIB=${BENCH_LARGE_MIB:-256}
OUT=$PWD/build/bench
PB=$PWD/bin/platform-backup
RESULTS=$OUT/results.jsonl
mkdir -p "$OUT"
touch "$RESULTS"
export RADOSGW_BYTES=16G
export LC_ALL=C.UTF-8

WORK=$(mktemp -d "${TMPDIR:-/tmp}/platform-backup-bench.XXXXXX")
sea=
part=
round=
network=plain	# or tls, slow
finish() {
	local server
	trap '' INT TERM	# once is enough
	sea_stop
	database_stop "$WORK/mariadb"
	for server in source target home; do
		server_end $server
	done
	rm -rf -- "$WORK"
}
trap finish EXIT
trap 'exit 130' INT TERM

say() {
	echo "bench: $*" >&2
}

# --- servers: source has what is saved, target the backups, home what comes
# back

# end one, and the network before it
server_end() {
	local pid
	pid=$(cat "$WORK/$1-delay.pid" 2>/dev/null) && kill "$pid"
	rm -f "$WORK/$1-delay.pid"
	server_stop "$WORK/$1"
	unset "endpoint_$1"
}

_delay() {
	local server=$1 port
	port=$(server_get "$WORK/$server" endpoint)
	rm -f "$WORK/$server-delay"
	# a request and its answer: 10 ms
	"$TOOLS/delay" 5 "${port##*:}" >"$WORK/$server-delay" &
	echo $! >"$WORK/$server-delay.pid"
	disown
	until [ -s "$WORK/$server-delay" ]; do
		sleep 0.02
	done
}

# how a server is reached by this part's network
endpoint() {
	case $network in
	plain) server_get "$WORK/$1" endpoint ;;
	tls) server_get "$WORK/$1" tls ;;
	slow)
		[ -s "$WORK/$1-delay.pid" ] || _delay "$1" >&2
		cat "$WORK/$1-delay"
		;;
	esac
}

# rclone and mc are told by the environment
name_server() {
	local url access secret
	url=$(endpoint "$1")
	access=$(server_get "$WORK/$1" access)
	secret=$(server_get "$WORK/$1" secret)
	export "RCLONE_CONFIG_${1^^}_TYPE=s3" \
	    "RCLONE_CONFIG_${1^^}_PROVIDER=Ceph" \
	    "RCLONE_CONFIG_${1^^}_ENDPOINT=$url" \
	    "RCLONE_CONFIG_${1^^}_ACCESS_KEY_ID=$access" \
	    "RCLONE_CONFIG_${1^^}_SECRET_ACCESS_KEY=$secret" \
	    "MC_HOST_$1=${url%%://*}://$access:$secret@${url#*://}" \
	    RCLONE_CONFIG=/dev/null MC_CONFIG_DIR="$WORK/mc"
	unset RCLONE_CA_CERT
	if [ $network = tls ]; then
		cat "$WORK"/*/ca.pem >"$WORK/authorities.pem"
		export RCLONE_CA_CERT="$WORK/authorities.pem"
	fi
}

fresh() {
	server_end "$1"
	radosgw_start "$WORK/$1"
	name_server "$1"
}

# restic knows one repository
fresh_target() {
	rm -rf "$WORK/cache"
	fresh target
	AWS_ACCESS_KEY_ID=$(server_get "$WORK/target" access)
	AWS_SECRET_ACCESS_KEY=$(server_get "$WORK/target" secret)
	RESTIC_REPOSITORY=s3:$(endpoint target)/restic
	export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY RESTIC_REPOSITORY \
	    RESTIC_PASSWORD=x RESTIC_CACHE_DIR="$WORK/cache"
}

# s3 SERVER ARGUMENTS...: the client of the tests
s3() {
	(
		eval "$(server_env "$WORK/$1")"
		python3 tests/lib/s3.py "${@:2}"
	)
}

# objects and bytes of a bucket
contents() {
	(
		eval "$(server_env "$WORK/$1")"
		"$TOOLS/list" "$2"
	)
}

# --- our configuration

# the lines of an s3 block: INDENT SERVER BUCKET
yaml_s3() {
	printf '%s%s\n' \
	    "$1" "endpoint: $(endpoint "$2")" \
	    "$1" "bucket: $3" \
	    "$1" "access-key: $(server_get "$WORK/$2" access)" \
	    "$1" "secret-key-file: $WORK/$2/secret.txt"
	[ $network != tls ] ||
		echo "$1tls-ca-chain-file: $(server_get "$WORK/$2" ca)"
}

# config LINE...: repository in target, components as they are given
config() {
	{
		echo "scratch: $WORK"
		echo 'repository:'
		echo '  s3:'
		yaml_s3 '    ' target backups
		echo 'components:'
		printf '%s\n' "$@"
	} >"$WORK/config.yaml"
}

# bucket mlpipeline of a server
bucket_config() {
	config '  - name: mlpipeline' '    type: bucket' \
	    "$(yaml_s3 '    ' "$1" mlpipeline)"
}

ours() {
	"$PB" -q -c "$WORK/config.yaml" "$@"
}

# every byte of the newest set
verify_newest() {
	local id
	id=$(ours list --json | jq -r 'last | ."backup-id"')
	ours verify "$id" --read >"$WORK/verify" 2>&1 || {
		say "set $id is not right:"
		cat "$WORK/verify" >&2
		exit 1
	}
}

# --- measurements

forget_part() {
	jq -c --arg part "$1" 'select(.part != $part)' "$RESULTS" \
	    >"$RESULTS.new"
	mv "$RESULTS.new" "$RESULTS"
}

# measured WORKLOAD TOOL JSON COMMAND...: a line of the results, with members
# JSON; what $WORK/also.json holds afterwards goes with it
measured() {
	local workload=$1 tool=$2 more=$3 server
	local options=(--usage "$TOOLS/usage" --times "${TIMES:-1}")
	shift 3
	for server in source target home; do
		[ ! -d "$WORK/$server" ] ||
			options+=(--count "$server=$WORK/$server")
	done
	[ -z "$sea" ] || options+=(--sea "source=$(cat "$WORK/sea.url")")
	python3 tests/lib/measure.py "${options[@]}" "$WORK/usage" "$@" \
	    >"$WORK/log" 2>&1 || {
		say "$tool failed: $workload"
		tail -n 5 "$WORK/log" >&2
		case $tool in
		platform-backup*) exit 1 ;;
		esac
		return 1
	}
	jq -c --arg part "$part" --arg w "$workload" --arg t "$tool" \
	    --argjson round "$round" --arg date "$(date -u +%FT%TZ)" \
	    --argjson more "$more" '{part: $part, workload: $w, tool: $t,
	    round: $round} + del(.status) + $more + {date: $date}' \
	    "$WORK/usage" | tee -a "$RESULTS" | jq -r '"bench: " +
	    "\(.workload) | \(.tool) | \(.wall) s | \(.cpu) s | \(.rss) MiB"' >&2
}

# the last line gets more members
amend() {
	sed '$d' "$RESULTS" >"$RESULTS.new"
	tail -n 1 "$RESULTS" | jq -c --argjson more "$1" '. + $more' \
	    >>"$RESULTS.new"
	mv "$RESULTS.new" "$RESULTS"
}

# --- the machine, for results.json

machine() {
	jq -n --arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo |
	    head -n 1)" --argjson processors "$(nproc)" \
	    --argjson kib "$(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' \
	    /proc/meminfo)" --arg kernel "$(uname -sr)" \
	    --arg system "$(. /etc/os-release && echo "$PRETTY_NAME")" \
	    --arg date "$(date -u +%F)" \
	    --arg commit "$(git describe --always --dirty 2>/dev/null)" \
	    --argjson versions "$(versions)" \
	    '{date: $date, cpu: $cpu, processors: $processors,
	    "memory-gib": ($kib / 1048576 * 10 | round / 10), kernel: $kernel,
	    system: $system, commit: $commit, versions: $versions}' \
	    >"$OUT/machine.json"
}

# _version NAME COMMAND...: the first of its words that looks like one
_version() {
	"${@:2}" 2>/dev/null | jq -Rsc --arg name "$1" \
	    'capture("(?<v>[0-9]+[.][0-9][0-9A-Za-z.-]*)") | {($name): .v}'
}

versions() {
	{
		_version platform-backup "$PB" --version
		_version rclone rclone version
		[ -z "$RCLONE_NEW" ] ||
			_version 'rclone, newer' "$RCLONE_NEW" version
		[ -z "$MC" ] || _version mc cat "$MC.version"
		_version restic restic version
		_version radosgw radosgw --version
		_version sqlite3 sqlite3 --version
		_version zstd zstd --version
		_version mariadb mariadbd --version
		_version python "$PYTHON" --version
		_version ops "$PYTHON" -c 'import ops; print(ops.__version__)'
	} | jq -s add
}

# What is judged: memory, and requests for what has not changed.  Beside the
# pages: an empty one at the end, as some servers have it; two LIST and a HEAD by
# which the source is looked at before.  A source that is slow is listed in ranges,
# which takes 2.6 % more, and three where they begin and end.
promises() {
	jq -es 'map(select(.tool | startswith("platform-backup"))) |
	    length > 0 and all(.rss < 64)' "$RESULTS" >/dev/null || {
		say "platform-backup took more than 64 MiB, or did not run"
		exit 1
	}
	jq -es 'all(.unchanged != true or (.requests.source |
	    .GET == 0 and .HEAD <= 1) and (.requests.source.LIST <=
	    (.objects * 1.026 / 1000 | floor) + 6))' "$RESULTS" >/dev/null || {
		say "more was asked for than what had changed"
		exit 1
	}
}
