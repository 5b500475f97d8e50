#include <string.h>

#include "crypto/age_header.h"
#include "stream/sink.h"

/*
 * What came last waits: whether a chunk is the last shows only when more, or
 * the end, has come.
 */
struct sink_age {
	struct sink sink;
	struct age_chunk *chunk;
	struct buf header; /* until it has gone on */
	uint64_t number;
	size_t used;
	uint8_t plain[AGE_CHUNK], sealed[AGE_CHUNK_SEALED];
};

static int
write_header(struct sink_age *a, struct err *err)
{
	if (!a->header.data)
		return 0;
	if (sink_write(a->sink.next, a->header.data, a->header.len, err))
		return -1;
	buf_done(&a->header);
	return 0;
}

static int
seal(struct sink_age *a, bool last, const void *p, size_t n, struct err *err)
{
	if (write_header(a, err) ||
	    age_chunk_seal(a->chunk, a->number, last, p, n, a->sealed, err))
		return -1;
	a->number++;
	return sink_write(a->sink.next, a->sealed, n + AGE_CHUNK_TAG, err);
}

static int
age_write(struct sink *s, const void *bytes, size_t n, struct err *err)
{
	struct sink_age *a = (struct sink_age *)s;
	const uint8_t *p = bytes;

	while (n > AGE_CHUNK - a->used) {
		size_t k = AGE_CHUNK - a->used;

		if (a->used > 0)
			memcpy(a->plain + a->used, p, k);
		if (seal(a, false, a->used > 0 ? a->plain : p, AGE_CHUNK, err))
			return -1;
		a->used = 0;
		p += k;
		n -= k;
	}
	memcpy(a->plain + a->used, p, n);
	a->used += n;
	return 0;
}

static int
age_finish(struct sink *s, struct err *err)
{
	struct sink_age *a = (struct sink_age *)s;

	return seal(a, true, a->plain, a->used, err);
}

static void
age_free(struct sink *s)
{
	struct sink_age *a = (struct sink_age *)s;

	age_chunk_free(a->chunk);
	buf_done(&a->header);
	free(a);
}

static const struct sink_ops age_ops = {
	.name = "age",
	.write = age_write,
	.finish = age_finish,
	.free = age_free,
};

static int
setup(struct sink_age *a, const struct age_keys *k, struct err *err)
{
	uint8_t key[AGE_CHUNK_KEY];
	int rc;

	a->header.max = AGE_HEADER_MAX;
	rc = age_header_write(k, &a->header, key, err);
	if (rc == 0)
		rc = age_chunk_new(key, true, &a->chunk, err);
	explicit_bzero(key, sizeof key);
	return rc;
}

int
sink_age_new(struct sink *next, const struct age_keys *k, struct sink **out,
    struct err *err)
{
	AUTO(sink) struct sink *owned = next;
	struct sink_age *a = malloc(sizeof *a);

	if (!a)
		return err_nomem(err);
	a->chunk = NULL;
	a->header = (struct buf){ 0 };
	a->number = 0;
	a->used = 0;
	owned = sink_init(&a->sink, &age_ops, next);
	if (setup(a, k, err))
		return -1;
	*out = TAKE(owned);
	return 0;
}
