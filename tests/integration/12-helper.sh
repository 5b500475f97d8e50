#!/usr/bin/env bash
# The helper for pods of the other kind of machine, run by an emulator: as it
# is in a pod, but for the cluster.
. "${0%/*}/../lib/harness.sh"
case $(uname -m) in
x86_64) ARCH=arm64 EMULATOR=qemu-aarch64-static CROSS=aarch64-linux-gnu-gcc ;;
*) ARCH=amd64 EMULATOR=qemu-x86_64-static CROSS=x86_64-linux-gnu-gcc ;;
esac
requires sqlite3 "$EMULATOR" "$CROSS"
kube_helper || exit 1

# helper WORD...: a copy of it, as each is removed when it begins
helper() {
	cp "$(dirname "$PB")/platform-backup-sqlite.$ARCH" "$T/helper"
	"$EMULATOR" "$T/helper" "$@" >"$T/out" 2>"$T/err"
}

says_hello() {
	cp "$(dirname "$PB")/platform-backup-sqlite.$ARCH" self
	helper probe "$T/self" "$(stat -c %s self)"
	contains out 'ok platform-backup-sqlite 1'
	not helper probe "$T/self" 1
	contains err 'did not come whole'
}

round_trip() {
	local length
	sqlite3 m.db "create table t(n, b); with recursive n(i) as (select 1
	    union all select i + 1 from n where i < 500) insert into t
	    select i, randomblob(200) from n"
	sqlite3 m.db .dump >before
	helper check "$T/m.db" "$T/scratch"
	contains out 'copied in'
	helper backup "$T/m.db" 1000 "$T/scratch"
	length=$(head -n 1 out | cut -d ' ' -f 2)
	tail -c +"$(($(head -n 1 out | wc -c) + 1))" out >copy
	head -c "$length" copy >copy.db
	[ "$(tail -c 4 copy)" = end ]
	sqlite3 copy.db .dump | same before -
	sqlite3 m.db 'delete from t where n > 3'
	helper restore "$T/m.db" 1000 "$length" "$T/scratch" <copy
	contains out 'as it was before is kept as'
	sqlite3 m.db .dump | same before -
	echo 'no database' >m.db
	helper restore "$T/m.db" 1000 "$length" "$T/scratch" <copy
	contains out 'was damaged and is kept as'
	sqlite3 m.db .dump | same before -
	[ -z "$(ls -A scratch)" ]
	not helper restore "$T/m.db" 1000 "$length" "$T/scratch" <before
}

it 'says that it is whole' says_hello
it 'saves and restores a database' round_trip
done_testing
