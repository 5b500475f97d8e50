/* main.c - the program's entry; everything is in cmd/. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/cmd.h"

int
main(int argc, char *argv[])
{
	/* a reader of our output that goes away is an error of write */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return CMD_FAILED;
	return cmd_main(argc, argv, (const char *const *)environ);
}
