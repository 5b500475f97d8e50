#!/bin/sh
# run.sh LABEL PROGRAM... - run test programs, JOBS (two) at a time, each with
# its output in LOGS; print what failed, then "LABEL: N passed, N failed".
#
# A program counts by its tests where it says how many (cmocka, or a last line
# "N passed, N failed"), as one otherwise.  RUN: a command put before each.
# RESULTS: a file to which "PASSED FAILED LABEL" is appended.
set -u
LOGS=${LOGS:-build/logs}

# one PROGRAM: its log, and "passed failed" in its .count
one() {
	log=$LOGS/$(basename "$1").log
	# shellcheck disable=SC2086
	${RUN:-} "$1" >"$log" 2>&1 </dev/null
	status=$?
	total=$(sed -n 's/^\[==========\] \([0-9]*\) test(s) run.*/\1/p' \
	    "$log" | tail -n 1)
	passed=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test(s).*/\1/p' \
	    "$log" | tail -n 1)
	if [ -z "$total" ]; then
		passed=$(sed -n '$s/^\([0-9]*\) passed, .*/\1/p' "$log")
		failed=$(sed -n '$s/.* passed, \([0-9]*\) failed$/\1/p' "$log")
		: "${passed:=$((status == 0))}" "${failed:=$((status != 0))}"
	else
		skipped=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) test(s).*/\1/p' \
		    "$log" | tail -n 1)
		failed=$((total - ${passed:-0} - ${skipped:-0}))
		[ -z "$skipped" ] || grep '^\[  SKIPPED \] [^0-9]' "$log" |
		    sort -u | sed "s/.*\] /skipped: ${1##*/}: /"
	fi
	# a leak or a race that was found after the last test
	[ $status -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
	echo "${passed:-0} $failed" >"${log%.log}.count"
	[ "$failed" -eq 0 ] && return
	echo "FAILED: $1 (exit status $status)"
	grep -vE '^\[ (RUN|      OK) ' "$log" | tail -n 40
}

if [ "$1" = --one ]; then
	one "$2"
	exit 0
fi
label=$1
shift
LOGS=$LOGS/$label
export LOGS
mkdir -p "$LOGS"
rm -f "$LOGS"/*.log "$LOGS"/*.count
[ $# -eq 0 ] || printf '%s\n' "$@" |
    xargs -P "${JOBS:-2}" -I {} sh "$0" --one {}
cat "$LOGS"/*.count 2>/dev/null | awk -v label="$label" -v want=$# \
    -v results="${RESULTS:-/dev/null}" '
	{ passed += $1; failed += $2 }
	END {
		if (NR < want) failed += want - NR
		print label ": " passed + 0 " passed, " failed + 0 " failed"
		print passed + 0, failed + 0, label >>results
		exit failed > 0
	}'
