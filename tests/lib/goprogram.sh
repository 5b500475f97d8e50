# shellcheck shell=bash
# goprogram.sh - programs that Debian does not have, built from Go modules.
#
#   go_program NAME SOURCE   $SERVERS_CACHE/NAME, built where it is missing
#
# SOURCE: a module with its version, as MODULE@latest, or a folder with go.mod.
# Two runs at once: one builds, the other waits.  NAME.log has what Go said,
# NAME.version the version of a module.  Sourced by servers.sh.

_go_command() {
	command -v go || { [ -x /usr/local/go/bin/go ] &&
	    echo /usr/local/go/bin/go; }
}

_go_install() {
	local go=$1 name=$2 source=$3 work
	work=$(mktemp -d "$SERVERS_CACHE/build.XXXXXX") || return 1
	if [ -d "$source" ]; then
		cp "$source"/{go.mod,go.sum,*.go} "$work/" || return 1
		source=.
	fi
	(cd "$work" && GOPATH=$work/path GOBIN=$work/bin GOCACHE=$work/cache \
	    GOFLAGS=-modcacherw CGO_ENABLED=0 timeout 2400 "$go" install \
	    -trimpath -ldflags '-s -w' "$source") \
	    >"$SERVERS_CACHE/$name.log" 2>&1 9>&- &&
	    "$go" version -m "$work"/bin/* | awk '$1 == "mod" { print $3 }' \
	    >"$SERVERS_CACHE/$name.version" &&
	    mv "$work"/bin/* "$SERVERS_CACHE/$name"
	set -- $?
	rm -rf -- "$work"
	return "$1"
}

go_program() {
	local name=$1 source=$2 go
	[ -x "$SERVERS_CACHE/$name" ] && return 0
	go=$(_go_command) || {
		_server_say "no Go here, so $name cannot be built"
		return 1
	}
	mkdir -p "$SERVERS_CACHE" || return 1
	(
		flock 9
		[ -x "$SERVERS_CACHE/$name" ] && exit 0
		_server_say "building $name from ${source##*/} with Go into" \
		    "$SERVERS_CACHE; takes minutes, once"
		_go_install "$go" "$name" "$source" || {
			_server_say "$name could not be built; see" \
			    "$SERVERS_CACHE/$name.log"
			exit 1
		}
	) 9>"$SERVERS_CACHE/$name.lock"
}
