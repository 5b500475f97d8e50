#!/bin/sh
# man.sh PROGRAM PAGE - help and manual name the same commands and options,
# and the page has no errors of its own.
set -u
program=$1 page=$2
bad=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

[ -e "$page" ] || { echo "$page is missing"; exit 1; }
"$program" help >"$work/help" || exit 1
# \- is a hyphen in roff; .Fl and .Cm macros of mdoc are options and commands
sed -e 's/\\-/-/g' -e 's/\\f[A-Z]//g' "$page" >"$work/page"

options() {
	grep -oE -- '(^|[^a-z-])--[a-z][a-z-]+' "$1" |
	    grep -oE -- '--[a-z-]+' | sort -u
}
options "$work/help" >"$work/help-options"
{
	options "$work/page"
	grep -oE 'Fl -[a-z-]+' "$work/page" | sed 's/Fl /-/'
} | sort -u >"$work/page-options"
diff "$work/help-options" "$work/page-options" >"$work/diff" || {
	echo 'options: < only in help, > only in the manual'
	grep '^[<>]' "$work/diff"
	bad=1
}
for command in create list show restore check version help; do
	grep -qw "$command" "$work/help" || {
		echo "help does not name '$command'"
		bad=1
	}
	grep -qw "$command" "$work/page" || {
		echo "the manual does not name '$command'"
		bad=1
	}
done
if command -v mandoc >/dev/null 2>&1; then
	mandoc -T lint -W warning "$page" || bad=1
fi
exit $bad
