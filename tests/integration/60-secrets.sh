#!/usr/bin/env bash
# Secrets appear nowhere: not in arguments, output, messages or the repository.
. "${0%/*}/../lib/harness.sh"
requires sqlite3 jq zstd python3

secrets() {
	server_get "$REPO" secret
	server_get "$SOURCE" secret
}

clean() {
	local secret
	for secret in $(secrets); do
		not grep -raF -- "$secret" "$@"
	done
}

setup() {
	sqlite3 a.db 'create table t(x); insert into t values (1)'
	B=$(bucket_name)
	s3_source mb "$B"
	s3_source fill "$B" 40 100 3000
}

# both repositories, all of their files, decompressed as well
in_repository() {
	setup
	local kind file
	for kind in dir s3; do
		if [ $kind = dir ]; then
			repository_dir "$T/repository"
		else
			repository_s3 "$(bucket_name repo)"
		fi
		component_sqlite mlmd "$T/a.db"
		component_bucket mlpipeline "$B"
		create --label x
		create --full
	done
	s3_repo ls "$(bucket_name repo)" | jq -r .key | while read -r file; do
		mkdir -p "fetched/$(dirname "$file")"
		s3_repo get "$(bucket_name repo)" "$file" "fetched/$file"
	done
	find repository fetched -name '*.zst' -exec zstd -qkd {} +
	[ "$(find fetched -type f | wc -l)" -gt 8 ]
	clean repository fetched
}

in_arguments() {
	setup
	repository_s3 "$(bucket_name repo)"
	component_sqlite mlmd "$T/a.db"
	component_bucket mlpipeline "$B"
	background watcher bash -c 'while :; do
		cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\0" "\n" \
		    >>cmdlines
	done'
	create
	pb 0 restore "$ID"
	pb 0 check
	kill -KILL "$CHILD"
	grep -q platform-backup cmdlines
	clean cmdlines
	if command -v strace >/dev/null; then
		strace -f -e trace=execve -o trace "$PB" -c config.yaml \
		    create >out 2>err
		clean trace
	fi
}

in_messages() {
	setup
	local proxy_rules
	proxy_rules='[{"method": "PUT", "do": "status", "code": 403, "body":
	    "<Error><Code>SignatureDoesNotMatch</Code></Error>"}]'
	proxy repo "$REPO" "$proxy_rules"
	repository_s3 "$(bucket_name repo)" "$PROXY"
	component_sqlite mlmd "$T/a.db"
	component_bucket mlpipeline "$B"
	pb 1 create
	clean out err
	# whatever comes of it: only what it says matters
	"$PB" -c config.yaml -v create >out 2>err || true
	clean out err
	pb 0 help
	# a mistake on a line with a secret: the line is not quoted
	sed -i "s/secret-key: .*/secret-key: [$(server_get "$REPO" secret)/" \
	    config.yaml
	pb 2 create
	clean out err
	sed -i "s/secret-key: .*/secret-keyy: $(server_get "$REPO" secret)/" \
	    config.yaml
	pb 2 create
	clean out err
}

# files with secrets are made for their owner alone
private_files() {
	setup
	repository_dir "$T/repository"
	component_sqlite mlmd "$T/a.db"
	umask 000
	create
	[ "$(find repository -type f | wc -l)" -ge 5 ]
	[ -z "$(find repository -perm /o+rwx ! -type l)" ]
}

# what all tests that ran before this one were told
in_all_output() {
	local files=("$RUN_DIR"/said/*)
	[ -s "${files[0]}" ]
	clean "$RUN_DIR/said"
}

it 'keeps secrets out of the repository' in_repository
it 'keeps secrets out of arguments' in_arguments
it 'keeps secrets out of messages' in_messages
it 'makes files that only their owner may read' private_files
it 'kept secrets out of all that was said in this run' in_all_output
done_testing
