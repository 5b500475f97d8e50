#!/usr/bin/env bash
# What writes to a database stands still while it is restored, in a real
# cluster: its pods are gone before the first change and come back afterwards.
. "${0%/*}/../lib/harness.sh"
requires sqlite3 jq python3 kubernetes

K=$WORK/kube
trap 'server_stop "$K"; _children_end "$WORK"/*/children' EXIT
kube_needed "$K"

# KIND NAME REPLICAS
workload() {
	kube_make "$K" <<-YAML
	# /apis/apps/v1/namespaces/$NS/$1
	spec:
	  replicas: $3
	  selector: {matchLabels: {app: $2}}
	  template:
	    metadata: {labels: {app: $2}}
	    spec:
	      terminationGracePeriodSeconds: 1
	      containers: [{name: main, image: none}]
	metadata: {name: $2}
	YAML
	within 30 runs "$2" "$3"
}

object() {
	kube "$K" GET "/apis/apps/v1/namespaces/$NS/$1"
}

pods() {
	kube "$K" GET "/api/v1/namespaces/$NS/pods?labelSelector=app%3D$1" |
	    jq '[.items[] | select(.status.phase == "Running")] | length'
}

runs() {
	[ "$(pods "$1")" = "$2" ]
}

# what a workload wants, and what its annotation holds
state() {
	object "$1" | jq -c '[.spec.replicas,
	    .metadata.annotations["platform-backup/paused-replicas"]]'
}

is() {
	[ "$(state "$1")" = "$2" ]
}

# a namespace with two writers, and a database that they write to
setup() {
	NS=pause$(basename "$T")
	kube "$K" POST /api/v1/namespaces \
	    "{\"metadata\":{\"name\":\"$NS\"}}" >/dev/null
	workload deployments writer 2
	workload statefulsets keeper 1
	sqlite3 bank.db 'create table t (n); insert into t values (1)'
	kube_config "$K" admin "$(server_get "$K" token)" >kubeconfig
	repository_dir "$T/repository"
	component_sqlite mlmd "$T/bank.db"
	cat >>config.yaml <<-YAML
	    pause: [$NS/writer, $NS/keeper${1:+, $NS/$1}]
	kubernetes: {kubeconfig: $T/kubeconfig}
	YAML
	create
	sqlite3 bank.db 'insert into t values (2)'
}

rows() {
	[ "$(sqlite3 bank.db 'select count(*) from t')" = "$1" ]
}

runs_again() {
	is deployments/writer '[2,null]'
	is statefulsets/keeper '[1,null]'
	within 30 runs writer 2
	within 30 runs keeper 1
}

stands_still() {
	setup
	pb 0 restore "$ID"
	rows 1
	grep -q "scaled 'writer' in namespace '$NS' from 2 to 0" err
	grep -q "scaled 'keeper' in namespace '$NS' back to 1" err
	runs_again
	pb 0 resume --json
	json out '.["resume-status"] == "finished" and
	    ([.workloads[] | .resumed] == [false, false])'
}

# a restore that waits for the database, and is killed while it does
killed() {
	setup
	background holder python3 "$TOP/tests/lib/bank.py" hold bank.db 60 \
	    exclusive
	local holder=$CHILD
	within 20 test -s holder.out
	background restore "$PB" -c config.yaml restore "$ID"
	within 30 is deployments/writer '[0,"2"]'
	within 30 is statefulsets/keeper '[0,"1"]'
	within 30 runs writer 0
	within 30 runs keeper 0
	kill -0 "$CHILD"
	kill -KILL "$CHILD" "$holder"
	within 10 not kill -0 "$holder"
	is deployments/writer '[0,"2"]'
}

resumed_by_hand() {
	killed
	pb 0 resume
	grep -q "scaled back *$NS/writer: 2 replicas" out
	runs_again
}

resumed_by_the_next() {
	killed
	pb 0 restore "$ID"
	rows 1
	runs_again
}

# somebody had scaled one back already, to another number
resumed_as_it_is_now() {
	killed
	kube "$K" PATCH "/apis/apps/v1/namespaces/$NS/deployments/writer" \
	    '{"spec":{"replicas":3}}' application/merge-patch+json >/dev/null
	pb 0 resume
	is deployments/writer '[3,null]'
	is statefulsets/keeper '[1,null]'
}

only_looks() {
	setup
	pb 0 restore "$ID" --dry-run
	pb 0 restore "$ID" --to "mlmd=$T/other.db"
	is deployments/writer '[2,null]'
	not grep -q scaled err
	rows 2
}

changes_nothing_without_it() {
	setup none
	pb 1 restore "$ID"
	grep -q "neither a Deployment nor a StatefulSet 'none' in namespace" err
	is deployments/writer '[2,null]'
	rows 2
	# what is there is started again, whatever else is not
	pb 1 resume
	grep -q "run 'platform-backup resume'" err
}

# what had no pods stays so
stays_stopped() {
	setup
	kube "$K" PATCH "/apis/apps/v1/namespaces/$NS/deployments/writer" \
	    '{"spec":{"replicas":0}}' application/merge-patch+json >/dev/null
	within 30 runs writer 0
	pb 0 restore "$ID"
	is deployments/writer '[0,null]'
	is statefulsets/keeper '[1,null]'
}

# a restore that fails starts them as well
fails() {
	setup
	background holder python3 "$TOP/tests/lib/bank.py" hold bank.db 60 \
	    exclusive
	within 20 test -s holder.out
	sed -i 's/^    pause:/    busy-timeout: 1\n&/' config.yaml
	pb 1 restore "$ID"
	runs_again
}

# an account that may see them, and not change them
names_what_is_missing() {
	setup
	kube_make "$K" <<-YAML
	# /api/v1/namespaces/$NS/serviceaccounts
	metadata: {name: backup}
	---
	# /apis/rbac.authorization.k8s.io/v1/namespaces/$NS/roles
	metadata: {name: look}
	rules:
	- apiGroups: [apps]
	  resources: [deployments, deployments/scale, statefulsets,
	    statefulsets/scale]
	  verbs: [get]
	---
	# /apis/rbac.authorization.k8s.io/v1/namespaces/$NS/rolebindings
	metadata: {name: look}
	roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: look}
	subjects: [{kind: ServiceAccount, name: backup, namespace: $NS}]
	YAML
	kube_config "$K" backup "$(kube_token "$K" "$NS" backup)" >kubeconfig
	pb 1 restore "$ID"
	contains err "verb 'patch' of resource 'deployments' in namespace '$NS'"
	is deployments/writer '[2,null]'
	rows 2
}

it 'scales writers to 0 for a restore, and back' stands_still
it 'finds what a killed restore left, by hand' resumed_by_hand
it 'finds what a killed restore left, with the next' resumed_by_the_next
it 'leaves a number that is newer' resumed_as_it_is_now
it 'leaves alone what is not restored into' only_looks
it 'changes nothing where a name is wrong' changes_nothing_without_it
it 'does not start what did not run' stays_stopped
it 'starts again after a restore that failed' fails
it 'says which right is missing' names_what_is_missing
done_testing
