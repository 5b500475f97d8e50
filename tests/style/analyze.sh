#!/bin/sh
# analyze.sh FILE.c... - gcc -fanalyzer, cppcheck and clang-tidy; FLAGS, the
# compiler's, from make.
set -u
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# NAME: the command's list of files is on standard input of xargs
run() {
	name=$1
	shift
	if "$@" >"$log" 2>&1; then
		passed=$((passed + 1))
		echo "analyze: $name: nothing found"
	else
		failed=$((failed + 1))
		echo "FAILED: analyze: $name"
		grep -vE '^[0-9]+ warnings? (generated|treated)' "$log" |
		    head -n 60
	fi
}

# a COMMAND that takes FLAGS, for each of FILES, as many at a time as there are
# processors; the flags have quotes of their own
each() {
	# shellcheck disable=SC2016,SC2086
	printf '%s\n' $FILES | COMMAND=$1 xargs -P "$(nproc)" -n 1 \
	    sh -c 'file=$1; eval "$COMMAND"' sh
}
FILES=$*
FLAGS="$FLAGS -include base/banned.h"

# shellcheck disable=SC2016
run 'gcc -fanalyzer' each 'eval "gcc $FLAGS" -O1 -fanalyzer -Werror \
    -c -o /dev/null "$file"'
# it does not know __attribute__((cleanup)), nor parameters without names, and
# gives up on some initialisers; NULL is a pointer wherever POSIX holds
# shellcheck disable=SC2086
run cppcheck cppcheck --quiet -j "$(nproc)" -Isrc \
    --enable=warning,performance,portability --inline-suppr \
    --suppress=memleak --suppress=funcArgOrderDifferent \
    --suppress=internalAstError --suppress=varFuncNullUB \
    --error-exitcode=1 $FILES
# shellcheck disable=SC2016
run clang-tidy each 'eval "clang-tidy --quiet \"$file\" -- $FLAGS"'
echo "analyze: $passed passed, $failed failed"
echo "$passed $failed analyze" >>"${RESULTS:-/dev/null}"
[ $failed -eq 0 ]
