#!/bin/sh
# setup.sh GOAL... - install the Debian packages that a goal needs and that are
# missing; says what it does first, and is silent where nothing is missing.
#
# Goals: build, test, demo, bench, analyze, helper.  Each includes build.
# setup.sh --list GOAL...: only print what is missing.
# shellcheck disable=SC2086  # lists of words are meant to be split
set -eu

build="gcc libc6-dev make libcurl4-openssl-dev libyaml-dev libcjson-dev
libssl-dev libzstd-dev libexpat1-dev libsqlite3-dev libwslay-dev"
servers="ceph-mon ceph-osd radosgw curl openssl python3 procps util-linux"
demo="$servers sqlite3 jq zstd"
databases="mariadb-server-core mariadb-client postgresql"
test="$demo $databases age binutils libcmocka-dev clang-format universal-ctags git
rclone faketime mandoc python3-venv shellcheck strace etcd-server
busybox-static"
bench="$demo $databases rclone restic python3-venv"
# the helper for pods is built for both kinds of machine, and run by an emulator
case $(uname -m) in
aarch64) helper="gcc-x86-64-linux-gnu libc6-dev-amd64-cross" ;;
*) helper="gcc-aarch64-linux-gnu libc6-dev-arm64-cross" ;;
esac
analyze="clang clang-tidy cppcheck gcovr libclang-rt-dev valgrind"

say() {
	echo "setup: $*" >&2
}

# the name of a package that this release calls otherwise
real_name() {
	case $1 in
	libclang-rt-dev)
		grep -q bookworm /etc/os-release && set -- libclang-rt-14-dev
		;;
	esac
	echo "$1"
}

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = \
	    installed ]
}

list=no
wanted=
for goal; do
	case $goal in
	--list) list=yes ;;
	build) wanted="$wanted $build" ;;
	test) wanted="$wanted $build $test $helper qemu-user-static" ;;
	demo) wanted="$wanted $build $demo" ;;
	bench) wanted="$wanted $build $bench" ;;
	analyze) wanted="$wanted $build $analyze" ;;
	helper) wanted="$wanted $build $helper" ;;
	*)
		say "no goal '$goal'; goals: build test demo bench analyze helper"
		exit 2
		;;
	esac
done

if ! command -v dpkg-query >/dev/null 2>&1; then
	say "this is not Debian or Ubuntu; what is needed there is called:"
	say $wanted
	say "going on with what is here"
	exit 0
fi

missing=
for name in $(printf '%s\n' $wanted | sort -u); do
	name=$(real_name "$name")
	[ -z "$name" ] || installed "$name" || missing="$missing $name"
done
if [ "$list" = yes ]; then
	printf '%s\n' $missing
	exit 0
fi
[ -n "$missing" ] || exit 0

as_root="env"
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null 2>&1 || {
		say "these Debian packages are missing:$missing"
		say "and there is no sudo here; as root, please run:"
		say "apt-get install --no-install-recommends$missing"
		exit 1
	}
	as_root="sudo env"
fi
say "installing these Debian packages (apt-get):$missing"
apt() {
	$as_root DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -qq \
	    -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" </dev/null
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt install -y --no-install-recommends $missing ||
    { apt update && apt install -y --no-install-recommends $missing; }; } \
    >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	say "the packages could not be installed"
	exit 1
fi
say "done"
