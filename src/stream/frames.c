#include "stream/frames.h"

#include <assert.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/buf.h"

/* zstd_seekable_compression_format.md; all little-endian. */
#define SKIPPABLE UINT32_C(0x184D2A5E)
#define SEEKABLE UINT32_C(0x8F92EAB1)
enum { HEADER = 8, ENTRY = 8 }; /* magic, length; two sizes */

struct frames_sink {
	struct sink sink;
	ZSTD_CCtx *ctx;
	char *in, *out;
	size_t used, frame, cap;
	uint32_t count;
	struct buf table; /* the entries, as they will be written */
};

static void
put_le32(uint8_t out[4], uint32_t v)
{
	for (int i = 0; i < 4; i++, v >>= 8)
		out[i] = (uint8_t)(v & 0xff);
}

static uint32_t
get_le32(const uint8_t in[4])
{
	return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 |
	       (uint32_t)in[3] << 24;
}

/* Compress what was collected as one frame, and note it. */
static int
flush(struct frames_sink *f, struct err *err)
{
	uint8_t entry[ENTRY];
	size_t n;

	if (f->count == FRAMES_MAX)
		return err_set(err, ERR_USAGE,
		    "longer than %d frames of %zu bytes", FRAMES_MAX, f->frame);
	n = ZSTD_compress2(f->ctx, f->out, f->cap, f->in, f->used);
	if (ZSTD_isError(n))
		return err_set(err, ERR_NOMEM, "cannot compress: %s",
		    ZSTD_getErrorName(n));
	put_le32(entry, (uint32_t)n);
	put_le32(entry + 4, (uint32_t)f->used);
	if (buf_add(&f->table, entry, sizeof entry, err))
		return -1;
	f->count++;
	f->used = 0;
	return sink_write(f->sink.next, f->out, n, err);
}

static int
frames_write(struct sink *s, const void *bytes, size_t n, struct err *err)
{
	struct frames_sink *f = (struct frames_sink *)s;
	const char *p = bytes;

	while (n > 0) {
		size_t room = f->frame - f->used, k = n < room ? n : room;

		memcpy(f->in + f->used, p, k);
		f->used += k;
		p += k;
		n -= k;
		if (f->used == f->frame && flush(f, err))
			return -1;
	}
	return 0;
}

static int
frames_finish(struct sink *s, struct err *err)
{
	struct frames_sink *f = (struct frames_sink *)s;
	uint8_t header[HEADER], footer[FRAMES_FOOTER];

	/* An empty stream gets an empty frame: every zstd takes that. */
	if ((f->used > 0 || f->count == 0) && flush(f, err))
		return -1;
	put_le32(header, SKIPPABLE);
	put_le32(header + 4, (uint32_t)f->table.len + FRAMES_FOOTER);
	put_le32(footer, f->count);
	footer[4] = 0; /* no checksums in the table, none reserved */
	put_le32(footer + 5, SEEKABLE);
	if (sink_write(s->next, header, sizeof header, err) ||
	    sink_write(s->next, f->table.data, f->table.len, err))
		return -1;
	return sink_write(s->next, footer, sizeof footer, err);
}

static void
frames_free(struct sink *s)
{
	struct frames_sink *f = (struct frames_sink *)s;

	(void)ZSTD_freeCCtx(f->ctx);
	buf_done(&f->table);
	free(f->in);
	free(f->out);
	free(f);
}

static const struct sink_ops frames_ops = {
	.name = "frames",
	.write = frames_write,
	.finish = frames_finish,
	.free = frames_free,
};

static int
setup(struct frames_sink *f, int level, struct err *err)
{
	f->table.max = (size_t)FRAMES_MAX * ENTRY;
	f->cap = ZSTD_compressBound(f->frame);
	f->in = malloc(f->frame);
	f->out = malloc(f->cap);
	f->ctx = ZSTD_createCCtx();
	if (!f->in || !f->out || !f->ctx)
		return err_nomem(err);
	if (ZSTD_isError(ZSTD_CCtx_setParameter(f->ctx, ZSTD_c_compressionLevel,
	        level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(f->ctx, ZSTD_c_checksumFlag,
	        1)))
		return err_set(err, ERR_USAGE,
		    "zstd cannot compress at level %d", level);
	return 0;
}

int
frames_sink_new(struct sink *next, int level, size_t frame, struct sink **out,
    struct err *err)
{
	AUTO(sink) struct sink *owned = next;
	struct frames_sink *f = calloc(1, sizeof *f);

	assert(frame > 0 && frame <= 1 << 30); /* sizes of 32 bits */
	if (!f)
		return err_nomem(err);
	f->frame = frame;
	owned = sink_init(&f->sink, &frames_ops, next);
	if (setup(f, level, err))
		return -1;
	*out = TAKE(owned);
	return 0;
}

static int
bad_table(struct err *err, const char *why)
{
	return err_set(err, ERR_CORRUPT, "bad table of zstd frames: %s", why);
}

int
frames_table_size(const uint8_t footer[FRAMES_FOOTER], uint64_t *size,
    struct err *err)
{
	uint32_t count = get_le32(footer);

	if (get_le32(footer + 5) != SEEKABLE)
		return bad_table(err, "there is none");
	if (footer[4] != 0)
		return bad_table(err, "unknown descriptor");
	if (count > FRAMES_MAX)
		return bad_table(err, "too many frames");
	*size = HEADER + (uint64_t)count * ENTRY + FRAMES_FOOTER;
	return 0;
}

static int
fill(const uint8_t *p, size_t count, uint64_t data, struct frames_table *t,
    struct err *err)
{
	struct frames_entry at = { 0 };

	for (size_t i = 0; i < count; i++, p += ENTRY) {
		t->entry[i] = at;
		at.in += get_le32(p);
		at.out += get_le32(p + 4);
	}
	t->entry[count] = at;
	t->count = count;
	if (at.in != data)
		return bad_table(err, "it does not agree with the file's size");
	return 0;
}

int
frames_table_read(const void *bytes, size_t len, uint64_t file_size,
    struct frames_table *ret, struct err *err)
{
	const uint8_t *p = bytes;
	struct frames_table t = { 0 };
	uint64_t size = 0;
	size_t count;

	if (len < HEADER + FRAMES_FOOTER)
		return bad_table(err, "cut short");
	if (frames_table_size(p + len - FRAMES_FOOTER, &size, err))
		return -1;
	if (size != len || get_le32(p) != SKIPPABLE ||
	    get_le32(p + 4) != len - HEADER || file_size < len)
		return bad_table(err, "sizes do not agree");
	count = (len - HEADER - FRAMES_FOOTER) / ENTRY;
	t.entry = calloc(count + 1, sizeof *t.entry);
	if (!t.entry)
		return err_nomem(err);
	if (fill(p + HEADER, count, file_size - len, &t, err)) {
		frames_table_done(&t);
		return -1;
	}
	*ret = t;
	return 0;
}

void
frames_table_done(struct frames_table *t)
{
	free(t->entry);
	*t = (struct frames_table){ 0 };
}

/* Frames of no bytes hold nothing, so the last one that begins at or before
 * off is the one. */
size_t
frames_find(const struct frames_table *t, uint64_t off)
{
	size_t low = 0, high = t->count;

	if (t->count == 0 || off >= t->entry[t->count].out)
		return t->count;
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (t->entry[mid].out <= off)
			low = mid;
		else
			high = mid;
	}
	return low;
}

int
frames_unpack(const void *in, size_t inlen, void *out, size_t outlen,
    struct err *err)
{
	size_t n = ZSTD_decompress(out, outlen, in, inlen);

	if (ZSTD_isError(n) &&
	    ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation)
		return err_nomem(err);
	if (ZSTD_isError(n))
		return err_set(err, ERR_CORRUPT, "damaged zstd frame: %s",
		    ZSTD_getErrorName(n));
	if (n != outlen)
		return err_set(err, ERR_CORRUPT,
		    "zstd frames hold %zu bytes, not the expected %zu", n,
		    outlen);
	return 0;
}
