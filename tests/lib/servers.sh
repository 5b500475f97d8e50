# shellcheck shell=bash
# servers.sh - real S3 servers on loopback, for tests, demo and measurements.
#
#   . tests/lib/servers.sh
#   radosgw_start DIR       Ceph RadosGW with http and https; Debian's packages
#   minio_start DIR         MinIO, built from its Go module once
#   server_get DIR FIELD    kind endpoint tls ca access secret
#   server_env DIR          print exports for s3.py
#   server_stop DIR         end what was started there (by process id), rm DIR
#
# Data is in memory (RadosGW) or below DIR.  Ports are free ones, on 127.0.0.1
# only.  Keys are new for each server, so that a test can look for them where
# they must not appear.  Nothing outside DIR is touched, save the folder where
# the MinIO binary is kept.

export PYTHONDONTWRITEBYTECODE=1	# the tree stays clean
SERVERS_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/platform-backup-tests

# shellcheck source=tests/lib/goprogram.sh
. "${BASH_SOURCE[0]%/*}/goprogram.sh"

_server_say() {
	echo "servers: $*" >&2
}

# $1 free ports in a row, outside the range that clients are given
_server_ports() {
	python3 - "$1" <<-'PY'
	import random, socket, sys
	n = int(sys.argv[1])
	for _ in range(1000):
	    base = random.randrange(15000, 32000 - n)
	    held = []
	    try:
	        for port in range(base, base + n):
	            s = socket.socket()
	            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	            held.append(s)
	            s.bind(("127.0.0.1", port))
	    except OSError:
	        continue
	    finally:
	        for s in held:
	            s.close()
	    print(base)
	    sys.exit(0)
	sys.exit("no free ports")
	PY
}

# $1 letters and digits at random, never at the mercy of SIGPIPE
_server_word() {
	python3 -c 'import secrets, string, sys
print("".join(secrets.choice(string.ascii_letters + string.digits)
    for _ in range(int(sys.argv[1]))))' "$1"
}

# an authority, and a certificate of it for this machine: DIR/ca.pem, ...
server_certificate() {
	local d=$1
	mkdir -p "$d"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
	    -nodes -days 30 -subj "/CN=platform-backup test authority" \
	    -keyout "$d/ca.key" -out "$d/ca.pem" 2>/dev/null || return 1
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
	    -subj /CN=localhost -keyout "$d/key.pem" -out "$d/csr.pem" \
	    2>/dev/null || return 1
	printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$d/san"
	openssl x509 -req -in "$d/csr.pem" -CA "$d/ca.pem" -CAkey "$d/ca.key" \
	    -CAcreateserial -days 30 -extfile "$d/san" -out "$d/cert.pem" \
	    2>/dev/null
}

_server_put() {
	printf '%s\n' "$3" >"$1/$2.txt"
}

server_get() {
	cat "$1/$2.txt" 2>/dev/null
}

server_env() {
	printf 'export S3_ENDPOINT=%s S3_ACCESS=%s S3_SECRET=%s S3_CA=%s\n' \
	    "$(server_get "$1" endpoint)" "$(server_get "$1" access)" \
	    "$(server_get "$1" secret)" "$(server_get "$1" ca)"
}

# a process that is alive and was started for DIR; a zombie has no command line
_server_ours() {
	{ tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null | grep -qF -- "$2/"
}

server_stop() {
	local d p file
	d=$(readlink -m "$1")
	for file in "$d"/*.pid; do
		p=$(cat "$file" 2>/dev/null) || continue
		if [ -z "$p" ] || ! _server_ours "$p" "$d"; then
			continue
		fi
		# the data is thrown away: no orderly end is needed
		kill -KILL "$p" 2>/dev/null
		for _ in $(seq 100); do
			_server_ours "$p" "$d" || break
			sleep 0.05
		done
	done
	if [ -f "$d/kind.txt" ]; then
		rm -rf -- "$d"
	fi
}

# wait until $2 answers over HTTP while the process in $1 lives
_server_wait() {
	local _
	for _ in $(seq 300); do
		curl --noproxy '*' -s -o /dev/null -m 2 "$2" && return 0
		kill -0 "$(cat "$1")" 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}

# --- Ceph RadosGW: one monitor, one OSD in memory, one gateway

radosgw_here() {
	command -v ceph-mon ceph-osd radosgw radosgw-admin monmaptool ceph \
	    >/dev/null
}

_radosgw_conf() {
	local d=$1 port=$2 fsid=$3
	cat <<-CONF
	[global]
	fsid = $fsid
	mon host = [v2:127.0.0.1:$((port + 2))/0]
	public addr = 127.0.0.1
	cluster addr = 127.0.0.1
	ms bind ipv4 = true
	auth cluster required = none
	auth service required = none
	auth client required = none
	run dir = $d/run
	admin socket = $d/run/\$name.asok
	crash dir = $d/run
	log file = $d/\$name.log
	mon cluster log file = $d/cluster.log
	debug none = 0/0
	osd pool default size = 1
	osd pool default min size = 1
	osd pool default pg num = 8
	osd pool default pgp num = 8
	osd pool default pg autoscale mode = off
	osd crush chooseleaf type = 0
	osd heartbeat interval = 5
	mon allow pool size one = true
	mon max pg per osd = 2000
	mon data avail crit = 1
	mon data avail warn = 1
	# map changes are batched for a second each by default
	paxos propose interval = 0.01
	paxos min wait = 0.005
	[mon.a]
	mon data = $d/mon
	mon initial members = a
	[osd.0]
	osd data = $d/osd
	osd objectstore = memstore
	memstore device bytes = ${RADOSGW_BYTES:-8G}
	osd op num shards = 2
	osd op num threads per shard = 2
	osd scrub min interval = 604800
	osd scrub max interval = 1209600
	osd numa auto affinity = false
	[client.rgw.a]
	# "secure" mode is asked for by default; auth none cannot give it
	ms mon client mode = crc
	rgw data = $d/rgw
	# without tcp_nodelay each small GET on a kept connection takes 44 ms
	rgw frontends = beast tcp_nodelay=1 endpoint=127.0.0.1:$port ssl_endpoint=127.0.0.1:$((port + 1)) ssl_certificate=$d/cert.pem ssl_private_key=$d/key.pem
	rgw thread pool size = 128
	rgw enable usage log = false
	rgw enable ops log = false
	rgw dynamic resharding = false
	rgw rados pool pg num min = 8
	rgw init timeout = 60
	CONF
}

# in DIR, in the background, its id in NAME.pid
_server_spawn() {
	local d=$1 name=$2
	shift 2
	setsid "$@" >"$d/$name.out" 2>&1 </dev/null &
	echo $! >"$d/$name.pid"
	disown
}

_radosgw_try() {
	local d=$1 port part fsid osd conf quiet=()
	port=$(_server_ports 3) || return 1
	fsid=$(cat /proc/sys/kernel/random/uuid)
	osd=$(cat /proc/sys/kernel/random/uuid)
	conf=$d/ceph.conf
	mkdir -p "$d"/{mon,osd,rgw,run} || return 1
	_server_put "$d" kind radosgw
	server_certificate "$d" || return 1
	_radosgw_conf "$d" "$port" "$fsid" >"$conf"
	for part in ms mon paxos osd rgw objecter monc auth; do
		quiet+=("--debug-$part" 0)
	done
	{
		monmaptool --create --clobber --fsid "$fsid" \
		    --addv a "[v2:127.0.0.1:$((port + 2))]" "$d/monmap" &&
		ceph-mon -c "$conf" -i a --mkfs --monmap "$d/monmap" "${quiet[@]}"
	} >>"$d/cmd.log" 2>&1 || return 1
	_server_spawn "$d" mon ceph-mon -c "$conf" -i a -f "${quiet[@]}"
	{
		ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$osd" "${quiet[@]}" &&
		timeout 30 ceph -c "$conf" osd new "$osd" 0
	} >>"$d/cmd.log" 2>&1 || return 1
	_server_spawn "$d" osd ceph-osd -c "$conf" -i 0 -f "${quiet[@]}"
	# a pool that is made before the OSD is up costs five seconds
	for _ in $(seq 400); do
		grep -q 'osd\.0 .* boot' "$d/mon.a.log" 2>/dev/null && break
		sleep 0.025
	done
	_server_put "$d" access "AK$(_server_word 18)"
	_server_put "$d" secret "$(_server_word 40)"
	radosgw_user "$d" test "$(server_get "$d" access)" \
	    "$(server_get "$d" secret)" || return 1
	_server_spawn "$d" rgw radosgw -c "$conf" -n client.rgw.a -f "${quiet[@]}"
	_server_put "$d" endpoint "http://127.0.0.1:$port"
	_server_put "$d" tls "https://127.0.0.1:$((port + 1))"
	_server_put "$d" ca "$d/ca.pem"
	_server_wait "$d/rgw.pid" "http://127.0.0.1:$port/"
}

# a further user with keys of its own: DIR NAME ACCESS SECRET
radosgw_user() {
	timeout 60 radosgw-admin -c "$1/ceph.conf" -n client.rgw.a \
	    user create --uid="$2" --display-name="$2" --access-key="$3" \
	    --secret="$4" --max-buckets=0 >>"$1/cmd.log" 2>&1
}

radosgw_start() {
	local d try
	d=$(readlink -m "$1")
	radosgw_here || {
		_server_say "RadosGW is not installed; run make setup"
		return 1
	}
	for try in 1 2 3; do
		_radosgw_try "$d" && return 0
		_server_say "RadosGW did not start (attempt $try)"
		tail -n 3 "$d"/cmd.log "$d"/*.out >&2 2>/dev/null
		server_stop "$d"
	done
	return 1
}

# --- MinIO

# MINIO names a ready one; MINIO=no: do not build, do not test.
minio_build() {
	case ${MINIO:-} in
	no) return 1 ;;
	/*) [ -x "$MINIO" ] ;;
	*) go_program minio github.com/minio/minio@latest ;;
	esac
}

minio_binary() {
	case ${MINIO:-} in
	no) return 1 ;;
	/*) echo "$MINIO" ;;
	*) echo "$SERVERS_CACHE/minio" ;;
	esac
}

_minio_try() {
	local d=$1 port
	port=$(_server_ports 2) || return 1
	mkdir -p "$d/data" "$d/home" || return 1
	_server_put "$d" kind minio
	_server_put "$d" access "AK$(_server_word 18)"
	_server_put "$d" secret "$(_server_word 40)"
	MINIO_ROOT_USER=$(server_get "$d" access) \
	    MINIO_ROOT_PASSWORD=$(server_get "$d" secret) \
	    HOME=$d/home MINIO_BROWSER=off MINIO_UPDATE=off CI=true \
	    _server_spawn "$d" minio "$(minio_binary)" server --quiet \
	    --address "127.0.0.1:$port" "$d/data"
	_server_put "$d" endpoint "http://127.0.0.1:$port"
	_server_wait "$d/minio.pid" \
	    "http://127.0.0.1:$port/minio/health/ready"
}

minio_start() {
	local d try
	d=$(readlink -m "$1")
	minio_build || return 1
	for try in 1 2 3; do
		_minio_try "$d" && return 0
		_server_say "MinIO did not start (attempt $try)"
		tail -n 3 "$d/minio.out" >&2
		server_stop "$d"
	done
	return 1
}
