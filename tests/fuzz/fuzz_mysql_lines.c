#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "component/mysql_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { MAX = 1 << 20 };

/* Through the sink, `step` bytes at a time; the memory sink is in *mem. */
static struct sink *
through(enum mysql_lines kind, const char *p, size_t n, size_t step,
    struct sink **mem)
{
	struct sink *s = NULL;
	struct err err = { 0 };

	if (sink_mem_new(MAX, mem, &err) ||
	    mysql_lines_sink(kind, *mem, &s, &err))
		abort();
	for (size_t i = 0; i < n; i += step)
		if (sink_write(s, p + i, n - i < step ? n - i : step, &err))
			abort();
	if (sink_finish(s, &err))
		abort();
	return s;
}

/* What comes out does not depend on where the pieces end, and only gets
 * shorter. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum mysql_lines kinds[] = { MYSQL_LINES_NO_DEFINER,
		MYSQL_LINES_EVENTS_ON };
	const char *p = (const char *)data;

	if (size < 1)
		return 0;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		enum mysql_lines kind = kinds[i];
		struct sink *mem[2] = { NULL, NULL };
		AUTO(sink)
		struct sink *whole = through(kind, p, size, size, &mem[0]);
		AUTO(sink)
		struct sink *parts =
		    through(kind, p, size, data[0] % 37 + 1, &mem[1]);
		size_t n[2];
		const char *a = sink_mem_data(mem[0], &n[0]),
		           *b = sink_mem_data(mem[1], &n[1]);

		assert(n[0] == n[1] && n[0] <= size);
		assert(n[0] == 0 || memcmp(a, b, n[0]) == 0);
		assert(memchr(p, '`', size) || kind == MYSQL_LINES_EVENTS_ON ||
		       n[0] == size);
		(void)whole;
		(void)parts;
	}
	return 0;
}
