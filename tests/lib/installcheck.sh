#!/bin/sh
# installcheck.sh PROGRAM VERSION - the installed program works: it says its
# version, helps, and saves and restores a database into and from a folder.
set -eu
program=$1 version=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$program" version | grep -qF "$version"
"$program" help | grep -q create
sqlite3 "$work/a.db" 'create table t(x); insert into t values (42);'
cat >"$work/config.yaml" <<YAML
repository: {path: $work/backups}
scratch: $work
components:
  - {name: a, type: sqlite, path: $work/a.db}
YAML
id=$("$program" -c "$work/config.yaml" create --json 2>"$work/err" |
    sed -n 's/.*"backup-id": *"\([^"]*\)".*/\1/p') || {
	cat "$work/err" >&2
	exit 1
}
sqlite3 "$work/a.db" 'delete from t;'
"$program" -c "$work/config.yaml" restore "$id" >/dev/null 2>&1
[ "$(sqlite3 "$work/a.db" 'select x from t')" = 42 ]
echo "installcheck: $program works"
