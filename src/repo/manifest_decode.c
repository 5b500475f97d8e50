#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/json.h"
#include "base/str.h"
#include "repo/layout.h"
#include "repo/manifest.h"

static const char seal_head[] = "  \"manifest-sha256\": \"";
static const char seal_tail[] = "\"\n}\n";

enum {
	SEAL_LEN = sizeof seal_head - 1 + SHA256_HEX - 1 + sizeof seal_tail - 1,
	FILES_MAX = 1 << 22
};

/* Byte for byte what the encoder would have written at the end. */
static int
check_seal(const char *text, size_t len, struct err *err)
{
	uint8_t digest[SHA256_SIZE];
	char hex[SHA256_HEX], want[SEAL_LEN + 1];

	if (len <= SEAL_LEN)
		return err_set(err, ERR_CORRUPT, "cut short");
	if (sha256_of(text, len - SEAL_LEN, digest, err))
		return -1;
	str_hex(digest, sizeof digest, hex);
	(void)snprintf(want, sizeof want, "%s%s%s", seal_head, hex, seal_tail);
	if (memcmp(text + len - SEAL_LEN, want, SEAL_LEN) != 0)
		return err_set(err, ERR_CORRUPT,
		    "its SHA-256 is not what its last line says");
	return 0;
}

static int
check_format(const struct json *j, struct err *err)
{
	const char *tool = json_opt_str(j, "tool");
	uint64_t format;

	if (json_u64(j, "format", &format, err))
		return -1;
	if (format > MANIFEST_FORMAT)
		return err_set(err, ERR_USAGE,
		    "format %ju is newer than this program; use %.100s or "
		    "newer",
		    (uintmax_t)format, tool ? tool : "platform-backup");
	if (format < MANIFEST_FORMAT)
		return err_set(err, ERR_CORRUPT, "there is no format 0");
	return 0;
}

static int
get_str(const struct json *j, const char *name, char **ret, struct err *err)
{
	const char *text;

	if (json_str(j, name, &text, err))
		return -1;
	return str_dup(text, ret, err);
}

/* Missing is NULL; another type is an error. */
static int
get_opt_str(const struct json *j, const char *name, char **ret, struct err *err)
{
	return json_opt(j, name) ? get_str(j, name, ret, err) : 0;
}

/* A string that ok() accepts. */
static int
get_valid(const struct json *j, const char *name, bool (*ok)(const char *),
    char **ret, struct err *err)
{
	const char *text;

	if (json_str(j, name, &text, err))
		return -1;
	if (!ok(text))
		return err_set(err, ERR_CORRUPT, "'%s' may not be '%.80s'",
		    name, text);
	return str_dup(text, ret, err);
}

static int
get_date(const struct json *j, const char *name, int64_t *ret, struct err *err)
{
	const char *text;

	if (json_str(j, name, &text, err))
		return -1;
	if (!layout_is_id(text))
		return err_set(err, ERR_CORRUPT, "'%s' is no UTC time: '%.80s'",
		    name, text);
	return date_parse_iso(text, ret, err);
}

static int
get_seconds(const struct json *j, double *ret, struct err *err)
{
	AUTO(free) char *text = NULL;
	const struct json *v;
	char *end;
	double s;

	if (json_get(j, "seconds", &v, err) || json_print(v, &text, err))
		return -1;
	s = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(s))
		return err_set(err, ERR_CORRUPT, "'seconds' is no number");
	*ret = s;
	return 0;
}

static int
add_file(struct manifest_files *f, const struct json *j, struct err *err)
{
	const char *path, *hex;
	uint8_t sha256[SHA256_SIZE];
	size_t before = f->count;
	uint64_t size;

	if (json_str(j, "path", &path, err) ||
	    json_u64(j, "size", &size, err) ||
	    json_str(j, "sha256", &hex, err) ||
	    str_unhex(hex, sha256, sizeof sha256, err))
		return -1;
	if (!layout_is_file(path))
		return err_set(err, ERR_CORRUPT,
		    "'%.300s' is no file of a backup set", path);
	if (manifest_files_add(f, path, size, sha256, err))
		return -1;
	if (f->count == before)
		return err_set(err, ERR_CORRUPT, "'%s' is named twice", path);
	return 0;
}

/* own: all of them lie in this folder; otherwise none does. */
static int
get_files(const struct json *j, const char *name, const char *folder, bool own,
    struct manifest_files *ret, struct err *err)
{
	const struct json *a = NULL;

	if (json_array(j, name, FILES_MAX, &a, err))
		return -1;
	for (a = json_first(a); a; a = json_next(a))
		if (add_file(ret, a, err))
			return err_wrap(err, "'%s'", name);
	for (size_t i = 0; i < ret->count; i++)
		if (layout_in_folder(ret->file[i].path, folder) != own)
			return err_set(err, ERR_CORRUPT,
			    "'%s' may not hold '%s'", name, ret->file[i].path);
	return manifest_files_sort(ret, err);
}

static int
get_status(const struct json *j, enum manifest_status *ret, struct err *err)
{
	const char *text;

	if (json_str(j, "status", &text, err))
		return -1;
	for (int i = MANIFEST_OK; i <= MANIFEST_FAILED; i++) {
		enum manifest_status s = (enum manifest_status)i;

		if (strcmp(text, manifest_status_name(s)) == 0) {
			*ret = s;
			return 0;
		}
	}
	return err_set(err, ERR_CORRUPT, "'status' may not be '%.40s'", text);
}

static int
get_facts(const struct json *j, const char *type, char **ret, struct err *err)
{
	const struct json *facts = json_opt(j, type);

	if (!facts)
		return 0;
	if (!json_is_object(facts))
		return err_set(err, ERR_CORRUPT, "'%s' is no object", type);
	return json_print(facts, ret, err);
}

static int
get_numbers(const struct json *j, struct manifest_component *c, struct err *err)
{
	return get_date(j, "started", &c->started, err) ||
	               get_date(j, "finished", &c->finished, err) ||
	               get_seconds(j, &c->seconds, err) ||
	               json_u64(j, "objects", &c->objects, err) ||
	               json_u64(j, "bytes", &c->bytes, err) ||
	               json_u64(j, "new-objects", &c->new_objects, err) ||
	               json_u64(j, "gone", &c->gone, err) ||
	               json_u64(j, "stored-bytes", &c->stored_bytes, err)
	           ? -1
	           : 0;
}

static int
get_component(const struct json *j, const char *folder,
    struct manifest_component *c, struct err *err)
{
	if (get_valid(j, "name", layout_is_name, &c->name, err) ||
	    get_valid(j, "type", manifest_is_type, &c->type, err) ||
	    get_status(j, &c->status, err) ||
	    get_opt_str(j, "message", &c->message, err) ||
	    get_numbers(j, c, err) ||
	    json_strings(j, "unread", MANIFEST_TEXTS, &c->unread, &c->nunread,
	        err) ||
	    get_facts(j, c->type, &c->facts, err))
		return -1;
	if (get_files(j, "files", folder, true, &c->files, err) ||
	    get_files(j, "needs", folder, false, &c->needs, err))
		return -1;
	return 0;
}

static int
get_components(const struct json *j, struct manifest *m, struct err *err)
{
	const struct json *a = NULL;

	if (json_array(j, "components", MANIFEST_COMPONENTS, &a, err))
		return -1;
	if (json_count(a) == 0)
		return 0;
	m->component = calloc(json_count(a), sizeof *m->component);
	if (!m->component)
		return err_nomem(err);
	for (a = json_first(a); a; a = json_next(a)) {
		struct manifest_component *c = &m->component[m->ncomponents];

		/* Counted first, so that what is half made is freed too; its
		 * name is looked for only among those before it. */
		if (get_component(a, m->folder, c, err)) {
			manifest_component_done(c);
			return err_wrap(err, "component %zu",
			    m->ncomponents + 1);
		}
		if (manifest_find(m, c->name)) {
			(void)err_set(err, ERR_CORRUPT,
			    "component '%s' is there twice", c->name);
			manifest_component_done(c);
			return -1;
		}
		m->ncomponents++;
	}
	return 0;
}

static int
get_references(const struct json *j, struct manifest_references *r,
    struct err *err)
{
	const struct json *o = json_opt(j, "references");

	if (!o)
		return 0;
	r->checked = true;
	return json_u64(o, "found", &r->found, err) ||
	               json_u64(o, "external", &r->external, err) ||
	               json_u64(o, "dangling", &r->dangling, err) ||
	               json_u64(o, "unknown", &r->unknown, err) ||
	               json_u64(o, "lost", &r->lost, err) ||
	               json_strings(o, "dangling-uris", MANIFEST_TEXTS,
	                   &r->dangling_uris, &r->ndangling_uris, err) ||
	               json_strings(o, "lost-uris", MANIFEST_TEXTS,
	                   &r->lost_uris, &r->nlost_uris, err)
	           ? -1
	           : 0;
}

static int
get_encryption(const struct json *j, struct manifest *m, struct err *err)
{
	const struct json *o = json_opt(j, "encryption");
	const char *format;

	if (!o)
		return 0;
	if (json_str(o, "format", &format, err))
		return -1;
	if (strcmp(format, MANIFEST_ENCRYPTION) != 0)
		return err_set(err, ERR_USAGE,
		    "encrypted as '%.40s', which is newer than this program",
		    format);
	if (json_strings(o, "recipients", MANIFEST_TEXTS, &m->recipients,
	        &m->nrecipients, err))
		return -1;
	if (m->nrecipients == 0)
		return err_set(err, ERR_CORRUPT, "encrypted to nobody");
	m->hidden = true;
	return 0;
}

static int
get_names(const struct json *j, struct manifest *m, struct err *err)
{
	char id[LAYOUT_ID_SIZE];

	if (get_valid(j, "backup-id", layout_is_id, &m->id, err) ||
	    get_str(j, "folder", &m->folder, err))
		return -1;
	if (!layout_folder_id(m->folder, id) || strcmp(id, m->id) != 0)
		return err_set(err, ERR_CORRUPT, "'folder' may not be '%.80s'",
		    m->folder);
	if (json_opt(j, "parent") &&
	    get_valid(j, "parent", layout_is_id, &m->parent, err))
		return -1;
	if (get_str(j, "name", &m->name, err) ||
	    get_opt_str(j, "label", &m->label, err) ||
	    get_str(j, "tool", &m->tool, err) || get_str(j, "by", &m->by, err))
		return -1;
	return 0;
}

static int
decode(const struct json *j, struct manifest *m, struct err *err)
{
	if (check_format(j, err) || get_names(j, m, err) ||
	    get_date(j, "started", &m->started, err) ||
	    get_date(j, "finished", &m->finished, err) ||
	    get_encryption(j, m, err) || get_components(j, m, err) ||
	    get_references(j, &m->references, err) ||
	    json_strings(j, "not-in-set", MANIFEST_TEXTS, &m->missing,
	        &m->nmissing, err))
		return -1;
	return get_files(j, "files", m->folder, true, &m->files, err);
}

int
manifest_decode(const char *text, size_t len, struct manifest **ret,
    struct err *err)
{
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(json) struct json *j = NULL;

	if (len > MANIFEST_MAX)
		return err_set(err, ERR_CORRUPT,
		    "longer than the limit of %d bytes", MANIFEST_MAX);
	if (check_seal(text, len, err) || json_parse(text, len, &j, err))
		return -1;
	m = calloc(1, sizeof *m);
	if (!m)
		return err_nomem(err);
	if (decode(j, m, err))
		return -1;
	*ret = TAKE(m);
	return 0;
}
