#!/usr/bin/env bash
# What 'limits' promises: memory, connections, bandwidth.
. "${0%/*}/../lib/harness.sh"

# wire NAME SERVER [DELAY]: $WIRE is its address, NAME.json what it counted
wire() {
	local name=$1 to
	to=$(server_get "$2" endpoint)
	rm -f "$T/$name.port"
	background "$name-wire" python3 "$TOP/tests/lib/wire.py" \
	    --to "${to#http://}" --port-file "$T/$name.port" \
	    --log "$T/$name.json" --delay "${3:-0}"
	within 10 test -s "$T/$name.port"
	WIRE=http://127.0.0.1:$(cat "$T/$name.port")
}

limit() {
	printf 'limits: {%s}\n' "$1" >>config.yaml
}

# under MIB ARGUMENTS...: it ends well, and never had more resident
under() {
	local mib=$1
	shift
	python3 "$TOP/tests/lib/measure.py" usage "$PB" -c config.yaml "$@" \
	    >out 2>err || {
		tail -n 5 err
		return 1
	}
	json usage '.rss <= $mib' --argjson mib "$mib"
}

# of each size that is awkward: as large as a packed object may be, just below
# what the allocator gives back, tiny ones with much said of them, large ones
awkward() {
	B=$(bucket_name)
	s3_source mb "$B"
	python3 - <<-'PY' | s3_source load "$B"
	import json
	for i in range(24):
	    print(json.dumps({"key": "full/%d" % i, "size": 1 << 20, "seed": i}))
	for i in range(100):
	    print(json.dumps({"key": "odd/%d" % i, "size": 90000 + 1600 * i,
	                      "seed": i}))
	for i in range(100):
	    print(json.dumps({"key": "k" * 200 + "%d" % i, "size": 9, "seed": i,
	                      "meta": {"x%d" % k: "v" * 150 for k in range(9)}}))
	PY
	s3_source big "$B" large/text $((20 << 20)) text
	local i
	for i in 1 2 3 4; do
		s3_source big "$B" "large/random$i" $((28 << 20)) random
	done
}

# in MIB with so many transfers: COMMAND...
all_in() {
	local mib=$1
	limit "memory: $1M, transfers: $2"
	under "$mib" create
	shift 2
	while [ $# -gt 0 ]; do
		# shellcheck disable=SC2086
		under "$mib" $1
		shift
	done
}

# what takes most of all: TLS to both, encrypted
hardest() {
	local tls ca
	tls=$(server_get "$REPO" tls)
	ca="tls-ca-chain-file: $(server_get "$REPO" ca)"
	repository_s3 "$(bucket_name repo48)" "$tls"
	"$PB" keygen --output "$T/key" 2>/dev/null
	sed -i "/^components:/i\\
    $ca\\
  encryption: {recipients: [$(grep -o 'age1[a-z0-9]*' "$T/key")], \
identity-file: $T/key}" config.yaml
	component_bucket b "$B" "$tls" "$ca"
}

memory() {
	local SOURCE=$REPO
	awkward
	hardest
	all_in 48 256 'verify latest --read' 'drill latest' \
	    "restore latest --to b=$(bucket_name back)"
	s3_source dump "$B" | jq -c 'del(.etag, .modified)' | sort >before
	s3_source dump "$(bucket_name back)" |
	    jq -c 'del(.etag, .modified)' | sort >after
	same before after
	repository_s3 "$(bucket_name repo64)"
	component_bucket b "$B"
	all_in 64 64 "restore latest --to b=$(bucket_name back64)"
	repository_s3 "$(bucket_name repo)"
	component_bucket b "$B"
	limit 'memory: 47M'
	pb 2 create
	contains err "config.yaml:" "'memory' must be at least 48M"
}

# whatever the system allows: it works, or says why not
no_memory() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 50 1000 20000
	repository_s3 "$(bucket_name repo)"
	component_bucket b "$B"
	local kib status
	for kib in 40000 60000 70000 80000 100000 140000 200000 300000; do
		status=0
		(ulimit -v $kib && exec "$PB" -c config.yaml create) \
		    >out 2>err || status=$?
		[ $status -eq 0 ] || [ $status -eq 1 ] ||
		    [ $status -eq 2 ] || [ $status -eq 127 ] || {
			echo "with $kib KiB: exit status $status"
			return 1
		}
		[ $status -eq 0 ] || [ -s err ]
	done
}

connections() {
	local n
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 200 1000 20000
	s3_source big "$B" large $((16 << 20)) random
	for n in 2 5; do
		wire "source$n" "$SOURCE" 0.002
		local source=$WIRE
		wire "repo$n" "$REPO" 0.002
		repository_s3 "$(bucket_name "repo$n")" "$WIRE"
		component_bucket b "$B" "$source"
		limit "transfers: $n"
		create
		create
		pb 0 verify --all --read
		pb 0 drill latest
		pb 0 restore latest --to "b=$(bucket_name "back$n")"
		within 5 counted "source$n.json" ".most == $n"
		json "repo$n.json" ".most >= 2 and .most <= $n"
	done
}

# more requests at once than it likes are refused, and it is asked for fewer
slow_down() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 1000 100 4000
	proxy source "$SOURCE" '[{"do": "status", "code": 503, "above": 4,
	    "body": "<Error><Code>SlowDown</Code></Error>"}]'
	repository_s3 "$(bucket_name repo)"
	component_bucket b "$B" "$PROXY"
	create
	json created.json '.components[0].objects == 1000'
	[ "$(requests source.log '.status == 503')" -le 30 ]
}

counted() {
	jq -e "$2" "$1" >counted.out
}

# the time is a lower bound: a busy machine may take longer, never less
bandwidth() {
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source big "$B" large $((12 << 20)) random
	wire source "$SOURCE"
	local source=$WIRE
	wire repo "$REPO"
	repository_s3 "$(bucket_name repo)" "$WIRE"
	component_bucket b "$B" "$source"
	limit 'bandwidth: "01:00-02:00 4M, 00:00-24:00 4M, 1K"'
	create
	within 5 counted source.json \
	    '.sent > 12e6 and (.tenths | length) >= 28'
	within 5 counted repo.json '.received > 12e6'
	# what counts after all is the network: this took three seconds at least
	json created.json '.components[0].seconds > 2.6'
	sed -i '/^limits/d' config.yaml
	limit 'bandwidth: "8-18 4M, 1K"'
	pb 2 create
	contains err config.yaml "'8-18' is not a range of times"
}

it 'stays below the memory it is given, whatever the objects' memory
it 'says that memory is missing, and does not crash' no_memory
it 'has no more connections to a server than transfers' connections
it 'asks a server for less that refuses' slow_down
it 'keeps to the bandwidth' bandwidth
done_testing
