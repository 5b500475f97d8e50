/* faketool.h - stand-ins for programs that are found in PATH. */
#ifndef LIB_FAKETOOL_H
#define LIB_FAKETOOL_H

/* A new folder at the front of PATH. */
void faketool_setup(void);
/* Remove it, and put PATH back. */
void faketool_teardown(void);

/*
 * A program of this name: a line "name [arg] [arg]" and what comes on stdin
 * are noted, then the shell runs body.  Replaces one that is there.
 */
void faketool_add(const char *name, const char *body);

/* What was noted since the last call, a NUL as '.'; the caller frees it. */
char *faketool_calls(void);
#endif
