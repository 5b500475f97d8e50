#include "stream/sink.h"

#include <zstd.h>
#include <zstd_errors.h>

/* A frame that wants more history than 128 MiB is refused. */
enum { UNZSTD_WINDOW_LOG = 27 };

struct sink_unzstd {
	struct sink sink;
	ZSTD_DCtx *ctx;
	char *out;
	size_t cap;
	size_t want; /* bytes that the frame still needs; 0: between frames */
};

static int
failed(size_t code, struct err *err)
{
	if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
		return err_nomem(err);
	return err_set(err, ERR_CORRUPT, "not zstd data, or damaged: %s",
	    ZSTD_getErrorName(code));
}

/* Full output may mean that more of it waits inside, with no input left. */
static int
unzstd_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct sink_unzstd *z = (struct sink_unzstd *)s;
	ZSTD_inBuffer in = { .src = p, .size = n };
	ZSTD_outBuffer out;

	do {
		out = (ZSTD_outBuffer){ .dst = z->out, .size = z->cap };
		z->want = ZSTD_decompressStream(z->ctx, &out, &in);
		if (ZSTD_isError(z->want))
			return failed(z->want, err);
		if (sink_write(s->next, z->out, out.pos, err))
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
