#include "base/monitor.h"

#include <errno.h>
#include <time.h>

void
monitor_init(struct monitor *m)
{
	pthread_condattr_t attr;

	(void)pthread_mutex_init(&m->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&m->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
}

void
monitor_done(struct monitor *m)
{
	(void)pthread_cond_destroy(&m->changed);
	(void)pthread_mutex_destroy(&m->lock);
}

void
monitor_enter(struct monitor *m)
{
	(void)pthread_mutex_lock(&m->lock);
}

void
monitor_leave(struct monitor *m)
{
	(void)pthread_mutex_unlock(&m->lock);
}

void
monitor_wait(struct monitor *m)
{
	(void)pthread_cond_wait(&m->changed, &m->lock);
}

bool
monitor_wait_ms(struct monitor *m, unsigned ms)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(&m->changed, &m->lock, &until) !=
	       ETIMEDOUT;
}

void
monitor_wake(struct monitor *m)
{
	(void)pthread_cond_broadcast(&m->changed);
}

void
monitor_queue_init(struct monitor_queue *q)
{
	(void)pthread_cond_init(&q->changed, NULL);
}

void
monitor_queue_done(struct monitor_queue *q)
{
	(void)pthread_cond_destroy(&q->changed);
}

void
monitor_queue_wait(struct monitor *m, struct monitor_queue *q)
{
	(void)pthread_cond_wait(&q->changed, &m->lock);
}

void
monitor_queue_call(struct monitor_queue *q)
{
	(void)pthread_cond_signal(&q->changed);
}

void
monitor_queue_call_all(struct monitor_queue *q)
{
	(void)pthread_cond_broadcast(&q->changed);
}
