/* main.c - placeholder of the program's entry until the commands exist. */
#include <stdio.h>

int
main(void)
{
	(void)fputs("platform-backup " VERSION "\n", stdout);
	return 0;
}
