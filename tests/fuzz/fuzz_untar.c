/* Any bytes as a tar: files are within the limits, or it is refused. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stream/tar.h"
#include "stream/untar.h"

enum { SIZE_MOST = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
on_file(void *arg, const struct untar_file *f, struct err *err)
{
	const size_t *n = arg;

	(void)err;
	if (f->size > SIZE_MOST || f->data[f->size] != '\0' || !*f->name ||
	    strlen(f->name) > TAR_NAME_MAX || f->offset + f->size > *n)
		abort();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(sink) struct sink *s = NULL;
	struct err err = { 0 };

	if (untar_new(SIZE_MOST, on_file, &n, &s, &err))
		abort();
	if (sink_write(s, p, n, &err) == 0 && sink_finish(s, &err) == 0)
		return 0;
	if (err.code != ERR_CORRUPT)
		abort();
	return 0;
}
