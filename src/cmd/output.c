#include "cmd/output.h"

#include <unistd.h>

#include "base/file.h"

int
output_text(const struct buf *b, struct err *err)
{
	if (b->len > 0 && file_write_all(STDOUT_FILENO, b->data, b->len, err))
		return err_wrap(err, "standard output");
	return 0;
}
