# shellcheck shell=bash
# limits.sh - is 20M 20 MiB a second, each way, as relays in front of the
# servers count it?  One large object, many small ones, there and back.
# shellcheck disable=SC2034

# the relay before a server: counts what came by (tests/lib/wire.py)
_wire() {
	local to
	to=$(server_get "$WORK/$1" endpoint)
	rm -f "$WORK/$1-wire"
	python3 tests/lib/wire.py --to "${to#http://}" --log "$WORK/$1-wire.json" \
	    --port-file "$WORK/$1-wire" >"$WORK/$1-wire.log" 2>&1 &
	echo $! >"$WORK/$1-delay.pid"
	disown
	until [ -s "$WORK/$1-wire" ]; do
		sleep 0.02
	done
	echo "http://127.0.0.1:$(cat "$WORK/$1-wire")" >"$WORK/$1-delay"
}

# anew, so that it begins at nothing
wires() {
	local server
	for server; do
		# the first time there is none
		kill "$(cat "$WORK/$server-delay.pid" 2>/dev/null)" \
		    2>/dev/null || true
		_wire "$server"
	done
}

# what went one way over a wire: SERVER, 0 to it or 1 from it.  The last second
# is not whole, and the first may have more.
flow() {
	sleep 0.3
	jq -c --argjson way "$2" '[.tenths[][$way]] as $t |
	    ($t | length) as $n | {
	    "MiB": ($t | add / 1048576 * 10 | round / 10),
	    "MiB a second": ($t[10:$n - 10] | add / length * 10 / 1048576 *
	        100 | round / 100),
	    "fullest second": ([range(10; $n - 10) as $i |
	        $t[$i:$i + 10] | add] | max / 1048576 * 100 | round / 100),
	    "connections": .most}' "$WORK/$1-wire.json"
}

# limited WORKLOAD SERVER WAY COMMAND...
limited() {
	local workload=$1 server=$2 way=$3
	shift 3
	measured "20M: $workload" platform-backup '{}' "$PB" -q \
	    -c "$WORK/config.yaml" "$@"
	amend "{\"also\": $(flow "$server" "$way")}"
}

limited_config() {
	wires "$@"
	bucket_config source
	printf 'limits: {bandwidth: 20M}\n' >>"$WORK/config.yaml"
}

part_limits() {
	local what
	round=1
	for what in large small; do
		network=plain
		fresh source
		s3 source mb mlpipeline
		if [ $what = large ]; then
			s3 source big mlpipeline ckpt.bin $((700 << 20)) random
		else
			s3 source fill mlpipeline $((SMALL * 2)) 1024 32768
		fi
		fresh_target
		network=slow	# the relays stand where the delays would
		limited_config source target
		limited "$what, saved" source 1 create
		limited_config source target
		limited "$what, verified" target 1 verify --all --read
		limited_config source target
		limited "$what, put back" source 0 restore latest \
		    --to mlpipeline=back
	done
	network=plain
	source_has=
}
