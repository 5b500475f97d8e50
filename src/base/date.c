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

static char *
put(char *to, int n, int value)
{
	for (int i = n; i-- > 0; value /= 10)
		to[i] = (char)('0' + value % 10);
	return to + n;
}

/* "2026-11-20T16:28:00Z", or without what stands between.  Each request is
 * dated: by hand, which takes a tenth of strftime. */
static void
write_form(int64_t s, bool between, char *out)
{
	const struct tm tm = fields(s);
	const int value[] = { tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		tm.tm_hour, tm.tm_min, tm.tm_sec };
	static const char behind[] = "--T::Z";

	if (value[0] >= 0 && value[0] <= 9999)
		for (int i = 0; i < 6; i++) {
			out = put(out, i == 0 ? 4 : 2, value[i]);
			if (between || behind[i] == 'T' || behind[i] == 'Z')
				*out++ = behind[i];
		}
	*out = '\0';
}

void
date_iso(int64_t s, char out[DATE_ISO_SIZE])
{
	write_form(s, true, out);
}

void
date_basic(int64_t s, char out[DATE_BASIC_SIZE])
{
	write_form(s, false, out);
}

/* From 1970 to the first of March of a year that begins there: leap days are
 * at its end. */
static int64_t
days_to_march(int64_t year)
{
	return year * 365 + year / 4 - year / 100 + year / 400 - 719468;
}

/* False: no such day or second. */
static bool
moment(const struct tm *tm, int64_t *s)
{
	int64_t year = tm->tm_year + (int64_t)1900 - (tm->tm_mon < 2);
	int month = (tm->tm_mon + 10) % 12; /* from March */
	/* 31 30 31 30 31 31 30 31 30 31 31 and the rest */
	int first = (153 * month + 2) / 5, next = (153 * month + 155) / 5;
	int64_t length =
	    month < 11 ? next - first
	               : days_to_march(year + 1) - days_to_march(year) - first;

	if (tm->tm_mday < 1 || tm->tm_mday > length || tm->tm_sec > 59)
		return false;
	*s = (days_to_march(year) + first + tm->tm_mday - 1) * 86400 +
	     (int64_t)tm->tm_hour * 3600 + (int64_t)tm->tm_min * 60 +
	     tm->tm_sec;
	return true;
}

static bool
number(const char *p, int n, int most, int *ret)
{
	*ret = 0;
	for (; n > 0; n--, p++) {
		if (*p < '0' || *p > '9')
			return false;
		*ret = *ret * 10 + (*p - '0');
	}
	return *ret <= most;
}

/* As long as the form, which has a '#' for what may be anything. */
static bool
has_form(const char *text, const char *form)
{
	for (; *form && *text; form++, text++)
		if (*form != '#' && *form != *text)
			return false;
	return *form == *text;
}

/* "08:49:37" */
static bool
parse_time(const char *p, struct tm *tm)
{
	return number(p, 2, 23, &tm->tm_hour) &&
	       number(p + 3, 2, 59, &tm->tm_min) &&
	       number(p + 6, 2, 60, &tm->tm_sec);
}

/* Without a fraction, as it is in the names of sets. */
static bool
parse_usual_iso(const char *text, int64_t *s)
{
	struct tm tm = { 0 };
	int year, month;

	if (!has_form(text, "####-##-##T##:##:##Z") ||
	    !number(text, 4, 9999, &year) || !number(text + 5, 2, 12, &month) ||
	    month == 0 || !number(text + 8, 2, 31, &tm.tm_mday) ||
	    !parse_time(text + 11, &tm))
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	return moment(&tm, s);
}

/* strptime lets blanks and short numbers pass: compare with the real form. */
int
date_parse_iso(const char *text, int64_t *s, struct err *err)
{
	struct tm tm = { 0 };
	const char *end;
	char back[DATE_ISO_SIZE] = "";
	int64_t t = 0;

	if (parse_usual_iso(text, s))
		return 0;
	end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
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

/* "Sun, 06 Nov 1994 08:49:37 GMT", which each answer has, twice. */
static bool
parse_usual(const char *text, struct tm *tm)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char month[4] = "";
	const char *at;
	int year;

	if (!has_form(text, "###, ## ### #### ##:##:## GMT"))
		return false;
	memcpy(month, text + 8, 3);
	at = strstr(months, month);
	if (!at || (at - months) % 3 != 0 ||
	    !number(text + 5, 2, 31, &tm->tm_mday) ||
	    !number(text + 12, 4, 9999, &year) || !parse_time(text + 17, tm))
		return false;
	tm->tm_mon = (int)(at - months) / 3;
	tm->tm_year = year - 1900;
	return true;
}

int
date_parse_http(const char *text, int64_t *s, struct err *err)
{
	struct tm tm = { 0 };
	const char *end = "";

	if (!parse_usual(text, &tm))
		end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (!end || *end || !moment(&tm, s))
		return err_set(err, ERR_CORRUPT, "'%.40s' is not an HTTP date",
		    text);
	return 0;
}
