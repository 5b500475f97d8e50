/* cmd.h - the commands: a table of names, and main's way in. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "base/err.h"
#include "base/scope.h"
#include "cmd/args.h"
#include "cmd/console.h"

/* Exit statuses; part of the outside interface. */
enum cmd_status {
	CMD_DONE = 0,
	CMD_FAILED = 1,
	CMD_USAGE = 2,
	CMD_INCOMPLETE = 3, /* set stored, but a component is not ok */
};

enum cmd_id { CMD_ID_NONE, CMD_ID_NEEDED, CMD_ID_OR_ALL /* --all */ };

struct cmd {
	const char *name;
	const char *words; /* behind the name, for help; "" for none */
	const char *text;
	unsigned options; /* enum args_option, beside config, verbose, quiet */
	enum cmd_id id;   /* of a set */
	int (*run)(const struct args *, struct console *, enum cmd_status *,
	    struct err *);
};

/* Ends with a NULL name. */
const struct cmd *cmd_table(void);

/* Parse, run, print the error if there is one; the exit status. */
int cmd_main(int argc, char *const argv[], const char *const environment[]);

#endif
