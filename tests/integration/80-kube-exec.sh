#!/usr/bin/env bash
# A SQLite database in the pod of a real cluster: saved and put back by a
# program that is sent there.
. "${0%/*}/../lib/harness.sh"
requires root kubernetes sqlite3 jq busybox
KUBE=$WORK/kube
trap 'server_stop "$KUBE"' EXIT
kube_helper || exit 1
kube_needed "$KUBE"

USER_ID=584792	# as the container of MLMD has it

# pod [CONTAINER...]: a pod with these, each with a root in $T/CONTAINER; all
# see the volume "data", where main has it as /data
pod() {
	local c annotations='' containers='' at
	POD=mlmd-$(basename "$T")
	for c in "${@:-main}"; do
		at=/data
		[ "$c" = main ] || at=/var/lib/juju/storage/mlmd-data/0
		kube_root "$T/$c"
		mkdir -p "$T/$c$at"
		chown $USER_ID "$T/$c$at"
		annotations+=",\"test.platform-backup/root.$c\":\"$T/$c\""
		annotations+=",\"test.platform-backup/user.$c\":\"$USER_ID\""
		containers+=",{\"name\":\"$c\",\"image\":\"x\",
		    \"volumeMounts\":[{\"name\":\"data\",
		    \"mountPath\":\"$at\"}]}"
	done
	kube "$KUBE" POST /api/v1/namespaces/default/pods "{\"metadata\":
	    {\"name\":\"$POD\",\"annotations\":{${annotations#,}}},
	    \"spec\":{\"volumes\":[{\"name\":\"data\",\"emptyDir\":{}}],
	    \"containers\":[${containers#,}]}}" >/dev/null
	within 30 runs
}

runs() {
	kube "$KUBE" GET "/api/v1/namespaces/default/pods/$POD" |
	    jq -e '.status.phase == "Running"' >/dev/null
}

database() {
	sqlite3 "$1" <<-'SQL'
	create table artifact(id integer primary key, uri text);
	with recursive n(i) as (select 1 union all select i + 1 from n
	    where i < 5000)
	insert into artifact select i, 'minio://mlpipeline/' || i from n;
	SQL
	chown $USER_ID "$1"
}

# configured [LINE...]: with these lines below "kubernetes:"
configured() {
	repository_dir "$T/repository"
	cat >>"$T/config.yaml" <<-YAML
	  - name: mlmd
	    type: sqlite
	    busy-timeout: 2
	    kubernetes:
	      path: /data/mlmd.db
	YAML
	printf '      %s\n' "${@:-pod: $POD}" >>"$T/config.yaml"
	echo "kubernetes: {kubeconfig: $KUBE/kubeconfig}" >>"$T/config.yaml"
}

content() {
	sqlite3 "$1" .dump 'pragma integrity_check'
}

# nothing of ours is in the container's folders, or here
clean() {
	[ -z "$(find "$1/tmp" "$1/data" "$1/var" -name '.platform-backup*' \
	    2>/dev/null)" ]
	[ -z "$(ls -A "$T/scratch")" ]
}

round_trip() {
	pod
	database main/data/mlmd.db
	configured
	content main/data/mlmd.db >before
	sha256sum main/data/mlmd.db >sums
	pb 0 check
	contains out "copied in '/tmp'"
	create
	json created.json '.components[0].status == "ok"'
	sha256sum --quiet -c sums
	clean main
	[ "$(ls main/data)" = mlmd.db ]
	sqlite3 main/data/mlmd.db 'delete from artifact where id > 9'
	content main/data/mlmd.db >damaged
	pb 0 restore "$ID" --dry-run
	content main/data/mlmd.db >untouched
	same damaged untouched
	pb 0 restore "$ID"
	contains err "as it was before is kept as"
	content main/data/mlmd.db >after
	same before after
	content main/data/mlmd.db.before-restore-* >kept
	same damaged kept
	[ "$(stat -c %u main/data/mlmd.db.before-restore-*)" = $USER_ID ]
	clean main
}

one_that_is_open_in_wal_mode() {
	pod
	sqlite3 main/data/mlmd.db 'pragma journal_mode = wal' >/dev/null
	database main/data/mlmd.db
	mkfifo hold
	background holder sh -c "sqlite3 main/data/mlmd.db <hold"
	exec 5>hold
	echo 'insert into artifact values (6000, "in the WAL");' >&5
	within 10 test -s main/data/mlmd.db-wal
	chown $USER_ID main/data/mlmd.db*
	configured
	create
	echo 'delete from artifact;' >&5
	within 10 sh -c '[ "$(sqlite3 main/data/mlmd.db \
	    "select count(*) from artifact")" = 0 ]'
	pb 0 restore "$ID"
	[ "$(sqlite3 main/data/mlmd.db 'select uri from artifact
	    where id = 6000')" = 'in the WAL' ]
	exec 5>&-
}

no_shell_in_it() {
	pod main charm
	rm -r main/bin/sh
	database charm/var/lib/juju/storage/mlmd-data/0/mlmd.db
	configured
	create
	json created.json '.components[0].status == "ok"'
	clean charm
}

no_shell_at_all() {
	pod
	rm -r main/bin/sh
	configured
	pb 1 create
	contains err "container 'main' of pod '$POD' has no shell"
}

elsewhere() {
	pod
	database main/data/mlmd.db
	configured
	rmdir main/tmp
	mkdir -p main/dev/shm
	chmod 1777 main/dev/shm
	create
	pb 0 check
	contains out "copied in '/dev/shm'"
	chmod 555 main/dev/shm
	pb 0 check
	contains out "copied in '/data'"
	chown 0 main/data
	chmod 555 main/data
	pb 1 create
	contains err "no folder where a program may be put and run" /data
}

nothing_runs_from_tmp() {
	pod
	database main/data/mlmd.db
	configured
	if mount -t tmpfs -o noexec,size=4m tmpfs main/tmp; then
		trap 'umount "$T/main/tmp"' EXIT
		chmod 1777 main/tmp
		pb 0 check
		contains out "copied in '/tmp'"
		# it ends when the disk is full, as it shall
		head -c 4M /dev/zero >main/tmp/full || true
		pb 0 check
		contains out "copied in '/data'"
		create
	fi
}

# one that takes seconds to send
slow_copy() {
	pod
	sqlite3 main/data/mlmd.db 'create table t(b); insert into t
	    values (randomblob(40000000))'
	chown $USER_ID main/data/mlmd.db
	configured
	printf 'limits:\n  bandwidth: 2M\n' >>config.yaml
	background create "$PB" -c config.yaml create
	# its copy has no name any more while it is sent
	within 20 sends
	clean_there
}

sends() {
	pgrep -f '^/tmp/.platform-backup-' >/dev/null && clean_there &&
	    [ "$(du -sk scratch | cut -f 1)" -gt 1000 ]
}

clean_there() {
	[ "$(find main/tmp main/data -type f)" = main/data/mlmd.db ]
}

the_pod_dies() {
	slow_copy
	kube "$KUBE" DELETE "/api/v1/namespaces/default/pods/$POD" >/dev/null
	within 30 sh -c "! kill -0 $CHILD"
	contains create.err "component 'mlmd': failed"
	clean main
}

we_die() {
	slow_copy
	kill -KILL "$CHILD"
	within 30 not pgrep -f '^/tmp/.platform-backup-'
	clean_there
}

lies_there() {
	[ -n "$(find main/tmp -name '.platform-backup-*' "$@")" ]
}

# sent and not yet begun: its chmod waits, and then nobody is there
we_die_before_it_begins() {
	pod
	database main/data/mlmd.db
	rm main/bin/sh
	# busybox's own shell takes no chmod but its own, save a function
	cat >main/bin/sh <<-'SH'
	#!/bin/busybox sh
	chmod() {
		busybox chmod "$@"
		while [ ! -e /go ]; do busybox sleep 0.1; done
	}
	script=$2
	[ $# -lt 3 ] || shift 3
	eval "$script"
	SH
	chmod 755 main/bin/sh
	configured
	background create "$PB" -c config.yaml create
	within 30 lies_there -perm -700
	kill -KILL "$CHILD"
	within 10 not kill -0 "$CHILD"
	lies_there -perm -700
	touch main/go
	within 30 clean_there
}

we_die_while_it_is_sent() {
	pod
	database main/data/mlmd.db
	configured
	printf 'limits:\n  bandwidth: 100K\n' >>config.yaml
	background create "$PB" -c config.yaml create
	within 30 lies_there -size +100k
	kill -KILL "$CHILD"
	within 30 clean_there
}

# what one left whose container was killed with it
the_next_one_clears() {
	local left=main/tmp/.platform-backup-0123456789abcdef
	pod
	database main/data/mlmd.db
	configured
	touch $left
	chown $USER_ID $left
	create
	[ -e $left ]
	touch -d '2 hours ago' $left
	rm main/bin/head
	create
	clean main
}

named() {
	pod
	configured
	pb 1 create
	contains err "in pod '$POD': " "'/data/mlmd.db'" 'No such file'
	echo 'no database at all' >main/data/mlmd.db
	pb 1 create
	contains err 'is not a SQLite database'
	database main/data/other.db
	mv main/data/other.db main/data/mlmd.db
	mkfifo hold
	background holder sh -c "sqlite3 main/data/mlmd.db <hold"
	exec 5>hold
	printf '%s\n' '.timeout 10000' 'begin exclusive;' >&5
	within 10 not sqlite3 main/data/mlmd.db 'select * from artifact'
	pb 1 create
	contains err 'was locked for 2 s'
	exec 5>&-
	printf '#!/bin/busybox sh\necho riscv64\n' >main/bin/sh.new
	chmod 755 main/bin/sh.new
	mv main/bin/sh.new main/bin/sh
	pb 1 create
	contains err "the pod's machine is a 'riscv64'"
	configured 'pod: nobody'
	pb 1 create
	contains err 'pods "nobody" not found'
	configured "pod: $POD" 'container: other'
	pb 1 create
	contains err "has no container 'other'"
	configured 'application: nobody'
	pb 1 create
	contains err "no pod of application 'nobody' runs"
}

# eight wrong bytes: in a page of it, in its header, and all of it
damaged() {
	local at
	pod
	database main/data/mlmd.db
	content main/data/mlmd.db >before
	configured
	create
	for at in 4096 16; do
		printf 'mlmd.db!' | dd of=main/data/mlmd.db bs=1 seek=$at \
		    conv=notrunc status=none
		not content main/data/mlmd.db >broken 2>&1 ||
		    not grep -qx ok broken
		rm -f main/data/mlmd.db.before-restore-*
		pb 0 restore "$ID"
		content main/data/mlmd.db >after
		same before after
		contains main/data/mlmd.db.before-restore-* 'mlmd.db!'
		[ "$(stat -c %u main/data/mlmd.db)" = $USER_ID ]
		clean main
	done
	contains err 'was damaged and is kept as'
	rm main/data/mlmd.db.before-restore-*
	echo 'no database at all' >main/data/mlmd.db
	pb 0 restore "$ID" --dry-run
	contains err 'puts a file in the place of a damaged one'
	contains main/data/mlmd.db 'no database at all'
	pb 0 restore "$ID"
	content main/data/mlmd.db >after
	same before after
	contains main/data/mlmd.db.before-restore-* 'no database at all'
}

# an application that may be missing, and one that is scaled to 0
left_out_where_it_is_not() {
	sqlite3 other.db 'create table t (n)'
	configured 'application: nobody' 'optional: true'
	sed -i "s|^components:|&\n  - {name: other, type: sqlite, path: $T/other.db}|" \
	    config.yaml
	create
	json created.json '[.components[].name] == ["other"]'
	contains err "component 'mlmd' is left out"
	pb 0 check
	not grep -q mlmd out
	pb 0 restore latest --dry-run
	pb 1 create --component mlmd
	contains err "no pod of application 'nobody' runs"
	kube_make "$KUBE" <<-YAML
	# /apis/apps/v1/namespaces/default/statefulsets
	metadata: {name: nobody}
	spec:
	  replicas: 0
	  selector: {matchLabels: {a: b}}
	  template:
	    metadata: {labels: {a: b}}
	    spec: {containers: [{name: c, image: i}]}
	YAML
	pb 3 create
	contains err "no pod of application 'nobody' runs"
}

it 'a database in a pod is saved and put back, and nothing is left there' \
    round_trip
it 'one that is open in WAL mode too' one_that_is_open_in_wal_mode
it 'where the container has no shell, that of the charm is taken' \
    no_shell_in_it
it 'without any shell this is said' no_shell_at_all
it 'another folder is found where /tmp is missing' elsewhere
it 'one that runs no programs, or is full, is passed over' \
    nothing_runs_from_tmp
it 'what is wrong there is named' named
it 'a pod that dies in the middle is a failure' the_pod_dies
it 'what is damaged there is kept and replaced' damaged
it 'nothing is left in the pod when this program is killed' we_die
it 'nor before it begins there' we_die_before_it_begins
it 'nor while it is sent' we_die_while_it_is_sent
it 'what was left all the same goes with the next run' the_next_one_clears
it 'one that may be missing is left out where it is' left_out_where_it_is_not
done_testing
