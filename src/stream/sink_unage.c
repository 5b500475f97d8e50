#include <string.h>

#include "crypto/age_header.h"
#include "stream/sink.h"

_Static_assert((int)AGE_HEADER_MAX <= (int)AGE_CHUNK_SEALED,
    "the header is collected where chunks are");

/* As in sink_age.c: a whole chunk waits for what follows it. */
struct sink_unage {
	struct sink sink;
	const struct age_keys *keys;
	struct age_chunk *chunk; /* NULL: in the header still */
	uint64_t number;
	size_t used;
	uint8_t sealed[AGE_CHUNK_SEALED], plain[AGE_CHUNK];
};

static int
read_header(struct sink_unage *u, size_t size, struct err *err)
{
	uint8_t key[AGE_CHUNK_KEY];
	int rc = age_header_read(u->keys, u->sealed, size, key, err);

	if (rc == 0)
		rc = age_chunk_new(key, false, &u->chunk, err);
	explicit_bzero(key, sizeof key);
	return rc;
}

/* *left: how many of the n bytes at p are behind the header. */
static int
take_header(struct sink_unage *u, const uint8_t *p, size_t n, size_t *left,
    struct err *err)
{
	size_t room = AGE_HEADER_MAX - u->used, k = n < room ? n : room;
	size_t size = 0;

	memcpy(u->sealed + u->used, p, k);
	if (age_header_size(u->sealed, u->used + k, &size, err))
		return -1;
	if (size == 0) {
		u->used += k;
		*left = 0;
		return 0;
	}
	if (read_header(u, size, err))
		return -1;
	*left = n - (size - u->used);
	u->used = 0;
	return 0;
}

static int
open_chunk(struct sink_unage *u, bool last, const void *p, size_t n,
    struct err *err)
{
	if (age_chunk_open(u->chunk, u->number, last, p, n, u->plain, err))
		return err_wrap(err, "encrypted data is damaged: chunk %ju",
		    (uintmax_t)u->number);
	u->number++;
	return sink_write(u->sink.next, u->plain, n - AGE_CHUNK_TAG, err);
}

static int
unage_write(struct sink *s, const void *bytes, size_t n, struct err *err)
{
	struct sink_unage *u = (struct sink_unage *)s;
	const uint8_t *p = bytes;

	if (!u->chunk) {
		size_t left = 0;

		if (take_header(u, p, n, &left, err))
			return -1;
		p += n - left;
		n = left;
	}
	while (n > AGE_CHUNK_SEALED - u->used) {
		size_t k = AGE_CHUNK_SEALED - u->used;

		if (u->used > 0)
			memcpy(u->sealed + u->used, p, k);
		if (open_chunk(u, false, u->used > 0 ? u->sealed : p,
		        AGE_CHUNK_SEALED, err))
			return -1;
		u->used = 0;
		p += k;
		n -= k;
	}
	memcpy(u->sealed + u->used, p, n);
	u->used += n;
	return 0;
}

/* Only content of no bytes has a last chunk of none. */
static int
unage_finish(struct sink *s, struct err *err)
{
	struct sink_unage *u = (struct sink_unage *)s;

	if (!u->chunk || u->used < AGE_CHUNK_TAG ||
	    (u->used == AGE_CHUNK_TAG && u->number > 0))
		return err_set(err, ERR_CORRUPT, "encrypted data is cut short");
	return open_chunk(u, true, u->sealed, u->used, err);
}

static void
unage_free(struct sink *s)
{
	struct sink_unage *u = (struct sink_unage *)s;

	age_chunk_free(u->chunk);
	free(u);
}

static const struct sink_ops unage_ops = {
	.name = "unage",
	.write = unage_write,
	.finish = unage_finish,
	.free = unage_free,
};

int
sink_unage_new(struct sink *next, const struct age_keys *k, struct sink **out,
    struct err *err)
{
	struct sink_unage *u = calloc(1, sizeof *u);

	if (!u) {
		sink_free(next);
		return err_nomem(err);
	}
	u->keys = k;
	*out = sink_init(&u->sink, &unage_ops, next);
	return 0;
}
