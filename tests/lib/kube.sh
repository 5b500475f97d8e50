# shellcheck shell=bash
# kube.sh - a real Kubernetes on loopback, for tests.
#
#   . tests/lib/kube.sh                 (after servers.sh)
#   kube_start DIR        etcd, kube-apiserver, controllers, a node of one page
#   kube DIR METHOD PATH [BODY [TYPE]]  one call as an administrator, JSON out
#   kube_config DIR USER TOKEN          print a kubeconfig
#   kube_token DIR NAMESPACE ACCOUNT    a token of a service account
#   kube_account DIR TO NAMESPACE ACCOUNT   the folder that a pod has, in TO
#   kube_helper           what runs beside a database, beside $PB
#   kube_root DIR         an empty root with a shell, for a container
#   server_stop DIR       end it
#
# The program is built once from Kubernetes' own Go modules (tests/lib/kube).
# DIR/kubeconfig is the administrator's; DIR/port.txt the API's; DIR/ca.pem.
# A pod's commands run in the folder that its annotation
# test.platform-backup/root.CONTAINER names, as the user of .../user.CONTAINER.

KUBE_CONTROLLERS=namespace-controller,deployment-controller
KUBE_CONTROLLERS+=,replicaset-controller,statefulset-controller
KUBE_CONTROLLERS+=,garbage-collector-controller,serviceaccount-controller
KUBE_CONTROLLERS+=,root-ca-certificate-publisher-controller

kube_sum() {
	cat "$TOP"/tests/lib/kube/{go.mod,go.sum,*.go} | sha256sum | cut -c 1-16
}

# One binary for each source; those of older sources go.
kube_build() {
	local name
	name=pbkube-$(kube_sum)
	KUBE_BINARY=$SERVERS_CACHE/$name
	[ -x "$KUBE_BINARY" ] && return 0
	go_program "$name" "$TOP/tests/lib/kube" || return 1
	# another run may delete the same, which find calls a failure
	find "$SERVERS_CACHE" -maxdepth 1 -name 'pbkube-*' \
	    ! -name "$name*" -delete 2>/dev/null || true
}

_kube_etcd() {
	local d=$1 port=$2
	_server_spawn "$d" etcd etcd --data-dir "$d/etcd" \
	    --listen-client-urls "http://127.0.0.1:$port" \
	    --advertise-client-urls "http://127.0.0.1:$port" \
	    --listen-peer-urls "http://127.0.0.1:$((port + 1))" \
	    --initial-advertise-peer-urls "http://127.0.0.1:$((port + 1))" \
	    --initial-cluster "default=http://127.0.0.1:$((port + 1))" \
	    --logger zap --log-level error
	_server_wait "$d/etcd.pid" "http://127.0.0.1:$port/health"
}

_kube_apiserver() {
	local d=$1 port=$2
	_server_spawn "$d" apiserver "$KUBE_BINARY" apiserver \
	    --etcd-servers="http://127.0.0.1:$port" \
	    --bind-address=127.0.0.1 --secure-port="$((port + 2))" \
	    --advertise-address=127.0.0.1 --endpoint-reconciler-type=none \
	    --tls-cert-file="$d/cert.pem" --tls-private-key-file="$d/key.pem" \
	    --cert-dir="$d/certs" --client-ca-file="$d/ca.pem" \
	    --token-auth-file="$d/tokens.csv" --authorization-mode=RBAC \
	    --service-account-issuer=https://kubernetes.default.svc \
	    --service-account-key-file="$d/account.key" \
	    --service-account-signing-key-file="$d/account.key" \
	    --service-cluster-ip-range=10.0.0.0/24 \
	    --kubelet-preferred-address-types=InternalIP
	within_ready "$d" 60
}

# until the API server says that all of it is ready
within_ready() {
	local d=$1 end=$((SECONDS + $2))
	until [ "$(kube "$d" GET /readyz 2>/dev/null)" = ok ]; do
		kill -0 "$(cat "$d/apiserver.pid")" 2>/dev/null || return 1
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

kube_config() {
	cat <<-YAML
	apiVersion: v1
	kind: Config
	clusters:
	- name: test
	  cluster:
	    server: https://127.0.0.1:$(server_get "$1" port)
	    certificate-authority: $1/ca.pem
	users:
	- name: $2
	  user: {token: $3}
	contexts:
	- name: test
	  context: {cluster: test, user: $2}
	current-context: test
	YAML
}

_kube_try() {
	local d=$1 port token
	port=$(_server_ports 4) || return 1
	mkdir -p "$d/etcd" || return 1
	chmod 700 "$d/etcd"
	_server_put "$d" kind kube
	server_certificate "$d" || return 1
	token=$(_server_word 40)
	echo "$token,admin,admin,system:masters" >"$d/tokens.csv"
	_server_put "$d" token "$token"
	_server_put "$d" port "$((port + 2))"
	openssl genrsa -out "$d/account.key" 2048 2>/dev/null || return 1
	kube_config "$d" admin "$token" >"$d/kubeconfig"
	_kube_etcd "$d" "$port" && _kube_apiserver "$d" "$port" || return 1
	_server_spawn "$d" controllers "$KUBE_BINARY" controllers \
	    --kubeconfig="$d/kubeconfig" --leader-elect=false \
	    --controllers="$KUBE_CONTROLLERS" --secure-port=0 \
	    --root-ca-file="$d/ca.pem" \
	    --service-account-private-key-file="$d/account.key"
	_server_spawn "$d" node "$KUBE_BINARY" node "$d/kubeconfig" \
	    "$((port + 3))"
	# what every pod needs
	for _ in $(seq 300); do
		kube "$d" GET /api/v1/nodes/node >/dev/null 2>&1 &&
		    kube "$d" GET \
		    /api/v1/namespaces/default/serviceaccounts/default \
		    >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	return 1
}

kube_here() {
	command -v etcd >/dev/null || {
		_server_say "etcd is not installed; run make setup"
		return 1
	}
	kube_build
}

kube_start() {
	local d try
	d=$(readlink -m "$1")
	kube_here || return 1
	for try in 1 2 3; do
		_kube_try "$d" && return 0
		_server_say "Kubernetes did not start (attempt $try)"
		tail -n 3 "$d"/*.out >&2 2>/dev/null
		server_stop "$d"
	done
	return 1
}

# for a script whose tests all need it
kube_needed() {
	kube_start "$1" && return 0
	echo "FAILED - $SCRIPT: Kubernetes does not start"
	echo "0 passed, 1 failed"
	exit 1
}

# fails where the answer is no 2xx, and says what it was
kube() {
	local d=$1 method=$2 path=$3 args=()
	if [ $# -gt 3 ]; then
		args=(-H "Content-Type: ${5:-application/json}" --data-binary @-)
		exec 3<<<"$4"
	else
		exec 3</dev/null
	fi
	curl -sS --noproxy '*' --fail-with-body -m 60 --cacert "$d/ca.pem" \
	    -K <(echo "header = \"Authorization: Bearer $(server_get "$d" \
	    token)\"") -X "$method" "${args[@]}" \
	    "https://127.0.0.1:$(server_get "$d" port)$path" <&3
}

# each document of YAML on standard input, made: a list "PATH" on the first
# line of each, as "# /api/v1/namespaces"
kube_make() {
	local d=$1
	python3 -c '
import sys
for doc in sys.stdin.read().split("---\n"):
    if doc.strip():
        path, body = doc.lstrip().split("\n", 1)
        sys.stdout.write(path.lstrip("# ") + "\0" + body + "\0")' |
	while IFS= read -r -d '' path && IFS= read -r -d '' body; do
		kube "$d" POST "$path" "$body" application/yaml >/dev/null ||
		    return 1
	done
}

kube_token() {
	kube "$1" POST "/api/v1/namespaces/$2/serviceaccounts/$3/token" \
	    '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest"}' |
	    jq -r .status.token
}

kube_account() {
	mkdir -p "$2"
	kube_token "$1" "$3" "$4" >"$2/token"
	cp "$1/ca.pem" "$2/ca.crt"
	printf %s "$3" >"$2/namespace"
}

# the few programs that a small image has
kube_root() {
	local root=$1 name
	mkdir -p "$root"/{bin,tmp,data}
	chmod 1777 "$root/tmp"
	cp /bin/busybox "$root/bin/busybox"
	for name in sh cat chmod head rm uname mkdir ls sleep dd df mv id; do
		ln -sf busybox "$root/bin/$name"
	done
}

# the helper for databases in pods, beside the program that is tested
kube_helper() {
	mkdir -p "$SERVERS_CACHE"
	# scripts that run at the same time build it once
	(flock 9 && _kube_helper "$(dirname "$PB")") \
	    9>"$SERVERS_CACHE/helper.lock"
}

_kube_helper() {
	local to=$1 sum name
	sum=$(cat "$TOP"/tools/helper "$TOP"/src/helper.c \
	    "$TOP"/src/component/{sqlite_*,private_dir}.[ch] \
	    "$TOP"/src/base/*.[ch] | sha256sum | cut -c 1-16)
	if [ ! -d "$SERVERS_CACHE/helper-$sum" ]; then
		rm -rf "$SERVERS_CACHE"/helper-*
		"$TOP/tools/helper" "$SERVERS_CACHE/helper-$sum.$$" || return 1
		mv -T "$SERVERS_CACHE/helper-$sum.$$" \
		    "$SERVERS_CACHE/helper-$sum" || return 1
	fi
	# one that is read or run meanwhile stays as it is
	for name in "$SERVERS_CACHE/helper-$sum"/platform-backup-sqlite.*; do
		cmp -s "$name" "$to/${name##*/}" && continue
		cp "$name" "$to/helper.$$" &&
		    mv "$to/helper.$$" "$to/${name##*/}" || return 1
	done
}
