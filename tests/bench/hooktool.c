/*
 * hooktool - all of Juju's hook tools for a unit without relations: what it
 * answers depends on the name that it is called by.  It takes as little time
 * as a program can, so that what is measured is the hook.  Its name goes to the
 * file that HOOKTOOL_LOG names, if any.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
note(const char *file, const char *name)
{
	FILE *f = fopen(file, "a");

	if (!f)
		return 1;
	(void)fprintf(f, "%s\n", name);
	return fclose(f) != 0;
}

int
main(int argc, char *argv[])
{
	static const char *const answers[][2] = { { "is-leader", "true" },
		{ "config-get", "{}" }, { "relation-ids", "[]" },
		{ "storage-list", "[]" }, { "state-get", "{}" } };
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";

	const char *file = getenv("HOOKTOOL_LOG");

	if (file && note(file, name))
		return 1;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
		if (strcmp(name, answers[i][0]) == 0)
			return puts(answers[i][1]) < 0;
	return 0;
}
