#!/usr/bin/env bash
# Every mistake in the configuration: the file, the line and the field are
# named, the exit status is 2, and nothing was done.
. "${0%/*}/../lib/harness.sh"

# bad LINE TEXT <YAML: line 0: the message names no line
bad() {
	local line=$1 text=$2 command
	cat >config.yaml
	for command in create list check; do
		rm -rf repository
		pb 2 $command
		[ ! -s out ]
		[ ! -e repository ]
		contains err "$text" "config.yaml"
		[ "$line" = 0 ] || contains err "config.yaml:$line:"
		[ "$(wc -l <err)" -eq 1 ]
	done
}

DB='components: [{name: a, type: sqlite, path: /nowhere/a.db}]'

not_yaml() {
	bad 4 '' <<-YAML
	repository: {path: $T/repository}
	components:
	  - {name: a, type: sqlite, path: /nowhere
	YAML
	printf 'repository:\n\tpath: /x\n' | bad 2 ''
	printf '' | bad 0 'repository'
	printf 'just words\n' | bad 0 'map'
	printf -- '- a\n- b\n' | bad 0 'map'
	printf 'repository: {path: "\xff\xfe"}\n' | bad 0 ''
}

unknown_keys() {
	bad 1 "'repositry'" <<-YAML
	repositry: {path: $T/repository}
	$DB
	YAML
	bad 3 "'endpiont'" <<-YAML
	repository:
	  s3:
	    endpiont: http://127.0.0.1:1
	    bucket: b
	$DB
	YAML
	bad 6 "'pathh'" <<-YAML
	repository:
	  path: $T/repository
	components:
	  - name: a
	    type: sqlite
	    pathh: /x.db
	    path: /x.db
	YAML
	bad 2 "'transfer'" <<-YAML
	repository: {path: $T/repository}
	limits: {transfer: 3}
	$DB
	YAML
}

missing_fields() {
	bad 0 "'repository'" <<-YAML
	$DB
	YAML
	bad 0 "'components'" <<-YAML
	repository: {path: $T/repository}
	YAML
	bad 2 "'path'" <<-YAML
	repository: {path: $T/repository}
	components: [{name: a, type: sqlite}]
	YAML
	bad 2 "'type'" <<-YAML
	repository: {path: $T/repository}
	components: [{name: a, path: /x.db}]
	YAML
	bad 2 "'name'" <<-YAML
	repository: {path: $T/repository}
	components: [{type: sqlite, path: /x.db}]
	YAML
	bad 3 "'bucket'" <<-YAML
	repository: {path: $T/repository}
	components:
	  - {name: a, type: bucket, endpoint: "http://127.0.0.1:1"}
	YAML
	bad 1 'repository' <<-YAML
	repository:
	  name: kubeflow
	$DB
	YAML
}

wrong_values() {
	bad 2 "'mongo'" <<-YAML
	repository: {path: $T/repository}
	components: [{name: a, type: mongo}]
	YAML
	bad 1 "path" <<-YAML
	repository: {path: relative/folder}
	$DB
	YAML
	bad 2 "path" <<-YAML
	repository: {path: $T/repository}
	components: [{name: a, type: sqlite, path: relative.db}]
	YAML
	bad 2 "'Big Name'" <<-YAML
	repository: {path: $T/repository}
	components: [{name: Big Name, type: sqlite, path: /x.db}]
	YAML
	bad 2 "'../up'" <<-YAML
	repository: {path: $T/repository}
	components: [{name: ../up, type: sqlite, path: /x.db}]
	YAML
	bad 2 "transfers" <<-YAML
	repository: {path: $T/repository}
	limits: {transfers: many}
	$DB
	YAML
	bad 2 "bandwidth" <<-YAML
	repository: {path: $T/repository}
	limits: {bandwidth: 20Q}
	$DB
	YAML
	bad 2 "mode" <<-YAML
	repository: {path: $T/repository}
	components: [{name: a, type: sqlite, path: /x.db, mode: 999}]
	YAML
	bad 1 "create-bucket" <<-YAML
	repository: {path: $T/repository, create-bucket: perhaps}
	$DB
	YAML
	bad 2 "components" <<-YAML
	repository: {path: $T/repository}
	components: {name: a}
	YAML
	bad 1 "path" <<-YAML
	repository: {path: [a, b]}
	$DB
	YAML
}

# of a repository and of a component: found before anything is asked or made
s3_options() {
	local field lines
	for field in 'uri-style: sideways' 'endpoint: "ftp://127.0.0.1"' \
	    'endpoint: "http://127.0.0.1:99999"' 'bucket: "a/b"' \
	    'proxy: "gopher://proxy"' 'tls-ca-chain: "none"' \
	    'region: "eu west"' 'secret-key: "a b"'; do
		lines=(bucket:\ bbb access-key:\ a secret-key:\ b)
		mapfile -t lines < <(printf '%s\n' "${lines[@]}" |
		    grep -v "^${field%%:*}:")
		bad $((${#lines[@]} + 3)) "${field%%:*}" <<-YAML
		repository:
		  s3:
		$(printf '    %s\n' "${lines[@]}" "$field")
		$DB
		YAML
		bad $((${#lines[@]} + 4)) "${field%%:*}" <<-YAML
		repository: {path: $T/repository}
		components:
		  - name: a
		$(printf '    %s\n' "${lines[@]}" "$field" 'type: bucket')
		YAML
	done
}

twice() {
	bad 4 "'a'" <<-YAML
	repository: {path: $T/repository}
	components:
	  - {name: a, type: sqlite, path: /x.db}
	  - {name: a, type: sqlite, path: /y.db}
	YAML
	bad 3 "'path'" <<-YAML
	repository:
	  path: $T/repository
	  path: $T/other
	$DB
	YAML
	bad 1 "both" <<-YAML
	repository: {path: $T/repository, s3: {bucket: b}}
	$DB
	YAML
}

secrets_elsewhere() {
	bad 5 "'NOT_SET_ANYWHERE'" <<-YAML
	repository:
	  s3:
	    bucket: b
	    access-key: a
	    secret-key-env: NOT_SET_ANYWHERE
	$DB
	YAML
	bad 5 "$T/nothing-here" <<-YAML
	repository:
	  s3:
	    bucket: b
	    access-key: a
	    secret-key-file: $T/nothing-here
	$DB
	YAML
}

# YAML's own ways to be large
limits() {
	{
		echo "repository: {path: $T/repository}"
		echo 'a: &a [x, x, x, x, x, x, x, x, x, x]'
		local i last=a
		for i in b c d e f g h i j; do
			echo "$i: &$i [*$last, *$last, *$last, *$last, *$last]"
			last=$i
		done
		echo "$DB"
	} | bad 0 ''
	python3 -c 'print("[" * 100000)' | bad 0 ''
	head -c 20000000 /dev/zero | tr '\0' 'a' | bad 0 ''
}

it 'refuses what is no YAML, or no map' not_yaml
it 'names unknown keys' unknown_keys
it 'names missing fields' missing_fields
it 'names wrong values' wrong_values
it 'names options of S3 that cannot be right' s3_options
it 'names what is given twice' twice
it 'says which secret cannot be read' secrets_elsewhere
it 'has limits for what it reads' limits
done_testing
