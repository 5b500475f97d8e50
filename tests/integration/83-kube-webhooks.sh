#!/usr/bin/env bash
# Objects that others have a say in: a webhook that fails at first, and one that
# converts between versions.
. "${0%/*}/../lib/harness.sh"
requires kubernetes jq python3 zstd
KUBE=$WORK/kube
GUARDS=/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations
KINDS=/apis/apiextensions.k8s.io/v1/customresourcedefinitions
trap 'server_stop "$KUBE"; _children_end "$WORK"/*/children' EXIT
kube_needed "$KUBE"

# for all tests
T=$WORK
python3 "$TOP/tests/lib/kube_webhook.py" "$KUBE/cert.pem" "$KUBE/key.pem" \
    >"$WORK/webhooks.out" 2>&1 &
CHILD=$!
disown
mkdir -p "$WORK/all"
echo "$CHILD" >"$WORK/all/children"
within 20 test -s "$WORK/webhooks.out"
HOOKS=https://127.0.0.1:$(head -n 1 "$WORK/webhooks.out")
CA=$(base64 -w 0 <"$KUBE/ca.pem")

# Notebooks are stored as v1beta1 and preferred as v1.
notebooks() {
	kube_make "$KUBE" <<-YAML
	# $KINDS
	metadata: {name: notebooks.kubeflow.org}
	spec:
	  group: kubeflow.org
	  scope: Namespaced
	  names: {plural: notebooks, singular: notebook, kind: Notebook}
	  conversion:
	    strategy: Webhook
	    webhook:
	      conversionReviewVersions: [v1]
	      clientConfig: {url: "$HOOKS/convert", caBundle: $CA}
	  versions:
	  - name: v1beta1
	    served: true
	    storage: true
	    schema: &open
	      openAPIV3Schema:
	        type: object
	        x-kubernetes-preserve-unknown-fields: true
	  - name: v1
	    served: true
	    storage: false
	    schema: *open
	YAML
	within 20 kube "$KUBE" GET /apis/kubeflow.org/v1/notebooks >/dev/null
}

guard() {
	kube_make "$KUBE" <<-YAML
	# $GUARDS
	metadata: {name: guard}
	webhooks:
	- name: guard.kubeflow.org
	  admissionReviewVersions: [v1]
	  sideEffects: None
	  clientConfig: {url: "$HOOKS/$1", caBundle: $CA}
	  rules:
	  - apiGroups: [kubeflow.org]
	    apiVersions: ["*"]
	    operations: [CREATE]
	    resources: [notebooks]
	YAML
}

setup() {
	NS=hooks$(basename "$T")
	kube_make "$KUBE" <<-YAML
	# /api/v1/namespaces
	metadata: {name: $NS}
	---
	# /apis/kubeflow.org/v1beta1/namespaces/$NS/notebooks
	apiVersion: kubeflow.org/v1beta1
	kind: Notebook
	metadata: {name: one}
	spec: {gpus: 2}
	YAML
	repository_dir "$T/repository"
	cat >>config.yaml <<-YAML
	  - name: users
	    type: kubernetes
	    include-namespaces: [$NS]
	    include-cluster-resources: true
	    include-resources: [namespaces, configmaps, notebooks.kubeflow.org,
	      customresourcedefinitions.apiextensions.k8s.io,
	      validatingwebhookconfigurations.admissionregistration.k8s.io]
	kubernetes: {kubeconfig: $KUBE/kubeconfig}
	YAML
}

# PATH...: delete, and wait until it is gone
lose() {
	local path
	for path; do
		kube "$KUBE" DELETE "$path" >/dev/null
		within 30 not kube "$KUBE" GET "$path" >/dev/null
	done
}

notebook() {
	kube "$KUBE" GET "/apis/kubeflow.org/$1/namespaces/$NS/notebooks/one" |
	    jq -c .spec
}

ONE=/apis/kubeflow.org/v1/namespaces

# also after the loss of the namespace and of the kind itself
converts() {
	setup
	create
	tar -xf <(zstd -qdc "repository/test/sets/$ID"*/users.tar.zst) -O \
	    "namespaces/$NS/notebooks.kubeflow.org/one.yaml" >one.yaml
	grep -q '^apiVersion: kubeflow.org/v1$' one.yaml
	grep -q 'gpu: 2' one.yaml
	lose "/api/v1/namespaces/$NS" "$KINDS/notebooks.kubeflow.org"
	pb 0 restore "$ID"
	[ "$(notebook v1)" = '{"resources":{"gpu":2}}' ]
	[ "$(notebook v1beta1)" = '{"gpus":2}' ]
}

# The guard of the cluster is there already and fails twice.
tries_again() {
	setup
	create
	lose "$ONE/$NS/notebooks/one"
	guard admit/2
	pb 0 restore "$ID"
	[ "$(notebook v1)" = '{"resources":{"gpu":2}}' ]
	[ "$(grep -c 'admit/2 failed' "$WORK/webhooks.out")" -eq 2 ]
	lose "$GUARDS/guard"
}

# What the webhook never lets in is named, and the rest is there.
says_what_is_refused() {
	setup
	kube "$KUBE" POST "/api/v1/namespaces/$NS/configmaps" \
	    '{"metadata":{"name":"other"},"data":{"a":"b"}}' >/dev/null
	create
	lose "$ONE/$NS/notebooks/one" "/api/v1/namespaces/$NS/configmaps/other"
	guard deny
	pb 1 restore "$ID"
	grep -q "notebooks.kubeflow.org.*'one'.*not on a Friday" err
	kube "$KUBE" GET "/api/v1/namespaces/$NS/configmaps/other" >/dev/null
	lose "$GUARDS/guard"
}

# A webhook that guards is put back behind what it would look at, even if that
# needs several turns: the kind is not served yet.
puts_guards_back_last() {
	setup
	guard deny
	create
	lose "$GUARDS/guard" "$KINDS/notebooks.kubeflow.org"
	pb 0 restore "$ID"
	[ "$(notebook v1)" = '{"resources":{"gpu":2}}' ]
	kube "$KUBE" GET "$GUARDS/guard" |
	    jq -e '.webhooks[0].rules[0].resources == ["notebooks"]' >/dev/null
}

# NAME SERVED: a kind Gadget in two versions, the newer of which is served or not
gadgets() {
	cat <<-YAML
	# $KINDS
	metadata: {name: $1.example.org}
	spec:
	  group: example.org
	  scope: Namespaced
	  names: {plural: $1, kind: Gadget}
	  versions:
	  - name: v1beta1
	    served: true
	    storage: true
	    schema: &open
	      openAPIV3Schema:
	        type: object
	        x-kubernetes-preserve-unknown-fields: true
	  - name: v1
	    served: $2
	    storage: false
	    schema: *open
	YAML
}

gadget() {
	kube_make "$KUBE" <<-YAML
	# /api/v1/namespaces
	metadata: {name: workshop}
	---
	# /apis/example.org/v1/namespaces/workshop/gadgets
	apiVersion: example.org/v1
	kind: Gadget
	metadata: {name: one}
	spec: {a: b}
	YAML
	repository_dir "$T/repository"
	cat >>config.yaml <<-YAML
	  - name: users
	    type: kubernetes
	    include-namespaces: [workshop]
	    include-cluster-resources: true
	    include-resources: [gadgets.example.org,
	      customresourcedefinitions.apiextensions.k8s.io]
	kubernetes: {kubeconfig: $KUBE/kubeconfig}
	YAML
}

served_in() {
	kube "$KUBE" GET /apis/example.org |
	    jq -e --arg v "$1" '[.versions[].version] == [$v]' >/dev/null
}

# first in another version, then not at all: another kind has its name
changes_versions() {
	gadgets gadgets true | kube_make "$KUBE"
	within 20 kube "$KUBE" GET /apis/example.org/v1/gadgets >/dev/null
	gadget
	create
	lose /apis/example.org/v1/namespaces/workshop/gadgets/one \
	    "$KINDS/gadgets.example.org"
	gadgets gadgets false | kube_make "$KUBE"
	within 20 served_in v1beta1
	pb 0 restore "$ID" --include-resources gadgets.example.org
	contains out 'in another version, 1: gadgets of example.org/v1 are not'
	kube "$KUBE" GET /apis/example.org/v1beta1/namespaces/workshop/gadgets/one |
	    jq -e '.spec.a == "b"' >/dev/null
	lose "$KINDS/gadgets.example.org"
	gadgets machines true | kube_make "$KUBE"
	within 20 kube "$KUBE" GET /apis/example.org/v1/machines >/dev/null
	pb 1 restore "$ID" --include-resources \
	    customresourcedefinitions.apiextensions.k8s.io
	contains err "'gadgets.example.org': it is not accepted: "
	lose "$KINDS/machines.example.org" "$KINDS/gadgets.example.org"
}

notebooks
it 'saves what is converted, in its preferred version' converts
it 'tries again where a webhook fails' tries_again
it 'names what a webhook never lets in' says_what_is_refused
it 'puts webhooks back behind what they guard' puts_guards_back_last
it 'restores in another version, and says what no cluster would accept' \
    changes_versions
done_testing
