/*
 * sqlite_helper.h - what runs beside a database in a pod, where nothing is
 * installed: a program of its own (src/helper.c), sent there and gone again.
 *
 *   probe SELF LENGTH          says that it can run here; SELF is its own file
 *   check PATH DIR...          one line of what would be saved
 *   accept PATH                one line of what would be replaced
 *   backup PATH WAIT DIR...    "copy LENGTH LOCKED", the copy, "end"
 *   restore PATH WAIT LENGTH DIR...   reads "LENGTH bytes, end"
 *
 * A probe also removes what a run that was killed left in SELF's folder.
 * WAIT, LOCKED: milliseconds; DIR: where copies may lie, the first with room.
 * An answer begins with "ok"; a failure is one line on standard error, the
 * number of the err_code first, and exit status 1.
 */
#ifndef COMPONENT_SQLITE_HELPER_H
#define COMPONENT_SQLITE_HELPER_H

#include "base/err.h"
#include "base/scope.h"

#define SQLITE_HELPER_HELLO "ok platform-backup-sqlite 1\n"
#define SQLITE_HELPER_END "end\n"
/* Its file is called so, and by a random number behind it, in hex. */
#define SQLITE_HELPER_FILE ".platform-backup-"
enum { SQLITE_HELPER_NONCE = 8 }; /* bytes of that number */

struct sqlite_helper {
	int argc;
	char *const *argv; /* the words above */
	int in, out;
};

MUST_CHECK int sqlite_helper_run(const struct sqlite_helper *, struct err *);

#endif
