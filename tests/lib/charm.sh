#!/bin/sh
# charm.sh FOLDER FILE - turn a charm's folder, whose program looks for its
# libraries in usr/lib, into a file that "juju deploy ./FILE" takes: the
# libraries beside it, the client programs of databases that this machine has,
# manifest.yaml, and the zip.
set -eu
folder=$1 file=$2
program=$folder/bin/platform-backup

mkdir -p "$folder/usr/lib"
# all but the C library's own, which is the system's
libraries()
{
	ldd "$1" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' |
	    grep -vE '/(libc|libm|libdl|librt|libpthread|libresolv)\.so' |
	    while read -r lib; do
		cp -L "$lib" "$folder/usr/lib/"
	done
}
libraries "$program"

# where Debian has its wrapper in PATH, the newest itself
real()
{
	newest=$(printf '%s\n' /usr/lib/postgresql/*/bin/"$1" | sort -V |
	    tail -n 1)
	if [ -x "$newest" ]; then
		echo "$newest"
	else
		command -v "$1"
	fi
}
mkdir -p "$folder/tools" "$folder/usr/bin"
for name in mysql mysqldump psql pg_dump pg_restore; do
	if from=$(real "$name"); then
		cp -L "$from" "$folder/usr/bin/$name"
		libraries "$from"
	else
		echo "the charm has no $name: it is not installed here" >&2
	fi
	cp "${0%/*}/../../tools/client" "$folder/tools/$name"
	[ ! -x "$folder/usr/bin/$name" ] ||
	    "$folder/tools/$name" --version >/dev/null
done
cat >"$folder/manifest.yaml" <<'YAML'
charmcraft-version: '3.0.0'
bases:
  - name: ubuntu
    channel: '24.04'
    architectures: [amd64]
analysis: {attributes: []}
YAML
"$program" version >/dev/null
ldd "$program" | grep -F "$folder/bin/../usr/lib" >/dev/null || {
	echo "the program does not find its libraries in the charm" >&2
	exit 1
}
rm -f "$file"
python3 - "$folder" "$file" <<'PY'
import os, sys, zipfile
folder, file = sys.argv[1:]
names = sorted(os.path.relpath(os.path.join(d, f), folder)
               for d, _, files in os.walk(folder) for f in files)
with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as z:
    for name in names:
        path = os.path.join(folder, name)
        info = zipfile.ZipInfo(name)  # the same time in every build
        info.external_attr = (os.stat(path).st_mode & 0xffff) << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        with open(path, "rb") as f:
            z.writestr(info, f.read())
print("%s: %d files, %d KiB" % (file, len(names),
                                os.path.getsize(file) // 1024))
PY
