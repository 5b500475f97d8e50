#!/bin/sh
# words.sh - no marks of unfinished work, nothing of one machine, no white
# space at the end of a line.
set -u
bad=0
files=$(git ls-files 2>/dev/null | grep -v '^tests/style/words\.sh$')
[ -n "$files" ] || exit 0	# an unpacked release: nothing to ask

# REGEX WHY
refuse() {
	# shellcheck disable=SC2086
	if grep -nIE -e "$1" $files; then
		echo "^ $2"
		bad=1
	fi
}
refuse '\b(TODO|FIXME|XXX|HACK)\b' 'unfinished work'
refuse '(^|[^a-z])/(work|root)/' 'a path of one machine'
files=$(echo "$files" | grep -vE '^(LICENSE$|tests/(fuzz/corpus|golden)/)')
# shellcheck disable=SC2086
if grep -nI '[[:space:]]$' $files; then
	echo '^ white space at the end of a line'
	bad=1
fi
exit $bad
