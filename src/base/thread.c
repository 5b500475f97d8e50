#include "base/thread.h"

#include <errno.h>

int
thread_start(struct thread *t, void *(*fn)(void *), void *arg, struct err *err)
{
	int rc = pthread_create(&t->id, NULL, fn, arg);

	if (rc) {
		errno = rc;
		return err_sys(err, "cannot start a thread");
	}
	t->started = true;
	return 0;
}

void
thread_join(struct thread *t)
{
	if (t->started)
		(void)pthread_join(t->id, NULL);
	t->started = false;
}
