#include "kube/kube_list.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "base/tree_json.h"
#include "kube/kube_items.h"

enum {
	PAGE = 250,
	PATH_MAX_LEN = 64 << 10, /* a token may be long */
	TRIES = 5,
	WAIT_MS = 500,
};

struct list {
	struct kube *kube;
	const struct kube_list *o;
	char *token; /* of the next page; NULL: the first */
	char *last;  /* "namespace/name" that was handed out last; or NULL */
	bool passing_over; /* up to and with last */
	bool unsorted;
	unsigned tries; /* since an object was handed out */
	struct buf metadata;
	struct err err; /* what the caller's function said */
};

int
kube_list_parse(const char *json, size_t len, struct tree **ret,
    struct err *err)
{
	static const struct tree_json_limits limits = {
		.depth = TREE_JSON_DEPTH_MAX, .nodes = 200000
	};

	return tree_json_parse(&limits, json, len, ret, err);
}

/* --- objects */

/* NULL: err says why. */
static char *
key_of(const struct tree *t, struct err *err)
{
	const struct tree *m = tree_get(t, "metadata");
	const char *ns = tree_text(m, "namespace"),
	           *name = tree_text(m, "name");
	char *key = NULL;

	if (!name) {
		(void)err_set(err, ERR_CORRUPT, "an object without a name");
		return NULL;
	}
	if (str_join(&key, err, ns ? ns : "", "/", name, NULL))
		return NULL;
	return key;
}

static int
hand_out(struct list *l, struct tree *t, struct err *err)
{
	AUTO(free) char *key = key_of(t, err);
	int order;

	if (!key)
		return -1;
	order = l->last ? strcmp(key, l->last) : 1;
	if (l->passing_over && order <= 0)
		return 0;
	if (order <= 0)
		l->unsorted = true;
	if (l->o->object(l->o->arg, t, err))
		return -1;
	free(l->last);
	l->last = TAKE(key);
	l->tries = 0;
	return 0;
}

static int
take_item(void *arg, const char *json, size_t len, struct err *err)
{
	struct list *l = arg;
	AUTO(tree) struct tree *t = NULL;

	if (kube_list_parse(json, len, &t, &l->err) == 0 &&
	    hand_out(l, t, &l->err) == 0)
		return 0;
	*err = l->err;
	return -1;
}

/* --- pages */

static int
path_of(const struct list *l, struct buf *b, struct err *err)
{
	if (buf_printf(b, err, "%s?limit=%d", l->o->path, PAGE))
		return -1;
	if (l->o->labels && (buf_puts(b, "&labelSelector=", err) ||
	                        str_percent(b, l->o->labels, "", err)))
		return -1;
	return l->token && (buf_puts(b, "&continue=", err) ||
	                       str_percent(b, l->token, "", err))
	           ? -1
	           : 0;
}

static int
ask_page(struct list *l, struct err *err)
{
	AUTO(buf) struct buf path = { .max = PATH_MAX_LEN };
	AUTO(sink) struct sink *items = NULL;
	struct kube_items to = {
		.item = take_item, .arg = l, .metadata = &l->metadata
	};
	struct kube_call call = { .verb = "list",
		.resource = l->o->resource,
		.namespace = l->o->namespace,
		.method = "GET" };

	if (path_of(l, &path, err) || kube_items_new(&to, &items, err))
		return -1;
	call.path = path.data;
	buf_clear(&l->metadata);
	if (kube_do(l->kube, &call, items, err)) {
		/* What the caller said, and not who passed it on. */
		if (!err_is(&l->err, ERR_NONE))
			*err = l->err;
		return -1;
	}
	return sink_finish(items, err);
}

/* *more: there is another page. */
static int
next_token(struct list *l, bool *more, struct err *err)
{
	AUTO(json) struct json *j = NULL;
	const char *token;

	*more = false;
	if (l->metadata.len == 0)
		return 0;
	if (json_parse(l->metadata.data, l->metadata.len, &j, err))
		return -1;
	token = json_opt_str(j, "continue");
	if (!token || !*token)
		return 0;
	if (l->token && strcmp(l->token, token) == 0)
		return err_set(err, ERR_REMOTE,
		    "the server gives the same page again and again");
	free(TAKE(l->token));
	*more = true;
	return str_dup(token, &l->token, err);
}

/* Is it worth going on after this?  Then all is prepared for it. */
static bool
go_on(struct list *l, const struct err *why)
{
	if (!err_is(&l->err, ERR_NONE) || ++l->tries > TRIES ||
	    (l->unsorted && l->last))
		return false;
	if (err_is(why, ERR_CHANGED) && l->token) /* 410: it expired */
		free(TAKE(l->token));
	else if (!err_is(why, ERR_TRANSIENT))
		return false;
	log_debug("list of %s: %s; going on behind '%s'", l->o->resource,
	    why->msg, l->last ? l->last : "");
	l->passing_over = true;
	clock_sleep_ms(l->o->clock, WAIT_MS * l->tries);
	return true;
}

static int
run(struct list *l, struct err *err)
{
	bool more = true;

	while (more) {
		if (ask_page(l, err) == 0) {
			if (next_token(l, &more, err))
				return -1;
			continue;
		}
		if (!go_on(l, err))
			return -1;
		*err = (struct err){ 0 };
	}
	return 0;
}

int
kube_list_run(struct kube *kube, const struct kube_list *o, struct err *err)
{
	struct list l = { .kube = kube, .o = o };
	int rc = run(&l, err);

	buf_done(&l.metadata);
	free(l.token);
	free(l.last);
	return rc;
}
