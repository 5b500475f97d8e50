#include "base/timetable.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

enum { WEEK = 7, ALL_DAYS = (1 << WEEK) - 1, WORD_SIZE = 48, WORDS = 3 };

/* Of one entry. */
struct words {
	char word[WORDS][WORD_SIZE];
	size_t count;
};

/* Spaces part them; what is too long or too much stays so that it is named. */
static int
split(const char *p, size_t n, struct words *w, struct err *err)
{
	static const char space[] = " \t\r\n";

	for (;;) {
		size_t k = 0;

		while (n > 0 && strchr(space, *p)) {
			p++;
			n--;
		}
		if (n == 0)
			return 0;
		while (k < n && !strchr(space, p[k]))
			k++;
		if (w->count == WORDS || k >= WORD_SIZE)
			return err_set(err, ERR_USAGE,
			    "'%.*s' is one word too many, or too long",
			    (int)(k < WORD_SIZE ? k : WORD_SIZE), p);
		memcpy(w->word[w->count], p, k);
		w->word[w->count++][k] = '\0';
		p += k;
		n -= k;
	}
}

static bool
two_digits(const char *p, unsigned most, unsigned *ret)
{
	for (int i = 0; i < 2; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	*ret = (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
	return *ret <= most;
}

/* HH:MM; 24:00 is the end of the day. */
static bool
minute_of(const char *p, uint16_t *ret)
{
	unsigned h, m;

	if (!two_digits(p, 24, &h) || p[2] != ':' ||
	    !two_digits(p + 3, 59, &m) || h * 60 + m > TIMETABLE_DAY)
		return false;
	*ret = (uint16_t)(h * 60 + m);
	return true;
}

static int
read_times(const char *word, struct timetable_entry *e, struct err *err)
{
	if (strlen(word) == 11 && word[5] == '-' && minute_of(word, &e->from) &&
	    minute_of(word + 6, &e->to) && e->from != e->to &&
	    e->from != TIMETABLE_DAY)
		return 0;
	return err_set(err, ERR_USAGE,
	    "'%s' is not a range of times such as 08:00-18:00", word);
}

static bool
day_of(const char *p, unsigned *ret)
{
	static const char *const names[WEEK] = { "sun", "mon", "tue", "wed",
		"thu", "fri", "sat" };

	for (*ret = 0; *ret < WEEK; ++*ret)
		if (strncasecmp(p, names[*ret], 3) == 0)
			return true;
	return false;
}

/* "sat", "mon-fri", and "sat-mon" over the end of the week. */
static int
read_days(const char *word, struct timetable_entry *e, struct err *err)
{
	size_t n = strlen(word);
	unsigned first = 0, last = 0;
	bool good = day_of(word, &first);

	last = first;
	if (good && n != 3)
		good = n == 7 && word[3] == '-' && day_of(word + 4, &last);
	if (!good)
		return err_set(err, ERR_USAGE,
		    "'%s' is neither a range of times such as 08:00-18:00 nor "
		    "days such as sat or mon-fri",
		    word);
	e->days = (uint8_t)(1u << last);
	for (unsigned d = first; d != last; d = (d + 1) % WEEK)
		e->days |= (uint8_t)(1u << d);
	return 0;
}

static int
read_value(const char *word, uint64_t *ret, struct err *err)
{
	*ret = 0;
	return strcasecmp(word, "off") == 0 ? 0 : str_to_size(word, ret, err);
}

static int
read_when(const struct words *w, struct timetable_entry *e, struct err *err)
{
	size_t n = w->count - 1;
	const char *times = w->word[n - 1];
	bool timed = *times >= '0' && *times <= '9';

	if (timed && read_times(times, e, err))
		return -1;
	n -= timed;
	if (n > 1)
		return err_set(err, ERR_USAGE,
		    "'%s' is not a range of times such as 08:00-18:00", times);
	return n == 1 ? read_days(w->word[0], e, err) : 0;
}

static int
add(struct timetable *t, const char *p, size_t n, struct err *err)
{
	struct timetable_entry e = { .days = ALL_DAYS, .to = TIMETABLE_DAY };
	struct words w = { .count = 0 };

	if (split(p, n, &w, err))
		return -1;
	if (w.count == 0)
		return err_set(err, ERR_USAGE,
		    "'' is not a size such as 512K, 20M or 2G");
	if (read_value(w.word[w.count - 1], &e.value, err))
		return -1;
	if (w.count == 1) {
		t->rest = e.value;
		return 0;
	}
	if (read_when(&w, &e, err))
		return -1;
	if (t->count == TIMETABLE_MAX)
		return err_set(err, ERR_USAGE, "more than %d ranges",
		    TIMETABLE_MAX);
	t->entry[t->count++] = e;
	return 0;
}

int
timetable_parse(const char *text, struct timetable *ret, struct err *err)
{
	struct timetable t = { .count = 0 };

	for (;;) {
		size_t n = strcspn(text, ",");

		if (add(&t, text, n, err))
			return -1;
		if (text[n] == '\0')
			break;
		text += n + 1;
	}
	*ret = t;
	return 0;
}

static bool
covers(const struct timetable_entry *e, unsigned day, unsigned minute)
{
	unsigned before = (day + WEEK - 1) % WEEK;
	bool today = e->days >> day & 1, yesterday = e->days >> before & 1;

	if (e->from < e->to)
		return today && minute >= e->from && minute < e->to;
	return (today && minute >= e->from) || (yesterday && minute < e->to);
}

uint64_t
timetable_at(const struct timetable *t, const struct tm *tm)
{
	unsigned minute = (unsigned)(tm->tm_hour * 60 + tm->tm_min);

	for (unsigned i = 0; i < t->count; i++)
		if (covers(&t->entry[i], (unsigned)tm->tm_wday, minute))
			return t->entry[i].value;
	return t->rest;
}
