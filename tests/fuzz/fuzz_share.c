/*
 * fuzz_share.c - any bytes as a plan and as a share of workers: as they are,
 * and as the line before an honest manifest; what was understood is written
 * and read again, and stays the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "repo/share.h"

enum { TEXT_MAX = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool right)
{
	if (!right)
		abort();
}

static void
same(const struct buf *a, const struct buf *b)
{
	must(a->len == b->len && memcmp(a->data, b->data, a->len) == 0);
}

static void
plan(const char *text, size_t n)
{
	AUTO(share_plan) struct share_plan *p = NULL, *again = NULL;
	AUTO(buf) struct buf a = { .max = TEXT_MAX };
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	struct err err = { 0 };

	if (share_plan_decode(text, n, &p, &err)) {
		must(err_is(&err, ERR_CORRUPT) || err_is(&err, ERR_USAGE));
		return;
	}
	must(share_plan_encode(p, p->manifest, &a, &err) == 0);
	must(share_plan_decode(a.data, a.len, &again, &err) == 0);
	must(share_plan_encode(again, again->manifest, &b, &err) == 0);
	same(&a, &b);
}

static void
share(const char *text, size_t n)
{
	AUTO(share) struct share *s = NULL, *again = NULL;
	AUTO(buf) struct buf a = { .max = TEXT_MAX };
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	struct err err = { 0 };

	if (share_decode(text, n, &s, &err)) {
		must(err_is(&err, ERR_CORRUPT) || err_is(&err, ERR_USAGE));
		return;
	}
	must(share_encode(s, s->manifest, &a, &err) == 0);
	must(share_decode(a.data, a.len, &again, &err) == 0);
	must(share_encode(again, again->manifest, &b, &err) == 0);
	same(&a, &b);
}

/* The manifest of a set of this one component, or of none. */
static int
honest(const uint8_t *line, size_t n, bool component, struct buf *out)
{
	char name[] = "mlpipeline", type[] = "bucket", text[] = "x",
	     id[] = "2026-11-20T16:28:00Z",
	     folder[] = "2026-11-20T16:28:00Z-0123abcd";
	struct manifest_component c = { .name = name, .type = type };
	const struct manifest m = { .id = id,
		.folder = folder,
		.name = text,
		.tool = text,
		.by = text,
		.component = &c,
		.ncomponents = component };
	struct err err = { 0 };

	return buf_add(out, line, n, &err) || buf_puts(out, "\n", &err) ||
	       manifest_encode(&m, out, &err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *end = memchr(data, '\n', n);
	size_t line = end ? (size_t)(end - data) : n;

	plan((const char *)data, n);
	share((const char *)data, n);
	for (int i = 0; i < 2; i++) {
		AUTO(buf) struct buf b = { .max = TEXT_MAX };

		if (honest(data, line, i == 1, &b))
			continue;
		plan(b.data, b.len);
		share(b.data, b.len);
	}
	return 0;
}
