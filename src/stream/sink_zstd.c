#include "stream/sink.h"

#include <zstd.h>

/* 1 MiB: about 2 MiB a stream at level 3, and nearly as good as more. */
enum { ZSTD_WINDOW_LOG = 20 };

struct sink_zstd {
	struct sink sink;
	ZSTD_CCtx *ctx;
	char *out;
	size_t cap;
};

static int
compress(struct sink_zstd *z, ZSTD_inBuffer *in, ZSTD_EndDirective how,
    struct err *err)
{
	size_t left;

	do {
		ZSTD_outBuffer out = { .dst = z->out, .size = z->cap };

		left = ZSTD_compressStream2(z->ctx, &out, in, how);
		if (ZSTD_isError(left))
			return err_set(err, ERR_NOMEM, "cannot compress: %s",
			    ZSTD_getErrorName(left));
		if (sink_write(z->sink.next, z->out, out.pos, err))
			return -1;
	} while (how == ZSTD_e_end ? left > 0 : in->pos < in->size);
	return 0;
}

static int
zstd_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	ZSTD_inBuffer in = { .src = p, .size = n };

	return compress((struct sink_zstd *)s, &in, ZSTD_e_continue, err);
}

static int
zstd_finish(struct sink *s, struct err *err)
{
	ZSTD_inBuffer in = { .src = "" };

	return compress((struct sink_zstd *)s, &in, ZSTD_e_end, err);
}

static void
zstd_free(struct sink *s)
{
	struct sink_zstd *z = (struct sink_zstd *)s;

	(void)ZSTD_freeCCtx(z->ctx);
	free(z->out);
	free(z);
}

static const struct sink_ops zstd_ops = {
	.name = "zstd",
	.write = zstd_write,
	.finish = zstd_finish,
	.free = zstd_free,
};

static int
setup(struct sink_zstd *z, int level, struct err *err)
{
	z->cap = ZSTD_CStreamOutSize();
	z->out = malloc(z->cap);
	z->ctx = ZSTD_createCCtx();
	if (!z->out || !z->ctx)
		return err_nomem(err);
	if (ZSTD_isError(ZSTD_CCtx_setParameter(z->ctx, ZSTD_c_compressionLevel,
	        level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z->ctx, ZSTD_c_windowLog,
	        ZSTD_WINDOW_LOG)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z->ctx, ZSTD_c_checksumFlag,
	        1)))
		return err_set(err, ERR_USAGE,
		    "zstd cannot compress at level %d", level);
	return 0;
}

int
sink_zstd_new(struct sink *next, int level, struct sink **out, struct err *err)
{
	AUTO(sink) struct sink *owned = next;
	struct sink_zstd *z = calloc(1, sizeof *z);

	if (!z)
		return err_nomem(err);
	owned = sink_init(&z->sink, &zstd_ops, next);
	if (setup(z, level, err))
		return -1;
	*out = TAKE(owned);
	return 0;
}
