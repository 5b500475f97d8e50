#!/usr/bin/env bash
# What other charms tell Charmed Velero, with its actions, against a real
# cluster and a fake Juju.
. "${0%/*}/../lib/harness.sh"
. "$TOP/tests/lib/juju.sh"
. "$TOP/tests/lib/juju_platform.sh"
requires jq kubernetes
KUBE=$WORK/kube
trap 'server_stop "$KUBE"' EXIT
kube_needed "$KUBE"

MLMD=mlmd:velero-backup-config

# objects APP...: what belongs to each, in the namespace $NS
objects() {
	local app
	NS=velero$(basename "$T")
	kube "$KUBE" POST /api/v1/namespaces \
	    "{\"metadata\":{\"name\":\"$NS\"}}" >/dev/null
	for app; do
		kube_make "$KUBE" <<-YAML
		# /api/v1/namespaces/$NS/configmaps
		metadata:
		  name: $app
		  labels: {app.kubernetes.io/name: $app}
		data: {of: $app}
		---
		# /api/v1/namespaces/$NS/persistentvolumeclaims
		metadata:
		  name: $app-data
		  labels: {app.kubernetes.io/name: $app}
		spec:
		  accessModes: [ReadWriteOnce]
		  resources: {requests: {storage: 1Gi}}
		YAML
	done
	CLAIM=/api/v1/namespaces/$NS/persistentvolumeclaims/mlmd-data
}

# as the charm of ML Metadata writes it, and a resource besides
spec() {
	jq -nc --arg app "$1" --arg ns "$NS" '{include_namespaces: [$ns],
	    include_resources: ["persistentvolumeclaims", "configmaps"],
	    exclude_namespaces: null, exclude_resources: null,
	    label_selector: {"app.kubernetes.io/name": $app}, ttl: null,
	    include_cluster_resources: null}'
}

# one unit for all tests, which knows where sets are kept, and the cluster
unit() {
	T=$WORK
	kube_config "$KUBE" admin "$(server_get "$KUBE" token)" >"$T/kubeconfig"
	juju_new
	juju_edit '.environment = {"KUBECONFIG": "\($dir)/kubeconfig"} |
	    .config = {"mlmd": ""}' --arg dir "$T"
	relate s3-v1 s3-parameters:1 endpoint="$(server_get "$REPO" endpoint)" \
	    bucket=juju-velero path=/juju/ s3-uri-style=path region=us-east-1 \
	    access-key="$(server_get "$REPO" access)" \
	    secret-key="$(server_get "$REPO" secret)"
}

# related to two applications; its sets are apart from those of other tests
both() {
	objects mlmd minio
	cp "$WORK/juju.json" juju.json
	juju_edit '.config.name = $ns | .storage = {"scratch/0": $dir}' \
	    --arg ns "$NS" --arg dir "$T/scratch"
	provider velero velero-backups:5 created app=mlmd spec="$(spec mlmd)"
	provider velero velero-backups:6 created app=minio spec="$(spec minio)"
}

map() {
	kube "$KUBE" "$1" "/api/v1/namespaces/$NS/configmaps/$2" "${@:3}"
}

holds() {
	[ "$(map GET "$1" | jq -r .data.of)" = "$2" ]
}

# nothing was written to where sets are kept
nothing_saved() {
	# the bucket may not have been made at all
	s3_repo ls juju-velero "juju/$NS/sets/" >stored 2>&1 || true
	lacks stored sets/
}

round_trip() {
	both
	for event in created changed; do
		hook velero-backups-relation-$event --relation velero-backups:5
	done
	status_is active 'ready, no backup yet'
	backup target=$MLMD model=kubeflow
	done_is '.results."backup-status" == "finished"'
	result_is '[.components[] | [.name, .type, .status]] ==
	    [["mlmd-velero-backup-config", "kubernetes", "ok"]]'
	map DELETE mlmd >/dev/null
	map DELETE minio >/dev/null
	# no controller here takes away what protects a claim
	kube "$KUBE" PATCH "$CLAIM" '{"metadata":{"finalizers":null}}' \
	    application/merge-patch+json >/dev/null
	kube "$KUBE" DELETE "$CLAIM" >/dev/null
	not kube "$KUBE" GET "$CLAIM"
	action restore backup-uid="$ID"
	done_is '.results."restore-status" == "finished" and
	    .results."backup-id" == $id' --arg id "$ID"
	holds mlmd mlmd
	kube "$KUBE" GET "$CLAIM" >/dev/null
	not map GET minio
	map PATCH mlmd '{"data":{"of":"x"}}' application/merge-patch+json >patched
	action restore backup-uid="$ID" include-namespaces="$NS" \
	    exclude-resources=configmaps existing-resource-policy=update
	holds mlmd x
	action restore backup-uid="$ID" existing-resource-policy=update \
	    selector=app.kubernetes.io/name=mlmd
	holds mlmd mlmd
}

all_of_them() {
	both
	backup
	result_is '[.components[].name] == ["mlmd-velero-backup-config",
	    "minio-velero-backup-config"]'
	map DELETE minio >/dev/null
	action restore backup-id="$ID" component=minio-velero-backup-config
	holds minio minio
}

of_a_model() {
	both
	action_fails "target '$MLMD' in model 'kube': there is $MLMD in model \
kubeflow, minio:velero-backup-config" create-backup target=$MLMD model=kube
	nothing_saved
	# the same application of another model
	provider velero velero-backups:7 created app=mlmd model=kube \
	    spec="$(spec minio)"
	backup target=$MLMD model=kube
	result_is '[.components[].name] == ["mlmd-velero-backup-config-7"]'
	backup target=$MLMD
	result_is '[.components[].name] == ["mlmd-velero-backup-config"]'
}

what_goes_wrong() {
	both
	action_fails "Invalid target format. Use 'app:endpoint'" create-backup \
	    target=mlmd
	action_fails "target 'mlmd:other' in model 'kubeflow': there is $MLMD" \
	    create-backup target=mlmd:other
	hook velero-backups-relation-broken --relation velero-backups:5
	action_fails "No backup spec found for target '$MLMD'" create-backup \
	    target=$MLMD
	juju_edit 'del(.relations["velero-backups:6"])'
	action_fails 'no application is related to velero-backups' \
	    create-backup target=$MLMD
	nothing_saved
}

# spec TEXT: what mlmd says from now on
says() {
	provider velero velero-backups:5 changed spec="$1"
}

# what one charm writes does not keep others from being saved and restored
bad_spec() {
	local why="relation velero-backups:5: 'spec' must be JSON"
	both
	backup
	says '{include_namespaces}'
	hook velero-backups-relation-changed --relation velero-backups:5
	status_is blocked "$why"
	action_fails "$why" create-backup
	action_fails "$why" create-backup target=$MLMD
	action restore backup-uid="$ID" component=minio-velero-backup-config
	backup target=minio:velero-backup-config
	says '{"include_namespaces":"kubeflow"}'
	action_fails "'include_namespaces' must be a list of names" \
	    create-backup target=$MLMD
	# one with no user yet says nothing
	says ''
	action_fails "No backup spec found for target '$MLMD'" create-backup \
	    target=$MLMD
	backup
	result_is '[.components[].name] == ["minio-velero-backup-config"]'
}

(unit) >"$WORK/unit.log" 2>&1 || cat "$WORK/unit.log"
it 'what a charm names is saved by target and put back by its uid' round_trip
it 'each spec is a component of a set of everything' all_of_them
it 'a target is looked for in its model' of_a_model
it 'what goes wrong is named, and nothing is saved' what_goes_wrong
it 'a spec that cannot be read is named, and stops nothing else' bad_spec
done_testing
