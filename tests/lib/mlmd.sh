#!/bin/sh
# mlmd.sh - print the Python to run mlmd.py with: one that has the ml-metadata
# library, made once from PyPI under
# ${XDG_CACHE_HOME:-$HOME/.cache}/platform-backup-tests/mlmd-venv; where that
# does not work the plain python3, with which mlmd.py uses the tables alone.
#
#     $(sh tests/lib/mlmd.sh) tests/lib/mlmd.py make DB
#
# Its first use on a machine says what it does, before it does it.
set -eu

version=1.17.1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/platform-backup-tests
venv=$cache/mlmd-venv

say() {
	echo "mlmd: $*" >&2
}

works() {
	"$1" -c 'import ml_metadata' >/dev/null 2>&1
}

plain() {
	say "$1: going on with the tables alone (tests/lib/mlmd-schema.sql)"
	command -v python3
	exit
}

if works "$venv/bin/python"; then
	echo "$venv/bin/python"
	exit
fi
[ -z "${MLMD_PLAIN:-}" ] || plain "MLMD_PLAIN is set"
command -v python3 >/dev/null || {
	say "needs python3"
	exit 1
}
# an attempt that failed is not repeated by every test
[ ! -e "$venv.failed" ] || plain "ml-metadata could not be installed (remove
$venv.failed to try again)"
say "installing ml-metadata $version from PyPI into $venv (once, some 60 MB)"
mkdir -p "$cache"
rm -rf "$venv.new"
if python3 -m venv "$venv.new" >"$venv.log" 2>&1 &&
    "$venv.new/bin/python" -m pip install --quiet \
	--disable-pip-version-check --only-binary :all: \
	"ml-metadata==$version" >>"$venv.log" 2>&1 &&
    works "$venv.new/bin/python"; then
	rm -rf "$venv"
	mv "$venv.new" "$venv"
	echo "$venv/bin/python"
	exit
fi
rm -rf "$venv.new"
touch "$venv.failed"
plain "cannot install ml-metadata (see $venv.log)"
