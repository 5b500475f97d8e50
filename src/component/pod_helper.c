#include "component/pod_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "component/pod_place.h"
#include "component/sqlite_helper.h"
#include "config/config.h"
#include "crypto/rand.h"
#include "kube/exec.h"
#include "kube/kube.h"
#include "stream/sink.h"

enum {
	HELPER_MAX = 2 << 20,
	SAID_MAX = 4096,
	CHUNK = 128 << 10,
	SHORT_S = 120,      /* a word or the helper, not a database */
	LONG_S = 24 * 3600, /* the largest database */
	PATH_MOST = 4096,
	WORDS_MOST = 12
};

/* Where it may lie, and its copies; the last is the database's own. */
static const char *const places[] = { "/tmp", "/var/tmp", "/dev/shm" };
enum { PLACES = sizeof places / sizeof *places + 1 };

/*
 * Its length is given, because v4 cannot say where the input ends.  Once the
 * program has said that it is whole, the shell waits for the end of its input,
 * which comes when we let go of it, or die: nothing is left then.  A small
 * container may lack /dev/null.
 */
static const char send_it[] =
    "[ -d \"$1\" ] || exit 11; umask 077; f=$1/$2; "
    "if type head >\"$f\" 2>&1; then head -c \"$3\" >\"$f\"; "
    "else dd bs=1 count=\"$3\" >\"$f\"; fi && "
    "chmod 700 \"$f\" && \"$f\" probe \"$f\" \"$3\" && "
    "{ read -r x; rm -f \"$f\"; exit 0; }; rm -f \"$f\"; exit 11";

struct pod_helper {
	struct kube *k;
	struct pod_place place;
	const char *container, *path; /* of the two in place */
	char *folder;                 /* that path lies in */
	char *file;                   /* the helper; NULL: not there */
	struct buf said;              /* standard error of the last command */
	struct exec_call sending;
	struct sink *hello;
	struct exec *sender; /* the shell that waits beside it */
};

void
pod_helper_free(struct pod_helper *h)
{
	if (!h)
		return;
	if (h->file) {
		const char *const argv[] = { "rm", "-f", h->file, NULL };
		struct exec_call c = { .namespace = h->place.namespace,
			.pod = h->place.pod,
			.container = h->container,
			.argv = argv,
			.timeout_s = SHORT_S };
		struct err err = { 0 };

		if (exec_run(h->k, &c, NULL, 0, &err))
			log_debug("'%s' may be left in pod '%s': %s", h->file,
			    h->place.pod, err.msg);
	}
	exec_free(h->sender);
	sink_free(h->hello);
	kube_free(h->k);
	pod_place_done(&h->place);
	free(h->folder);
	free(h->file);
	buf_done(&h->said);
	free(h);
}

static struct exec_call
call_of(struct pod_helper *h, const char *const *argv, struct sink *out)
{
	buf_clear(&h->said);
	return (struct exec_call){ .namespace = h->place.namespace,
		.pod = h->place.pod,
		.container = h->container,
		.argv = argv,
		.out = out,
		.errors = &h->said,
		.timeout_s = SHORT_S };
}

/* --- what it is */

/* A runtime without codes of its own says a missing program as 126 or 127. */
static bool
is_missing(int status)
{
	return status == 126 || status == 127;
}

/* *machine "": there is no shell. */
static int
ask_machine(struct pod_helper *h, char machine[32], struct err *err)
{
	static const char *const argv[] = { "sh", "-c", "uname -m", NULL };
	AUTO(sink) struct sink *out = NULL;
	struct exec_call c;
	const char *text;
	size_t n;

	*machine = '\0';
	if (sink_mem_new(SAID_MAX, &out, err))
		return -1;
	c = call_of(h, argv, out);
	if (exec_run(h->k, &c, NULL, 0, err))
		return err_is(err, ERR_NOTFOUND) ? 0 : -1;
	text = sink_mem_data(out, &n);
	if (is_missing(c.status))
		return 0;
	if (c.status == 0 && n > 1 && n <= 31)
		memcpy(machine, text, n - 1);
	else
		return err_set(err, ERR_REMOTE,
		    "container '%s' of pod '%s' does not say what machine it "
		    "is: 'uname -m' failed",
		    h->container, h->place.pod);
	machine[n - 1] = '\0';
	return 0;
}

/* In the container that has the file, or in the charm's. */
static int
choose_container(struct pod_helper *h, char machine[32], struct err *err)
{
	h->container = h->place.container;
	h->path = h->place.path;
	if (ask_machine(h, machine, err))
		return -1;
	if (!*machine && h->place.other) {
		h->container = h->place.other;
		h->path = h->place.other_path;
		if (ask_machine(h, machine, err))
			return -1;
	}
	if (!*machine)
		return err_set(err, ERR_NOTFOUND,
		    "container '%s' of pod '%s' has no shell, and no container "
		    "'charm' sees its volume",
		    h->place.container, h->place.pod);
	return 0;
}

/* --- the program for it */

static int
arch_of(const char *machine, const char **arch, struct err *err)
{
	if (strcmp(machine, "x86_64") == 0)
		*arch = "amd64";
	else if (strcmp(machine, "aarch64") == 0)
		*arch = "arm64";
	else
		return err_set(err, ERR_REMOTE,
		    "the pod's machine is a '%s'; there are helpers for x86_64 "
		    "and aarch64",
		    machine);
	return 0;
}

/* Beside the program, or in libexec beside its folder. */
static int
read_helper(const char *arch, struct buf *b, struct err *err)
{
	static const char *const below[] = { "/", "/../libexec/"
		                                  "platform-backup/" };
	char self[PATH_MOST];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	if (n < 0)
		return err_sys(err, "cannot find this program");
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
		AUTO(free) char *path = NULL;

		if (str_join(&path, err, self, below[i],
		        "platform-backup-sqlite.", arch, NULL))
			return -1;
		if (file_read(path, b, err) == 0)
			return 0;
		if (!err_is(err, ERR_NOTFOUND))
			return -1;
	}
	return err_set(err, ERR_NOTFOUND,
	    "no program 'platform-backup-sqlite.%s' beside this one; 'make "
	    "helper' builds it",
	    arch);
}

/* --- send it */

static bool
says_hello(const struct sink *out)
{
	size_t n;
	const char *text = sink_mem_data(out, &n);

	return text && n == strlen(SQLITE_HELPER_HELLO) &&
	       memcmp(text, SQLITE_HELPER_HELLO, n) == 0;
}

/* *there: it runs there, and the shell waits. */
static int
send_as(struct pod_helper *h, const char *const *argv, const struct buf *b,
    bool *there, struct err *err)
{
	AUTO(exec) struct exec *e = NULL;

	sink_free(TAKE(h->hello));
	if (sink_mem_new(SAID_MAX, &h->hello, err))
		return -1;
	h->sending = call_of(h, argv, h->hello);
	h->sending.in = true;
	if (exec_start(h->k, &h->sending, &e, err) || !e)
		return -1;
	if (exec_write(e, b->data, b->len, err) && !err_is(err, ERR_CHANGED))
		return -1;
	if (exec_wait(e, strlen(SQLITE_HELPER_HELLO), err))
		return -1;
	*there = says_hello(h->hello);
	if (!*there)
		return exec_end(e, err);
	h->sender = TAKE(e);
	return 0;
}

static int
send_to(struct pod_helper *h, const char *dir, const struct buf *b, bool *there,
    struct err *err)
{
	uint8_t nonce[SQLITE_HELPER_NONCE];
	char hex[2 * sizeof nonce + 1], name[64], length[24];
	const char *const argv[] = { "sh", "-c", send_it, "sh", dir, name,
		length, NULL };

	if (rand_bytes(nonce, sizeof nonce, err))
		return -1;
	str_hex(nonce, sizeof nonce, hex);
	(void)snprintf(name, sizeof name, SQLITE_HELPER_FILE "%s", hex);
	(void)snprintf(length, sizeof length, "%zu", b->len);
	if (send_as(h, argv, b, there, err))
		return -1;
	return *there ? str_join(&h->file, err, dir, "/", name, NULL) : 0;
}

static const char *
place(const struct pod_helper *h, size_t i)
{
	return i + 1 < PLACES ? places[i] : h->folder;
}

static int
send_somewhere(struct pod_helper *h, const struct buf *b, struct err *err)
{
	bool there = false;

	for (size_t i = 0; i < PLACES && !there; i++)
		if (send_to(h, place(h, i), b, &there, err))
			return -1;
	if (there)
		return 0;
	return err_set(err, ERR_NOROOM,
	    "container '%s' of pod '%s' has no folder where a program may be "
	    "put and run; tried: /tmp, /var/tmp, /dev/shm, %s (%.300s)",
	    h->container, h->place.pod, h->folder,
	    h->said.len > 0 ? h->said.data : "no reason was given");
}

static int
folder_of(const char *path, char **ret, struct err *err)
{
	const char *slash = strrchr(path, '/');

	return slash && slash > path
	           ? str_cut(path, (size_t)(slash - path), ret, err)
	           : str_dup("/", ret, err);
}

static int
set_up(struct pod_helper *h, struct err *err)
{
	AUTO(buf) struct buf b = { .max = HELPER_MAX };
	char machine[32];
	const char *arch = "";

	if (choose_container(h, machine, err) || arch_of(machine, &arch, err) ||
	    read_helper(arch, &b, err) || folder_of(h->path, &h->folder, err))
		return -1;
	return send_somewhere(h, &b, err);
}

int
pod_helper_new(const struct config_component *cfg, struct pod_helper **ret,
    struct err *err)
{
	const struct config_sqlite *db = &cfg->sqlite;
	AUTO(pod_helper) struct pod_helper *h = calloc(1, sizeof *h);

	if (!h)
		return err_nomem(err);
	h->said.max = SAID_MAX;
	if (kube_new(cfg->kube, &h->k, err) ||
	    pod_place_find(h->k, &db->pod, db->path, &h->place, err) ||
	    set_up(h, err))
		return -1;
	*ret = TAKE(h);
	return 0;
}

/* --- run it */

/* "13 words": the code and the words of its error. */
static int
explain(const struct pod_helper *h, int status, struct err *err)
{
	const char *text = h->said.len > 0 ? h->said.data : "";
	char *words;
	unsigned long code = strtoul(text, &words, 10);

	if (status == 1 && *words == ' ' && code > ERR_NONE &&
	    code <= ERR_USAGE)
		return err_set(err, (enum err_code)code, "in pod '%s': %.*s",
		    h->place.pod, (int)strcspn(words + 1, "\n"), words + 1);
	return err_set(err, ERR_TRANSIENT,
	    "the helper in pod '%s' ended with status %d%s%.300s", h->place.pod,
	    status, *text ? ": " : "", text);
}

static int
send_input(struct exec *e, int fd, struct err *err)
{
	AUTO(free) char *chunk = malloc(CHUNK);

	if (!chunk)
		return err_nomem(err);
	for (;;) {
		ssize_t n = read(fd, chunk, CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "cannot read the database");
		if (n == 0)
			return exec_write(e, SQLITE_HELPER_END,
			    strlen(SQLITE_HELPER_END), err);
		if (exec_write(e, chunk, (size_t)n, err))
			return -1;
	}
}

static int
talk(struct pod_helper *h, struct exec_call *c, int fd, struct err *err)
{
	AUTO(exec) struct exec *e = NULL;

	if (exec_start(h->k, c, &e, err) || !e)
		return -1;
	/* one that has ended early says why */
	if (fd >= 0 && send_input(e, fd, err) && !err_is(err, ERR_CHANGED))
		return -1;
	return exec_end(e, err);
}

int
pod_helper_run(struct pod_helper *h, const struct pod_helper_call *p,
    struct err *err)
{
	char number[2][24];
	const char *argv[WORDS_MOST] = { h->file, p->word, h->path };
	size_t n = 3;
	struct exec_call c;

	for (unsigned i = 0; i < p->count; i++) {
		(void)snprintf(number[i], sizeof number[i], "%" PRIu64,
		    p->numbers[i]);
		argv[n++] = number[i];
	}
	for (size_t i = 0; p->dirs && i < PLACES; i++)
		argv[n++] = place(h, i);
	c = call_of(h, argv, p->out);
	c.in = p->in >= 0;
	c.timeout_s = LONG_S;
	if (talk(h, &c, p->in, err))
		return -1;
	if (c.status != 0)
		return explain(h, c.status, err);
	free(TAKE(h->file)); /* it has removed itself */
	return 0;
}
