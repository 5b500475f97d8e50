/*
 * mysql_lines.h - the two kinds of lines of a dump that cannot stay as the
 * tools write them; all others pass untouched.
 */
#ifndef COMPONENT_MYSQL_LINES_H
#define COMPONENT_MYSQL_LINES_H

#include "stream/sink.h"

enum mysql_lines {
	/*
	 * Leave "DEFINER=`user`@`host`" out: only a user with wide rights may
	 * create what belongs to someone else, and another server need not
	 * have that someone.
	 */
	MYSQL_LINES_NO_DEFINER,
	/*
	 * A replica keeps the events of its primary as "DISABLE ON SLAVE";
	 * in a restored database they would never run again.
	 */
	MYSQL_LINES_EVENTS_ON
};

/* next: owned from here on, freed on failure. */
MUST_CHECK int mysql_lines_sink(enum mysql_lines, struct sink *next,
    struct sink **, struct err *);

#endif
