/*
 * failcall.h - calls of the system and of libraries that go wrong.
 *
 * Each is called by its name in failcall.c, and counted from 0 over all
 * threads and children, where src/ or a test calls it: what a library does
 * inside does not count.
 */
#ifndef LIB_FAILCALL_H
#define LIB_FAILCALL_H

#include <stdbool.h>

/*
 * The n-th call of name from here on fails with result: errno, or the code
 * that this library returns.  Several may be told.
 */
void failcall_at(const char *name, unsigned n, int result);
/* All calls from the n-th on. */
void failcall_from(const char *name, unsigned n, int result);
/* Everything works again.  True: each of those told came about. */
bool failcall_end(void);

/* For failcall.c's own: 0, or the result of this call. */
int failcall_result(const char *name);

#endif
