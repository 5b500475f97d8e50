#include "kube/exec.h"

#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "http/retry.h"
#include "http/websocket.h"
#include "kube/exec_status.h"
#include "kube/kube_impl.h"
#include "kube/status.h"
#include "stream/sink.h"

enum channel_of_exec {
	CHANNEL_IN = 0,
	CHANNEL_OUT = 1,
	CHANNEL_ERRORS = 2,
	CHANNEL_END = 3, /* how it ended: a Status */
	CHANNEL_CLOSE = 255
};

enum {
	PATH_MAX_SENT = 8 << 10,
	PIECE = 32 << 10, /* what kubectl sends at once */
	MESSAGE_MAX = 1 << 20,
	HEADERS = 2,
	TURN_MS = 1000,
	IDLE_S = 300, /* a program may think before it reads or prints */
	HOUR_S = 3600
};

#define PROTOCOL_V5 "v5.channel.k8s.io"
#define PROTOCOLS PROTOCOL_V5 ", v4.channel.k8s.io"

struct exec {
	struct kube *k;
	struct exec_call *call;
	struct websocket *w;
	int64_t until_ms;
	bool ended; /* channel 3 has spoken */
	struct err end;
	char piece[PIECE + 1]; /* a message: its channel first */
};

static const struct retry_policy policy = {
	.attempts = 5,
	.first_ms = 200,
	.most_ms = 5000,
};

/* --- start */

static const char *
namespace_of(const struct kube *k, const struct exec_call *c)
{
	return c->namespace ? c->namespace : kube_namespace(k);
}

static int
add_option(struct buf *b, const char *name, const char *value, struct err *err)
{
	if (buf_join(b, err, "&", name, "=", NULL))
		return -1;
	return str_percent(b, value, "", err);
}

static int
make_path(const struct kube *k, const struct exec_call *c, struct buf *b,
    struct err *err)
{
	if (buf_puts(b, "/api/v1/namespaces/", err) ||
	    str_percent(b, namespace_of(k, c), "", err) ||
	    buf_puts(b, "/pods/", err) || str_percent(b, c->pod, "", err) ||
	    buf_join(b, err, "/exec?stdout=true&stderr=true",
	        c->in ? "&stdin=true" : "", NULL) ||
	    add_option(b, "container", c->container, err))
		return -1;
	for (const char *const *a = c->argv; *a; a++)
		if (add_option(b, "command", *a, err))
			return -1;
	return 0;
}

struct start {
	struct exec *e;
	struct kube_call call;
	bool refused; /* with 401, once */
};

/* A WebSocket begins with a GET; newer servers want more than "get" for it. */
static int
explain(struct start *s, const struct http_response *r, struct err *err)
{
	struct kube_call c = s->call;
	bool ignored;

	log_debug("exec %s: %d", c.path, r->status);
	if (r->status == 401 && !s->refused) {
		s->refused = true;
		return err_set(err, ERR_TRANSIENT, "the token was refused");
	}
	if (r->body.data && strstr(r->body.data, "cannot create "))
		c.verb = "create";
	return status_err(&c, r->status, &r->body, &ignored, err);
}

static int
start_once(void *arg, struct retry_hint *hint, struct err *err)
{
	struct start *s = arg;
	AUTO(kube_access) struct kube_access a = { 0 };
	AUTO(http_response) struct http_response r = { 0 };
	struct http_header h[HEADERS] = { { 0 } };
	struct websocket_options o = { .headers = h,
		.protocols = PROTOCOLS,
		.message_max = MESSAGE_MAX,
		.idle_s = IDLE_S,
		.receive = s->e->k->receive,
		.send = s->e->k->send };

	(void)hint;
	if (kube_access(s->e->k, &s->call, s->refused, &a, err))
		return -1;
	if (kube_access_has_token(&a))
		h[0] = (struct http_header){ "Authorization", a.bearer.data };
	o.url = a.url.data;
	if (websocket_open(s->e->k->http, &o, &r, &s->e->w, err))
		return -1;
	return s->e->w ? 0 : explain(s, &r, err);
}

static int
start_it(struct exec *e, struct err *err)
{
	AUTO(buf) struct buf path = { .max = PATH_MAX_SENT };
	struct start s = { .e = e };

	if (make_path(e->k, e->call, &path, err))
		return -1;
	s.call = (struct kube_call){ .verb = "get",
		.resource = "pods/exec",
		.namespace = namespace_of(e->k, e->call),
		.method = "GET",
		.path = path.data };
	if (retry_run(&policy, e->k->clock, start_once, &s, err) == 0)
		return 0;
	return err_is(err, ERR_DENIED) || err_is(err, ERR_NOMEM)
	           ? -1
	           : err_wrap(err, "cannot run a program in pod '%s'",
	                 e->call->pod);
}

int
exec_start(struct kube *k, struct exec_call *c, struct exec **ret,
    struct err *err)
{
	AUTO(exec) struct exec *e = calloc(1, sizeof *e);
	const unsigned limit_s = c->timeout_s ? c->timeout_s : HOUR_S;

	if (!e)
		return err_nomem(err);
	e->k = k;
	e->call = c;
	e->until_ms = clock_mono_ms(clock_real()) + (int64_t)limit_s * 1000;
	if (start_it(e, err))
		return -1;
	*ret = TAKE(e);
	return 0;
}

void
exec_free(struct exec *e)
{
	if (!e)
		return;
	websocket_free(e->w);
	free(e);
}

/* --- what comes */

/* As much of it as there is room for. */
static int
keep_errors(struct buf *b, const char *p, size_t n, struct err *err)
{
	size_t room = b ? b->max - b->len : 0;

	return room > 0 ? buf_add(b, p, n < room ? n : room, err) : 0;
}

static int
take_end(struct exec *e, const char *p, size_t n, struct err *err)
{
	/* v4 opens each channel with an empty message */
	if (n == 0 || e->ended)
		return 0;
	if (exec_status_read(p, n, &e->call->status, &e->end) &&
	    err_is(&e->end, ERR_NOMEM))
		return err_nomem(err);
	e->ended = true;
	return 0;
}

static int
on_message(void *arg, const void *p, size_t n, struct err *err)
{
	struct exec *e = arg;
	const unsigned char *m = p;
	const char *text = (const char *)m + 1;

	if (n == 0)
		return 0;
	switch (m[0]) {
	case CHANNEL_OUT:
		return e->call->out && n > 1
		           ? sink_write(e->call->out, text, n - 1, err)
		           : 0;
	case CHANNEL_ERRORS:
		return keep_errors(e->call->errors, text, n - 1, err);
	case CHANNEL_END:
		return take_end(e, text, n - 1, err);
	case CHANNEL_CLOSE: /* of one of them; channel 3 says the end */
		return 0;
	default:
		return err_set(err, ERR_REMOTE,
		    "the server speaks on channel %u, which there is not",
		    (unsigned)m[0]);
	}
}

static int
take_turn(struct exec *e, struct err *err)
{
	const char *why = websocket_reason(e->w);

	if (clock_mono_ms(clock_real()) >= e->until_ms)
		return err_set(err, ERR_TRANSIENT,
		    "the program in pod '%s' took too long, and was given up",
		    e->call->pod);
	if (websocket_is_closed(e->w))
		return err_set(err, ERR_TRANSIENT,
		    "the connection to pod '%s' ended before the program "
		    "did%s%s",
		    e->call->pod, *why ? ": " : "", why);
	return websocket_run(e->w, TURN_MS, on_message, e, err);
}

/* --- what goes */

static int
send_piece(struct exec *e, unsigned channel, const void *p, size_t n,
    struct err *err)
{
	e->piece[0] = (char)channel;
	memcpy(e->piece + 1, p, n);
	if (websocket_send(e->w, e->piece, n + 1, err))
		return -1;
	while (!e->ended && websocket_is_sending(e->w))
		if (take_turn(e, err))
			return -1;
	return 0;
}

int
exec_write(struct exec *e, const void *p, size_t n, struct err *err)
{
	const char *at = p;

	while (n > 0 && !e->ended) {
		size_t k = n < PIECE ? n : PIECE;

		if (send_piece(e, CHANNEL_IN, at, k, err))
			return -1;
		at += k;
		n -= k;
	}
	return e->ended ? err_set(err, ERR_CHANGED,
	                      "the program in pod '%s' has ended", e->call->pod)
	                : 0;
}

int
exec_wait(struct exec *e, uint64_t n, struct err *err)
{
	while (!e->ended && e->call->out->bytes < n)
		if (take_turn(e, err))
			return -1;
	return 0;
}

static int
close_input(struct exec *e, struct err *err)
{
	static const char in = CHANNEL_IN;

	if (!e->call->in || e->ended ||
	    strcmp(websocket_protocol(e->w), PROTOCOL_V5) != 0)
		return 0;
	return send_piece(e, CHANNEL_CLOSE, &in, 1, err);
}

int
exec_end(struct exec *e, struct err *err)
{
	if (close_input(e, err))
		return -1;
	while (!e->ended)
		if (take_turn(e, err))
			return -1;
	if (e->end.code == ERR_NONE)
		return 0;
	*err = e->end;
	return -1;
}

int
exec_run(struct kube *k, struct exec_call *c, const void *p, size_t n,
    struct err *err)
{
	AUTO(exec) struct exec *e = NULL;

	if (exec_start(k, c, &e, err) || !e)
		return -1;
	if (n > 0 && exec_write(e, p, n, err) && !err_is(err, ERR_CHANGED))
		return -1;
	return exec_end(e, err);
}
