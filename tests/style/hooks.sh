#!/bin/sh
# hooks.sh - hooks/ and actions/ are what the charm's YAML files ask for:
# one identical two-line file each, executable, and no `dispatch`.
set -eu
bad=0

complain()
{
	echo "hooks.sh: $*" >&2
	bad=1
}

# the names under a top-level key, or of the top level itself
names()
{
	awk -v want="$2" '
		/^[a-z]/ { inside = ($0 == want ":") }
		want == "" && /^[a-z0-9-]+:/ { sub(/:.*/, ""); print }
		want != "" && inside && /^  [a-z0-9-]+:/ {
			sub(/:.*/, ""); sub(/^ */, ""); print }' "$1"
}

wanted_hooks()
{
	printf '%s\n' install start config-changed leader-elected \
	    upgrade-charm update-status secret-changed stop remove
	for end in $(names metadata.yaml requires); do
		for what in created joined changed departed broken; do
			echo "$end-relation-$what"
		done
	done
	for store in $(names metadata.yaml storage); do
		printf '%s\n' "$store-storage-attached" \
		    "$store-storage-detaching"
	done
}

# same names in the folder as on stdin
compare()
{
	want=$(sort)
	have=$(cd "$1" && find . ! -name . | sed 's|^\./||' | sort)
	for name in $want; do
		[ -e "$1/$name" ] || complain "$1/$name is missing"
	done
	for name in $have; do
		case " $(echo "$want" | tr '\n' ' ')" in
		*" $name "*) ;;
		*) complain "$1/$name is not in the YAML files" ;;
		esac
	done
}

wanted_hooks | compare hooks
names actions.yaml '' | compare actions

# shellcheck disable=SC2016 # it is the text of the file
text='#!/bin/sh
exec "${0%/*}/../bin/platform-backup" "$@"'
for file in hooks/* actions/*; do
	[ -f "$file" ] || complain "$file is no file"
	[ ! -L "$file" ] || complain "$file is a link"
	[ -x "$file" ] || complain "$file is not executable"
	[ "$(cat "$file")" = "$text" ] || complain "$file has another text"
done
[ ! -e dispatch ] || complain "dispatch would run instead of hooks/"

if command -v shellcheck >/dev/null; then
	shellcheck hooks/* actions/* "$0" || bad=1
fi
exit "$bad"
