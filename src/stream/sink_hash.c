#include "stream/sink.h"

struct sink_hash {
	struct sink sink;
	struct sha256 *hash;
	uint8_t *digest;
};

static int
hash_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct sink_hash *h = (struct sink_hash *)s;

	if (sha256_add(h->hash, p, n, err))
		return -1;
	return sink_write(s->next, p, n, err);
}

static int
hash_finish(struct sink *s, struct err *err)
{
	struct sink_hash *h = (struct sink_hash *)s;

	return sha256_end(h->hash, h->digest, err);
}

static void
hash_free(struct sink *s)
{
	sha256_free(((struct sink_hash *)s)->hash);
	free(s);
}

static const struct sink_ops hash_ops = {
	.name = "hash",
	.write = hash_write,
	.finish = hash_finish,
	.free = hash_free,
};

int
sink_hash_new(struct sink *next, uint8_t digest[SHA256_SIZE], struct sink **out,
    struct err *err)
{
	AUTO(sink) struct sink *owned = next;
	struct sink_hash *h = calloc(1, sizeof *h);

	if (!h)
		return err_nomem(err);
	h->digest = digest;
	owned = sink_init(&h->sink, &hash_ops, next);
	if (sha256_new(&h->hash, err))
		return -1;
	*out = TAKE(owned);
	return 0;
}
