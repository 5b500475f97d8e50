/*
 * fuzz_manifest.c - any bytes as a manifest, as they are and under an honest
 * hash; what was understood is written and read again, and stays the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "repo/manifest.h"

enum { TEXT_MAX = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool right)
{
	if (!right)
		abort();
}

static int
seal(const uint8_t *data, size_t n, struct buf *out, struct err *err)
{
	uint8_t digest[SHA256_SIZE];
	char hex[SHA256_HEX];

	if (buf_add(out, data, n, err) || sha256_of(data, n, digest, err))
		return -1;
	str_hex(digest, sizeof digest, hex);
	return buf_printf(out, err, "  \"manifest-sha256\": \"%s\"\n}\n", hex);
}

/* What is written from it is read as the same. */
static void
round_trip(const struct manifest *m)
{
	AUTO(manifest) struct manifest *again = NULL;
	AUTO(buf) struct buf a = { .max = TEXT_MAX };
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	struct err err = { 0 };

	must(manifest_encode(m, &a, &err) == 0);
	must(manifest_decode(a.data, a.len, &again, &err) == 0);
	must(manifest_encode(again, &b, &err) == 0);
	must(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
}

static void
try(const char *text, size_t n)
{
	AUTO(manifest) struct manifest *m = NULL;
	struct err err = { 0 };

	if (manifest_decode(text, n, &m, &err) == 0)
		round_trip(m);
	else
		must(err_is(&err, ERR_CORRUPT) || err_is(&err, ERR_USAGE));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(buf) struct buf sealed = { .max = TEXT_MAX };
	struct err err = { 0 };

	try((const char *)data, n);
	if (seal(data, n, &sealed, &err) == 0)
		try(sealed.data, sealed.len);
	return 0;
}
