/*
 * monitor.h - a lock with one condition: "something changed".  Whoever waits
 * looks again, in a loop, at what it waits for.
 */
#ifndef BASE_MONITOR_H
#define BASE_MONITOR_H

#include "base/thread.h"

struct monitor {
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

void monitor_init(struct monitor *);
void monitor_done(struct monitor *);
void monitor_enter(struct monitor *);
void monitor_leave(struct monitor *);
/* Inside only: leave, wait for a wake, enter again. */
void monitor_wait(struct monitor *);
/* As monitor_wait, for ms at most.  False: the time is over. */
bool monitor_wait_ms(struct monitor *, unsigned ms);
/* Inside only: wake all who wait. */
void monitor_wake(struct monitor *);

/* One more condition under the lock of a monitor: who waits for it is woken
 * apart, one at a time. */
struct monitor_queue {
	pthread_cond_t changed;
};

void monitor_queue_init(struct monitor_queue *);
void monitor_queue_done(struct monitor_queue *);
/* Inside only: leave, wait until called, enter again. */
void monitor_queue_wait(struct monitor *, struct monitor_queue *);
/* Inside only: call one of those who wait, or all of them. */
void monitor_queue_call(struct monitor_queue *);
void monitor_queue_call_all(struct monitor_queue *);

#endif
