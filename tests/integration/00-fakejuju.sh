#!/usr/bin/env bash
# The fake Juju refuses what Juju refuses: the other tests of the charm are
# worth what this one is.
. "${0%/*}/../lib/harness.sh"
. "$TOP/tests/lib/juju.sh"
requires jq

# a charm with one hook and one action, whose text is on stdin
charm() {
	CHARM=$T/charm
	mkdir -p "$CHARM/hooks" "$CHARM/actions"
	echo 'name: c' >"$CHARM/metadata.yaml"
	cat >"$CHARM/config.yaml" <<-'YAML'
	options:
	  color: {type: string}
	  word:
	    type: string
	    default: blue
	  many:
	    type: integer
	    default: 3
	YAML
	sed -i '/color/d' "$CHARM/config.yaml"
	cat >"$CHARM/actions.yaml" <<-'YAML'
	act:
	  params:
	    id:
	      type: string
	    on:
	      type: boolean
	      default: false
	    n:
	      type: integer
	      minimum: 0
	  required: [id]
	  additionalProperties: false
	none:
	  description: not there
	YAML
	{
		echo '#!/bin/sh'
		cat
	} >"$CHARM/hooks/go"
	chmod 755 "$CHARM/hooks/go"
	cp -p "$CHARM/hooks/go" "$CHARM/hooks/r-relation-broken"
	cp -p "$CHARM/hooks/go" "$CHARM/actions/act"
	juju_new '{"relations": {"r:7": {"app": "other",
	    "app-data": {"k": "v"}, "units": {"other/0": {"u": "w"}}}}}'
}

# STATUS TEXT: of the tool that the hook ran last
refused() {
	done_is '(.stdout | endswith($status + "\n")) and
	    (.stderr | contains("ERROR " + $text))' \
	    --arg status "$1" --arg text "$2"
}

environment_is_jujus() {
	charm <<-'SH'
	env | sed 's/=.*//' | sort
	echo "$JUJU_DISPATCH_PATH $PWD" >&2
	[ -e /proc/self/fd/0 ] && cat
	SH
	SECRET_OF_MINE=1 hook go
	done_is '.stdout | contains("HOME") or contains("SECRET_OF_MINE") | not'
	done_is '.stdout | contains("JUJU_UNIT_NAME\n") and
	    contains("JUJU_CHARM_NO_PROXY\n") and contains("LANG\n") and
	    contains("JUJU_HOOK_NAME\n")'
	done_is '.stdout | contains("JUJU_RELATION") | not'
	done_is '.stderr == "hooks/go " + $dir + "\n"' --arg dir "$CHARM"
	hook go --relation r:7 --unit other/0
	done_is '.stdout | contains("JUJU_RELATION_ID\nJUJU_REMOTE_APP\n" +
	    "JUJU_REMOTE_UNIT")'
}

tools_need_the_context() {
	charm <<-'SH'
	JUJU_CONTEXT_ID=x config-get --format=json; echo $?
	SH
	hook go
	refused 1 'bad request: expected context id'
}

options_have_defaults() {
	charm <<-'SH'
	config-get --format=json
	config-get word
	config-get nothing --format=json
	SH
	juju_edit '.config = {"own": true}'
	hook go
	done_is '.stdout ==
	    "{\"word\":\"blue\",\"many\":3,\"own\":true}\nblue\nnull\n"'
}

bags_are_read() {
	charm <<-'SH'
	relation-ids r --format=json
	relation-list --format=json -r r:7
	relation-list --format=json --app -r 7
	relation-get --format=json -r r:7 --app - other
	relation-get --format=json -r r:7 k other --app
	relation-get --format=json -r r:7 - other/0
	SH
	hook go
	done_is '.stdout == "[\"r:7\"]\n[\"other/0\"]\n\"other\"\n" +
	    "{\"k\":\"v\"}\n\"v\"\n{\"u\":\"w\"}\n"'
}

# each: the tool's words; what it must say
bad_reads() {
	while IFS='|' read -r status words text; do
		charm <<<"$words; echo \$?"
		hook go
		refused "$status" "$text"
	done <<-'X'
	2|relation-get --format=json -r r:8 - other/0|invalid value "r:8" for option -r: relation not found
	2|relation-get --format=json -r r:7 - other|expected unit name, got application name "other"
	2|relation-get --format=json - other/0|no relation id specified
	2|relation-get --format=json -r r:7|no unit or application specified
	2|relation-ids --format=json|no endpoint name specified
	2|relation-list --format=json|no relation id specified
	2|config-get --nonsense|option provided but not defined: --nonsense
	2|storage-get --format=json -s data/0|invalid value "data/0" for option -s: storage not found
	1|action-get --format=json|not running an action
	1|action-fail -- x|not running an action
	2|status-set error x|invalid status "error"
	2|secret-get|require either a secret URI or label
	2|secret-get --refresh --peek secret:d2k3v0nmp25c76ke5e60|specify one of --peek or --refresh but not both
	2|secret-get nonsense|secret URI "nonsense" not valid
	1|secret-get secret:d2k3v0nmp25c76ke5e60|secret "d2k3v0nmp25c76ke5e60" not found
	X
}

writes_are_kept_on_success() {
	charm <<-'SH'
	printf '{"a":"1","b":"x\\ny"}' | relation-set -r r:7 --app --file -
	relation-set -r r:7 c=2
	relation-get --format=json -r r:7 --app - platform-backup
	printf '{"s":"t"}' | state-set --file -
	state-get --format=json s
	SH
	hook go
	juju_is '.relations["r:7"] | ."own-app-data" == {"a":"1","b":"x\ny"} and
	    ."own-unit-data" == {"c":"2"}'
	juju_is '.state == {"s":"t"}'
	done_is '.stdout == "{\"a\":\"1\",\"b\":\"x\\ny\"}\n\"t\"\n"'
	charm <<-'SH'
	relation-set -r r:7 --app a=
	SH
	juju_edit '.relations["r:7"]."own-app-data" = {"a":"1","b":"2"}'
	hook go
	juju_is '.relations["r:7"]."own-app-data" == {"b":"2"}'
}

writes_are_lost_on_failure() {
	charm <<-'SH'
	relation-set -r r:7 c=2
	printf '{"s":"t"}' | state-set --file -
	status-set waiting -- words
	exit 3
	SH
	hook_fails go
	done_is '.failed == "hook failed: \"go\""'
	juju_is '.relations["r:7"]."own-unit-data" == {} and .state == {}'
	status_is waiting words
}

only_the_leader_writes() {
	charm <<-'SH'
	is-leader --format=json
	relation-set -r r:7 --app a=1
	relation-get --format=json -r r:7 --app - platform-backup; echo $?
	SH
	juju_edit '.leader = false'
	hook go
	done_is '.stdout == "false\n1\n"'
	done_is '.stderr | contains("ERROR cannot write relation settings") and
	    contains("ERROR permission denied")'
	juju_is '.relations["r:7"]."own-app-data" == {}'
}

values_must_be_text() {
	charm <<-'SH'
	printf '{"a":1}' | relation-set -r r:7 --file -; echo $?
	SH
	hook go
	refused 1 'cannot unmarshal'
}

secrets_follow_revisions() {
	charm <<-'SH'
	u=secret://0b5c8e0e-2f6c-4d6e-8a3b-7d1f6a0c9e11/d2k3v0nmp25c76ke5e60
	secret-get --format=json $u --label L
	secret-get --format=json --label L --peek
	secret-get --format=json $u --refresh
	SH
	juju_edit '.secrets = {"d2k3v0nmp25c76ke5e60": {"owner": "other",
	    "grants": ["platform-backup"], "revisions": [{"k": "old"}]}}'
	hook go
	juju_edit '.secrets[].revisions += [{"k": "new"}]'
	hook go
	done_is '.stdout ==
	    "{\"k\":\"old\"}\n{\"k\":\"new\"}\n{\"k\":\"new\"}\n"'
	juju_is '.secrets[].labels == {"platform-backup/0": "L"}'
}

secrets_are_guarded() {
	charm <<-'SH'
	secret-get --format=json secret:d2k3v0nmp25c76ke5e60 --refresh; echo $?
	SH
	juju_edit '.secrets = {"d2k3v0nmp25c76ke5e60": {"owner": "other",
	    "revisions": [{"k": "v"}]}}'
	hook go
	refused 1 'permission denied'
	juju_edit '."juju-version" = "4.0.1"'
	hook go
	refused 1 '"platform-backup/0" is not allowed to read this secret'
	juju_edit '.secrets[].owner = "platform-backup"'
	hook go
	refused 1 'secret owner cannot use --refresh'
}

storage_is_found() {
	charm <<-'SH'
	storage-list --format=json scratch
	storage-get --format=json -s scratch/0
	SH
	juju_edit '.storage = {"scratch/0": "/s/0", "data/1": "/d"}'
	hook go
	done_is '.stdout == "[\"scratch/0\"]\n" +
	    "{\"kind\":\"filesystem\",\"location\":\"/s/0\"}\n"'
}

state_has_limits() {
	charm <<-'SH'
	x=$(printf '%70000s' x)
	printf '{"a":"%s"}' "$x" | state-set --file -; echo $?
	SH
	hook go
	done_is '.stdout == "1\n"'
}

hook_that_is_not_there_is_skipped() {
	charm <<-'SH'
	exit 1
	SH
	hook stop
	done_is '.skipped'
	rm "$CHARM/metadata.yaml"
	if _juju hook go 2>err; then
		return 1
	fi
	contains err 'charm missing from disk'
}

dispatch_is_preferred() {
	charm <<-'SH'
	echo hook
	SH
	printf '#!/bin/sh\necho dispatch\n' >"$CHARM/dispatch"
	chmod 755 "$CHARM/dispatch"
	hook go
	done_is '.stdout == "dispatch\n"'
}

broken_relation_is_gone_afterwards() {
	charm <<-'SH'
	relation-ids r --format=json
	SH
	hook r-relation-broken --relation r:7
	done_is '.stdout == "[\"r:7\"]\n"'
	juju_is '.relations == {}'
}

actions_have_parameters() {
	charm <<-'SH'
	action-get --format=json
	action-get id
	action-log working now
	action-set a.b=c=d a.e=f word=x
	echo "[$JUJU_HOOK_NAME] $JUJU_DISPATCH_PATH $JUJU_ACTION_NAME"
	SH
	action act id=2026-01-01T00:00:00Z on=true n=3
	done_is '.results.a == {"b": "c=d", "e": "f"} and
	    .results.word == "x" and .results."return-code" == 0'
	done_is '.results.stdout | startswith("{\"on\":true,\"id\":" +
	    "\"2026-01-01T00:00:00Z\",\"n\":3}\n2026-01-01T00:00:00Z\n[] " +
	    "actions/act act\n")'
	done_is '.log == [["ACTION", "working now"]]'
}

# a call that the controller refuses: TEXT PARAMETER...
refused_call() {
	local text=$1
	shift
	_juju action act "$@"
	done_is '."action-status" == "error" and (.message | contains($text))' \
	    --arg text "$text"
}

parameters_are_checked() {
	charm <<-'SH'
	true
	SH
	refused_call '"id" property is missing and required'
	refused_call 'additional property "x" is not allowed' id=a x=1
	refused_call '(root).on : must be of type boolean' id=a on=perhaps
	refused_call '(root).n : must be of type integer' id=a n=many
	refused_call 'must be greater than or equal to 0' id=a n=-1
}

results_have_rules() {
	charm <<-'SH'
	action-set Upper=1; echo $?
	action-set a..b=1; echo $?
	action-set 2026-01-01T00:00:00Z=1; echo $?
	action-set stdout=1; echo $?
	action-set word; echo $?
	SH
	action act id=a
	done_is '.results.stdout == "2\n2\n2\n1\n2\n"'
	done_is '.results.stderr | contains("cannot set reserved action key " +
	    "\"stdout\"") and contains("key \"Upper\" must start")'
	done_is '.results | has("upper") or has("Upper") | not'
}

failures_have_words_only_with_exit_0() {
	charm <<-'SH'
	action-fail -- "my words"
	printf '{"s":"t"}' | state-set --file -
	SH
	action_fails 'my words' act id=a
	juju_is '.state == {"s": "t"}'
	charm <<-'SH'
	action-fail -- "my words"
	printf '{"s":"t"}' | state-set --file -
	action-set kept=yes
	exit 4
	SH
	action_fails 'exit status 4' act id=a
	done_is '.message == "exit status 4" and .results.kept == "yes"'
	juju_is '.state == {}'
	charm <<-'SH'
	action-fail
	SH
	action_fails 'action failed without reason given' act id=a
}

action_without_file_fails() {
	charm <<-'SH'
	true
	SH
	action_fails 'action not implemented on unit "platform-backup/0"' none
}

cancel_is_a_kill() {
	charm <<-'SH'
	printf '{"s":"t"}' | state-set --file -
	status-set maintenance -- "at work"
	exec sleep 30
	SH
	_juju action act id=a --kill-after 0.5
	done_is '."action-status" == "aborted" and
	    .results."return-code" == -1'
	juju_is '.state == {}'
	status_is maintenance 'at work'
}

it 'gives a hook the environment that Juju gives' environment_is_jujus
it 'answers only in its own context' tools_need_the_context
it 'gives options with their defaults' options_have_defaults
it 'reads the bags of applications and units' bags_are_read
it 'refuses bad words with exit status and text of Juju' bad_reads
it 'keeps what a hook wrote when it succeeds' writes_are_kept_on_success
it 'forgets what a hook wrote when it fails' writes_are_lost_on_failure
it 'lets only the leader write for the application' only_the_leader_writes
it 'refuses values that are no text' values_must_be_text
it 'pins secrets to a revision until they are refreshed' \
    secrets_follow_revisions
it 'gives no secret without a grant' secrets_are_guarded
it 'says where storage is' storage_is_found
it 'limits the size of state' state_has_limits
it 'skips a hook that is not there' hook_that_is_not_there_is_skipped
it 'prefers dispatch to hooks' dispatch_is_preferred
it 'drops a relation when it is broken' broken_relation_is_gone_afterwards
it 'gives an action its parameters' actions_have_parameters
it 'checks the parameters as the controller does' parameters_are_checked
it 'has rules for names of results' results_have_rules
it 'shows the words of a failed action only with exit status 0' \
    failures_have_words_only_with_exit_0
it 'fails an action that has no file' action_without_file_fails
it 'cancels an action by a kill' cancel_is_a_kill
done_testing
