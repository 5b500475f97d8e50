/* Any bytes as a file with a table of frames at its end. */
#include <stdint.h>
#include <stdlib.h>

#include "stream/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(const struct frames_table *t, const uint8_t *p)
{
	const struct frames_entry *end = &t->entry[t->count];
	static uint8_t out[1 << 16];
	struct err err = { 0 };

	for (size_t i = 0; i < t->count; i++) {
		const struct frames_entry *e = &t->entry[i];
		uint64_t n = e[1].out - e[0].out;

		if (e[0].in > e[1].in || e[0].out > e[1].out)
			abort();
		if (n > 0 && frames_find(t, e[0].out) != i)
			abort();
		if (n <= sizeof out)
			(void)!frames_unpack(p + e[0].in, e[1].in - e[0].in,
			    out, n, &err);
	}
	if (frames_find(t, end->out) != t->count)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct frames_table t = { 0 };
	struct err err = { 0 };
	uint64_t size;

	if (n < FRAMES_FOOTER ||
	    frames_table_size(p + n - FRAMES_FOOTER, &size, &err) || size > n)
		return 0;
	if (frames_table_read(p + n - size, size, n, &t, &err) == 0)
		check(&t, p);
	frames_table_done(&t);
	return 0;
}
