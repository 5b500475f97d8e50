/*
 * timetable.h - a value by the time of day: "08:00-18:00 20M, 200M".
 *
 * Entries with commas between them: [days] [HH:MM-HH:MM] size, or "off" in
 * place of the size.  Days are a name or a range, sat or mon-fri; a range of
 * times may go over midnight and then belongs to the day on which it begins.
 * Of the entries that cover a moment the first counts; else the last one that
 * has neither days nor times; else it is off.
 */
#ifndef BASE_TIMETABLE_H
#define BASE_TIMETABLE_H

#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "base/scope.h"

enum { TIMETABLE_MAX = 32, TIMETABLE_DAY = 24 * 60 };

struct timetable {
	struct timetable_entry {
		uint8_t days;      /* bit 0: Sunday */
		uint16_t from, to; /* minutes of the day; to: not included */
		uint64_t value;
	} entry[TIMETABLE_MAX];
	unsigned count;
	uint64_t rest; /* 0: off */
};

/* ERR_USAGE names the word that cannot be right. */
MUST_CHECK int timetable_parse(const char *text, struct timetable *ret,
    struct err *);
/* 0: off.  tm: what localtime_r says. */
uint64_t timetable_at(const struct timetable *, const struct tm *);

#endif
