#!/bin/sh
# headers.sh CC - each header compiles alone.
set -u
bad=0
for header in src/*/*.h; do
	case $header in
	src/base/banned.h) continue ;;	# is included by every file already
	esac
	printf '#include "%s"\ntypedef int unit_is_not_empty;\n' \
	    "${header#src/}" |
	    "$1" -std=c11 -D_GNU_SOURCE -Isrc -Wall -Wextra -Werror \
	    -fsyntax-only -x c - || {
		echo "$header does not compile alone"
		bad=1
	}
done
exit $bad
