/* main.c - the program's entry; everything is in cmd/. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/cmd.h"

int
main(int argc, char *argv[])
{
	/* a reader of our output that goes away, and a file that may not grow,
	 * are errors of write */
	/* the system knows no error of these two */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return CMD_FAILED;
	/* Few arenas, and large buffers given back: many threads would
	 * otherwise keep several times what is in use. */
	(void)mallopt(M_ARENA_MAX, 2);
	(void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
	(void)mallopt(M_TRIM_THRESHOLD, 1 << 20);
	return cmd_main(argc, argv, (const char *const *)environ);
}
