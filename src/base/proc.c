#include "base/proc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"

enum {
	PROC_CHUNK = 32 << 10,
	PIPE_MAX = 1 << 20, /* /proc/sys/fs/pipe-max-size */
	TICK_MS = 100,      /* how often to look at the time */
	ENDING_MS = 5,      /* for the child's end, where no pidfd tells it */
	NOT_RUN = 127,      /* as the shell says it; seen by nobody */
	FILE_FD = 3,        /* the first of its files */
	HIGH_FD = 16,       /* ours are here, out of the way of the child's */
};

enum { END = 3 }; /* the pidfd: readable when the child has ended */

/* Our ends of the child's three and its end, its own, and its files. */
struct ends {
	struct pollfd our[4];
	int child[3];
	int file[PROC_FILES_MAX];
};

struct run {
	struct proc *proc;
	pid_t pid;
	struct ends ends;
	const char *in;
	size_t in_left;
	bool feeding; /* more input may come: it is not closed yet */
	struct buf *to[3];
	const struct proc_out *out; /* instead of to[1] */
	bool out_failed;
	int64_t deadline; /* 0: none */
	int64_t moved;    /* when a byte last went in or out */
};

struct proc_child {
	struct run run;
	bool running;
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void
close_child_ends(struct ends *e)
{
	for (int i = 0; i < 3; i++)
		close_fd(&e->child[i]);
	for (int i = 0; i < PROC_FILES_MAX; i++)
		close_fd(&e->file[i]);
}

static void
close_ends(struct ends *e)
{
	close_child_ends(e);
	for (int i = 0; i <= END; i++)
		close_fd(&e->our[i].fd);
}

/* Where the child's dup2 cannot run over it. */
static int
raise_fd(int *fd)
{
	int high;

	if (*fd >= HIGH_FD)
		return 0;
	high = fcntl(*fd, F_DUPFD_CLOEXEC, HIGH_FD);
	if (high < 0)
		return -1;
	(void)close(*fd);
	*fd = high;
	return 0;
}

static int
make_pipe(int *from, int *to, struct err *err)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		return err_sys(err, "cannot make a pipe");
	*from = fd[0];
	*to = fd[1];
	if (raise_fd(from) || raise_fd(to))
		return err_sys(err, "cannot make a pipe");
	return 0;
}

static int
open_null(int *fd, struct err *err)
{
	*fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (*fd < 0 || raise_fd(fd))
		return err_sys(err, "cannot open /dev/null");
	return 0;
}

static int
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno != EINTR)
			return -1;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

/* Some programs ignore a file that others could write. */
static int
open_file(const struct proc_file *f, int *fd, struct err *err)
{
	*fd = memfd_create("input", MFD_CLOEXEC);
	if (*fd < 0 || raise_fd(fd) || fchmod(*fd, 0600) ||
	    write_all(*fd, f->data, f->len))
		return err_sys(err, "cannot make a file in memory");
	return 0;
}

static int
open_ends(struct run *r, struct err *err)
{
	struct ends *e = &r->ends;
	const bool piped[3] = { r->in || r->feeding, r->to[1] || r->out,
		r->to[2] != NULL };

	assert(r->proc->nfiles <= PROC_FILES_MAX);
	for (size_t i = 0; i < r->proc->nfiles; i++)
		if (open_file(&r->proc->files[i], &e->file[i], err))
			return -1;

	for (int i = 0; i < 3; i++) {
		int *our = &e->our[i].fd, *child = &e->child[i];

		e->our[i].events = i == 0 ? POLLOUT : POLLIN;
		if (!piped[i]) {
			if (open_null(child, err))
				return -1;
			continue;
		}
		if (i == 0 ? make_pipe(child, our, err)
		           : make_pipe(our, child, err))
			return -1;
		if (fcntl(*our, F_SETFL, O_NONBLOCK))
			return err_sys(err, "cannot make a pipe");
		/* Fewer turns; where it may not be so large it stays small. */
		if (i < 2)
			(void)fcntl(*our, F_SETPIPE_SZ, PIPE_MAX);
	}
	return 0;
}

/* Where the kernel is too old: what can be open in a sane process. */
static void
close_from(int first)
{
	if (close_range((unsigned)first, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (int fd = first; fd < 65536; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* A group of its own lets us end its children with it. */
static int
become(const struct run *r, pid_t parent)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	int nfiles = (int)r->proc->nfiles;
	const char *const *env = r->proc->env;
	sigset_t none;

	(void)setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -1;
	if (getppid() != parent)
		_exit(NOT_RUN); /* it died before we asked */
	for (int i = 0; i < 3; i++)
		if (dup2(r->ends.child[i], i) < 0)
			return -1;
	for (int i = 0; i < nfiles; i++)
		if (dup2(r->ends.file[i], FILE_FD + i) < 0)
			return -1;
	close_from(FILE_FD + nfiles);
	(void)sigaction(SIGPIPE, &dfl, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	return execvpe(r->proc->argv[0],
	    (char *const *)(uintptr_t)r->proc->argv,
	    env ? (char *const *)(uintptr_t)env : environ);
}

/*
 * In the child, after a fork of a process that may have threads: nothing but
 * system calls.
 */
static _Noreturn void
child(const struct run *r, pid_t parent, int report)
{
	if (become(r, parent)) {
		int why = errno;

		while (write(report, &why, sizeof why) < 0 && errno == EINTR)
			;
	}
	_exit(NOT_RUN);
}

/* The report pipe closes when exec succeeds, and says errno if it does not. */
static int
await_exec(struct run *r, int report, struct err *err)
{
	int why = 0;
	ssize_t n;

	do
		n = read(report, &why, sizeof why);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (why == ENOENT)
		return err_set(err, ERR_NOTFOUND, "not installed");
	errno = why;
	return err_sys(err, "cannot be run");
}

static int
start(struct run *r, struct err *err)
{
	AUTO(close) int from = -1;
	AUTO(close) int to = -1;
	pid_t parent = getpid();
	sigset_t all, old;

	if (make_pipe(&from, &to, err))
		return -1;
	/* Our handlers must not run in the child. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r->pid = fork();
	if (r->pid == 0)
		child(r, parent, to);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r->pid < 0)
		return err_sys(err, "cannot start a process");
	close_child_ends(&r->ends);
	close_fd(&to);
	r->ends.our[END] = (struct pollfd){ pidfd_open(r->pid, 0), POLLIN, 0 };
	return await_exec(r, from, err);
}

/*
 * A child that does not read all of its input is no error.  Without SIGPIPE:
 * blocked for this thread, and taken back where the write caused one.
 */
static ssize_t
write_quietly(int fd, const void *p, size_t n)
{
	const struct timespec now = { 0 };
	sigset_t sigpipe, old, pending;
	ssize_t done;
	int saved;

	(void)sigemptyset(&sigpipe);
	(void)sigaddset(&sigpipe, SIGPIPE);
	(void)sigpending(&pending);
	(void)pthread_sigmask(SIG_BLOCK, &sigpipe, &old);
	done = write(fd, p, n);
	saved = errno;
	if (done < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE))
		(void)sigtimedwait(&sigpipe, NULL, &now);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = saved;
	return done;
}

static void
feed(struct run *r)
{
	struct pollfd *p = &r->ends.our[0];
	ssize_t done;

	if (p->fd < 0 || (p->revents == 0 && r->in_left > 0) ||
	    (r->feeding && r->in_left == 0))
		return;
	done = r->in_left ? write_quietly(p->fd, r->in, r->in_left) : 0;
	if (done < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (done > 0) {
		r->in += done;
		r->in_left -= (size_t)done;
		r->moved = clock_mono_ms(clock_real());
	}
	if (done < 0 || (r->in_left == 0 && !r->feeding))
		close_fd(&p->fd);
}

/* For n more bytes: what is oldest goes. */
static void
make_room(struct buf *b, const char **p, size_t *n)
{
	size_t over = b->len + *n > b->max ? b->len + *n - b->max : 0;
	size_t old = over < b->len ? over : b->len;

	if (old > 0) {
		(void)memmove(b->data, b->data + old, b->len - old);
		b->len -= old;
	}
	*p += over - old;
	*n -= over - old;
}

/* Too many messages lose their end; too much output is an error. */
static int
keep(struct run *r, int i, const char *p, size_t n, struct err *err)
{
	struct buf *b = r->to[i];
	size_t room;

	r->moved = clock_mono_ms(clock_real());
	if (i == 1 && r->out) {
		r->out_failed = r->out->take(r->out->arg, p, n, err) != 0;
		return r->out_failed ? -1 : 0;
	}
	if (i == 2 && r->proc->errors_end)
		make_room(b, &p, &n);
	room = b->max > b->len ? b->max - b->len : 0;
	if (i == 2 && n > room)
		n = room;
	return n > 0 ? buf_add(b, p, n, err) : 0;
}

/* No more at once than a pipe can hold, so that there are other turns. */
static int
drain(struct run *r, int i, struct err *err)
{
	struct pollfd *p = &r->ends.our[i];
	char chunk[PROC_CHUNK];
	ssize_t n = 1;

	for (int k = 0; k < PIPE_MAX / PROC_CHUNK && p->fd >= 0 && n > 0; k++) {
		n = read(p->fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0 && errno != EAGAIN)
			return err_sys(err, "cannot read what it prints");
		else if (n > 0 && keep(r, i, chunk, (size_t)n, err))
			return -1;
		else if (n == 0)
			close_fd(&p->fd);
	}
	return 0;
}

/* Looks without reaping, so that the process id stays its own. */
static bool
has_ended(const struct run *r)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)r->pid, &info,
	           WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == r->pid;
}

static int
late(const struct run *r, struct err *err)
{
	int64_t now = clock_mono_ms(clock_real());
	unsigned quiet = r->proc->quiet_s;

	if (r->deadline && now >= r->deadline)
		return err_set(err, ERR_TRANSIENT, "took longer than %u s",
		    r->proc->timeout_s);
	if (quiet && now - r->moved >= (int64_t)quiet * 1000)
		return err_set(err, ERR_TRANSIENT,
		    "nothing came or went for %u s", quiet);
	return 0;
}

/* A pipe without anything to write is not asked: it would always be ready. */
static int
turn(struct run *r, bool *ended, struct err *err)
{
	struct pollfd *our = r->ends.our;
	int tick = our[END].fd >= 0 ? TICK_MS : ENDING_MS;

	our[0].events = r->in_left > 0 || !r->feeding ? POLLOUT : 0;
	if (late(r, err))
		return -1;
	if (poll(our, END + 1, tick) < 0 && errno != EINTR)
		return err_sys(err, "cannot wait for it");
	*ended = has_ended(r);
	feed(r);
	return drain(r, 1, err) || drain(r, 2, err) ? -1 : 0;
}

/*
 * Until the child has ended: a grandchild that holds on to the pipes is not
 * waited for.
 */
static int
pump(struct run *r, struct err *err)
{
	for (bool ended = false; !ended;)
		if (turn(r, &ended, err))
			return -1;
	return 0;
}

/* The child, and whatever it has left running. */
static int
reap(struct run *r)
{
	int status = 0;

	(void)kill(-r->pid, SIGKILL);
	(void)kill(r->pid, SIGKILL);
	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
	                           : WEXITSTATUS(status);
}

/* What the far side of its output says is not about the program. */
static int
name_it(const struct run *r, struct err *err)
{
	return r->out_failed ? -1
	                     : err_wrap(err, "program '%s'", r->proc->argv[0]);
}

static int
run(struct run *r, struct err *err)
{
	int rc, status;

	if (open_ends(r, err) || start(r, err))
		return name_it(r, err);
	rc = pump(r, err);
	status = reap(r);
	if (rc)
		return name_it(r, err);
	r->proc->status = status;
	return 0;
}

static void
run_init(struct run *r, struct proc *p, struct buf *out, struct buf *errors)
{
	int64_t now = clock_mono_ms(clock_real());

	*r = (struct run){ .proc = p,
		.to = { NULL, out, errors },
		.moved = now,
		.deadline =
		    p->timeout_s ? now + (int64_t)p->timeout_s * 1000 : 0 };
	for (int i = 0; i <= END; i++)
		r->ends.our[i].fd = -1;
	for (int i = 0; i < 3; i++)
		r->ends.child[i] = -1;
	for (int i = 0; i < PROC_FILES_MAX; i++)
		r->ends.file[i] = -1;
}

int
proc_run(struct proc *p, struct buf *out, struct buf *errors, struct err *err)
{
	struct run r;
	int rc;

	run_init(&r, p, out, errors);
	r.in = p->in;
	r.in_left = p->in_len;
	rc = run(&r, err);
	close_ends(&r.ends);
	return rc;
}

int
proc_start(struct proc *p, const struct proc_out *out, struct buf *errors,
    struct proc_child **ret, struct err *err)
{
	AUTO(proc_child) struct proc_child *c = calloc(1, sizeof *c);

	if (!c)
		return err_nomem(err);
	run_init(&c->run, p, NULL, errors);
	c->run.out = out;
	c->run.feeding = true;
	if (open_ends(&c->run, err) || start(&c->run, err))
		return name_it(&c->run, err);
	c->running = true;
	*ret = TAKE(c);
	return 0;
}

int
proc_write(struct proc_child *c, const void *p, size_t n, struct err *err)
{
	struct run *r = &c->run;
	bool ended = false;

	r->in = p;
	r->in_left = n;
	/* Time that the writer took for itself is not the child's. */
	r->moved = clock_mono_ms(clock_real());
	while (r->in_left > 0 && r->ends.our[0].fd >= 0 && !ended)
		if (turn(r, &ended, err))
			return name_it(r, err);
	if (r->in_left == 0)
		return 0;
	(void)err_set(err, ERR_CHANGED, "it does not read any more");
	return name_it(r, err);
}

int
proc_end(struct proc_child *c, struct err *err)
{
	struct run *r = &c->run;
	int rc;

	r->feeding = false;
	r->in_left = 0;
	r->moved = clock_mono_ms(clock_real());
	close_fd(&r->ends.our[0].fd);
	rc = pump(r, err);
	r->proc->status = reap(r);
	c->running = false;
	return rc ? name_it(r, err) : 0;
}

void
proc_free(struct proc_child *c)
{
	if (!c)
		return;
	if (c->running)
		(void)reap(&c->run);
	close_ends(&c->run.ends);
	free(c);
}
