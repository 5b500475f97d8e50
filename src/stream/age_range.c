#include "stream/age_range.h"

#include <string.h>

/* How much content the payload of so many bytes holds. */
static int
measure(struct age_range *r, uint64_t payload, struct err *err)
{
	uint64_t rest = payload % AGE_CHUNK_SEALED;

	r->chunks = payload / AGE_CHUNK_SEALED + (rest > 0);
	if (r->chunks == 0 || (rest > 0 && rest < AGE_CHUNK_TAG) ||
	    (rest == AGE_CHUNK_TAG && r->chunks > 1))
		return err_set(err, ERR_CORRUPT, "encrypted data is cut short");
	r->size = payload - r->chunks * AGE_CHUNK_TAG;
	return 0;
}

int
age_range_begin(struct age_range *ret, const struct age_keys *k,
    const void *head, size_t n, uint64_t file_size, struct err *err)
{
	AUTO(age_range) struct age_range r = { 0 };
	size_t size = 0;

	if (age_header_size(head, n, &size, err))
		return -1;
	if (size == 0)
		return err_set(err, ERR_CORRUPT, "encrypted data is cut short");
	if (age_header_read(k, head, size, r.key, err) ||
	    measure(&r, file_size - size, err))
		return -1;
	r.header = size;
	*ret = r;
	return 0;
}

void
age_range_done(struct age_range *r)
{
	explicit_bzero(r, sizeof *r);
}

int
age_range_stored(const struct age_range *r, uint64_t off, uint64_t len,
    uint64_t *from, uint64_t *n, struct err *err)
{
	uint64_t first = off / AGE_CHUNK, last, end;

	if (off > r->size || len > r->size - off)
		return err_set(err, ERR_CORRUPT,
		    "its content has no %ju bytes at %ju", (uintmax_t)len,
		    (uintmax_t)off);
	if (len == 0) {
		*from = r->header;
		*n = 0;
		return 0;
	}
	last = (off + len - 1) / AGE_CHUNK;
	end = last + 1 < r->chunks ? (last + 1) * AGE_CHUNK_SEALED
	                           : r->size + r->chunks * AGE_CHUNK_TAG;
	*from = r->header + first * AGE_CHUNK_SEALED;
	*n = end - first * AGE_CHUNK_SEALED;
	return 0;
}

/* The chunk's content, and of it what lies in [off, off + len). */
struct cut {
	struct age_chunk *chunk;
	const struct age_range *r;
	uint64_t off;
	size_t len;
	uint8_t plain[AGE_CHUNK];
};

/* How many bytes chunk i has, plain. */
static size_t
chunk_size(const struct age_range *r, uint64_t i)
{
	return i + 1 < r->chunks ? (size_t)AGE_CHUNK
	                         : (size_t)(r->size - i * AGE_CHUNK);
}

static int
open_chunk(struct cut *c, uint64_t i, const uint8_t *stored, uint8_t *out,
    struct err *err)
{
	size_t n = chunk_size(c->r, i);
	uint64_t start = i * AGE_CHUNK;
	uint64_t a = c->off > start ? c->off - start : 0;
	uint64_t b = c->off + c->len - start;

	if (b > n)
		b = n;
	if (age_chunk_open(c->chunk, i, i + 1 == c->r->chunks, stored,
	        n + AGE_CHUNK_TAG, c->plain, err))
		return err_wrap(err, "encrypted data is damaged: chunk %ju",
		    (uintmax_t)i);
	memcpy(out + (start + a - c->off), c->plain + a, (size_t)(b - a));
	return 0;
}

int
age_range_open(const struct age_range *r, uint64_t off, size_t len,
    const void *stored, void *out, struct err *err)
{
	AUTO(free) struct cut *c = NULL;
	AUTO(age_chunk) struct age_chunk *chunk = NULL;
	const uint8_t *p = stored;
	uint64_t from, n;

	if (age_range_stored(r, off, len, &from, &n, err))
		return -1;
	if (len == 0)
		return 0;
	c = malloc(sizeof *c);
	if (!c)
		return err_nomem(err);
	if (age_chunk_new(r->key, false, &chunk, err))
		return -1;
	c->chunk = chunk;
	c->r = r;
	c->off = off;
	c->len = len;
	for (uint64_t i = off / AGE_CHUNK; i * AGE_CHUNK < off + len; i++) {
		if (open_chunk(c, i, p, out, err))
			return -1;
		p += chunk_size(r, i) + AGE_CHUNK_TAG;
	}
	return 0;
}
