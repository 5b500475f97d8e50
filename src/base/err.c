#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	err->sys = 0;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	return -1;
}

static enum err_code
code_of(int number)
{
	switch (number) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOTFOUND;
	case EEXIST:
		return ERR_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_DENIED;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_NOROOM;
	case ENOMEM:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

int
err_sys(struct err *err, const char *fmt, ...)
{
	int saved = errno;
	char what[sizeof err->msg - 128];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	(void)err_set(err, code_of(saved), "%s: %s", what, strerror(saved));
	err->sys = saved;
	return -1;
}

int
err_nomem(struct err *err)
{
	return err_set(err, ERR_NOMEM, "out of memory");
}

int
err_wrap(struct err *err, const char *fmt, ...)
{
	char old[sizeof err->msg];
	size_t used, room = sizeof err->msg;
	va_list ap;

	memcpy(old, err->msg, sizeof old);
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, room - 4, fmt, ap);
	va_end(ap);
	used = strlen(err->msg);
	memcpy(err->msg + used, ": ", 3);
	used += 2;
	(void)memccpy(err->msg + used, old, '\0', room - used - 1);
	err->msg[room - 1] = '\0';
	return -1;
}
