# shellcheck shell=bash
# objects.sh - buckets to a repository and back: A has many small objects, B a
# few large ones.
# shellcheck disable=SC2034
source_has=
tuned=(--transfers 64 --checkers 32 --fast-list --checksum --s3-no-head)

source_a() {
	network=plain
	[ "$source_has" != A ] || return 0
	say "A: $SMALL objects of 1 to 32 KiB"
	fresh source
	s3 source mb mlpipeline
	s3 source fill mlpipeline "$SMALL" 1024 32768
	source_has=A
}

source_b() {
	local i
	network=plain
	[ "$source_has" != B ] || return 0
	say "B: $LARGE objects of $LARGE_MIB MiB"
	fresh source
	s3 source mb mlpipeline
	for ((i = 0; i < LARGE; i++)); do
		s3 source big mlpipeline "models/ckpt-$i.bin" \
		    $((LARGE_MIB << 20)) random
	done
	source_has=B
}

source_one() {
	network=plain
	say "one object of $((LARGE_MIB * 4)) MiB"
	fresh source
	s3 source mb mlpipeline
	s3 source big mlpipeline models/ckpt.bin $((LARGE_MIB << 22)) random
	source_has=one
}

# one in a hundred gets other bytes
changes=0
change_some() {
	changes=$((changes + 1))
	s3 source fill mlpipeline $((SMALL / 100)) 1024 32768 "$changes"
}

# what is in a bucket or in a folder, as members of a line
facts() {
	local n bytes
	read -r n bytes < <(contents "$1" mlpipeline)
	echo "{\"objects\": $n, \"bytes\": $bytes}"
}

folder_facts() {
	find "$1" -type f -printf '%s\n' | jq -sc '{objects: length, bytes: add}'
}

# restic's folder
copy_to_disk() {
	rm -rf "$WORK/local"
	rclone copy source:mlpipeline "$WORK/local" --transfers 16 --fast-list
}

newer_rclone() {
	"$RCLONE_NEW" version | sed -n '1s/^rclone v\([0-9]*\.[0-9]*\).*/\1/p'
}

# rclone_command TOOL FROM TO: how it is called, in COMMAND
rclone_command() {
	case $1 in
	'rclone tuned') COMMAND=(rclone sync "$2" "$3" "${tuned[@]}") ;;
	'rclone default') COMMAND=(rclone sync "$2" "$3") ;;
	rclone*) COMMAND=("$RCLONE_NEW" sync "$2" "$3" "${tuned[@]}") ;;
	esac
}

copy_command() {
	case $1 in
	platform-backup)
		bucket_config source
		COMMAND=("$PB" -q -c "$WORK/config.yaml" create)
		;;
	rclone*)
		rclone_command "$1" source:mlpipeline target:mlpipeline
		;;
	restic*)
		restic init >/dev/null
		COMMAND=(restic backup -q "$WORK/local")
		;;
	'mc mirror')
		s3 target mb mlpipeline
		COMMAND=("$MC" --quiet mirror source/mlpipeline
		    target/mlpipeline)
		;;
	esac
}

restore_command() {
	case $1 in
	platform-backup)
		bucket_config home
		COMMAND=("$PB" -q -c "$WORK/config.yaml" restore latest)
		;;
	rclone*)
		rclone_command "$1" target:mlpipeline home:mlpipeline
		;;
	restic*)
		rm -rf "$WORK/restored"
		COMMAND=(restic restore -q latest --target "$WORK/restored")
		;;
	esac
}

# what TOOL has copied, and what it has restored
copied_facts() {
	case $1 in
	restic*) folder_facts "$WORK/local" ;;
	*) facts source ;;
	esac
}

restored_facts() {
	case $1 in
	restic*) folder_facts "$WORK/restored" ;;
	*) facts home ;;
	esac
}

# copied WORKLOAD TOOL [MORE]: a backup of what is in the source
copied() {
	local more
	more=$(jq -nc --argjson a "$(copied_facts "$2")" --argjson b "${3:-{\}}" \
	    '$a + $b')
	measured "$1" "$2" "$more" "${COMMAND[@]}" || return 1
	[ "$2" != platform-backup ] || verify_newest
}

# restored WORKLOAD TOOL
restored() {
	local want got
	want=$(copied_facts "$2")
	fresh home
	[ "$2" != platform-backup ] || s3 home mb mlpipeline
	restore_command "$2"
	measured "$1" "${2/from local files/to local files}" "$want" \
	    "${COMMAND[@]}" || return 0
	got=$(restored_facts "$2")
	jq -en "$want == $got" >/dev/null || {
		say "$2 restored $got, not $want"
		exit 1
	}
	rm -rf "$WORK/restored"
	server_end home
}

# the tools that can be had
tools_of() {
	local tool
	for tool; do
		case $tool in
		'mc mirror') [ -n "$MC" ] || continue ;;
		'rclone newer')
			[ -n "$RCLONE_NEW" ] || continue
			tool="rclone $(newer_rclone) tuned"
			;;
		'rclone default') [ "$round" = 1 ] || continue ;; # slow
		esac
		printf '%s\n' "$tool"
	done
}

# Short, and compared with what is shorter: three times, in turn.
unchanged_by_us() {
	local _
	for _ in 1 2 3; do
		copied 'A, nothing changed' platform-backup '{"unchanged": true,
		    "goal": {"tool": "LIST alone", "within": 1.15}}'
		(
			eval "$(server_env "$WORK/source")"
			measured 'A, nothing changed' 'LIST alone' \
			    '{"floor": true}' "$TOOLS/list" mlpipeline
		)
	done
}

# presigned SERVER BUCKET METHOD <KEYS
presigned() {
	(
		eval "$(server_env "$WORK/$1")"
		S3_ENDPOINT=$(endpoint "$1")
		export S3_ENDPOINT
		python3 tests/lib/s3.py presign "$2" "$3"
	)
}

# What no tool can be faster than: WORKLOAD TOOL CONNECTIONS FROM BUCKET [TO]
least() {
	local urls
	urls=("$(endpoint "$4")")
	s3 "$4" ls "$5" | jq -r .key >"$WORK/keys"
	presigned "$4" "$5" GET <"$WORK/keys" >"$WORK/paths"
	if [ -n "${6:-}" ]; then
		fresh "$6"
		s3 "$6" mb moved
		urls+=("$(endpoint "$6")")
		presigned "$6" moved PUT <"$WORK/keys" |
		    paste -d ' ' "$WORK/paths" - >"$WORK/both"
		mv "$WORK/both" "$WORK/paths"
	fi
	measured "$1" "$2" '{"floor": true}' "$TOOLS/bare" "$WORK/paths" "$3" \
	    "${urls[@]}"
	[ -z "${6:-}" ] || server_end "$6"
}

a_by() {
	local tool=$1
	fresh_target
	copy_command "$tool"
	copied A "$tool" || return 0
	case $tool in
	platform-backup) unchanged_by_us ;;
	*) copied 'A, nothing changed' "$tool" || return 0 ;;
	esac
	case $tool in
	'rclone default' | 'mc mirror') return 0 ;;
	platform-backup | 'rclone tuned')
		change_some
		copied 'A, 1 % changed' "$tool" || return 0
		;;
	esac
	restored 'A, restored' "$tool"
}

part_a() {
	local tool tools
	source_a
	name_server source
	copy_to_disk
	for ((round = 1; round <= ROUNDS; round++)); do
		mapfile -t tools < <(tools_of platform-backup 'rclone tuned' \
		    'restic, from local files' 'mc mirror' 'rclone default')
		for tool in "${tools[@]}"; do
			a_by "$tool"
		done
		least A 'GETs alone' 16 source mlpipeline
	done
	rm -rf "$WORK/local"
}

part_b() {
	local tool tools
	source_b
	name_server source
	copy_to_disk
	for ((round = 1; round <= ROUNDS; round++)); do
		mapfile -t tools < <(tools_of platform-backup 'rclone tuned' \
		    'rclone newer' 'restic, from local files')
		for tool in "${tools[@]}"; do
			fresh_target
			copy_command "$tool"
			copied B "$tool" || continue
			restored 'B, restored' "$tool"
			[ "$tool" != platform-backup ] ||
				least 'B, restored' 'bytes moved alone' 8 \
				    target backups home
		done
		least B 'bytes moved alone' 8 source mlpipeline target
	done
	rm -rf "$WORK/local"
}

part_one() {
	local tool tools
	source_one
	for ((round = 1; round <= ROUNDS; round++)); do
		mapfile -t tools < <(tools_of platform-backup 'rclone tuned' \
		    'rclone newer')
		for tool in "${tools[@]}"; do
			fresh_target
			name_server source
			copy_command "$tool"
			copied 'one large object' "$tool"
		done
		least 'one large object' 'bytes moved alone' 1 \
		    source mlpipeline target
	done
}

# copies_over NETWORK WORKLOAD [OUR MORE]
copies_over() {
	local tool more
	network=$1
	for ((round = 1; round <= ROUNDS; round++)); do
		for tool in platform-backup 'rclone tuned'; do
			fresh_target
			name_server source
			copy_command "$tool"
			more=
			[ "$tool" != platform-backup ] || more=${3:-}
			copied "$2" "$tool" "$more" || continue
		done
		[ $network != slow ] ||
			least "$2" 'GETs alone' 64 source mlpipeline
	done
	network=plain
}

part_tls_a() {
	source_a
	copies_over tls 'A, over TLS'
}

part_tls_b() {
	source_b
	copies_over tls 'B, over TLS'
}

part_slow() {
	source_a
	copies_over slow 'A, 10 ms away' \
	    '{"goal": {"tool": "rclone tuned", "faster": 4}}'
}
