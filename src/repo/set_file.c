#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "crypto/age_keys.h"
#include "repo/copies.h"
#include "repo/set_impl.h"
#include "store/store.h"

/* On databases and logs level 1 is as small as 3, at twice the speed. */
enum { LEVEL = 1, PROBE_SIZE = 64 << 10, AHEAD = 8 << 20 };

/*
 * The head of a file's chain.  It holds the rest privately instead of as its
 * next, because what it has to do comes last: when the store has the whole
 * file, and not before, the manifest gets to know it.
 */
struct set_file {
	struct sink sink;
	struct set *set;
	struct manifest_component *component;
	/* [hash of the content] -> [zstd -> [queue]] -> [copy] -> [age] -> hash
	 * -> count -> store */
	struct sink *chain;
	struct sink *copy; /* of it; NULL: none is kept */
	char key[LAYOUT_KEY_SIZE];
	char *path; /* the caller's; or NULL */
	uint64_t stored;
	uint8_t digest[SHA256_SIZE];
	uint8_t *content; /* the caller's; or NULL */
	struct buf probe; /* what waits for the decision */
	bool decided;
	size_t ahead;       /* of the queue; 0: none */
	struct pool *spare; /* as the store's */
	bool as_is;         /* what is stored is what was written */
};

static int
add_suffix(struct set_file *f, const char *suffix, struct err *err)
{
	size_t n = strlen(f->key), k = strlen(suffix);

	if (n + k >= sizeof f->key)
		return err_set(err, ERR_USAGE,
		    "the name of the file '%s' is too long", f->key);
	memcpy(f->key + n, suffix, k + 1);
	return 0;
}

/* Encrypted; what a later run has to read, and cannot, stays here as well. */
static int
encrypt(struct set_file *f, struct sink **s, struct err *err)
{
	struct copies *copies = repo_copies(f->set->repo);

	if (sink_age_new(TAKE(*s), repo_keys(f->set->repo), s, err))
		return -1;
	if (!copies || !f->component ||
	    !layout_ends(f->key, ".inventory.jsonl"))
		return 0;
	if (copies_sink_new(copies, f->component->name, TAKE(*s), s, err))
		return -1;
	f->copy = *s;
	return 0;
}

static int
build(struct set_file *f, bool zstd, struct err *err)
{
	AUTO(sink) struct sink *s = NULL;
	bool age = repo_keys(f->set->repo)->nrecipients > 0;

	f->decided = true;
	f->as_is = !zstd && !age;
	if ((zstd && add_suffix(f, LAYOUT_ZST, err)) ||
	    (age && add_suffix(f, LAYOUT_AGE, err)))
		return -1;
	if (f->set->store->ops->put(f->set->store, f->key, f->spare, &s, err) ||
	    sink_count_new(TAKE(s), &f->stored, &s, err) ||
	    sink_hash_new(TAKE(s), f->digest, &s, err) ||
	    (age && encrypt(f, &s, err)) ||
	    (f->ahead && sink_queue_new(TAKE(s), f->ahead, &s, err)) ||
	    (zstd && sink_zstd_new(TAKE(s), LEVEL, &s, err)) ||
	    (f->content && !f->as_is &&
	        sink_hash_new(TAKE(s), f->content, &s, err)))
		return -1;
	f->chain = TAKE(s);
	if (f->path)
		memcpy(f->path, f->key, sizeof f->key);
	return 0;
}

/* Compression is worth it from one part in twenty on. */
static int
shrinks(const struct buf *b, bool *ret, struct err *err)
{
	AUTO(sink) struct sink *s = NULL;
	uint64_t n = 0;

	if (sink_null_new(&s, err) || sink_count_new(TAKE(s), &n, &s, err) ||
	    sink_zstd_new(TAKE(s), LEVEL, &s, err) ||
	    sink_write(s, b->data, b->len, err) || sink_finish(s, err))
		return -1;
	*ret = n * 20 < (uint64_t)b->len * 19;
	return 0;
}

/* The beginning of the file is there: choose, and let it go on. */
static int
decide(struct set_file *f, struct err *err)
{
	bool zstd = false;
	int rc;

	if (shrinks(&f->probe, &zstd, err) || build(f, zstd, err))
		return -1;
	rc = sink_write(f->chain, f->probe.data, f->probe.len, err);
	buf_done(&f->probe);
	return rc;
}

static int
file_write(struct sink *s, const void *bytes, size_t n, struct err *err)
{
	struct set_file *f = (struct set_file *)s;
	const char *p = bytes;

	if (!f->decided) {
		size_t room = PROBE_SIZE - f->probe.len,
		       k = n < room ? n : room;

		if (buf_add(&f->probe, p, k, err))
			return -1;
		if (f->probe.len < PROBE_SIZE)
			return 0;
		if (decide(f, err))
			return -1;
		p += k;
		n -= k;
	}
	return f->chain ? sink_write(f->chain, p, n, err)
	                : err_set(err, ERR_IO, "it could not be begun");
}

/* Two files of one name would be one lost file: it must be a new one. */
static int
enter(struct set_file *f, struct err *err)
{
	struct manifest_component *c = f->component;
	struct manifest_files *files = c ? &c->files : &f->set->manifest->files;
	int rc;

	monitor_enter(&f->set->m);
	/* a store that cannot refuse the second lets it come so far */
	rc = manifest_files_find(files, f->key)
	         ? err_set(err, ERR_EXISTS, "'%s' was written twice", f->key)
	         : manifest_files_add(files, f->key, f->stored, f->digest, err);
	if (rc == 0 && c)
		c->stored_bytes += f->stored;
	monitor_leave(&f->set->m);
	return rc;
}

static int
file_finish(struct sink *s, struct err *err)
{
	struct set_file *f = (struct set_file *)s;

	if (!f->decided && decide(f, err))
		return -1;
	/* for a caller that goes on after a write that failed */
	if (!f->chain)
		return err_set(err, ERR_IO, "it could not be begun");
	if (sink_finish(f->chain, err) || enter(f, err))
		return -1;
	if (f->content && f->as_is)
		memcpy(f->content, f->digest, sizeof f->digest);
	if (f->copy)
		copies_keep(f->copy, f->digest);
	return 0;
}

static void
file_free(struct sink *s)
{
	struct set_file *f = (struct set_file *)s;

	sink_free(f->chain);
	buf_done(&f->probe);
	free(f);
}

static const struct sink_ops file_ops = {
	.name = "file",
	.write = file_write,
	.finish = file_finish,
	.free = file_free,
};

/* Names that the set itself uses. */
static bool
is_reserved(const char *file)
{
	return strcmp(file, LAYOUT_OPEN) == 0 ||
	       strcmp(file, LAYOUT_MANIFEST) == 0 ||
	       strcmp(file, LAYOUT_FAILED) == 0 ||
	       strcmp(file, LAYOUT_GUIDE ".md") == 0 ||
	       strcmp(file, LAYOUT_NAMES ".json") == 0 ||
	       (str_starts(file, LAYOUT_ALIVE) && str_ends(file, ".json"));
}

static int
prepare(struct set_file *f, const char *file, enum set_coding coding,
    struct err *err)
{
	if (f->component && is_reserved(file) &&
	    (coding != SET_ZSTD || strcmp(file, LAYOUT_NAMES ".json") == 0))
		return err_set(err, ERR_USAGE,
		    "'%s' is a name of the backup set itself", file);
	if (layout_key(set_folder(f->set), file, f->key, err))
		return -1;
	if (coding == SET_PROBE)
		return buf_reserve(&f->probe, 0, err);
	f->ahead = coding == SET_AHEAD ? AHEAD : 0;
	return build(f, coding != SET_RAW, err);
}

int
set_file(struct set *set, struct manifest_component *c, const char *file,
    enum set_coding coding, char path[LAYOUT_KEY_SIZE], struct sink **ret,
    struct err *err)
{
	AUTO(sink) struct sink *s = NULL;
	struct set_file *f = calloc(1, sizeof *f);

	if (!f)
		return err_nomem(err);
	s = sink_init(&f->sink, &file_ops, NULL);
	f->set = set;
	f->component = c;
	f->path = path;
	f->probe.max = PROBE_SIZE;
	if (prepare(f, file, coding, err))
		return err_wrap(err, "file '%s'", file);
	*ret = TAKE(s);
	return 0;
}

void
set_file_hash(struct sink *s, uint8_t digest[SHA256_SIZE])
{
	struct set_file *f = (struct set_file *)s;

	assert(!f->decided);
	f->content = digest;
}

void
set_file_ahead(struct sink *s, size_t bytes)
{
	struct set_file *f = (struct set_file *)s;

	assert(!f->decided);
	f->ahead = bytes;
}

void
set_file_spare(struct sink *s, struct pool *spare)
{
	struct set_file *f = (struct set_file *)s;

	assert(!f->decided);
	f->spare = spare;
}
