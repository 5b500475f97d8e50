/*
 * fuzz_age.c - any bytes as an age file: at once and one by one gives the
 * same, and what is read is what was written: its content sealed again comes
 * back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/age_header.h"
#include "stream/sink.h"

enum { CONTENT_MAX = 4 << 20 };

/* The example of https://c2sp.org/age. */
static const char identity[] =
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
static const char recipient[] =
    "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool right)
{
	if (!right)
		abort();
}

/* The sink's content, in pieces; what came out stays in *mem. */
static int
run(struct sink *s, const uint8_t *p, size_t n, size_t piece)
{
	struct err err = { 0 };

	for (size_t at = 0; at < n; at += piece)
		if (sink_write(s, p + at, n - at < piece ? n - at : piece,
		        &err))
			return (int)err.code;
	return sink_finish(s, &err) ? (int)err.code : 0;
}

static int
open_it(const struct age_keys *k, const uint8_t *p, size_t n, size_t piece,
    struct buf *out)
{
	AUTO(sink) struct sink *s = NULL;
	struct sink *mem = NULL;
	struct err err = { 0 };
	const char *data;
	size_t len;
	int code;

	must(sink_mem_new(CONTENT_MAX, &mem, &err) == 0 &&
	     sink_unage_new(mem, k, &s, &err) == 0);
	code = run(s, p, n, piece);
	data = sink_mem_data(mem, &len);
	must(buf_add(out, data ? data : "", len, &err) == 0);
	return code;
}

static void
round_trip(const struct age_keys *k, const struct buf *content)
{
	AUTO(sink) struct sink *s = NULL;
	AUTO(buf) struct buf back = { .max = CONTENT_MAX };
	struct sink *mem = NULL;
	struct err err = { 0 };
	const char *data;
	size_t n;

	must(sink_mem_new(CONTENT_MAX, &mem, &err) == 0 &&
	     sink_age_new(mem, k, &s, &err) == 0);
	must(run(s, (const uint8_t *)content->data, content->len, 4096) == 0);
	data = sink_mem_data(mem, &n);
	must(open_it(k, (const uint8_t *)data, n, 4093, &back) == 0);
	must(back.len == content->len &&
	     memcmp(back.data, content->data, back.len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(buf) struct buf whole = { .max = CONTENT_MAX };
	AUTO(buf) struct buf pieces = { .max = CONTENT_MAX };
	struct age_keys k = { 0 };
	struct err err = { 0 };
	int code;

	must(age_keys_add_recipient(&k, recipient, &err) == 0 &&
	     age_keys_add_identities(&k, identity, &err) == 0);
	code = open_it(&k, data, n, n + 1, &whole);
	must(code == 0 || code == ERR_CORRUPT || code == ERR_DENIED);
	must(open_it(&k, data, n, 7, &pieces) == code);
	must(whole.len == pieces.len &&
	     memcmp(whole.data, pieces.data, whole.len) == 0);
	if (code == 0)
		round_trip(&k, &whole);
	return 0;
}
