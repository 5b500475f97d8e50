/* What a server says of how a program in a pod ended. */
#include <stdint.h>
#include <stdlib.h>

#include "kube/exec_status.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err err = { 0 };
	int status = -1;

	if (exec_status_read(p, n, &status, &err)) {
		if (!err_is(&err, ERR_REMOTE) && !err_is(&err, ERR_NOTFOUND))
			abort();
	} else if (status < 0 || status > 255) {
		abort();
	}
	return 0;
}
