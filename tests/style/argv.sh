#!/bin/sh
# argv.sh - no secret on a command line: no option takes one, and nothing that
# looks like one is handed to a child.
set -u
bad=0
if grep -nE '"--(access|secret|password|token|session|credential)[a-z-]*' \
    -r src --include='*.c'; then
	echo 'an option that would take a secret'
	bad=1
fi
if grep -nE 'argv.*(secret|password|token)' -r src --include='*.c'; then
	echo 'a secret in an argument vector'
	bad=1
fi
if grep -nE '\b(system|popen)\(' -r src --include='*.c'; then
	echo 'a shell'
	bad=1
fi
exit $bad
