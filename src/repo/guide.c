#include "repo/guide.h"

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/str.h"
#include "repo/layout.h"
#include "repo/names.h"

/*
 * Blocks that begin with "```sh" and nothing else are one script in POSIX
 * shell, in the order of the text; other ways to do the same are marked
 * "```sh alternative".
 */

static const char how_text[] =
    "Tools: `sh`, `zstd`, `tar`, `jq`, `sha256sum`; `sqlite3` for databases;\n"
    "`curl` 7.87 or newer, or another S3 client, for buckets.  All paths are\n"
    "relative to the top of the repository, where `repository.json` is.\n"
    "\n"
    "The blocks marked `sh` are one script, in the order of this text.  Run\n"
    "them one by one, or all of them:\n"
    "\n"
    "```sh alternative\n"
    "awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 } on' \\\n"
    "    sets/%s/%s > restore.sh\n"
    "out=/path/with/room sh restore.sh\n"
    "```\n"
    "\n"
    "## 1. Fetch the files\n"
    "\n"
    "A repository in a local folder is used where it is: `cd` to its top.\n"
    "From a bucket, `manifest.json` first: it names every file of this set,\n"
    "and those of earlier sets that it needs.  In an empty folder, with\n"
    "`FROM` as the place of `repository.json`, by the AWS client:\n"
    "\n"
    "```sh alternative\n"
    "FROM=s3://BUCKET/PATH    # and --endpoint-url behind each \"aws\"\n"
    "m=sets/%s/manifest.json\n"
    "aws s3 cp \"$FROM/$m\" \"$m\"\n"
    "jq -r '(.files[], (.components[] | .files[], .needs[])).path' \"$m\" |\n"
    "while IFS= read -r f; do\n"
    "\taws s3 cp \"$FROM/$f\" \"$f\" </dev/null\n"
    "done\n"
    "```\n"
    "\n"
    "or by rclone (`mc cp` of each name works as well):\n"
    "\n"
    "```sh alternative\n"
    "FROM=REMOTE:BUCKET/PATH\n"
    "m=sets/%s/manifest.json\n"
    "rclone copyto \"$FROM/$m\" \"$m\"\n"
    "jq -r '(.files[], (.components[] | .files[], .needs[])).path' \"$m\" \\\n"
    "    > files.txt\n"
    "rclone copy --files-from files.txt \"$FROM\" .\n"
    "```\n"
    "\n";

static const char check_text[] =
    "## 2. Check them\n"
    "\n"
    "`$out` is where the restored files go.  `manifest.json` names size and\n"
    "SHA-256 of every other file, and its last line but one holds the SHA-256\n"
    "of all that stands before it: `head -n -2 manifest.json | sha256sum`.\n"
    "\n"
    "```sh\n"
    "set -eu\n"
    "export LC_ALL=C\n"
    "umask 077\n"
    "set=sets/%s\n"
    "out=${out:-$PWD/restored}\n"
    "mkdir -p \"$out\"\n"
    "test \"$(head -n -2 \"$set/manifest.json\" | sha256sum | cut -c 1-64)\" = \\\n"
    "    \"$(jq -r '.\"manifest-sha256\"' \"$set/manifest.json\")\"\n"
    "jq -r '.files[], (.components[] | .files[], .needs[]) |\n"
    "    \"\\(.sha256)  \\(.path)\"' \"$set/manifest.json\" | sha256sum -c --quiet\n"
    "```\n"
    "\n"
    "## 3. Restore each component\n"
    "\n"
    "Objects first, what refers to them last: the order of this text.\n"
    "\n";

/* Behind the names of those who can read it. */
static const char key_text[] =
    "\n"
    "`age` 1.0 or newer decrypts it.  `identity` is a file with the identity,\n"
    "`AGE-SECRET-KEY-1…`, of one of them; no command shows what is in it.\n"
    "\n"
    "```sh\n"
    "identity=${IDENTITY:-$PWD/identity.txt}\n"
    "test -r \"$identity\"\n"
    "plain() {\n"
    "\tage -d -i \"$identity\" \"$1\"\n"
    "}\n"
    "# what manifest.json does not say to everybody\n"
    "plain %s | zstd -dc > \"$out/names.json\"\n"
    "```\n"
    "\n";

/* How a file is read: as it is, or decrypted first. */
struct words {
	const char *ending;     /* of the names */
	const char *zstd;       /* of "$f", decompressed, to stdout */
	const char *raw;        /* of "$f", to the file that follows */
	const char *facts, *in; /* where a component's facts are */
};

static const struct words clear_words = {
	.ending = "",
	.zstd = "zstd -dc \"$f\"",
	.raw = "cp \"$f\"",
	.facts = ".[.type]",
	.in = "$set/manifest.json",
};

static const struct words age_words = {
	.ending = ".age",
	.zstd = "plain \"$f\" | zstd -dc",
	.raw = "plain \"$f\" >",
	.facts = ".facts",
	.in = "$out/names.json",
};

/*
 * What an upload needs, once for all buckets.  curl takes any key, also one
 * that is no text; everything about the object comes to it in a file, so that
 * no secret is in a command line.
 */
static const char upload_text[] =
    "### Uploading objects\n"
    "\n"
    "Without `ENDPOINT` nothing is uploaded.  `put` uploads one object: `$1`\n"
    "is the bucket, `$2` the object's line of the inventory, `$3` a file with\n"
    "its content.\n"
    "\n"
    "```sh\n"
    "# ENDPOINT=https://s3.example.com REGION=us-east-1\n"
    "# AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...\n"
    "tab=$(printf '\\t')\n"
    "\n"
    "# Any bytes to the path of a URL.\n"
    "percent() {\n"
    "\tod -An -v -tx1 | tr -d ' \\n' | awk -v d=0123456789abcdef '{\n"
    "\t\tfor (i = 1; i < length($0); i += 2) {\n"
    "\t\t\tn = 16 * index(d, substr($0, i, 1)) - 17\n"
    "\t\t\tn += index(d, substr($0, i + 1, 1))\n"
    "\t\t\tc = n < 128 ? sprintf(\"%c\", n) : \"\"\n"
    "\t\t\tif (c ~ /^[A-Za-z0-9._~\\/-]$/)\n"
    "\t\t\t\tprintf \"%s\", c\n"
    "\t\t\telse\n"
    "\t\t\t\tprintf \"%%%02X\", n\n"
    "\t\t} }'\n"
    "}\n"
    "\n"
    "# Headers, metadata and tags of the line on stdin, for curl.  A member\n"
    "# that ends in \"-base64\" holds bytes that are no text, in base64.\n"
    "headers() {\n"
    "\tjq -r 'def pairs: to_entries[] |\n"
    "\t\tif .key | endswith(\"-base64\") then [.key[:-7], .value]\n"
    "\t\telse [.key, (.value | @base64)] end;\n"
    "\t    (with_entries(select(.key | test(\n"
    "\t\t\"^(content-(type|encoding|disposition|language)|\" +\n"
    "\t\t\"cache-control|expires)(-base64)?$\"))) | pairs),\n"
    "\t    (.meta // {} | pairs | .[0] |= \"x-amz-meta-\" + .),\n"
    "\t    (select(.tags) | [\"x-amz-tagging\", ([.tags | pairs |\n"
    "\t\t\"\\(.[0] | @uri)=\\(.[1] | @base64d | @uri)\"] |\n"
    "\t\tjoin(\"&\") | @base64)]) | @tsv' |\n"
    "\twhile IFS=\"$tab\" read -r name value; do\n"
    "\t\tif [ -z \"$value\" ]; then\n"
    "\t\t\tprintf 'header = \"%s;\"\\n' \"$name\"\n"
    "\t\t\tcontinue\n"
    "\t\tfi\n"
    "\t\tprintf 'header = \"%s: ' \"$name\"\n"
    "\t\tprintf '%s' \"$value\" | base64 -d | sed 's/[\\\\\"]/\\\\&/g'\n"
    "\t\tprintf '\"\\n'\n"
    "\tdone\n"
    "}\n"
    "\n"
    "put() {\n"
    "\tkey=$(printf '%s' \"$2\" | jq -r '.\"key-base64\" // (.key | @base64)' |\n"
    "\t    base64 -d | percent)\n"
    "\t{\n"
    "\t\tprintf 'user = \"%s:%s\"\\n' \"$AWS_ACCESS_KEY_ID\" \\\n"
    "\t\t    \"$AWS_SECRET_ACCESS_KEY\"\n"
    "\t\tprintf 'aws-sigv4 = \"aws:amz:%s:s3\"\\n' \"${REGION:-us-east-1}\"\n"
    "\t\tprintf 'url = \"%s/%s/%s\"\\n' \"$ENDPOINT\" \"$1\" \"$key\"\n"
    "\t\tcase $key in # curl adds a file's name behind a last '/'\n"
    "\t\t*/) printf 'request = PUT\\ndata-binary = \"@%s\"\\n' \"$3\" ;;\n"
    "\t\t*) printf 'upload-file = \"%s\"\\n' \"$3\" ;;\n"
    "\t\tesac\n"
    "\t\tprintf '%s' \"$2\" | jq -r '\"header = \\\"x-amz-content-sha256: \" +\n"
    "\t\t    .sha256 + \"\\\"\"'\n"
    "\t\tprintf '%s' \"$2\" | headers\n"
    "\t} > \"$out/curl.conf\"\n"
    "\tcurl -q -f -sS -g --path-as-is -o /dev/null -K \"$out/curl.conf\" </dev/null\n"
    "}\n"
    "\n"
    "# All objects of an inventory: $1 is the component, $2 the bucket.\n"
    "upload() {\n"
    "\tfailed=0\n"
    "\twhile IFS= read -r line; do\n"
    "\t\tsha=$(printf '%s' \"$line\" | jq -r .sha256)\n"
    "\t\tput \"$2\" \"$line\" \"$out/$1/$sha\" && continue\n"
    "\t\tprintf 'not uploaded: %s\\n' \"$line\" >&2\n"
    "\t\tfailed=$((failed + 1))\n"
    "\tdone < \"$out/$1.jsonl\"\n"
    "\trm -f \"$out/curl.conf\"\n"
    "\t[ $failed -eq 0 ]\n"
    "}\n"
    "```\n"
    "\n"
    "The same by the AWS client, for keys and metadata that are text:\n"
    "\n"
    "```sh alternative\n"
    "put() {\n"
    "\tprintf '%s' \"$2\" | jq --arg bucket \"$1\" 'def plain: to_entries |\n"
    "\t\tmap(if .key | endswith(\"-base64\") then\n"
    "\t\t{key: .key[:-7], value: (.value | @base64d)} else . end);\n"
    "\t    {Bucket: $bucket, Key: .key,\n"
    "\t    ContentType: .\"content-type\",\n"
    "\t    ContentEncoding: .\"content-encoding\",\n"
    "\t    ContentDisposition: .\"content-disposition\",\n"
    "\t    ContentLanguage: .\"content-language\",\n"
    "\t    CacheControl: .\"cache-control\", Expires: .expires,\n"
    "\t    Metadata: (if .meta then .meta | plain | from_entries\n"
    "\t\telse null end),\n"
    "\t    Tagging: (if .tags then [.tags | plain[] |\n"
    "\t\t\"\\(.key | @uri)=\\(.value | @uri)\"] | join(\"&\") else null end)} |\n"
    "\t    with_entries(select(.value != null))' > \"$out/put.json\"\n"
    "\taws --endpoint-url \"$ENDPOINT\" --region \"${REGION:-us-east-1}\" \\\n"
    "\t    s3api put-object --cli-input-json \"file://$out/put.json\" \\\n"
    "\t    --body \"$3\" </dev/null >/dev/null\n"
    "}\n"
    "```\n"
    "\n"
    "An object of more than 5 GiB does not fit into one request: use\n"
    "`aws s3 cp` for it.\n"
    "\n";

static const char unpack_text[] =
    "dir=$out/%s\n"
    "mkdir -p \"$dir\"\n"
    "jq -r '.components[] | select(.name == \"%s\") |\n"
    "    (.files + .needs)[].path | select(test(\"/pack-[0-9a-f-]+\\\\.tar\\\\.zst(\\\\.age)?$\"))' \\\n"
    "    \"$set/manifest.json\" |\n"
    "while IFS= read -r f; do\n"
    "\t%s | tar -x -f - -C \"$dir\"\n"
    "done\n"
    "jq -r 'select(.file and (has(\"offset\") | not)) | \"\\(.sha256) \\(.file)\"' \\\n"
    "    \"$dir.jsonl\" |\n"
    "while read -r sha f; do\n"
    "\tcase $f in\n"
    "\t*.zst%s) %s > \"$dir/$sha\" ;;\n"
    "\t*) %s \"$dir/$sha\" ;;\n"
    "\tesac\n"
    "done\n"
    "jq -r 'select(.file | not) | .sha256' \"$dir.jsonl\" | sort -u |\n"
    "while read -r sha; do\n"
    "\t: > \"$dir/$sha\"\n"
    "done\n"
    "[ ! -s \"$dir.jsonl\" ] ||\n"
    "    jq -r '\"\\(.sha256)  \\(.sha256)\"' \"$dir.jsonl\" | sort -u |\n"
    "    (cd \"$dir\" && sha256sum -c --quiet)\n"
    "```\n"
    "\n"
    "Every object is a file in `$out/%s` now, named by the SHA-256 of its\n"
    "content; `$out/%s.jsonl` says which object is which, one line each.\n"
    "Upload them to the bucket that they came from, or say `BUCKET`:\n"
    "\n"
    "```sh\n"
    "bucket=${BUCKET:-$(jq -r '.components[] | select(.name == \"%s\") |\n"
    "    %s.bucket // .name' \"%s\")}\n"
    "[ -z \"${ENDPOINT:-}\" ] || upload %s \"$bucket\"\n"
    "```\n"
    "\n";

/* Words of people and of servers: one line that cannot become markup. */
static char
harmless(char c)
{
	if ((unsigned char)c < 0x20 || c == 0x7f)
		return ' ';
	if (c == '`' || c == '|')
		return '\'';
	if (c == '<')
		return '(';
	if (c == '>')
		return ')';
	return c;
}

static int
put_words(struct buf *out, const char *words, struct err *err)
{
	for (; *words; words++) {
		char c = harmless(*words);

		if (buf_add(out, &c, 1, err))
			return -1;
	}
	return 0;
}

static int
put_line(struct buf *out, const char *before, const char *words,
    struct err *err)
{
	if (!words)
		return 0;
	return buf_puts(out, before, err) || put_words(out, words, err) ||
	               buf_puts(out, "\n", err)
	           ? -1
	           : 0;
}

static int
put_head(const struct manifest *m, const char *where, struct buf *out,
    struct err *err)
{
	char from[DATE_ISO_SIZE], to[DATE_ISO_SIZE];

	date_iso(m->started, from);
	date_iso(m->finished, to);
	return buf_printf(out, err,
	           "# Restoring backup %s by hand\n\n"
	           "With the program it is `platform-backup restore %s`.  This "
	           "text is for\nwhen there is no program: it restores this very "
	           "set with standard tools.\n\n",
	           m->id, m->id) ||
	               put_line(out, "* platform: ", m->name, err) ||
	               put_line(out, "* label: ", m->label, err) ||
	               put_line(out, "* written by: ", m->tool, err) ||
	               put_line(out, "* on: ", m->by, err) ||
	               buf_printf(out, err, "* from %s to %s, %s\n", from, to,
	                   manifest_status(m)) ||
	               put_line(out, "* repository: ", where, err) ||
	               buf_printf(out, err, "* files: `sets/%s/`\n", m->folder)
	           ? -1
	           : 0;
}

static int
put_missing(const struct manifest *m, struct buf *out, struct err *err)
{
	if (m->nmissing > 0 && buf_puts(out, "\nNot in this set:\n\n", err))
		return -1;
	for (size_t i = 0; i < m->nmissing; i++)
		if (put_line(out, "* ", m->missing[i], err))
			return -1;
	return buf_puts(out, "\n", err);
}

/* "sets/<folder>/": how much of a path names the set. */
static size_t
set_length(const char *path)
{
	return (size_t)(strchr(path + sizeof LAYOUT_SETS - 1, '/') - path) + 1;
}

/* The earlier sets; files are sorted, so those of one set stand together. */
static int
put_needs(const struct manifest_component *c, struct buf *out, struct err *err)
{
	const struct manifest_file *f = c->needs.file;
	size_t n = c->needs.count;

	for (size_t i = 0, next; i < n; i = next) {
		size_t len = set_length(f[i].path);

		for (next = i + 1; next < n; next++)
			if (strncmp(f[i].path, f[next].path, len) != 0)
				break;
		if (buf_printf(out, err,
		        "Needs files of an earlier set, `%.*s`: %zu.\n\n",
		        (int)len, f[i].path, next - i))
			return -1;
	}
	return 0;
}

/* A file beside the packs and objects: a stream or an inventory. */
static bool
is_stream(const struct manifest_component *c, const struct manifest_file *f)
{
	const char *name = f->path + set_length(f->path);

	return !strchr(name, '/') && str_starts(name, c->name);
}

static int
put_sum(const struct manifest_file *f, struct buf *out, struct err *err)
{
	char hex[SHA256_HEX];

	str_hex(f->sha256, SHA256_SIZE, hex);
	return buf_printf(out, err,
	    "echo '%s  %s' |\n    sha256sum -c --quiet\n", hex, f->path);
}

/* The command that prints what the file holds. */
static int
put_content(const struct manifest_file *f, struct buf *out, struct err *err)
{
	bool zstd = layout_is_zstd(f->path);

	if (layout_is_age(f->path))
		return buf_printf(out, err, "plain %s%s", f->path,
		    zstd ? " | zstd -dc" : "");
	return buf_printf(out, err, "%s %s", zstd ? "zstd -dc" : "cat",
	    f->path);
}

static int
put_bucket(const struct manifest_component *c, const struct words *w,
    struct buf *out, struct err *err)
{
	const char *n = c->name, *to = ">";

	if (buf_puts(out, "```sh\n", err))
		return -1;
	for (const struct manifest_file *f = manifest_inventory_of(c); f;
	     f = manifest_inventory_next(c, f)) {
		if (put_sum(f, out, err) || put_content(f, out, err) ||
		    buf_printf(out, err, " %s \"$out/%s.jsonl\"\n", to, n))
			return -1;
		to = ">>";
	}
	return buf_printf(out, err, unpack_text, n, n, w->zstd, w->ending,
	    w->zstd, w->raw, n, n, n, w->facts, w->in, n);
}

static int
put_integrity(const char *name, int len, struct buf *out, struct err *err)
{
	return buf_printf(out, err,
	    "test \"$(sqlite3 \"$out/%.*s\" 'pragma integrity_check')\" = ok\n",
	    len, name);
}

static int
put_stream(const struct manifest_component *c, const struct manifest_file *f,
    struct buf *out, struct err *err)
{
	const char *name = f->path + set_length(f->path);
	int len = (int)strlen(name) - (layout_is_zstd(name) ? 4 : 0) -
	          (layout_is_age(name) ? 4 : 0);

	if (put_sum(f, out, err) || put_content(f, out, err) ||
	    buf_printf(out, err, " > \"$out/%.*s\"\n", len, name))
		return -1;
	if (strcmp(c->type, "sqlite") == 0)
		return put_integrity(name, len, out, err);
	if (strcmp(c->type, "mysql") == 0)
		return buf_printf(out, err,
		    "tail -n 1 \"$out/%.*s\" | grep -q '^-- Dump completed'\n",
		    len, name);
	return 0;
}

/* How the file of each type goes to its server. */
static const char *
load_text(const char *type)
{
	if (strcmp(type, "sqlite") == 0)
		return "Then stop every program that has the database open, "
		       "put the file in its\nplace, with the same owner and "
		       "mode, and remove the files beside it that\nend in "
		       "`-wal`, `-shm` and `-journal`.\n\n";
	if (strcmp(type, "mysql") == 0)
		return "Then, into a database that exists and is empty, on "
		       "the server that takes the\nwrites (`mysql` in place "
		       "of `mariadb` for MySQL; a first line that begins\n"
		       "with `/*M!999999` is for MariaDB's client alone).  "
		       "What names a user as\n`DEFINER` needs an "
		       "administrator, or goes without:\n\n"
		       "```sh alternative\n"
		       "sed -E '/^(CREATE|\\/\\*!)/s/DEFINER=`[^`]*`@`[^`]*`//' "
		       "FILE |\n"
		       "    mariadb -h HOST -u USER -p --binary-mode DATABASE\n"
		       "```\n\n";
	if (strcmp(type, "postgresql") == 0)
		return "Then, into a database that exists and is empty, on "
		       "the server that takes the\nwrites:\n\n"
		       "```sh alternative\n"
		       "pg_restore --no-owner --no-acl --single-transaction \\\n"
		       "    -h HOST -U USER -d DATABASE FILE\n"
		       "```\n\n";
	return "";
}

static int
put_streams(const struct manifest_component *c, struct buf *out,
    struct err *err)
{
	if (buf_puts(out, "```sh\n", err))
		return -1;
	for (size_t i = 0; i < c->files.count; i++)
		if (is_stream(c, &c->files.file[i]) &&
		    put_stream(c, &c->files.file[i], out, err))
			return -1;
	if (buf_puts(out, "```\n\n", err))
		return -1;
	return buf_puts(out, load_text(c->type), err);
}

static int
put_component(const struct manifest_component *c, const struct words *w,
    struct buf *out, struct err *err)
{
	if (buf_printf(out, err, "### %s (%s): %s\n\n", c->name, c->type,
	        manifest_status_name(c->status)))
		return -1;
	if (c->message &&
	    (put_line(out, "", c->message, err) || buf_puts(out, "\n", err)))
		return -1;
	if (c->status == MANIFEST_FAILED)
		return buf_puts(out, "Nothing can be restored of it.\n\n", err);
	if (put_needs(c, out, err))
		return -1;
	return manifest_inventory_of(c) ? put_bucket(c, w, out, err)
	                                : put_streams(c, out, err);
}

static int
put_key(const struct manifest *m, struct buf *out, struct err *err)
{
	const struct manifest_file *names = names_file(m);

	if (m->nrecipients == 0)
		return 0;
	if (buf_puts(out, "Every file that ends in `.age` is encrypted to:\n\n",
	        err))
		return -1;
	for (size_t i = 0; i < m->nrecipients; i++)
		if (put_line(out, "* ", m->recipients[i], err))
			return -1;
	return buf_printf(out, err, key_text, names ? names->path : "");
}

static int
put_components(const struct manifest *m, struct buf *out, struct err *err)
{
	const struct words *w = m->nrecipients ? &age_words : &clear_words;
	bool bucket = false;

	for (size_t i = 0; i < m->ncomponents; i++)
		bucket = bucket || manifest_inventory_of(&m->component[i]);
	if (bucket && buf_puts(out, upload_text, err))
		return -1;
	for (size_t i = m->ncomponents; i-- > 0;)
		if (put_component(&m->component[i], w, out, err))
			return -1;
	return 0;
}

int
guide_write(const struct manifest *m, const char *where, const char *file,
    struct buf *out, struct err *err)
{
	const char *f = m->folder;

	if (put_head(m, where, out, err) || put_missing(m, out, err) ||
	    buf_printf(out, err, how_text, f, file, f, f) ||
	    buf_printf(out, err, check_text, f) || put_key(m, out, err))
		return -1;
	return put_components(m, out, err);
}
