/*
 * usage - what a command takes: time, CPU time, memory.
 *
 *     usage TIMES FILE COMMAND...
 *
 * Runs it so often, one after the other; FILE gets one JSON line: wall and CPU
 * seconds of one run (the mean), peak resident MiB of the largest process, the
 * first exit status that was not 0.  All of it with the children that were
 * waited for.  In C, because a process is charged with the memory of the one
 * that started it: measured by a script, nothing takes less than a script.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct used {
	double wall, cpu;
	long kib;
	int status;
};

static double
seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
of_timeval(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int
exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
run(char *command[], struct used *u)
{
	double begin = seconds();
	struct rusage r;
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, command[0], NULL, NULL, command, environ) ||
	    wait4(pid, &status, 0, &r) != pid)
		return -1;
	u->wall += seconds() - begin;
	u->cpu += of_timeval(r.ru_utime) + of_timeval(r.ru_stime);
	u->kib = r.ru_maxrss > u->kib ? r.ru_maxrss : u->kib;
	u->status = u->status ? u->status : exit_status(status);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct used u = { 0 };
	long times = argc > 3 ? strtol(argv[1], NULL, 10) : 0;
	FILE *f;

	if (times < 1) {
		(void)fputs("usage: usage TIMES FILE COMMAND...\n", stderr);
		return 2;
	}
	for (long i = 0; i < times; i++)
		if (run(argv + 3, &u)) {
			perror("usage");
			return 1;
		}
	f = fopen(argv[2], "w");
	if (!f) {
		perror(argv[2]);
		return 1;
	}
	(void)fprintf(f,
	    "{\"wall\":%.4f,\"cpu\":%.4f,\"rss\":%.1f,\"status\":%d}\n",
	    u.wall / (double)times, u.cpu / (double)times, (double)u.kib / 1024,
	    u.status);
	return fclose(f) ? 1 : u.status;
}
