/*
 * bare - the least that moving objects takes: requests and bytes, nothing else.
 *
 *     bare FILE CONNECTIONS FROM [TO]
 *
 * FROM, TO: URLs of servers on IPv4, plain HTTP.  Each line of FILE is a path
 * to GET, and with TO another, behind a space, that the same bytes are PUT to;
 * both signed already, in their queries.  Without TO the kernel throws
 * them away, with it the kernel moves them: nobody looks at them, signs, hashes
 * or compresses them.  So no backup can be faster over as many connections, and
 * what it takes longer is its own.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_MAX = 8192, LINE_MAX = 4096, PIPE = 1 << 20, THREADS_MAX = 256 };

struct server {
	const char *name; /* host:port; NULL: none */
	struct sockaddr_in address;
};

static struct server from, to;
static FILE *input;
static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;

static void
give_up(const char *what)
{
	perror(what);
	exit(1);
}

static void
no_url(const char *text)
{
	(void)fprintf(stderr, "bare: '%.200s' is no http://ADDRESS:PORT\n",
	    text);
	exit(2);
}

static void
read_url(const char *url, struct server *s)
{
	const char *scheme = "http://", *name = url + strlen(scheme), *colon;
	char host[64];

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		no_url(url);
	colon = strchr(name, ':');
	s->name = name;
	s->address.sin_family = AF_INET;
	if (!colon || (size_t)(colon - name) >= sizeof host)
		no_url(url);
	memcpy(host, name, (size_t)(colon - name));
	host[colon - name] = '\0';
	s->address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, host, &s->address.sin_addr) != 1)
		no_url(url);
}

static int
dial(const struct server *s)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&s->address,
	        sizeof s->address) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on))
		give_up(s->name);
	return fd;
}

static void
ask(int fd, const char *method, const char *path, const struct server *s,
    long long length)
{
	char text[LINE_MAX + 256], extra[64] = "";
	int n;

	if (length >= 0)
		(void)snprintf(extra, sizeof extra, "Content-Length: %lld\r\n",
		    length);
	n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n",
	    method, path, s->name, extra);
	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		give_up(path);
}

/* The head of an answer and nothing behind it; the length of its body. */
static long long
answer(int fd, const char *path)
{
	char head[HEAD_MAX + 1], *end;
	const char *length;
	ssize_t n;

	do {
		n = recv(fd, head, HEAD_MAX, MSG_PEEK);
		if (n <= 0)
			give_up(path);
		head[n] = '\0';
		end = strstr(head, "\r\n\r\n");
	} while (!end && n < HEAD_MAX);
	n = end ? end + 4 - head : n;
	if (recv(fd, head, (size_t)n, 0) != n)
		give_up(path);
	head[n] = '\0';
	length = strcasestr(head, "\r\ncontent-length:");
	if (strncmp(head, "HTTP/1.1 200", 12) != 0 || !length) {
		(void)fprintf(stderr, "bare: %.200s: %.100s\n", path, head);
		exit(1);
	}
	return strtoll(length + 17, NULL, 10);
}

static void
drop(int fd, long long left, const char *path)
{
	while (left > 0) {
		ssize_t n = recv(fd, NULL, (size_t)left, MSG_TRUNC);

		if (n <= 0)
			give_up(path);
		left -= n;
	}
}

static void
move(int fd, const int pipe_ends[2], int out, long long left, const char *path)
{
	while (left > 0) {
		ssize_t n =
		    splice(fd, NULL, pipe_ends[1], NULL, PIPE, SPLICE_F_MOVE);

		if (n <= 0)
			give_up(path);
		for (left -= n; n > 0;) {
			ssize_t k = splice(pipe_ends[0], NULL, out, NULL,
			    (size_t)n, SPLICE_F_MOVE);

			if (k <= 0)
				give_up(path);
			n -= k;
		}
	}
}

static bool
next_line(char line[LINE_MAX])
{
	bool there;

	(void)pthread_mutex_lock(&reading);
	there = fgets(line, LINE_MAX, input) != NULL;
	(void)pthread_mutex_unlock(&reading);
	if (there)
		line[strcspn(line, "\n")] = '\0';
	return there;
}

static void *
work(void *arg)
{
	char line[LINE_MAX];
	int in = dial(&from), out = to.name ? dial(&to) : -1;
	int pipe_ends[2] = { -1, -1 };

	(void)arg;
	if (to.name && (pipe2(pipe_ends, O_CLOEXEC) ||
	                   fcntl(pipe_ends[0], F_SETPIPE_SZ, PIPE) < 0))
		give_up("pipe");
	while (next_line(line)) {
		char *second = strchr(line, ' ');
		long long length;

		if (second)
			*second++ = '\0';
		ask(in, "GET", line, &from, -1);
		length = answer(in, line);
		if (!to.name || !second) {
			drop(in, length, line);
			continue;
		}
		ask(out, "PUT", second, &to, length);
		move(in, pipe_ends, out, length, line);
		drop(out, answer(out, second), second);
	}
	return NULL;
}

int
main(int argc, char *argv[])
{
	pthread_t thread[THREADS_MAX];
	unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

	if (argc < 4 || argc > 5 || n == 0 || n > THREADS_MAX) {
		(void)fputs("usage: bare FILE CONNECTIONS FROM [TO]\n", stderr);
		return 2;
	}
	input = fopen(argv[1], "re");
	if (!input)
		give_up(argv[1]);
	read_url(argv[3], &from);
	if (argc > 4)
		read_url(argv[4], &to);
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&thread[i], NULL, work, NULL))
			give_up("thread");
	for (unsigned i = 0; i < n; i++)
		(void)pthread_join(thread[i], NULL);
	return 0;
}
