#include "base/date.h"

#include <string.h>
#include <time.h>

/* The fields of a moment; the epoch's own where it has none. */
static struct tm
fields(int64_t s)
{
	time_t t = (time_t)s;
	struct tm tm = { .tm_year = 70, .tm_mday = 1 };

	(void)gmtime_r(&t, &tm);
	return tm;
}

void
date_iso(int64_t s, char out[DATE_ISO_SIZE])
{
	struct tm tm = fields(s);

	if (strftime(out, DATE_ISO_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		out[0] = '\0';
}

void
date_basic(int64_t s, char out[DATE_BASIC_SIZE])
{
	struct tm tm = fields(s);

	if (strftime(out, DATE_BASIC_SIZE, "%Y%m%dT%H%M%SZ", &tm) == 0)
		out[0] = '\0';
}

int
date_parse_iso(const char *text, int64_t *s, struct err *err)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (end && *end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (!end || strcmp(end, "Z") != 0)
		return err_set(err, ERR_CORRUPT,
		    "'%.40s' is not a UTC time like 2026-11-20T16:28:00Z",
		    text);
	*s = timegm(&tm);
	return 0;
}

int
date_parse_http(const char *text, int64_t *s, struct err *err)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);

	if (!end)
		return err_set(err, ERR_CORRUPT, "'%.40s' is not a HTTP date",
		    text);
	*s = timegm(&tm);
	return 0;
}
