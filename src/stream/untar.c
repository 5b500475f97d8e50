#include "stream/untar.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "stream/tar.h"

enum { PAX_MAX = 64 << 10 };

/* What comes next: a header, or what belongs to the one before. */
enum stage { HEADER, CONTENT, ENDED };

struct untar {
	struct sink sink;
	untar_fn *file;
	void *arg;
	size_t size_max;
	enum stage stage;
	struct tar_header h;
	size_t have;     /* bytes of the header */
	uint64_t at;     /* in the tar */
	uint64_t size;   /* of what the header belongs to, */
	uint64_t want;   /* with its padding, and still to come */
	unsigned closed; /* blocks of zeros in a row */
	struct buf content;
	char name[TAR_NAME_MAX + 1]; /* "": the header says it */
};

static int
bad(const struct untar *u, const char *why, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "at byte %ju of the tar: %s",
	    (uintmax_t)u->at, why);
}

/* --- numbers and names of a header */

static int
number(const struct untar *u, const char *p, size_t n, uint64_t *ret,
    struct err *err)
{
	uint64_t v = 0;
	size_t i = 0;

	while (i < n && p[i] == ' ')
		i++;
	if (i == n || p[i] < '0' || p[i] > '7')
		return bad(u, "a header without a number", err);
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		v = v << 3 | (unsigned)(p[i] - '0');
	if (i < n && p[i] != ' ' && p[i] != '\0')
		return bad(u, "a header with a wrong number", err);
	*ret = v;
	return 0;
}

/* In place: pax has said none. */
static void
take_name(struct untar *u)
{
	const struct tar_header *h = &u->h;
	size_t n = strnlen(h->prefix, sizeof h->prefix),
	       k = strnlen(h->name, sizeof h->name);

	memcpy(u->name, h->prefix, n);
	if (n > 0)
		u->name[n++] = '/';
	memcpy(u->name + n, h->name, k);
	u->name[n + k] = '\0';
}

/* --- pax: "<length> <name>=<value>\n", one behind the other */

static int
take_path(struct untar *u, const char *value, size_t n, struct err *err)
{
	if (n == 0 || n > TAR_NAME_MAX || memchr(value, '\0', n))
		return bad(u, "a name that cannot be", err);
	memcpy(u->name, value, n);
	u->name[n] = '\0';
	return 0;
}

/* Other records are times and the like; a size of its own nobody needs below
 * 8 GiB. */
static int
take_record(struct untar *u, const char *p, size_t n, struct err *err)
{
	if (n > 5 && memcmp(p, "path=", 5) == 0)
		return take_path(u, p + 5, n - 5, err);
	if (n > 5 && memcmp(p, "size=", 5) == 0)
		return bad(u, "a file that is too large", err);
	return 0;
}

static int
take_pax(struct untar *u, struct err *err)
{
	const char *p = u->content.data;
	size_t left = (size_t)u->size;

	while (left > 0) {
		size_t n = 0, i = 0;

		for (; i < left && i < 5 && p[i] >= '0' && p[i] <= '9'; i++)
			n = 10 * n + (size_t)(p[i] - '0');
		if (i == 0 || n <= i + 1 || n > left || p[i] != ' ' ||
		    p[n - 1] != '\n')
			return bad(u, "a pax header that cannot be read", err);
		if (take_record(u, p + i + 1, n - i - 2, err))
			return -1;
		p += n;
		left -= n;
	}
	return 0;
}

/* --- what has come as a whole */

static int
hand_out(struct untar *u, struct err *err)
{
	const struct untar_file f = { .name = u->name,
		.data = u->content.data,
		.size = (size_t)u->size,
		.offset = u->at - u->content.len };
	int rc;

	if (!u->name[0])
		take_name(u);
	if (!u->name[0])
		return bad(u, "a file without a name", err);
	u->content.data[u->size] = '\0';
	rc = u->file(u->arg, &f, err);
	u->name[0] = '\0';
	return rc ? -1 : 0;
}

static int
content_ends(struct untar *u, struct err *err)
{
	u->stage = HEADER;
	if (u->h.type == TAR_PAX)
		return take_pax(u, err);
	return u->h.type == TAR_PAX_ALL ? 0 : hand_out(u, err);
}

static bool
is_zero(const struct tar_header *h)
{
	static const struct tar_header zero;

	return memcmp(h, &zero, sizeof zero) == 0;
}

static int
check_header(struct untar *u, struct err *err)
{
	const struct tar_header *h = &u->h;
	uint64_t sum = 0;

	if (number(u, h->sum, sizeof h->sum, &sum, err))
		return -1;
	if (sum != tar_sum(h) || memcmp(h->magic, "ustar", 5) != 0)
		return bad(u, "that is no header", err);
	if (h->type != '\0' && h->type != TAR_FILE && h->type != TAR_PAX &&
	    h->type != TAR_PAX_ALL)
		return bad(u, "something that is no regular file", err);
	return number(u, h->size, sizeof h->size, &u->size, err);
}

static int
header_ends(struct untar *u, struct err *err)
{
	bool is_file = u->h.type == '\0' || u->h.type == TAR_FILE;

	u->have = 0;
	if (is_zero(&u->h)) {
		u->stage = ++u->closed == 2 ? ENDED : HEADER;
		return 0;
	}
	if (u->closed > 0)
		return bad(u, "something behind its end", err);
	if (check_header(u, err))
		return -1;
	if (u->size > (is_file ? u->size_max : PAX_MAX))
		return bad(u, "a file that is too large", err);
	u->want = (u->size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	buf_clear(&u->content);
	if (buf_reserve(&u->content, (size_t)u->want, err))
		return -1;
	u->stage = CONTENT;
	return u->want > 0 ? 0 : content_ends(u, err);
}

/* --- the sink */

static size_t
least(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

/* As much as belongs together; *n: of the n bytes at p. */
static int
step(struct untar *u, const char *p, size_t *n, struct err *err)
{
	switch (u->stage) {
	case HEADER:
		*n = least(sizeof u->h - u->have, *n);
		memcpy((char *)&u->h + u->have, p, *n);
		u->have += *n;
		u->at += *n;
		return u->have == sizeof u->h ? header_ends(u, err) : 0;
	case CONTENT:
		*n = least(u->want, *n);
		if (buf_add(&u->content, p, *n, err))
			return -1;
		u->want -= *n;
		u->at += *n;
		return u->want == 0 ? content_ends(u, err) : 0;
	case ENDED:
		break;
	}
	/* GNU tar pads to 10 KiB */
	for (size_t i = 0; i < *n; i++)
		if (p[i] != '\0')
			return bad(u, "something behind its end", err);
	u->at += *n;
	return 0;
}

static int
untar_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct untar *u = (struct untar *)s;
	const char *at = p;

	while (n > 0) {
		size_t k = n;

		if (step(u, at, &k, err))
			return -1;
		at += k;
		n -= k;
	}
	return 0;
}

static int
untar_finish(struct sink *s, struct err *err)
{
	struct untar *u = (struct untar *)s;

	return u->stage == ENDED ? 0 : bad(u, "it is cut short", err);
}

static void
untar_free(struct sink *s)
{
	buf_done(&((struct untar *)s)->content);
	free(s);
}

static const struct sink_ops untar_ops = {
	.name = "untar",
	.write = untar_write,
	.finish = untar_finish,
	.free = untar_free,
};

int
untar_new(size_t size_max, untar_fn *file, void *arg, struct sink **ret,
    struct err *err)
{
	struct untar *u = calloc(1, sizeof *u);

	if (!u)
		return err_nomem(err);
	u->file = file;
	u->arg = arg;
	u->size_max = size_max;
	u->content.max = (size_max > PAX_MAX ? size_max : PAX_MAX) + TAR_BLOCK;
	*ret = sink_init(&u->sink, &untar_ops, NULL);
	return 0;
}
