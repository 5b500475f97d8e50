/*
 * console.h - messages and progress on stderr.  On a terminal the progress is
 * a line that is drawn again and again, and messages go above it; otherwise
 * it is a log line now and then.
 */
#ifndef CMD_CONSOLE_H
#define CMD_CONSOLE_H

#include <stdint.h>

#include "base/log.h"
#include "base/monitor.h"
#include "engine/progress.h"

struct console {
	struct monitor m;
	bool terminal;
	bool drawn;        /* the line under the cursor is a progress line */
	int64_t logged_ms; /* when progress was last a log line */
	struct progress progress;
};

void console_init(struct console *);
void console_done(struct console *);

/* A log_fn; ctx is the console. */
void console_log(void *ctx, enum log_level, const char *line);

/* One line, without its newline: counts, rate, time left. */
void console_line(const struct progress_state *, char *out, size_t size);

#endif
