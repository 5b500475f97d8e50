#include "kube/kube.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "http/retry.h"
#include "kube/kube_impl.h"
#include "kube/status.h"
#include "stream/sink.h"

enum {
	CONNECTIONS = 16,
	URL_MAX = 16 << 10,
	BEARER_MAX = 64 << 10,
	HEADERS = 4,
	RETRY_AFTER_MOST_S = 3600
};

/* Half a minute in all: a control plane that restarts is back by then. */
static const struct retry_policy policy = {
	.attempts = 8,
	.first_ms = 200,
	.most_ms = 20000,
};

static int
connect_as(struct kube *k, const struct kube_options *o, struct err *err)
{
	const struct account_facts *f = account_facts(k->account);
	const struct http_options h = { .ca_pem = f->ca_pem,
		.cert_pem = f->cert_pem,
		.key_pem = f->key_pem,
		.proxy = f->proxy,
		.connections = CONNECTIONS,
		.receive = o->receive,
		.send = o->send };

	return http_new(&h, &k->http, err);
}

int
kube_new(const struct kube_options *o, struct kube **ret, struct err *err)
{
	const struct clock *clock = o->clock ? o->clock : clock_real();
	const struct account_options a = { o->kubeconfig, o->context,
		o->account, clock };
	AUTO(kube) struct kube *k = calloc(1, sizeof *k);

	if (!k)
		return err_nomem(err);
	k->clock = clock;
	k->receive = o->receive;
	k->send = o->send;
	if (account_new(&a, &k->account, err) || connect_as(k, o, err))
		return -1;
	*ret = TAKE(k);
	return 0;
}

void
kube_free(struct kube *k)
{
	if (!k)
		return;
	http_free(k->http);
	account_free(k->account);
	free(k);
}

const char *
kube_namespace(const struct kube *k)
{
	return account_facts(k->account)->namespace;
}

/* --- one attempt */

int
kube_access(struct kube *k, const struct kube_call *c, bool refused,
    struct kube_access *a, struct err *err)
{
	a->url.max = URL_MAX;
	a->bearer.max = BEARER_MAX;
	if (buf_join(&a->url, err, account_facts(k->account)->server, c->path,
	        NULL) ||
	    buf_puts(&a->bearer, "Bearer ", err))
		return -1;
	return account_token(k->account, refused, &a->bearer, err);
}

void
kube_access_done(struct kube_access *a)
{
	buf_done(&a->url);
	buf_wipe(&a->bearer);
}

bool
kube_access_has_token(const struct kube_access *a)
{
	return a->bearer.len > strlen("Bearer ");
}

struct attempt {
	struct kube *k;
	const struct kube_call *call;
	struct sink *to;
	struct buf *b; /* where `to` leads; NULL: somewhere else */
	bool refused;  /* with 401, once */
	bool last;     /* not to be repeated, transient as it may be */
};

static unsigned
retry_after_ms(const struct http_response *r)
{
	const char *text = http_response_header(r, "retry-after");
	struct err ignored;
	uint64_t s;

	if (!text || str_to_u64(text, 0, RETRY_AFTER_MOST_S, &s, &ignored))
		return 0;
	return (unsigned)s * 1000;
}

static int
judge(struct attempt *x, const struct http_response *r, struct err *err)
{
	bool safe = true;

	log_debug("%s %s: %d", x->call->method, x->call->path, r->status);
	if (r->status / 100 == 2)
		return 0;
	if (r->status == 401 && !x->refused) {
		x->refused = true;
		return err_set(err, ERR_TRANSIENT, "the token was refused");
	}
	(void)status_err(x->call, r->status, &r->body, &safe, err);
	x->last = !safe;
	return -1;
}

static int
send_call(struct attempt *x, const struct kube_access *a,
    struct http_response *r, struct err *err)
{
	const struct kube_call *c = x->call;
	struct http_header h[HEADERS] = { { 0 } };
	const struct http_request q = { .method = c->method,
		.url = a->url.data,
		.headers = h,
		.body = c->body,
		.body_len = c->body_len,
		/* libcurl repeats by itself what a kept connection swallowed */
		.fresh = strcmp(c->method, "POST") == 0 && !c->again };
	size_t n = 0;

	h[n++] = (struct http_header){ "Accept",
		c->accept ? c->accept : "application/json" };
	if (c->type)
		h[n++] = (struct http_header){ "Content-Type", c->type };
	if (kube_access_has_token(a))
		h[n] = (struct http_header){ "Authorization", a->bearer.data };
	return http_do(x->k->http, &q, r, x->to, err);
}

/* What was passed on cannot be taken back, and a POST may have been done. */
static int
cut(struct attempt *x, uint64_t passed, struct err *err)
{
	log_debug("%s %s: %s", x->call->method, x->call->path, err->msg);
	x->last = (passed > 0 && !x->b) || strcmp(x->call->method, "POST") == 0;
	return -1;
}

static int
attempt(struct attempt *x, struct retry_hint *hint, struct err *err)
{
	AUTO(kube_access) struct kube_access a = { 0 };
	AUTO(http_response) struct http_response r = { 0 };
	uint64_t before = x->to ? x->to->bytes : 0;

	if (x->b)
		buf_clear(x->b);
	if (kube_access(x->k, x->call, x->refused, &a, err))
		return -1;
	if (send_call(x, &a, &r, err))
		return cut(x, x->to ? x->to->bytes - before : 0, err);
	hint->wait_ms = retry_after_ms(&r);
	return judge(x, &r, err);
}

/* retry.h ends at what is not transient; x->last says that it was. */
static int
attempt_once(void *arg, struct retry_hint *hint, struct err *err)
{
	struct attempt *x = arg;

	if (attempt(x, hint, err) == 0)
		return 0;
	x->last = x->last && err_is(err, ERR_TRANSIENT);
	if (x->last)
		err->code = ERR_REMOTE;
	return -1;
}

static int
run(struct attempt *x, struct err *err)
{
	const struct kube_call *c = x->call;

	if (retry_run(&policy, x->k->clock, attempt_once, x, err) == 0)
		return 0;
	if (x->last)
		err->code = ERR_TRANSIENT;
	/* the words of a refusal name them already */
	if (err_is(err, ERR_DENIED) || err_is(err, ERR_NOMEM))
		return -1;
	return c->namespace
	           ? err_wrap(err, "cannot %s %s in namespace '%s'", c->verb,
	                 c->resource, c->namespace)
	           : err_wrap(err, "cannot %s %s", c->verb, c->resource);
}

int
kube_do(struct kube *k, const struct kube_call *c, struct sink *to,
    struct err *err)
{
	struct attempt x = { .k = k, .call = c, .to = to };

	return run(&x, err);
}

/* --- an answer in memory */

struct answer {
	struct sink sink;
	struct buf *b;
};

static int
answer_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	return buf_add(((struct answer *)s)->b, p, n, err);
}

static const struct sink_ops answer_ops = {
	.name = "answer",
	.write = answer_write,
};

int
kube_ask(struct kube *k, const struct kube_call *c, struct buf *b,
    struct err *err)
{
	struct answer a = { .b = b };
	struct attempt x = { .k = k, .call = c, .b = b };

	x.to = sink_init(&a.sink, &answer_ops, NULL);
	return run(&x, err);
}
