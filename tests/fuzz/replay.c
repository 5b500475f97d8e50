/*
 * replay.c - a plain main for a fuzz target: every file of its corpus once,
 * in any build.  fuzz_x reads tests/fuzz/corpus/x.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *input = malloc(INPUT_MAX);
	int rc = -1;

	if (f != NULL && input != NULL) {
		size_t n = fread(input, 1, INPUT_MAX, f);

		/* exactly as long as it is, so that a read behind it shows */
		uint8_t *exact = malloc(n > 0 ? n : 1);

		if (exact != NULL) {
			memcpy(exact, input, n);
			(void)LLVMFuzzerTestOneInput(exact, n);
			rc = 0;
		}
		free(exact);
	}
	free(input);
	if (f != NULL)
		(void)fclose(f);
	return rc;
}

int
main(int argc, char **argv)
{
	const char *name = strstr(argv[0], "fuzz_");
	char folder[256], path[1024];
	unsigned done = 0, failed = 0;

	(void)argc;
	(void)snprintf(folder, sizeof(folder), "tests/fuzz/corpus/%s",
	    name != NULL ? name + strlen("fuzz_") : "");
	DIR *d = opendir(folder);

	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (replay(path) == 0)
			done++;
		else
			failed++;
	}
	if (d != NULL)
		(void)closedir(d);
	(void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	if (done == 0) {
		(void)fprintf(stderr, "%s: no corpus\n", folder);
		failed++;
	}
	(void)printf("%s: %u inputs\n%u passed, %u failed\n", folder, done,
	    failed == 0 ? 1U : 0U, failed);
	return failed > 0;
}
