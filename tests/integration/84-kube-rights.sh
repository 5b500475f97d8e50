#!/usr/bin/env bash
# What deploy/rbac.yaml gives is enough, and each right that is missing is named
# with what gives it.
. "${0%/*}/../lib/harness.sh"
requires root kubernetes sqlite3 jq busybox python3
KUBE=$WORK/kube
trap 'server_stop "$KUBE"' EXIT
kube_helper || exit 1
kube_needed "$KUBE"

ROLES=/apis/rbac.authorization.k8s.io/v1
ROLE=$ROLES/clusterroles/platform-backup-create

# documents of kubectl's kind, as kube_make wants them
manifest() {
	python3 - "$1" <<-'PY'
	import re, sys
	paths = {
	    "Namespace": "/api/v1/namespaces",
	    "ServiceAccount": "/api/v1/namespaces/platform-backup/"
	                      "serviceaccounts",
	    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
	    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/"
	                          "clusterrolebindings",
	}
	text = open(sys.argv[1]).read()
	for doc in text.split("\n---\n")[1:]:
	    kind = re.search(r"^kind: (\w+)$", doc, re.M).group(1)
	    print("# %s\n%s\n---" % (paths[kind], doc))
	PY
}

bound() {
	kube_make "$KUBE" <<-YAML
	# $ROLES/clusterrolebindings
	metadata: {name: platform-backup-restore}
	roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole,
	  name: platform-backup-restore}
	subjects: [{kind: ServiceAccount, name: platform-backup,
	  namespace: platform-backup}]
	YAML
}

unbound() {
	kube "$KUBE" DELETE \
	    "$ROLES/clusterrolebindings/platform-backup-restore" >/dev/null
}

# rules of the role that saves, as JSON
rules() {
	kube "$KUBE" PATCH "$ROLE" "{\"rules\":$1}" \
	    application/merge-patch+json >/dev/null
}

# a namespace with an object, a workload, and a pod with a database
setup() {
	NS=rights$(basename "$T")
	kube_root "$T/main"
	sqlite3 main/data/mlmd.db 'create table t (n); insert into t values (1)'
	kube_make "$KUBE" <<-YAML
	# /api/v1/namespaces
	metadata: {name: $NS}
	---
	# /api/v1/namespaces/$NS/configmaps
	metadata: {name: one}
	data: {a: b}
	---
	# /apis/apps/v1/namespaces/$NS/deployments
	metadata: {name: writer}
	spec:
	  replicas: 1
	  selector: {matchLabels: {a: b}}
	  template:
	    metadata: {labels: {a: b}}
	    spec: {containers: [{name: c, image: i}]}
	---
	# /api/v1/namespaces/$NS/pods
	metadata:
	  name: mlmd-0
	  annotations: {test.platform-backup/root.main: "$T/main"}
	spec: {containers: [{name: main, image: i}]}
	YAML
	within 30 runs
	kube_config "$KUBE" platform-backup \
	    "$(kube_token "$KUBE" platform-backup platform-backup)" >kubeconfig
	repository_dir "$T/repository"
	cat >>config.yaml <<-YAML
	  - name: users
	    type: kubernetes
	    include-namespaces: [$NS]
	    include-resources: [configmaps]
	  - name: mlmd
	    type: sqlite
	    kubernetes: {namespace: $NS, application: mlmd, path: /data/mlmd.db}
	    pause: [$NS/writer]
	kubernetes: {kubeconfig: $T/kubeconfig}
	YAML
}

runs() {
	kube "$KUBE" GET "/api/v1/namespaces/$NS/pods/mlmd-0" |
	    jq -e '.status.phase == "Running"' >/dev/null
}

one() {
	kube "$KUBE" "$1" "/api/v1/namespaces/$NS/configmaps/one" "${@:2}"
}

enough() {
	setup
	create
	json created.json '[.components[].status] == ["ok", "ok"]'
	one DELETE >/dev/null
	sqlite3 main/data/mlmd.db 'insert into t values (2)'
	bound
	pb 0 restore "$ID"
	contains err "scaled 'writer' in namespace '$NS' from 1 to 0"
	[ "$(one GET | jq -r .data.a)" = b ]
	[ "$(sqlite3 main/data/mlmd.db 'select count(*) from t')" = 1 ]
	one PATCH '{"data":{"a":"c"}}' application/merge-patch+json >/dev/null
	pb 0 restore "$ID" --existing-resource-policy update
	[ "$(one GET | jq -r .data.a)" = b ]
	unbound
}

# missing VERB RESOURCE WHERE: that was said, and who gives it
missing() {
	contains err "verb '$1' of resource '$2' $3" \
	    'juju trust platform-backup --scope=cluster'
}

restore_is_not_in_it() {
	setup
	create
	one DELETE >/dev/null
	pb 1 restore "$ID" --component users
	missing create configmaps "in namespace '$NS'"
	pb 1 restore "$ID" --component mlmd
	missing patch deployments "in namespace '$NS'"
}

saving_names_what_it_lacks() {
	setup
	local saved
	saved=$(kube "$KUBE" GET "$ROLE" | jq -c .rules)
	rules '[{"apiGroups":["*"],"resources":["*"],"verbs":["get"]},
	    {"apiGroups":[""],"resources":["pods/exec"],"verbs":["create"]}]'
	pb 3 create
	missing list configmaps "in namespace '$NS'"
	rules '[{"apiGroups":["*"],"resources":["*"],"verbs":["list"]}]'
	pb 3 create
	missing get pods "in namespace '$NS'"
	rules '[{"apiGroups":["*"],"resources":["pods", "configmaps",
	    "namespaces", "statefulsets", "deployments"],
	    "verbs":["get", "list"]}]'
	pb 3 create
	contains err "of resource 'pods/exec' in namespace '$NS'" \
	    'juju trust platform-backup --scope=cluster'
	rules "$saved"
	create
}

manifest "$TOP/deploy/rbac.yaml" | kube_make "$KUBE" || exit 1
it 'saves and restores with what deploy/rbac.yaml gives' enough
it 'may not restore without the role for it' restore_is_not_in_it
it 'names what is missing to save' saving_names_what_it_lacks
done_testing
