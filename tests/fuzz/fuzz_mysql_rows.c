#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "component/mysql_kfp.h"
#include "component/mysql_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { MAX = 4 << 20 };

static int
note(void *arg, const char *uri, struct err *err)
{
	assert(strlen(uri) < 5000);
	return buf_puts(arg, uri, err) || buf_puts(arg, "\n", err) ? -1 : 0;
}

/* As rows of Kubeflow Pipelines, `step` bytes at a time. */
static void
references(const uint8_t *data, size_t size, size_t step, struct buf *got)
{
	AUTO(sink) struct sink *s = NULL;
	struct mysql_kfp k = { .fn = note, .arg = got };
	struct err err = { 0 };

	got->max = MAX;
	if (mysql_kfp_sink(&k, &s, &err))
		abort();
	for (size_t i = 0; i < size; i += step)
		if (sink_write(s, data + i, size - i < step ? size - i : step,
		        &err))
			abort();
	if (sink_finish(s, &err))
		abort();
}

/* As the answer to each question that is asked about a server. */
static void
answers(const uint8_t *data, size_t size)
{
	AUTO(database_shape)
	struct database_shape shape = { .rows = { .max = MAX },
		.odd = { .max = MAX } };
	AUTO(buf) struct buf drops = { .max = MAX };
	struct database_unit u = { .healthy = true };
	struct err err = { 0 };
	char *text = malloc(size + 1);

	if (!text)
		return;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	(void)mysql_client_code(text);
	mysql_server_read_status(text, &u);
	if (size > 0)
		memcpy(text, data, size);
	(void)!mysql_server_read_look(text, &shape, &drops, &err);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf whole = { 0 };
	AUTO(buf) struct buf parts = { 0 };

	if (size == 0)
		return 0;
	references(data, size, size, &whole);
	references(data, size, data[0] % 11 + 1, &parts);
	assert(whole.len == parts.len);
	assert(whole.len == 0 || strcmp(whole.data, parts.data) == 0);
	answers(data, size);
	return 0;
}
