/* sink_suite.h - what every sink in the middle of a chain must do. */
#ifndef LIB_SINK_SUITE_H
#define LIB_SINK_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "stream/sink.h"

enum { SINK_SUITE_TESTS = 7 };

struct sink_suite {
	/* next is owned from here on.  content: what will go through. */
	int (*make)(const struct buf *content, struct sink *next,
	    struct sink **, struct err *);
	/* What to write so that content goes through; NULL: content. */
	void (*encode)(const struct buf *content, struct buf *);
	/* What next must have got for content; NULL: content. */
	void (*decode)(const struct buf *got, struct buf *content);
};

/* Fill in that many tests; the suite must stay. */
void sink_suite_tests(struct sink_suite *, struct CMUnitTest *);

#endif
