/* Any text: no JSON, or a document that prints and reads back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
walk(const struct json *j)
{
	struct err err = { 0 };
	const char *text;
	uint64_t n;

	for (const struct json *at = json_first(j); at; at = json_next(at)) {
		const char *name = json_name(at);

		if (name && json_str(j, name, &text, &err) == 0)
			(void)strlen(text);
		if (name && json_u64(j, name, &n, &err) == 0 && n >> 53)
			abort();
		walk(at);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(json) struct json *j = NULL;
	AUTO(json) struct json *again = NULL;
	AUTO(free) char *text = NULL;
	AUTO(free) char *same = NULL;
	struct err err = { 0 };

	if (json_parse((const char *)p, n, &j, &err)) {
		if (!err_is(&err, ERR_CORRUPT))
			abort();
		return 0;
	}
	walk(j);
	if (json_print(j, &text, &err) ||
	    json_parse(text, strlen(text), &again, &err) ||
	    json_print(again, &same, &err) || strcmp(text, same) != 0)
		abort();
	return 0;
}
