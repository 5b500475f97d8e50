/* sink_spy.h - the end of a chain that remembers and, if told to, fails. */
#ifndef LIB_SINK_SPY_H
#define LIB_SINK_SPY_H

#include <stddef.h>

#include "base/buf.h"
#include "stream/sink.h"

struct sink_spy {
	struct buf got;
	unsigned writes, finishes, frees;
	size_t fail_after; /* bytes; then a write fails; 0: never */
	bool fail_finish;
	enum err_code code; /* of these failures, whose text is "spy" */
};

/* spy is borrowed; give got a limit first. */
int sink_spy_new(struct sink_spy *spy, struct sink **, struct err *);

#endif
