#!/usr/bin/env bash
# Objects of a real API server: saved, deleted, put back, compared.
# OBJECTS=5000 makes as many besides; 1,000 are five pages.
. "${0%/*}/../lib/harness.sh"
requires kubernetes jq zstd python3
KUBE=$WORK/kube
trap 'server_stop "$KUBE"' EXIT
kube_needed "$KUBE"

objects() {
	timeout 120 python3 "$TOP/tests/lib/kube_objects.py" "$KUBE" "$@"
}

kubernetes() {
	local name=$1
	shift
	printf -- '- %s\n' "name: $name"
	printf '  %s\n' "type: kubernetes" "$@"
}

configuration() {
	repository_dir "$T/repository"
	{
		kubernetes profiles \
		    'include-resources: [profiles.kubeflow.org, crd]' \
		    "plain-secrets: ${1:-true}"
		kubernetes users 'include-namespaces: [alice, bob]' \
		    "plain-secrets: ${1:-true}"
		echo "kubernetes: {kubeconfig: $KUBE/kubeconfig}"
	} >>"$T/config.yaml"
}

compare() {
	jq -S 'del(.[] | select(.kind == "Workflow" and
	    .metadata.name == "done"))' before.json >expected.json
	jq -S . after.json >found.json
	diff expected.json found.json
}

round_trip() {
	configuration
	objects make "${OBJECTS:-1000}"
	objects dump >before.json
	create
	json created.json '[.components[].status] == ["ok", "ok"]'
	objects wipe
	pb 0 restore "$ID"
	objects dump >after.json
	compare
	grep -q 'a workflow that has ended is not run again' out
	pb 0 drill "$ID"
	pb 0 restore "$ID"
	grep -q ' 0 made, 0 updated, [0-9]* unchanged, 4 left out, 0 failed' out
}

updates() {
	configuration
	create
	kube "$KUBE" PATCH /api/v1/namespaces/bob/configmaps/nasty \
	    '{"data": {"plain": "other"}}' application/merge-patch+json >/dev/null
	pb 0 restore "$ID" --dry-run --existing-resource-policy update
	grep -q ' 1 updated' out
	pb 0 restore "$ID"
	[ "$(kube "$KUBE" GET /api/v1/namespaces/bob/configmaps/nasty |
	    jq -r .data.plain)" = other ]
	pb 0 restore "$ID" --existing-resource-policy update
	[ "$(kube "$KUBE" GET /api/v1/namespaces/bob/configmaps/nasty |
	    jq -r .data.plain)" = text ]
}

elsewhere() {
	configuration
	create
	pb 0 restore "$ID" --component users --include-namespaces bob \
	    --include-resources configmaps,secrets --namespace-mapping bob:eve
	[ "$(kube "$KUBE" GET /api/v1/namespaces/eve/secrets/s3 |
	    jq -r .data.key)" = aHVzaC1odXNo ]
	not kube "$KUBE" GET /api/v1/namespaces/eve/services/web
}

secrets_stay() {
	configuration false
	pb 3 create --json
	grep -q 'secrets are left out' err
	not grep -rq aHVzaC1odXNo "$T/repository"
}

# of what objects refer to, one is in the set and one is nowhere
refers() {
	local bucket
	bucket=$(bucket_name models)
	s3_source mb "$bucket"
	echo model | s3_source put "$bucket" sklearn/1/model.pkl
	kube_make "$KUBE" <<-YAML
	# /api/v1/namespaces
	metadata: {name: carol}
	---
	# /apis/serving.kubeflow.org/v1beta1/namespaces/carol/inferenceservices
	apiVersion: serving.kubeflow.org/v1beta1
	kind: InferenceService
	metadata: {name: there}
	spec: {predictor: {storageUri: "s3://$bucket/sklearn/1"}}
	---
	# /apis/serving.kubeflow.org/v1beta1/namespaces/carol/inferenceservices
	apiVersion: serving.kubeflow.org/v1beta1
	kind: InferenceService
	metadata: {name: nowhere}
	spec: {predictor: {storageUri: "s3://$bucket/sklearn/2"}}
	YAML
	repository_dir "$T/repository"
	component_bucket models "$bucket"
	{
		kubernetes users 'include-namespaces: [carol]' \
		    'plain-secrets: true' | sed 's/^/  /'
		echo "kubernetes: {kubeconfig: $KUBE/kubeconfig}"
	} >>"$T/config.yaml"
	create
	pb 0 show "$ID" --json
	json out '.references | .found == 1 and .dangling == 1 and .lost == 0 and
	    ."dangling-uris" == [$uri]' --arg uri "s3://$bucket/sklearn/2"
	pb 0 drill "$ID"
	contains out '1 found in the buckets, 1 when it was saved'
}

# of what a pod needs, one is in the set, one in the cluster, one nowhere
needs() {
	kube_make "$KUBE" <<-YAML
	# /api/v1/namespaces
	metadata: {name: dave}
	---
	# /api/v1/namespaces/dave/configmaps
	metadata: {name: saved}
	---
	# /api/v1/namespaces/dave/secrets
	metadata: {name: there}
	---
	# /apis/apps/v1/namespaces/dave/deployments
	metadata: {name: web}
	spec:
	  replicas: 0
	  selector: {matchLabels: {a: b}}
	  template:
	    metadata: {labels: {a: b}}
	    spec:
	      serviceAccountName: default
	      imagePullSecrets: [{name: there}, {name: nowhere}]
	      containers:
	      - name: c
	        image: i
	        envFrom: [{configMapRef: {name: saved}},
	          {configMapRef: {name: gone}}]
	YAML
	repository_dir "$T/repository"
	{
		kubernetes users 'include-namespaces: [dave]' \
		    'exclude-resources: [secrets]' | sed 's/^/  /'
		echo "kubernetes: {kubeconfig: $KUBE/kubeconfig}"
	} >>"$T/config.yaml"
	create
	kube "$KUBE" DELETE /apis/apps/v1/namespaces/dave/deployments/web \
	    >/dev/null
	pb 0 restore "$ID"
	contains out 'missing: configmaps dave/gone, which deployments.apps'
	contains out 'missing: 1 secrets, none of which this set brings'
	contains out 'the first is dave/nowhere'
	not grep -q 'dave/there\|dave/saved\|dave/default' out
}

it 'what was deleted comes back field by field, but workflows that ended' \
    round_trip
it 'what is there stays, unless it is to be updated' updates
it 'a part of it goes into another namespace' elsewhere
it 'what objects refer to is looked for in the set' refers
it 'what pods need and nobody has is named' needs
it 'secrets do not go into a repository in the clear' secrets_stay
done_testing
