/* Any bytes as a zstd stream: the same, however they come in pieces. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stream/sink.h"

enum { OUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The digest of what comes out; -1: refused. */
static int
unpack(const uint8_t *p, size_t n, size_t piece, uint8_t digest[SHA256_SIZE])
{
	AUTO(sink) struct sink *s = NULL;
	struct sink *mem = NULL;
	struct err err = { 0 };
	const char *data;
	size_t len;

	if (sink_mem_new(OUT_MAX, &mem, &err) || sink_unzstd_new(mem, &s, &err))
		return -1;
	for (size_t at = 0; at < n; at += piece)
		if (sink_write(s, p + at, n - at < piece ? n - at : piece,
		        &err))
			return -1;
	if (sink_finish(s, &err))
		return -1;
	data = sink_mem_data(mem, &len);
	return sha256_of(data, len, digest, &err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t a[SHA256_SIZE] = { 0 }, b[SHA256_SIZE] = { 0 };
	int whole = unpack(p, n, n + 1, a);

	if (unpack(p, n, 7, b) != whole)
		abort();
	if (whole == 0 && memcmp(a, b, sizeof a) != 0)
		abort();
	return 0;
}
