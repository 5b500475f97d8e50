#!/bin/sh
# coverage.sh FOLDER LINES - what tests left of a build with --coverage in
# FOLDER: report.txt, report.json; fail below LINES percent of lines of src/,
# and where a function was never called: each is named.
set -u
bad=0
gcovr --root . --object-directory "$1" --filter src/ --print-summary \
    --fail-under-line "$2" --txt "$1/report.txt" --json "$1/report.json" ||
    bad=1
missed=$(jq -r '.files[] | .file as $file | .functions[]? |
	select(.execution_count == 0) | "\($file): \(.name) is never called"' \
    "$1/report.json") || bad=1
[ -z "$missed" ] || {
	echo "$missed"
	bad=1
}
exit $bad
