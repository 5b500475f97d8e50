#include "base/date.h"

#include <stdbool.h>
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

/* False: no such day or second, which timegm would move to another. */
static bool
moment(const struct tm *tm, int64_t *s)
{
	struct tm real = *tm;
	time_t t = timegm(&real);

	if (real.tm_mday != tm->tm_mday || real.tm_sec != tm->tm_sec)
		return false;
	*s = t;
	return true;
}

/* strptime lets blanks and short numbers pass: compare with the real form. */
int
date_parse_iso(const char *text, int64_t *s, struct err *err)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	char back[DATE_ISO_SIZE] = "";
	int64_t t = 0;

	if (end && *end == '.' && end[1] != 'Z')
		end += 1 + strspn(end + 1, "0123456789");
	if (end && moment(&tm, &t))
		date_iso(t, back);
	if (!end || strlen(back) != DATE_ISO_SIZE - 1 ||
	    strcmp(end, "Z") != 0 ||
	    strncmp(back, text, DATE_ISO_SIZE - 2) != 0)
		return err_set(err, ERR_CORRUPT,
		    "'%.40s' is not a UTC time like 2026-11-20T16:28:00Z",
		    text);
	*s = t;
	return 0;
}

int
date_parse_http(const char *text, int64_t *s, struct err *err)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);

	if (!end || *end || !moment(&tm, s))
		return err_set(err, ERR_CORRUPT, "'%.40s' is not an HTTP date",
		    text);
	return 0;
}
