/* listen.h - a server of the benchmark: any free port, its URL on stdout. */
#ifndef BENCH_LISTEN_H
#define BENCH_LISTEN_H
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

static inline int
listen_somewhere(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) ||
	    listen(fd, 512) || getsockname(fd, (struct sockaddr *)&a, &len))
		return -1;
	(void)printf("http://127.0.0.1:%d\n", ntohs(a.sin_port));
	(void)fflush(stdout);
	return fd;
}

#endif
