#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "component/pg_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A line as the answer to each question; its first byte chooses the role. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(database_shape)
	struct database_shape shape = { .rows = { .max = 1 << 20 },
		.odd = { .max = 1 << 20 } };
	struct database_unit u = { .healthy = true };
	struct err err = { 0 };
	char *line = malloc(size + 1);

	if (!line)
		return 0;
	if (size > 0)
		memcpy(line, data, size);
	line[size] = '\0';
	(void)!pg_server_read_answer(line, &u, &err);
	if (size > 0)
		memcpy(line, data, size);
	(void)!pg_server_read_shape(line, &u, &shape, &err);
	database_unit_done(&u);
	free(line);
	return 0;
}
