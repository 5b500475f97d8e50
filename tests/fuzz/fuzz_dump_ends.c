#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "component/dump_ends.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The first and the last bytes are the same however they came. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dump_ends e = { 0 };
	size_t want = size < DUMP_ENDS_SIZE ? size : DUMP_ENDS_SIZE;

	for (size_t i = 0; i < size;) {
		size_t n = (size_t)data[i] * (data[i] % 7 ? 1 : 5) + 1;

		n = n < size - i ? n : size - i;
		dump_ends_add(&e, data + i, n);
		i += n;
	}
	assert(e.bytes == size && e.nhead == want && e.ntail == want);
	assert(memcmp(e.head, data, want) == 0);
	assert(memcmp(e.tail, data + size - want, want) == 0);
	assert(e.tail[want] == '\0');
	return 0;
}
