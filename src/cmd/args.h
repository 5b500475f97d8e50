/* args.h - the words of the command line. */
#ifndef CMD_ARGS_H
#define CMD_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/scope.h"
#include "cmd/restore_choice.h"

enum args_option {
	ARGS_CONFIG = 1 << 0,
	ARGS_COMPONENT = 1 << 1,
	ARGS_FULL = 1 << 2,
	ARGS_LABEL = 1 << 3,
	ARGS_EXACT = 1 << 4,
	ARGS_DRY_RUN = 1 << 5,
	ARGS_JSON = 1 << 6,
	ARGS_TO = 1 << 7,
	ARGS_VERBOSE = 1 << 8,
	ARGS_QUIET = 1 << 9,
	ARGS_HELP = 1 << 10, /* as the commands of these names */
	ARGS_VERSION = 1 << 11,
	ARGS_READ = 1 << 12,
	ARGS_ALL = 1 << 13,
	ARGS_NOW = 1 << 14,
	ARGS_ALLOW = 1 << 15,
	ARGS_OUTPUT = 1 << 16,
	ARGS_INCLUDE_NAMESPACES = 1 << 17,
	ARGS_EXCLUDE_NAMESPACES = 1 << 18,
	ARGS_INCLUDE_RESOURCES = 1 << 19,
	ARGS_EXCLUDE_RESOURCES = 1 << 20,
	ARGS_SELECTOR = 1 << 21,
	ARGS_OR_SELECTOR = 1 << 22,
	ARGS_MAPPING = 1 << 23,
	ARGS_WORKER = 1 << 24,
	ARGS_JOIN = 1 << 25,
	ARGS_RUN = 1 << 26,
	ARGS_WAIT = 1 << 27,
	ARGS_POLICY = 1 << 28,
	ARGS_KUBERNETES = ARGS_INCLUDE_NAMESPACES | ARGS_EXCLUDE_NAMESPACES |
	                  ARGS_INCLUDE_RESOURCES | ARGS_EXCLUDE_RESOURCES |
	                  ARGS_SELECTOR | ARGS_OR_SELECTOR | ARGS_MAPPING |
	                  ARGS_POLICY,
};

struct args {
	const char *config;  /* NULL: not given */
	const char *command; /* NULL: none */
	const char *id;      /* what stands behind it; NULL: nothing */
	const char **components, **to, **allow; /* owned; the strings are
	                                         * argv's */
	size_t ncomponents, nto, nallow;
	const char *label;
	const char *read; /* NULL: not given; "all" or a share, as given */
	const char *output;
	const char *worker, *join, *run, *wait;
	struct restore_texts kubernetes;
	bool full, exact, dry_run, json, verbose, quiet, all, now;
	unsigned given; /* enum args_option */
};

/* ERR_USAGE: an unknown option, a missing value, a word too many. */
MUST_CHECK int args_parse(int argc, char *const argv[], struct args *,
    struct err *);
void args_done(struct args *);

/* "label": the first of those among `which`, of which there is one. */
const char *args_name(unsigned which);

/* Names and texts of the options among `which`, a line each; for help. */
MUST_CHECK int args_describe(unsigned which, char **ret, struct err *);

static inline void
scope_args(struct args *a)
{
	args_done(a);
}

#endif
