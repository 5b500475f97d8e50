#!/usr/bin/env bash
# Through an HTTP proxy, for http and for https, and around it.
. "${0%/*}/../lib/harness.sh"
requires sqlite3 jq python3

# an ordinary proxy: its address in $PROXY, what it did in proxy.log
forward_proxy() {
	background proxy python3 "$TOP/tests/fault/proxy.py" --forward \
	    --port-file "$T/port" --log "$T/proxy.log"
	within 10 test -s port
	PROXY=http://127.0.0.1:$(cat port)
}

# ENDPOINT MORE-LINES...
setup() {
	sqlite3 a.db 'create table t(x); insert into t values (1)'
	forward_proxy
	repository_s3 "$(bucket_name repo)" "$1"
	shift
	printf '    %s\n' "$@" >lines
	sed -i '/^    path: backups/r lines' config.yaml
	component_sqlite mlmd "$T/a.db"
}

http() {
	setup "$(server_get "$REPO" endpoint)" 'proxy: PLACE'
	sed -i "s|proxy: PLACE|proxy: $PROXY|" config.yaml
	create
	pb 0 restore "$ID"
	[ "$(requests proxy.log '.path | startswith("http://")')" -gt 5 ]
}

https() {
	setup "$(server_get "$REPO" tls)" 'proxy: PLACE' \
	    "tls-ca-chain-file: $(server_get "$REPO" ca)"
	sed -i "s|proxy: PLACE|proxy: $PROXY|" config.yaml
	create
	pb 0 restore "$ID"
	[ "$(requests proxy.log '.method == "CONNECT"')" -gt 0 ]
}

around() {
	setup "$(server_get "$REPO" endpoint)" 'proxy: PLACE' \
	    'no-proxy: "example.org,127.0.0.0/8"'
	sed -i "s|proxy: PLACE|proxy: $PROXY|" config.yaml
	create
	[ ! -s proxy.log ]
}

gone() {
	setup "$(server_get "$REPO" endpoint)" 'proxy: "http://127.0.0.1:1"'
	pb 1 create
	contains err '127.0.0.1 port 1'
}

it 'goes through a proxy' http
it 'goes through a tunnel of a proxy' https
it 'goes around it for hosts that no-proxy names' around
it 'says that the proxy does not answer' gone
done_testing
