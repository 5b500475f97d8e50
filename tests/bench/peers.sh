# shellcheck shell=bash
# peers.sh - tools to be compared with that Debian does not have, or has older:
# MC, RCLONE_NEW and PYTHON (with ops); empty where they cannot be had.
#
# Built from their Go modules, or installed from PyPI, once, into the cache of
# tests/lib/goprogram.sh.  BENCH_PEERS=no: nothing is fetched.
# shellcheck disable=SC2034
MC=
RCLONE_NEW=
PYTHON=

_peer_go() {
	[ -x "$SERVERS_CACHE/$1" ] || [ "${BENCH_PEERS:-}" != no ] &&
	    go_program "$1" "$2"
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
