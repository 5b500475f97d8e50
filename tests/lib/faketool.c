#include "faketool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_MAX = 64, CALLS_MAX = 1 << 20 };

static char dir[64], *old_path;
static char *names[NAMES_MAX];
static unsigned count;

static void
must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

static void
path_of(const char *name, char out[256])
{
	(void)snprintf(out, 256, "%s/%s", dir, name);
}

void
faketool_setup(void)
{
	char path[4096];
	const char *old = getenv("PATH");

	memcpy(dir, "/tmp/faketool-XXXXXX", sizeof "/tmp/faketool-XXXXXX");
	must(mkdtemp(dir) != NULL, "mkdtemp");
	old_path = strdup(old ? old : "/usr/bin:/bin");
	(void)snprintf(path, sizeof path, "%s:%s", dir, old_path);
	must(setenv("PATH", path, 1) == 0, "setenv");
}

void
faketool_teardown(void)
{
	char path[256];

	while (count > 0) {
		path_of(names[--count], path);
		(void)unlink(path);
		free(names[count]);
	}
	path_of("calls", path);
	(void)unlink(path);
	must(rmdir(dir) == 0, dir);
	must(setenv("PATH", old_path, 1) == 0, "setenv");
	free(old_path);
}

static void
remember(const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return;
	must(count < NAMES_MAX, "too many tools");
	names[count++] = strdup(name);
}

void
faketool_add(const char *name, const char *body)
{
	char path[256];
	FILE *f;

	path_of(name, path);
	f = fopen(path, "w");
	must(f != NULL, path);
	(void)fprintf(f,
	    "#!/bin/sh\n"
	    "{ printf '%%s' \"${0##*/}\"; "
	    "[ $# -eq 0 ] || printf ' [%%s]' \"$@\"; echo; cat; } "
	    ">>\"${0%%/*}/calls\"\n%s\n",
	    body);
	must(fclose(f) == 0 && chmod(path, 0755) == 0, path);
	remember(name);
}

char *
faketool_calls(void)
{
	char path[256], *text = calloc(1, CALLS_MAX);
	ssize_t n = 0, got;
	int fd;

	must(text != NULL, "calloc");
	path_of("calls", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return text;
	while ((got = read(fd, text + n, (size_t)(CALLS_MAX - 1 - n))) > 0)
		n += got;
	for (ssize_t i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = '.';
	(void)close(fd);
	(void)unlink(path);
	return text;
}
