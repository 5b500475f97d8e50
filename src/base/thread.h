/* thread.h - threads; the only header that knows pthreads. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/scope.h"

struct thread {
	pthread_t id;
	bool started;
};

/* Zero the struct first.  fn runs until it returns. */
MUST_CHECK int thread_start(struct thread *, void *(*fn)(void *), void *arg,
    struct err *);
/* Wait for its end; nothing to do where it was never started. */
void thread_join(struct thread *);

#endif
