/* store_suite.h - what every store must do. */
#ifndef LIB_STORE_SUITE_H
#define LIB_STORE_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store.h"

enum { STORE_SUITE_TESTS = 18 };

struct store_suite {
	/* An empty store, not open yet. */
	int (*fresh)(void *arg, struct store **, struct err *);
	/* Whatever fresh made beside the store; may be NULL. */
	void (*clean)(void *arg);
	void *arg;
	size_t big;    /* bytes of the largest object */
	unsigned many; /* objects of the longest listing */
};

/* Fill in that many tests; the suite must stay. */
void store_suite_tests(struct store_suite *, struct CMUnitTest *);

#endif
