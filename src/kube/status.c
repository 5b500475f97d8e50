#include "kube/status.h"

#include <stdbool.h>
#include <string.h>

#include "base/json.h"
#include "kube/kube.h"

enum { MESSAGE_MOST = 800, ACCOUNT_SIZE = 256 };

/* Of a body that is a Status, its texts; "" where they are not. */
struct status {
	struct json *doc;
	const char *message, *reason;
};

static void
scope_status(struct status *s)
{
	json_free(s->doc);
}

/* Proxies on the way answer with pages of their own. */
static int
read_status(const struct buf *body, struct status *s, struct err *err)
{
	const char *text;

	s->message = s->reason = "";
	if (body->len == 0)
		return 0;
	if (json_parse(body->data, body->len, &s->doc, err))
		return err_is(err, ERR_NOMEM) ? -1 : 0;
	text = json_opt_str(s->doc, "message");
	s->message = text ? text : "";
	text = json_opt_str(s->doc, "reason");
	s->reason = text ? text : "";
	return 0;
}

/* Its name, where it is a service account: Juju calls that of an application
 * as the application. */
static bool
account_of(const char *message, char name[ACCOUNT_SIZE])
{
	const char *at = strstr(message, "\"system:serviceaccount:");
	size_t n;

	if (!at)
		return false;
	at = strchr(at + sizeof "\"system:serviceaccount:" - 1, ':');
	n = at ? strcspn(at + 1, "\"") : 0;
	if (n == 0 || n >= ACCOUNT_SIZE)
		return false;
	memcpy(name, at + 1, n);
	name[n] = '\0';
	return true;
}

static int
forbidden(const struct kube_call *c, const struct status *s, struct err *err)
{
	char account[ACCOUNT_SIZE];

	/* quotas and policies refuse with 403 as well; no role helps there */
	if (!strstr(s->message, " cannot "))
		return err_set(err, ERR_DENIED, "%.*s", MESSAGE_MOST,
		    *s->message ? s->message : "403 Forbidden");
	if (account_of(s->message, account))
		(void)err_set(err, ERR_DENIED,
		    "allow it with: juju trust %s --scope=cluster (the server "
		    "says: %.*s)",
		    account, MESSAGE_MOST, s->message);
	else
		(void)err_set(err, ERR_DENIED,
		    "bind a role that allows it to this user (the server says: "
		    "%.*s)",
		    MESSAGE_MOST, s->message);
	if (c->namespace)
		return err_wrap(err,
		    "not allowed: verb '%s' of resource '%s' in namespace '%s'",
		    c->verb, c->resource, c->namespace);
	return err_wrap(err,
	    "not allowed: verb '%s' of resource '%s' in the cluster", c->verb,
	    c->resource);
}

static enum err_code
code_of(int http, const struct status *s)
{
	switch (http) {
	case 400:
	case 422:
		return ERR_USAGE;
	case 404:
		return ERR_NOTFOUND;
	case 409:
		return strcmp(s->reason, "AlreadyExists") == 0 ? ERR_EXISTS
		                                               : ERR_CHANGED;
	case 410:
		return ERR_CHANGED;
	case 501: /* and ever will be */
		return ERR_REMOTE;
	}
	return http == 429 || http / 100 == 5 ? ERR_TRANSIENT : ERR_REMOTE;
}

/* Calls of a webhook come before anything is stored. */
static bool
had_no_effect(const struct kube_call *c, int http, const struct status *s)
{
	return strcmp(c->method, "POST") != 0 || http == 429 || http == 503 ||
	       strstr(s->message, "failed calling webhook");
}

int
status_err(const struct kube_call *c, int http, const struct buf *body,
    bool *safe, struct err *err)
{
	AUTO(status) struct status s = { 0 };

	if (read_status(body, &s, err))
		return -1;
	*safe = had_no_effect(c, http, &s);
	if (http == 403)
		return forbidden(c, &s, err);
	if (http == 401)
		return err_set(err, ERR_DENIED,
		    "the cluster does not know these credentials: %.*s",
		    MESSAGE_MOST, *s.message ? s.message : "401 Unauthorized");
	return err_set(err, code_of(http, &s), "%.*s (%d %s)", MESSAGE_MOST,
	    *s.message ? s.message : "no reason is given", http,
	    *s.reason ? s.reason : "no Status");
}
