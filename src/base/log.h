/*
 * log.h - messages for people, one line each.
 *
 * Levels: error = the operation failed (printed once, by main); warning =
 * going on without something, and the message says so; info = one line a
 * component and one a set; debug = each request.  Never a secret.  Control
 * characters in the text are escaped.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/scope.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

typedef void log_fn(void *ctx, enum log_level, const char *line);

/*
 * Where lines go; before the first call nowhere.  Called once, by main, before
 * any thread is started: this is the program's only mutable global.  fn must
 * be safe to call from any thread.
 */
void log_to(log_fn *fn, void *ctx, enum log_level most);

void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
