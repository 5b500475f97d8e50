/*
 * helper.c - what platform-backup runs in a pod that has a SQLite database: a
 * static program without anything but the C library and SQLite, sent there
 * for one command (component/sqlite_helper.h).
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "component/sqlite_helper.h"

int
main(int argc, char *argv[])
{
	const struct sqlite_helper h = { argc - 1, argv + 1, STDIN_FILENO,
		STDOUT_FILENO };
	struct err err = { 0 };

	/* who asked for it went away: an error like any, which cleans up */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 1;
	/* the kernel keeps it as long as it runs, and nobody needs it after */
	if (argc > 1 && argv[0][0] == '/' && argv[1][0] != 'p')
		(void)unlink(argv[0]);
	if (sqlite_helper_run(&h, &err) == 0)
		return 0;
	(void)fprintf(stderr, "%d %s\n", (int)err.code, err.msg);
	return 1;
}
