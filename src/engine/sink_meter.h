/*
 * sink_meter.h - pass bytes on, count them for the progress, and remember
 * whether it was the far side that failed: a source that cannot be read is one
 * object's trouble, a repository that cannot be written is everybody's.
 */
#ifndef ENGINE_SINK_METER_H
#define ENGINE_SINK_METER_H

#include "engine/progress.h"
#include "stream/sink.h"

/* next: borrowed, and not finished by this sink.  far_failed: set when next
 * fails; the caller's, false before. */
MUST_CHECK int sink_meter_new(struct sink *next, struct progress_meter *,
    bool *far_failed, struct sink **, struct err *);

#endif
