# shellcheck shell=bash
# peers.sh - tools to be compared with that Debian does not have, or has older:
# MC, RCLONE_NEW and PYTHON (with ops); empty where they cannot be had.
#
# Built from their Go modules, or installed from PyPI, once, into the cache of
# tests/lib/servers.sh.  BENCH_PEERS=no: nothing is fetched.
# shellcheck disable=SC2034
MC=
RCLONE_NEW=
PYTHON=

# NAME MODULE: a binary in the cache
_peer_go() {
	local go work bin=$SERVERS_CACHE/$1
	[ ! -x "$bin" ] || return 0
	[ "${BENCH_PEERS:-}" != no ] || return 1
	go=$(_minio_go) || {
		say "no Go here, so $1 is not compared"
		return 1
	}
	say "building $1 from $2 into $SERVERS_CACHE; takes minutes, once"
	mkdir -p "$SERVERS_CACHE"
	work=$(mktemp -d "$SERVERS_CACHE/build.XXXXXX")
	if GOPATH=$work/path GOBIN=$work/bin GOCACHE=$work/cache \
	    GOFLAGS=-modcacherw CGO_ENABLED=0 timeout 1800 "$go" \
	    install -ldflags '-s -w' "$2" >"$bin-build.log" 2>&1; then
		"$go" version -m "$work"/bin/* |
		    awk '$1 == "mod" { print $3 }' >"$bin.version"
		mv "$work"/bin/* "$bin"
	else
		say "$1 could not be built; see $bin-build.log"
	fi
	rm -rf -- "$work"
	[ -x "$bin" ]
}

_peer_ops() {
	local venv=$SERVERS_CACHE/ops
	if [ ! -x "$venv/bin/python3" ]; then
		[ "${BENCH_PEERS:-}" != no ] || return 1
		say "installing ops from PyPI into $venv, once"
		mkdir -p "$SERVERS_CACHE"
		"$(python3 -c 'import sys; print(sys.executable)')" -m venv \
		    "$venv" && "$venv/bin/pip" install -q ops \
		    >"$venv.log" 2>&1 || {
			say "ops could not be installed; see $venv.log"
			rm -rf -- "$venv"
			return 1
		}
	fi
	"$venv/bin/python3" -c 'import ops'
}

peers_build() {
	if _peer_go mc github.com/minio/mc@latest; then
		MC=$SERVERS_CACHE/mc
	fi
	if _peer_go rclone github.com/rclone/rclone@latest; then
		RCLONE_NEW=$SERVERS_CACHE/rclone
	fi
	if _peer_ops; then
		PYTHON=$SERVERS_CACHE/ops/bin/python3
	fi
}
