#include "plan/retention.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/date.h"

enum { PERIOD_SIZE = 32, DAY_S = 86400 };

/* All that a decision is made from. */
struct judgement {
	const struct config_retention *rules;
	const struct retention_set *set;
	size_t n;
	int64_t from; /* spans are measured back from here */
	struct retention_decision *to;
};

static void keep(struct retention_decision *, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

static void
keep(struct retention_decision *d, const char *fmt, ...)
{
	size_t used = d->keep ? strlen(d->reason) : 0;
	va_list ap;

	if (used > 0 && used + 2 < sizeof d->reason) {
		memcpy(d->reason + used, ", ", 3);
		used += 2;
	}
	d->keep = true;
	va_start(ap, fmt);
	(void)vsnprintf(d->reason + used, sizeof d->reason - used, fmt, ap);
	va_end(ap);
}

/* --- so many of the newest */

static void
keep_last(struct judgement *j)
{
	uint64_t seen = 0;

	for (size_t i = j->n; i-- > 0 && seen < j->rules->last;)
		if (j->set[i].complete)
			keep(&j->to[i], "last %ju", (uintmax_t)++seen);
}

/* strftime wants its format as it stands. */
enum period { HOUR, DAY, WEEK, MONTH, YEAR };

static void
name_period(enum period p, int64_t s, char out[PERIOD_SIZE])
{
	time_t t = (time_t)s;
	struct tm tm = { 0 };

	if (!gmtime_r(&t, &tm)) {
		(void)snprintf(out, PERIOD_SIZE, "%jd", (intmax_t)s);
		return;
	}
	switch (p) {
	case HOUR:
		(void)strftime(out, PERIOD_SIZE, "%Y-%m-%dT%H", &tm);
		break;
	case DAY:
		(void)strftime(out, PERIOD_SIZE, "%Y-%m-%d", &tm);
		break;
	case WEEK: /* ISO 8601: the week belongs to the year of its Thursday */
		(void)strftime(out, PERIOD_SIZE, "%G-W%V", &tm);
		break;
	case MONTH:
		(void)strftime(out, PERIOD_SIZE, "%Y-%m", &tm);
		break;
	case YEAR:
		(void)strftime(out, PERIOD_SIZE, "%Y", &tm);
		break;
	}
}

/* The newest of each of the newest so many periods that have one. */
static void
keep_periods(struct judgement *j, enum period p, uint64_t count)
{
	static const char *const word[] = { "hourly", "daily", "weekly",
		"monthly", "yearly" };
	char last[PERIOD_SIZE] = "", this[PERIOD_SIZE] = "";

	for (size_t i = j->n; i-- > 0 && count > 0;) {
		if (!j->set[i].complete)
			continue;
		name_period(p, j->set[i].time, this);
		if (strcmp(this, last) == 0)
			continue;
		memcpy(last, this, sizeof last);
		keep(&j->to[i], "%s %s", word[p], this);
		count--;
	}
}

/* --- spans of time */

static void
keep_span(struct judgement *j, uint64_t span)
{
	uint64_t hours = span / 3600;

	for (size_t i = 0; i < j->n && span > 0; i++) {
		if (j->set[i].running ||
		    j->set[i].time < j->from - (int64_t)span)
			continue;
		if (hours % 24 == 0)
			keep(&j->to[i], "newer than %ju days",
			    (uintmax_t)(hours / 24));
		else
			keep(&j->to[i], "newer than %ju hours",
			    (uintmax_t)hours);
	}
}

/* --- whatever the rules say */

/* SIZE_MAX: none. */
static size_t
newest_complete(const struct retention_set *set, size_t n)
{
	while (n-- > 0)
		if (set[n].complete)
			return n;
	return SIZE_MAX;
}

static void
keep_proven(struct judgement *j)
{
	for (size_t i = j->n; i-- > 0;) {
		if (!j->set[i].complete || !j->set[i].proven)
			continue;
		keep(&j->to[i], "last verified set");
		return;
	}
}

static void
keep_unfinished(struct judgement *j, size_t newest)
{
	for (size_t i = 0; i < j->n; i++) {
		if (j->set[i].running)
			keep(&j->to[i], "in progress");
		else if (!j->set[i].complete &&
		         (newest == SIZE_MAX || i > newest))
			keep(&j->to[i], "newer than the newest finished set");
	}
}

static bool
has(const struct retention_set *s, const char *name)
{
	for (size_t i = 0; i < s->nok; i++)
		if (strcmp(s->ok[i], name) == 0)
			return true;
	return false;
}

static bool
newer_has(const struct judgement *j, size_t i, const char *name)
{
	/* from the newest: that one mostly has it */
	for (size_t k = j->n; k-- > i + 1;)
		if (has(&j->set[k], name))
			return true;
	return false;
}

/* Where the newest finished set has all, this says nothing of others. */
static void
keep_components(struct judgement *j, size_t newest)
{
	for (size_t i = 0; i < j->n; i++) {
		const struct retention_set *s = &j->set[i];

		for (size_t k = 0; k < s->nok && i != newest; k++)
			if (!newer_has(j, i, s->ok[k]))
				keep(&j->to[i], "newest that has '%.60s'",
				    s->ok[k]);
	}
}

static void
keep_held(struct judgement *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->set[i].held)
			keep(&j->to[i], "held");
}

void
retention_decide(const struct config_retention *rules,
    const struct retention_set *set, size_t n, int64_t now,
    struct retention_decision *ret)
{
	size_t newest = newest_complete(set, n);
	struct judgement j = {
		.rules = rules, .set = set, .n = n, .from = now, .to = ret
	};

	if (newest != SIZE_MAX && set[newest].time < now)
		j.from = set[newest].time;
	for (size_t i = 0; i < n; i++)
		ret[i] =
		    (struct retention_decision){ .reason = "no rule keeps it" };
	keep_held(&j);
	if (newest != SIZE_MAX)
		keep(&ret[newest], "newest finished set");
	keep_unfinished(&j, newest);
	keep_last(&j);
	keep_periods(&j, HOUR, rules->hourly);
	keep_periods(&j, DAY, rules->daily);
	keep_periods(&j, WEEK, rules->weekly);
	keep_periods(&j, MONTH, rules->monthly);
	keep_periods(&j, YEAR, rules->yearly);
	keep_span(&j, rules->within);
	keep_span(&j, rules->older_days * DAY_S);
	keep_proven(&j);
	keep_components(&j, newest);
}

/* --- may anything go? */

static const struct {
	const char *name;
	enum retention_allow allow;
} names[] = {
	{ "clock", RETENTION_CLOCK },
	{ "future", RETENTION_FUTURE },
	{ "half", RETENTION_HALF },
	{ "last", RETENTION_LAST },
};

static int
allow_one(const char *name, size_t n, unsigned *allow, struct err *err)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strlen(names[i].name) != n ||
		    memcmp(names[i].name, name, n) != 0)
			continue;
		*allow |= names[i].allow;
		return 0;
	}
	return err_set(err, ERR_USAGE,
	    "'%.*s' cannot be allowed; clock, future, half and last can",
	    n < 40 ? (int)n : 40, name);
}

int
retention_allow_parse(const char *text, unsigned *allow, struct err *err)
{
	static const char between[] = ", ";
	size_t n;

	for (text += strspn(text, between); *text;
	     text += n, text += strspn(text, between)) {
		n = strcspn(text, between);
		if (allow_one(text, n, allow, err))
			return -1;
	}
	return 0;
}

static int
check_agreement(const struct retention_times *t, struct err *err)
{
	int64_t off = t->now > t->ours ? t->now - t->ours : t->ours - t->now;
	char ours[DATE_ISO_SIZE], theirs[DATE_ISO_SIZE];

	if (off <= RETENTION_TOLERANCE_S)
		return 0;
	date_iso(t->ours, ours);
	date_iso(t->now, theirs);
	return err_set(err, ERR_REFUSED,
	    "the clocks disagree: here it is %s, at the store %s: nothing is "
	    "deleted. Set the clock, or say '--allow clock'",
	    ours, theirs);
}

static int
went_back(const char *what, int64_t then, int64_t now, struct err *err)
{
	char a[DATE_ISO_SIZE], b[DATE_ISO_SIZE];

	date_iso(then, a);
	date_iso(now, b);
	return err_set(err, ERR_REFUSED,
	    "the clock went backwards: %s is from %s, and it is %s: nothing is "
	    "deleted. Set the clock, or say '--allow clock'",
	    what, a, b);
}

static int
check_clock(const struct retention_times *t, const struct retention_set *set,
    size_t n, struct err *err)
{
	int64_t now = t->now < t->ours ? t->now : t->ours;
	int64_t late = now + RETENTION_TOLERANCE_S;

	if (t->newest_note > late)
		return went_back("the newest note", t->newest_note, now, err);
	for (size_t i = n; i-- > 0;)
		if (set[i].time <= late && set[i].finished > late)
			return went_back("the end of a set", set[i].finished,
			    now, err);
	return 0;
}

static int
check_future(const struct retention_times *t, const struct retention_set *set,
    size_t n, struct err *err)
{
	char then[DATE_ISO_SIZE], now[DATE_ISO_SIZE];

	/* ids are by the store's clock */
	if (n == 0 || set[n - 1].time <= t->now + RETENTION_TOLERANCE_S)
		return 0;
	date_iso(set[n - 1].time, then);
	date_iso(t->now, now);
	return err_set(err, ERR_REFUSED,
	    "set %s lies in the future, as it is %s: nothing is deleted. Set "
	    "the clock, delete that set, or say '--allow future'",
	    then, now);
}

static int
check_half(const struct retention_set *set, const struct retention_decision *d,
    size_t n, struct err *err)
{
	size_t all = 0, gone = 0;

	for (size_t i = 0; i < n; i++) {
		all += !set[i].running;
		gone += !set[i].running && !d[i].keep;
	}
	return gone * 2 <= all
	           ? 0
	           : err_set(err, ERR_REFUSED,
	                 "%zu of %zu sets would go, more than half: nothing is "
	                 "deleted. Look with '--dry-run', then say '--allow "
	                 "half'",
	                 gone, all);
}

int
retention_check(const struct retention_times *t,
    const struct retention_set *set, const struct retention_decision *d,
    size_t n, unsigned allow, struct err *err)
{
	bool any_clock = allow & RETENTION_CLOCK;

	if (!any_clock && check_agreement(t, err))
		return -1;
	if (!(allow & RETENTION_FUTURE) && check_future(t, set, n, err))
		return -1;
	if (!any_clock && check_clock(t, set, n, err))
		return -1;
	return allow & RETENTION_HALF ? 0 : check_half(set, d, n, err);
}
