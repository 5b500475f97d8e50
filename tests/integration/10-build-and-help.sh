#!/usr/bin/env bash
# The program explains itself, and refuses what it does not understand.
. "${0%/*}/../lib/harness.sh"

says_version() {
	"$PB" version >out
	grep -qE '^platform-backup [0-9]+\.[0-9]+\.[0-9]+' out
	"$PB" --version >out2
	same out out2
}

help_names_all() {
	"$PB" help >out
	contains out create list show restore check keygen version help -c \
	    --component --full --label --exact --dry-run --json --to
	"$PB" --help >out2
	same out out2
}

# STATUS TEXT ARGUMENTS...: on standard error, and nothing on standard output
refuses() {
	local want=$1 text=$2 status=0
	shift 2
	"$PB" "$@" >out 2>err || status=$?
	[ $status -eq "$want" ]
	[ ! -s out ]
	contains err "$text"
}

usage_errors() {
	refuses 2 "'frobnicate'" -c x.yaml frobnicate
	refuses 2 -- "--frobnicate" -c x.yaml create --frobnicate ||
	    refuses 2 "'--frobnicate'" -c x.yaml create --frobnicate
	refuses 2 "restore" -c x.yaml restore
	refuses 2 "show" -c x.yaml show
	refuses 2 "" -c
}

no_config() {
	refuses 2 "nowhere.yaml" -c nowhere.yaml create
	mkdir folder
	refuses 2 "folder" -c folder create
}

is_hardened() {
	readelf -lW "$PB" >out
	contains out GNU_RELRO
	readelf -hW "$PB" >out
	contains out DYN
	readelf -dW "$PB" >out
	grep -qE 'BIND_NOW|FLAGS_1.*NOW' out
	readelf -ldW "$PB" >out
	not grep -E 'GNU_STACK.*RWE|RPATH|RUNPATH' out
}

it 'says its version' says_version
it 'names all commands and options in its help' help_names_all
it 'refuses an unknown command or option with exit status 2' usage_errors
it 'names the configuration file that it cannot read' no_config
it 'is a hardened program' is_hardened
done_testing
