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

#endif
