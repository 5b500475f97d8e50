#include "stream/sink.h"

#include <string.h>

#include "base/str.h"

struct sink_expect {
	struct sink sink;
	struct sha256 *hash;
	uint64_t size;
	uint8_t digest[SHA256_SIZE];
	char *what;
};

/* More than was announced is refused at once: it might never end. */
static int
expect_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct sink_expect *e = (struct sink_expect *)s;

	if (n > e->size - s->bytes)
		return err_set(err, ERR_CORRUPT,
		    "%s is longer than the %ju bytes it should have", e->what,
		    (uintmax_t)e->size);
	if (sha256_add(e->hash, p, n, err))
		return -1;
	return sink_write(s->next, p, n, err);
}

static int
expect_finish(struct sink *s, struct err *err)
{
	struct sink_expect *e = (struct sink_expect *)s;
	uint8_t digest[SHA256_SIZE];

	if (s->bytes != e->size)
		return err_set(err, ERR_CORRUPT,
		    "%s has %ju bytes, not the %ju it should have", e->what,
		    (uintmax_t)s->bytes, (uintmax_t)e->size);
	if (sha256_end(e->hash, digest, err))
		return -1;
	if (memcmp(digest, e->digest, sizeof digest) != 0)
		return err_set(err, ERR_CORRUPT,
		    "%s is damaged: its SHA-256 is not the one recorded",
		    e->what);
	return 0;
}

static void
expect_free(struct sink *s)
{
	struct sink_expect *e = (struct sink_expect *)s;

	sha256_free(e->hash);
	free(e->what);
	free(e);
}

static const struct sink_ops expect_ops = {
	.name = "expect",
	.write = expect_write,
	.finish = expect_finish,
	.free = expect_free,
};

int
sink_expect_new(struct sink *next, const char *what, uint64_t size,
    const uint8_t digest[SHA256_SIZE], struct sink **out, struct err *err)
{
	AUTO(sink) struct sink *owned = next;
	struct sink_expect *e = calloc(1, sizeof *e);

	if (!e)
		return err_nomem(err);
	e->size = size;
	memcpy(e->digest, digest, sizeof e->digest);
	owned = sink_init(&e->sink, &expect_ops, next);
	if (str_dup(what, &e->what, err) || sha256_new(&e->hash, err))
		return -1;
	*out = TAKE(owned);
	return 0;
}
