#include <string.h>

#include "base/str.h"
#include "s3/s3.h"
#include "s3/s3_request.h"

enum {
	/* In a row: a server that has looked at much and found nothing yet may
	 * say so, but not for ever. */
	EMPTY_PAGES_MAX = 1000,
};

struct s3_list {
	struct s3 *s;
	char *prefix, *delimiter, *after;
	struct reply_page page;
	struct buf xml;               /* of the page, kept for the next one's */
	size_t next_key, next_folder; /* in the page */
	char *last; /* key handed out last; NULL: none, or `after` */
	bool last_folder;
	bool started;
	unsigned empty; /* pages in a row */
};

int
s3_list_new(struct s3 *s, const char *prefix, const char *delimiter,
    const char *after, struct s3_list **out, struct err *err)
{
	AUTO(s3_list) struct s3_list *l = calloc(1, sizeof *l);

	if (!l)
		return err_nomem(err);
	l->s = s;
	if (str_dup(prefix ? prefix : "", &l->prefix, err) ||
	    (delimiter && str_dup(delimiter, &l->delimiter, err)) ||
	    (after && *after && str_dup(after, &l->after, err)))
		return -1;
	*out = TAKE(l);
	return 0;
}

const char *
s3_list_last(const struct s3_list *l)
{
	return l->last;
}

void
s3_list_free(struct s3_list *l)
{
	if (!l)
		return;
	free(l->prefix);
	free(l->delimiter);
	free(l->after);
	free(l->last);
	reply_page_done(&l->page);
	buf_done(&l->xml);
	free(l);
}

/* --- a page */

static int
add_param(struct buf *b, const char *name, const char *value, struct err *err)
{
	if (!value)
		return 0;
	return buf_printf(b, err, "&%s=", name) ||
	               str_percent(b, value, "", err)
	           ? -1
	           : 0;
}

static int
list_query(const struct s3_list *l, struct buf *b, struct err *err)
{
	const char *token = l->page.token;

	if (buf_puts(b, "list-type=2&encoding-type=url&max-keys=1000", err) ||
	    add_param(b, "prefix", l->prefix, err) ||
	    add_param(b, "delimiter", l->delimiter, err))
		return -1;
	return add_param(b, token ? "continuation-token" : "start-after",
	    token ? token : l->after, err);
}

/*
 * RadosGW's token is the last key, unencoded.  A '\r' in it does not come
 * through XML, where it means '\n'; the key itself is known better.
 */
static int
mend_token(struct reply_page *p, struct err *err)
{
	const char *key = p->count ? p->entry[p->count - 1].o.key : "";
	char *token = p->token;
	size_t i = 0;

	if (!token || !strchr(key, '\r') || strlen(key) < strlen(token))
		return 0;
	/* "\r\n" has become one character */
	for (const char *k = key; *k; k++) {
		if (token[i] != *k && !(token[i] == '\n' && *k == '\r'))
			return 0;
		i++;
		k += *k == '\r' && k[1] == '\n';
	}
	if (token[i] != '\0')
		return 0;
	free(TAKE(p->token));
	return str_dup(key, &p->token, err);
}

/* Entries are keys or folders, in the order in which they came. */
static size_t
skip_to(const struct reply_page *p, size_t i, bool folder)
{
	while (i < p->count && p->entry[i].folder != folder)
		i++;
	return i;
}

static int
looping(const struct s3_list *l, const char *why, struct err *err)
{
	return err_set(err, ERR_REMOTE, "%s does not list bucket '%s' well: %s",
	    l->s->endpoint.base, l->s->bucket, why);
}

static int
fetch(struct s3_list *l, struct err *err)
{
	AUTO(buf) struct buf query = { .max = S3_QUERY_MAX };
	AUTO(s3_reply) struct s3_reply r = { 0 };
	AUTO(reply_page) struct reply_page page = { 0 };
	struct s3_request q = { .kind = S3_LIST,
		.method = "GET",
		.what = "list",
		.root = "ListBucketResult" };

	if (list_query(l, &query, err))
		return -1;
	q.query = query.data;
	r.xml = l->xml;
	l->xml = (struct buf){ 0 };
	if (s3_request(l->s, &q, &r, err) || reply_page(&r.xml, &page, err) ||
	    mend_token(&page, err))
		return -1;
	l->xml = r.xml;
	r.xml = (struct buf){ 0 };
	if (page.truncated && (!page.token || !*page.token))
		return looping(l, "it says that more comes, but not where",
		    err);
	if (page.truncated && l->page.token &&
	    strcmp(page.token, l->page.token) == 0)
		return looping(l, "the same page comes again", err);
	l->empty = page.count > 0 ? 0 : l->empty + 1;
	if (page.truncated && l->empty == EMPTY_PAGES_MAX)
		return looping(l, "empty pages without end", err);
	reply_page_done(&l->page);
	l->page = page;
	page = (struct reply_page){ 0 };
	l->started = true;
	l->next_key = skip_to(&l->page, 0, false);
	l->next_folder = skip_to(&l->page, 0, true);
	return 0;
}

/* --- an entry */

/* Of the two that come next the smaller one; NULL: the page is at its end. */
static struct reply_entry *
take_next(struct s3_list *l)
{
	struct reply_page *p = &l->page;
	bool keys = l->next_key < p->count, folders = l->next_folder < p->count;
	size_t i;

	if (!keys && !folders)
		return NULL;
	if (keys && folders)
		keys = strcmp(p->entry[l->next_key].o.key,
		           p->entry[l->next_folder].o.key) <= 0;
	if (keys) {
		i = l->next_key;
		l->next_key = skip_to(p, i + 1, false);
	} else {
		i = l->next_folder;
		l->next_folder = skip_to(p, i + 1, true);
	}
	return &p->entry[i];
}

/* 1: hand it out; 0: the folder that ended the page before, once more. */
static int
in_order(const struct s3_list *l, const struct reply_entry *e, struct err *err)
{
	const char *last = l->last ? l->last : l->after;
	int c = last ? strcmp(last, e->o.key) : -1;

	if (c == 0 && e->folder && (l->last_folder || !l->last))
		return 0;
	if (!str_starts(e->o.key, l->prefix))
		return looping(l, "a key without the prefix", err);
	/* a folder may hold `after` itself */
	if (c > 0 && !l->last && e->folder && str_starts(last, e->o.key))
		return 1;
	return c < 0 ? 1 : looping(l, "keys are not in order", err);
}

static int
hand_out(struct s3_list *l, struct reply_entry *e, struct object *o,
    bool *folder, struct err *err)
{
	char *last = NULL;

	if (str_dup(e->o.key, &last, err))
		return -1;
	free(l->last);
	l->last = last;
	l->last_folder = e->folder;
	if (folder)
		*folder = e->folder;
	object_move(o, &e->o);
	return 0;
}

int
s3_list_next(struct s3_list *l, struct object *o, bool *folder, bool *more,
    struct err *err)
{
	for (;;) {
		struct reply_entry *e = take_next(l);
		int good = e ? in_order(l, e, err) : 0;

		if (good < 0)
			return -1;
		if (good > 0) {
			if (hand_out(l, e, o, folder, err))
				return -1;
			*more = true;
			return 0;
		}
		if (e)
			continue;
		if (l->started && !l->page.truncated)
			break;
		if (fetch(l, err))
			return -1;
	}
	*more = false;
	return 0;
}
