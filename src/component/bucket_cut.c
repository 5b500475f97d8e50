#include "component/bucket_cut.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * The keys are looked at as a tree of their characters.  A page of LIST says
 * of a branch that it has less than a page of keys, or what part of it that
 * page is, if its keys are spread evenly: read as numbers whose digits are the
 * characters in which keys differ at each place.  The largest branch is
 * replaced by its own branches until all are small beside a range.
 */
enum {
	PAGE = 1000,
	BRANCHES = 2, /* so many make a range, at least */
	PAGES = 24,   /* are asked for, for each range */
	PAGES_MAX = 4096,
	PLACES = 160,
	DIGITS = 8, /* of a text that is made of a number */
	TEXT_MAX = 1024,
};

/* Behind every key that begins as this does: U+10FFFF, the last character. */
static const char behind_all[] = "\xf4\x8f\xbf\xbf";

struct branch {
	char *prefix;       /* of its keys */
	char *first, *last; /* of the page that was seen of it */
	size_t seen;        /* keys on that */
	bool whole;         /* it has no others */
	double size;
};

struct cut {
	struct s3 *s3;
	const char *prefix;
	struct branch *branch; /* in order */
	size_t count;
	unsigned pages, max; /* that were, and may be, asked for */
	/* Characters in which keys differ at a place; what is behind the last
	 * place is taken for that. */
	bool digit[PLACES][256];
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

static int
after_all(const char *prefix, char **ret, struct err *err)
{
	return str_printf(ret, err, "%s%s", prefix, behind_all);
}

static int
read_page(struct cut *c, const char *prefix, const char *after, struct page *p,
    struct err *err)
{
	AUTO(s3_list) struct s3_list *list = NULL;
	AUTO(object) struct object o = { 0 };
	bool more = true;

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
	return 0;
}

/* The first keys with the prefix, behind all that begin as `past` does (NULL:
 * from the first one). */
static struct page *
ask(struct cut *c, const char *prefix, const char *past, struct err *err)
{
	AUTO(free) char *after = NULL;
	AUTO(page) struct page *p = calloc(1, sizeof *p);

	if (!p) {
		(void)err_nomem(err);
		return NULL;
	}
	if ((past && after_all(past, &after, err)) ||
	    read_page(c, prefix, after, p, err))
		return NULL;
	return TAKE(p);
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

static size_t
place(size_t n)
{
	return n < PLACES ? n : PLACES - 1;
}

/* The characters by which neighbours differ. */
static void
learn(struct cut *c, const char *a, const char *b)
{
	size_t n = common(a, b);

	c->digit[place(n)][(unsigned char)a[n]] = true;
	c->digit[place(n)][(unsigned char)b[n]] = true;
}

static unsigned
base_of(const bool digit[256])
{
	unsigned base = 0;

	for (unsigned i = 0; i < 256; i++)
		base += digit[i];
	return base;
}

/* The number that a key is behind its first n characters, below 1. */
static double
number(const struct cut *c, const char *key, size_t n)
{
	double unit = 1, sum = 0;

	for (; key[n] && unit > 1e-12; n++) {
		const bool *digit = c->digit[place(n)];
		unsigned base = base_of(digit), rank = 0;

		for (unsigned i = 0; i < (unsigned char)key[n]; i++)
			rank += digit[i];
		if (base < 2)
			continue;
		unit /= base;
		sum += unit * rank;
	}
	return sum;
}

/* The digit that stands for the rank; '\0': there is none, or it is no
 * character of its own. */
static char
digit_of(const bool digit[256], unsigned rank)
{
	for (unsigned i = 0; i < 128; i++)
		if (digit[i] && rank-- == 0)
			return (char)i;
	return '\0';
}

/* The other way: a text behind the branch's prefix, whose number is v.  What
 * keys have in common there is taken from its first. */
static int
text_of(const struct cut *c, const struct branch *b, double v, char **ret,
    struct err *err)
{
	AUTO(buf) struct buf out = { .max = TEXT_MAX };
	size_t n = strlen(b->prefix), end = strlen(b->first);
	int digits = 0;

	if (buf_puts(&out, b->prefix, err))
		return -1;
	for (; n < end && n < TEXT_MAX && digits < DIGITS; n++) {
		const bool *digit = c->digit[place(n)];
		unsigned base = base_of(digit);
		char next = b->first[n];

		if (base >= 2) {
			v *= base;
			next = digit_of(digit, (unsigned)v);
			v -= (unsigned)v;
			digits++;
		}
		if (next == '\0' || (unsigned char)next > 0x7f)
			break;
		if (buf_add(&out, &next, 1, err))
			return -1;
	}
	*ret = TAKE(out.data);
	return 0;
}

/* How many keys each branch may have, by all that is known now. */
static void
measure(struct cut *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct branch *b = &c->branch[i];
		size_t n = strlen(b->prefix);
		double from, part;

		b->size = (double)b->seen;
		if (b->whole)
			continue;
		from = number(c, b->first, n);
		part = number(c, b->last, n) - from;
		b->size =
		    part > 1e-9 ? b->size * (1 - from) / part : b->size * 1e9;
	}
}

/* The end of the character that byte n is in. */
static size_t
whole_chars(const char *key, size_t n)
{
	while (((unsigned char)key[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* The prefix and one character more of the key, where it has one. */
static int
longer(const char *key, size_t depth, char **ret, struct err *err)
{
	size_t n = whole_chars(key, key[depth] ? depth + 1 : depth);

	*ret = strndup(key, n);
	return *ret ? 0 : err_nomem(err);
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

static void
branch_done(struct branch *b)
{
	free(b->prefix);
	free(b->first);
	free(b->last);
	*b = (struct branch){ 0 };
}

/* Of the page, the keys from `from` on that begin as the branch does. */
static int
see(struct cut *c, const struct page *p, size_t from, struct branch *b,
    struct err *err)
{
	size_t n = from;

	while (n < p->count && str_starts(p->key[n], b->prefix))
		n++;
	b->whole = n < p->count || p->whole;
	b->seen = n - from;
	for (size_t i = from + 1; i < n; i++)
		learn(c, p->key[i - 1], p->key[i]);
	return str_dup(p->key[from], &b->first, err) ||
	               str_dup(p->key[n - 1], &b->last, err)
	           ? -1
	           : 0;
}

/* The first branch of the page, one character below depth; a key that ends
 * there goes with it. */
static int
grow(struct cut *c, const struct page *p, size_t depth, struct branch *b,
    struct err *err)
{
	size_t own = !p->key[0][depth] && p->count > 1;

	return longer(p->key[own], depth, &b->prefix, err) ||
	               see(c, p, own, b, err)
	           ? -1
	           : 0;
}

static void
branches_done(struct branch *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		branch_done(&b[i]);
	free(b);
}

/* Do all keys with the prefix begin as this one does, up to n? */
static int
all_alike(struct cut *c, const char *prefix, const char *key, size_t n,
    bool *ret, struct err *err)
{
	AUTO(page) struct page *rest = NULL;
	AUTO(free) char *same = strndup(key, n);

	if (!same)
		return err_nomem(err);
	rest = ask(c, prefix, same, err);
	if (!rest)
		return -1;
	*ret = rest->count == 0;
	return 0;
}

/* As long a prefix as all keys of the branch have: between the one that it has
 * and what those of its page have in common. */
static int
stretch(struct cut *c, const struct branch *b, char **ret, struct err *err)
{
	size_t from = strlen(b->prefix), to = common(b->first, b->last);

	while (from < to) {
		size_t half = from + (to - from + 1) / 2,
		       mid = whole_chars(b->first, half);
		bool alike = false;

		if (all_alike(c, b->prefix, b->first, mid, &alike, err))
			return -1;
		if (alike)
			from = mid;
		else
			to = half - 1;
	}
	*ret = strndup(b->first, from);
	return *ret ? 0 : err_nomem(err);
}

/* All branches of a branch; *n 0: it has lost its keys. */
static int
branches_of(struct cut *c, const char *prefix, struct branch **ret, size_t *n,
    struct err *err)
{
	for (;;) {
		AUTO(page) struct page *p = NULL;
		struct branch b = { 0 };

		p = ask(c, prefix, *n > 0 ? (*ret)[*n - 1].prefix : NULL, err);
		if (!p)
			return -1;
		if (p->count == 0)
			return 0;
		if (*n > 0)
			learn(c, (*ret)[*n - 1].first, p->key[0]);
		if (grow(c, p, strlen(prefix), &b, err) ||
		    add(ret, n, &b, err)) {
			branch_done(&b);
			return -1;
		}
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
	AUTO(free) char *prefix = NULL;
	struct branch *own = NULL, *all;
	size_t n = 0;
	int rc = stretch(c, &c->branch[i], &prefix, err);

	if (rc == 0)
		rc = branches_of(c, prefix, &own, &n, err);
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
	branch_done(&c->branch[i]);
	free(c->branch);
	free(own);
	c->branch = all;
	c->count += n;
	c->count--;
	return 0;
}

static int
split(struct cut *c, unsigned n, struct err *err)
{
	for (;;) {
		size_t i;

		measure(c);
		i = largest(c);
		if (i == c->count || c->pages >= c->max ||
		    c->branch[i].size * n * BRANCHES < total(c))
			return 0;
		if (replace(c, i, err))
			return -1;
	}
}

/* Behind so much of a branch, which is less than all of it. */
static int
cut_branch(const struct cut *c, const struct branch *b, double part, char **ret,
    struct err *err)
{
	size_t n = strlen(b->prefix);
	double from = number(c, b->first, n),
	       to = b->whole ? number(c, b->last, n) : 1;

	return text_of(c, b, from + (to - from) * part, ret, err);
}

static int
choose(const struct cut *c, unsigned n, char **last, struct err *err)
{
	double even = total(c) / n, sum = 0;
	unsigned done = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct branch *b = &c->branch[i];

		for (; done + 1 < n && sum + b->size > even * (done + 1);
		     done++) {
			double part = (even * (done + 1) - sum) / b->size;

			if (cut_branch(c, b, part, &last[done], err))
				return -1;
			/* guessed texts may be in another order */
			if (done > 0 &&
			    strcmp(last[done], last[done - 1]) < 0) {
				free(TAKE(last[done]));
				if (str_dup(last[done - 1], &last[done], err))
					return -1;
			}
		}
		sum += b->size;
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

	p = ask(c, c->prefix, NULL, err);
	if (!p)
		return -1;
	if (p->whole)
		return choose_keys(p, n, last, err);
	if (str_dup(c->prefix, &root.prefix, err) || see(c, p, 0, &root, err) ||
	    add(&c->branch, &c->count, &root, err)) {
		branch_done(&root);
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
	struct cut *c;
	int rc;

	if (n < 2)
		return 0;
	c = calloc(1, sizeof *c);
	if (!c)
		return err_nomem(err);
	c->s3 = s3;
	c->prefix = prefix;
	c->max = n < PAGES_MAX / PAGES ? n * PAGES : PAGES_MAX;
	rc = cut(c, n, last, err);
	branches_done(c->branch, c->count);
	free(c);
	return rc;
}
