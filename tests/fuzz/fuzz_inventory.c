/*
 * fuzz_inventory.c - any bytes as a line of an inventory; what was understood
 * is written and read again, and stays the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "repo/inventory.h"

enum { TEXT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool right)
{
	if (!right)
		abort();
}

/* What may be read but not be written is what becomes too long by it. */
static void
round_trip(const struct inventory_entry *e)
{
	AUTO(inventory_entry) struct inventory_entry again = { 0 };
	AUTO(buf) struct buf a = { .max = TEXT_MAX };
	AUTO(buf) struct buf b = { .max = TEXT_MAX };
	struct err err = { 0 };

	if (inventory_encode(e, &a, &err)) {
		must(err_is(&err, ERR_CORRUPT) && a.len == 0);
		return;
	}
	must(memchr(a.data, '\n', a.len) == a.data + a.len - 1);
	must(inventory_decode(a.data, a.len - 1, &again, &err) == 0);
	must(inventory_encode(&again, &b, &err) == 0);
	must(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(inventory_entry) struct inventory_entry e = { 0 };
	struct err err = { 0 };

	if (inventory_decode((const char *)data, n, &e, &err) == 0)
		round_trip(&e);
	else
		must(err_is(&err, ERR_CORRUPT));
	return 0;
}
