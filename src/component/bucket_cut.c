#include "component/bucket_cut.h"

#include <string.h>

#include "base/str.h"

/*
 * The keys are looked at as a tree of their characters.  A page of LIST says
 * of a branch that it has less than a page of keys, or how deep in it they
 * differ, from which follows how many it may have.  The largest is replaced by
 * its own branches until all are small beside a range.
 */
enum {
	PAGE = 1000,
	BRANCHES = 8, /* so many make a range, at least */
	PAGES = 32,   /* are asked for, for each range */
	PAGES_MAX = 4096,
	DEEP = 12, /* levels below which nobody can guess */
};

/* Behind every key that begins as this does: U+10FFFF, the last character. */
static const char behind_all[] = "\xf4\x8f\xbf\xbf";

struct branch {
	char *prefix; /* of its keys */
	double size;
	bool whole; /* counted */
};

struct cut {
	struct s3 *s3;
	const char *prefix;
	struct branch *branch; /* in order */
	size_t count;
	unsigned pages, max; /* that were, and may be, asked for */
	double fan;          /* branches of a branch, so far */
};

struct page {
	char *key[PAGE];
	size_t count; /* of those that have the prefix */
	bool whole;   /* no other has it */
};

static void
page_done(struct page *p)
{
	for (size_t i = 0; p && i < p->count; i++)
		free(p->key[i]);
	free(p);
}

static inline void
scope_page(struct page **p)
{
	page_done(*p);
}

/* The first keys behind `after`, as far as they begin with prefix. */
static int
ask(struct cut *c, const char *prefix, const char *after, struct page **ret,
    struct err *err)
{
	AUTO(s3_list) struct s3_list *list = NULL;
	AUTO(object) struct object o = { 0 };
	AUTO(page) struct page *p = calloc(1, sizeof *p);
	bool more = true;

	if (!p)
		return err_nomem(err);
	c->pages++;
	if (s3_list_new(c->s3, prefix, NULL, after, &list, err))
		return -1;
	while (p->count < PAGE) {
		if (s3_list_next(list, &o, NULL, &more, err))
			return -1;
		if (!more)
			break;
		p->key[p->count++] = TAKE(o.key);
	}
	p->whole = !more;
	*ret = TAKE(p);
	return 0;
}

/* --- one branch */

static size_t
common(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

/* How many keys a branch may have: a page of them, or of its first n, differs
 * so far below it. */
static double
guess(const struct cut *c, const struct page *p, size_t n, size_t depth)
{
	size_t levels = common(p->key[0], p->key[n - 1]) - depth;
	double size = PAGE;

	for (size_t i = 0; i < levels && i < DEEP; i++)
		size *= c->fan;
	return size;
}

/* The prefix and one character more of the key. */
static int
longer(const char *key, size_t depth, char **ret, struct err *err)
{
	size_t n = depth + 1;

	while (((unsigned char)key[n] & 0xc0) == 0x80)
		n++;
	*ret = strndup(key, n);
	return *ret ? 0 : err_nomem(err);
}

static int
after_all(const char *prefix, char **ret, struct err *err)
{
	return str_printf(ret, err, "%s%s", prefix, behind_all);
}

static int
add(struct branch **to, size_t *n, struct branch *b, struct err *err)
{
	struct branch *p = realloc(*to, (*n + 1) * sizeof *p);

	if (!p)
		return err_nomem(err);
	*to = p;
	p[(*n)++] = *b;
	*b = (struct branch){ 0 };
	return 0;
}

/* The first branch of the page, one character below depth. */
static int
grow(const struct cut *c, const struct page *p, size_t depth, struct branch *b,
    struct err *err)
{
	size_t n = 1;

	if (longer(p->key[0], depth, &b->prefix, err))
		return -1;
	while (n < p->count && str_starts(p->key[n], b->prefix))
		n++;
	b->whole = n < p->count || p->whole;
	b->size = b->whole ? (double)n : guess(c, p, n, strlen(b->prefix));
	return 0;
}

static void
branches_done(struct branch *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(b[i].prefix);
	free(b);
}

/* Where all keys of a branch are alike for longer: the longer prefix. */
static int
stretch(struct cut *c, char **prefix, struct err *err)
{
	AUTO(page) struct page *p = NULL, *rest = NULL;
	AUTO(free) char *same = NULL, *after = NULL;
	size_t n;

	if (ask(c, *prefix, NULL, &p, err))
		return -1;
	n = p->count ? common(p->key[0], p->key[p->count - 1]) : 0;
	while (n > 0 && ((unsigned char)p->key[0][n] & 0xc0) == 0x80)
		n--;
	if (n <= strlen(*prefix))
		return 0;
	same = strndup(p->key[0], n);
	if (!same)
		return err_nomem(err);
	if (after_all(same, &after, err) || ask(c, *prefix, after, &rest, err))
		return -1;
	if (rest->count == 0) {
		free(*prefix);
		*prefix = TAKE(same);
	}
	return 0;
}

/* All branches of a branch; *n 0: it has lost its keys. */
static int
branches_of(struct cut *c, const char *prefix, struct branch **ret, size_t *n,
    struct err *err)
{
	AUTO(free) char *after = NULL;

	for (;;) {
		AUTO(page) struct page *p = NULL;
		struct branch b = { 0 };

		if (ask(c, prefix, after, &p, err))
			return -1;
		/* a key that is the prefix itself is no branch */
		if (p->count > 0 && !p->key[0][strlen(prefix)]) {
			free(after);
			after = strdup(prefix);
			if (!after)
				return err_nomem(err);
			continue;
		}
		if (p->count == 0)
			return 0;
		if (grow(c, p, strlen(prefix), &b, err) ||
		    add(ret, n, &b, err)) {
			free(b.prefix);
			return -1;
		}
		free(TAKE(after));
		if (after_all((*ret)[*n - 1].prefix, &after, err))
			return -1;
	}
}

/* --- the whole */

static double
total(const struct cut *c)
{
	double sum = 0;

	for (size_t i = 0; i < c->count; i++)
		sum += c->branch[i].size;
	return sum;
}

/* The largest that is not counted; c->count: all are. */
static size_t
largest(const struct cut *c)
{
	size_t at = c->count;

	for (size_t i = 0; i < c->count; i++)
		if (!c->branch[i].whole &&
		    (at == c->count || c->branch[i].size > c->branch[at].size))
			at = i;
	return at;
}

/* In place of the i-th, its own. */
static int
replace(struct cut *c, size_t i, struct err *err)
{
	struct branch *own = NULL, *all;
	size_t n = 0;
	int rc = stretch(c, &c->branch[i].prefix, err);

	if (rc == 0)
		rc = branches_of(c, c->branch[i].prefix, &own, &n, err);
	all = rc ? NULL : calloc(c->count + n, sizeof *all);
	if (!all) {
		branches_done(own, n);
		return rc ? -1 : err_nomem(err);
	}
	memcpy(all, c->branch, i * sizeof *all);
	if (n > 0)
		memcpy(all + i, own, n * sizeof *all);
	memcpy(all + i + n, c->branch + i + 1,
	    (c->count - i - 1) * sizeof *all);
	free(c->branch[i].prefix);
	free(c->branch);
	free(own);
	c->branch = all;
	c->count += n;
	c->count--;
	if (n > 1)
		c->fan = (c->fan + (double)n) / 2;
	return 0;
}

static int
split(struct cut *c, unsigned n, struct err *err)
{
	for (;;) {
		size_t i = largest(c);

		if (i == c->count || c->pages >= c->max ||
		    c->branch[i].size * n * BRANCHES < total(c))
			return 0;
		if (replace(c, i, err))
			return -1;
	}
}

/* At the ends of branches. */
static int
choose(const struct cut *c, unsigned n, char **last, struct err *err)
{
	double all = total(c), sum = 0;
	unsigned done = 0;

	for (size_t i = 0; i < c->count && done + 1 < n; i++) {
		sum += c->branch[i].size;
		while (done + 1 < n && sum * n >= all * (done + 1)) {
			if (after_all(c->branch[i].prefix, &last[done], err))
				return -1;
			done++;
		}
	}
	return 0;
}

/* So few that all of them are known. */
static int
choose_keys(const struct page *p, unsigned n, char **last, struct err *err)
{
	for (unsigned i = 1; i < n; i++) {
		size_t at = p->count * i / n;

		if (str_dup(at > 0 ? p->key[at - 1] : "", &last[i - 1], err))
			return -1;
	}
	return 0;
}

static int
cut(struct cut *c, unsigned n, char **last, struct err *err)
{
	AUTO(page) struct page *p = NULL;
	struct branch root = { 0 };

	if (ask(c, c->prefix, NULL, &p, err))
		return -1;
	if (p->whole)
		return choose_keys(p, n, last, err);
	root.size = guess(c, p, p->count, strlen(c->prefix));
	if (str_dup(c->prefix, &root.prefix, err) ||
	    add(&c->branch, &c->count, &root, err)) {
		free(root.prefix);
		return -1;
	}
	if (split(c, n, err) || choose(c, n, last, err))
		return -1;
	/* where the bucket was emptied meanwhile */
	for (unsigned i = 0; i + 1 < n; i++)
		if (!last[i] && str_dup(i ? last[i - 1] : "", &last[i], err))
			return -1;
	return 0;
}

int
bucket_cut(struct s3 *s3, const char *prefix, unsigned n, char **last,
    struct err *err)
{
	struct cut c = { .s3 = s3, .prefix = prefix, .fan = 10 };
	int rc;

	c.max = n < PAGES_MAX / PAGES ? n * PAGES : PAGES_MAX;
	rc = cut(&c, n, last, err);
	branches_done(c.branch, c.count);
	return rc;
}
