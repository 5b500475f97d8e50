#include "component/sqlite_pod.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "component/pod_helper.h"
#include "component/sqlite_helper.h"
#include "config/config.h"
#include "stream/sink.h"

enum { LINE_MAX_KEPT = 4096, END = sizeof SQLITE_HELPER_END - 1 };

/* --- one line */

static int
answer_line(const struct sink *out, struct buf *to, struct err *err)
{
	size_t n;
	const char *text = sink_mem_data(out, &n);

	if (!text || n < 4 || memcmp(text, "ok ", 3) != 0 ||
	    text[n - 1] != '\n')
		return err_set(err, ERR_REMOTE,
		    "the helper in the pod gave half of an answer");
	return buf_add(to, text + 3, n - 4, err);
}

static int
one_line(const struct config_component *cfg, const struct pod_helper_call *call,
    struct buf *to, struct err *err)
{
	AUTO(pod_helper) struct pod_helper *h = NULL;
	AUTO(sink) struct sink *out = NULL;
	struct pod_helper_call c = *call;

	if (sink_mem_new(LINE_MAX_KEPT, &out, err) ||
	    pod_helper_new(cfg, &h, err))
		return -1;
	c.out = out;
	if (pod_helper_run(h, &c, err))
		return -1;
	return answer_line(out, to, err);
}

int
sqlite_pod_check(const struct config_component *cfg, bool restore,
    struct buf *detail, struct err *err)
{
	const struct pod_helper_call c = {
		.word = restore ? "accept" : "check", .dirs = !restore, .in = -1
	};

	return one_line(cfg, &c, detail, err);
}

/* --- a copy that comes */

struct incoming {
	struct sink sink;
	int fd;
	char line[64]; /* "ok LENGTH LOCKED" */
	size_t nline;
	bool begun; /* the line is read */
	uint64_t left, locked_ms;
	char end[END];
	size_t nend;
};

static int
nonsense(struct err *err)
{
	return err_set(err, ERR_REMOTE,
	    "what comes from the pod is not a copy of a database");
}

static int
read_line(struct incoming *in, struct err *err)
{
	char *locked, *length = in->line + 3;

	in->line[in->nline] = '\0';
	locked = str_starts(in->line, "ok ") ? strchr(length, ' ') : NULL;
	if (!locked)
		return nonsense(err);
	*locked++ = '\0';
	if (str_to_u64(length, 1, INT64_MAX, &in->left, err) ||
	    str_to_u64(locked, 0, INT64_MAX, &in->locked_ms, err))
		return nonsense(err);
	in->begun = true;
	return 0;
}

/* Up to its line's end; *used of the bytes. */
static int
take_line(struct incoming *in, const char *p, size_t n, size_t *used,
    struct err *err)
{
	for (*used = 0; *used < n && !in->begun;) {
		char c = p[(*used)++];

		if (c == '\n') {
			if (read_line(in, err))
				return -1;
		} else if (in->nline + 1 == sizeof in->line) {
			return nonsense(err);
		} else {
			in->line[in->nline++] = c;
		}
	}
	return 0;
}

static int
incoming_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct incoming *in = (struct incoming *)s;
	const char *at = p;
	size_t used, k;

	if (take_line(in, at, n, &used, err))
		return -1;
	at += used;
	n -= used;
	k = in->left < n ? (size_t)in->left : n;
	if (k > 0 && file_write_all(in->fd, at, k, err))
		return err_wrap(err, "the copy");
	in->left -= k;
	at += k;
	n -= k;
	if (n > END - in->nend)
		return nonsense(err);
	if (n > 0)
		memcpy(in->end + in->nend, at, n);
	in->nend += n;
	return 0;
}

static const struct sink_ops incoming_ops = { .name = "incoming",
	.write = incoming_write };

/* It went well there; did all of it come? */
static int
is_whole(const struct incoming *in, struct err *err)
{
	if (in->begun && in->left == 0 && in->nend == END &&
	    memcmp(in->end, SQLITE_HELPER_END, END) == 0)
		return 0;
	return err_set(err, ERR_TRANSIENT,
	    "the copy from the pod is not whole");
}

int
sqlite_pod_copy(const struct config_component *cfg, const char *to,
    int64_t *locked_ms, struct err *err)
{
	AUTO(pod_helper) struct pod_helper *h = NULL;
	AUTO(close)
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct incoming in = { .fd = fd };
	const struct pod_helper_call c = { .word = "backup",
		.numbers = { cfg->sqlite.busy_timeout_s * 1000 },
		.count = 1,
		.dirs = true,
		.in = -1,
		.out = sink_init(&in.sink, &incoming_ops, NULL) };

	if (fd < 0)
		return err_sys(err, "cannot make '%s'", to);
	if (pod_helper_new(cfg, &h, err) || pod_helper_run(h, &c, err) ||
	    is_whole(&in, err))
		return -1;
	*locked_ms = (int64_t)in.locked_ms;
	return 0;
}

/* --- one that goes */

int
sqlite_pod_load(const struct config_component *cfg, const char *from,
    struct buf *note, struct err *err)
{
	AUTO(close) int fd = open(from, O_RDONLY | O_CLOEXEC);
	struct pod_helper_call c = { .word = "restore",
		.numbers = { cfg->sqlite.busy_timeout_s * 1000 },
		.count = 2,
		.dirs = true,
		.in = fd };
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return err_sys(err, "cannot open '%s'", from);
	c.numbers[1] = (uint64_t)st.st_size;
	return one_line(cfg, &c, note, err);
}
