#include "stream/sink.h"

#include <stdint.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

/* A frame that wants more history than 128 MiB is refused. */
enum {
	UNZSTD_WINDOW_LOG = 27,
	HEADER_MAX = 18, /* RFC 8878, 3.1.1.1, with the magic number */
};

struct sink_unzstd {
	struct sink sink;
	ZSTD_DCtx *ctx;
	char *out;
	size_t cap;
	size_t want; /* bytes that the frame still needs; 0: between frames */

	/* of the frame that is being read */
	char header[HEADER_MAX];
	size_t header_len;
	uint64_t made; /* bytes that came out of it */
};

static int
failed(size_t code, struct err *err)
{
	if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
		return err_nomem(err);
	return err_set(err, ERR_CORRUPT, "not zstd data, or damaged: %s",
	    ZSTD_getErrorName(code));
}

/*
 * A header may say how much its frame holds.  libzstd compares that when it has
 * the whole frame at once, and forgets it when the frame comes in pieces and
 * its last block is empty.
 */
static int
check_size(struct sink_unzstd *z, struct err *err)
{
	unsigned long long said =
	    ZSTD_getFrameContentSize(z->header, z->header_len);

	if (said != ZSTD_CONTENTSIZE_UNKNOWN &&
	    said != ZSTD_CONTENTSIZE_ERROR && said != z->made)
		return err_set(err, ERR_CORRUPT,
		    "not zstd data, or damaged: a frame is shorter than it says");
	z->header_len = 0;
	z->made = 0;
	return 0;
}

/* One step took n bytes at p and made so many. */
static int
note_step(struct sink_unzstd *z, const char *p, size_t n, size_t made,
    struct err *err)
{
	if (n > HEADER_MAX - z->header_len)
		n = HEADER_MAX - z->header_len;
	memcpy(z->header + z->header_len, p, n);
	z->header_len += n;
	z->made += made;
	return z->want == 0 ? check_size(z, err) : 0;
}

/* Full output may mean that more of it waits inside, with no input left. */
static int
unzstd_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct sink_unzstd *z = (struct sink_unzstd *)s;
	ZSTD_inBuffer in = { .src = p, .size = n };
	ZSTD_outBuffer out;

	do {
		const char *from = (const char *)p + in.pos;
		size_t before = in.pos;

		out = (ZSTD_outBuffer){ .dst = z->out, .size = z->cap };
		z->want = ZSTD_decompressStream(z->ctx, &out, &in);
		if (ZSTD_isError(z->want))
			return failed(z->want, err);
		if (note_step(z, from, in.pos - before, out.pos, err) ||
		    sink_write(s->next, z->out, out.pos, err))
			return -1;
	} while (in.pos < in.size || (z->want > 0 && out.pos == out.size));
	return 0;
}

static int
unzstd_finish(struct sink *s, struct err *err)
{
	if (((struct sink_unzstd *)s)->want > 0)
		return err_set(err, ERR_CORRUPT, "zstd data is cut short");
	return 0;
}

static void
unzstd_free(struct sink *s)
{
	struct sink_unzstd *z = (struct sink_unzstd *)s;

	(void)ZSTD_freeDCtx(z->ctx);
	free(z->out);
	free(z);
}

static const struct sink_ops unzstd_ops = {
	.name = "unzstd",
	.write = unzstd_write,
	.finish = unzstd_finish,
	.free = unzstd_free,
};

static int
setup(struct sink_unzstd *z, struct err *err)
{
	z->want = 1; /* nothing at all is cut short as well */
	z->cap = ZSTD_DStreamOutSize();
	z->out = malloc(z->cap);
	z->ctx = ZSTD_createDCtx();
	if (!z->out || !z->ctx ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(z->ctx, ZSTD_d_windowLogMax,
	        UNZSTD_WINDOW_LOG)))
		return err_nomem(err);
	return 0;
}

int
sink_unzstd_new(struct sink *next, struct sink **out, struct err *err)
{
	AUTO(sink) struct sink *owned = next;
	struct sink_unzstd *z = calloc(1, sizeof *z);

	if (!z)
		return err_nomem(err);
	owned = sink_init(&z->sink, &unzstd_ops, next);
	if (setup(z, err))
		return -1;
	*out = TAKE(owned);
	return 0;
}
