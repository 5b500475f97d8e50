/* Any bytes as the answer to a LIST: items are within the limits and are read
 * as JSON or refused, or the answer is refused. */
#include <stdint.h>
#include <stdlib.h>

#include "kube/kube_items.h"
#include "kube/kube_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
on_item(void *arg, const char *json, size_t len, struct err *err)
{
	AUTO(tree) struct tree *t = NULL;
	const size_t *n = arg;

	if (len > 6 * *n)
		abort();
	if (kube_list_parse(json, len, &t, err) && err->code != ERR_CORRUPT)
		abort();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(buf) struct buf metadata = { 0 };
	AUTO(sink) struct sink *s = NULL;
	const struct kube_items items = { on_item, &n, &metadata };
	struct err err = { 0 };

	if (kube_items_new(&items, &s, &err))
		abort();
	if (sink_write(s, p, n, &err) == 0 && sink_finish(s, &err) == 0)
		return 0;
	if (err.code != ERR_CORRUPT && err.code != ERR_TRANSIENT)
		abort();
	return 0;
}
