#include "http/websocket.h"

#include <stdio.h>
#include <string.h>
#include <wslay/wslay.h>

#include "base/clock.h"
#include "base/rate.h"
#include "crypto/rand.h"
#include "http/channel.h"
#include "http/upgrade.h"

enum {
	IDLE_S = 60,
	PINGS = 4,             /* while it may be silent */
	TURN_MOST = 256 << 10, /* received before there is a turn to send */
	REASON_SIZE = 160,
};

struct websocket {
	struct channel *channel;
	struct upgrade_result up;
	size_t rest_used; /* of up.rest */
	wslay_event_context_ptr ctx;
	struct rate *receive, *send;
	int64_t idle_ms, heard_ms, pinged_ms; /* monotonic */
	size_t turn, sent;                    /* bytes of this run */
	bool mute;                            /* nothing can be sent any more */
	char reason[REASON_SIZE];
	/* while websocket_run runs */
	websocket_fn *fn;
	void *arg;
	struct err *err;
	bool failed; /* err is set */
};

/* --- what wslay asks for */

/* What came behind the answer to the upgrade comes first. */
static int
receive(struct websocket *w, void *p, size_t n, size_t *got, struct err *err)
{
	size_t left = w->up.rest.len - w->rest_used;

	if (left == 0)
		return channel_read(w->channel, p, n, got, err);
	*got = left < n ? left : n;
	memcpy(p, w->up.rest.data + w->rest_used, *got);
	w->rest_used += *got;
	return 0;
}

static ssize_t
refuse(struct websocket *w, int why)
{
	wslay_event_set_error(w->ctx, why);
	return -1;
}

static ssize_t
on_receive(wslay_event_context_ptr ctx, uint8_t *p, size_t n, int flags,
    void *arg)
{
	struct websocket *w = arg;
	size_t got = 0;

	(void)ctx;
	(void)flags;
	if (w->failed)
		return refuse(w, WSLAY_ERR_CALLBACK_FAILURE);
	if (w->turn >= TURN_MOST)
		return refuse(w, WSLAY_ERR_WOULDBLOCK);
	if (receive(w, p, n, &got, w->err)) {
		w->failed = true;
		return refuse(w, WSLAY_ERR_CALLBACK_FAILURE);
	}
	if (got == 0)
		return refuse(w, WSLAY_ERR_WOULDBLOCK);
	(void)rate_take(w->receive, got);
	w->turn += got;
	w->heard_ms = clock_mono_ms(clock_real());
	return (ssize_t)got;
}

static ssize_t
on_send(wslay_event_context_ptr ctx, const uint8_t *p, size_t n, int flags,
    void *arg)
{
	struct websocket *w = arg;
	struct err why;
	size_t sent = 0;

	(void)ctx;
	(void)flags;
	/* who has closed may have said why before: reading tells */
	if (w->mute || channel_write(w->channel, p, n, &sent, &why))
		w->mute = true;
	if (sent == 0)
		return refuse(w, WSLAY_ERR_WOULDBLOCK);
	/* what went is waited for: the next is later by that */
	(void)rate_take(w->send, sent);
	w->sent += sent;
	return (ssize_t)sent;
}

static int
on_mask(wslay_event_context_ptr ctx, uint8_t *p, size_t n, void *arg)
{
	struct websocket *w = arg;

	(void)ctx;
	if (rand_bytes(p, n, w->err) == 0)
		return 0;
	w->failed = true;
	return -1;
}

/* The first two bytes of a close are its code. */
static void
keep_reason(struct websocket *w, const struct wslay_event_on_msg_recv_arg *m)
{
	int n = m->msg_length > 2 ? (int)m->msg_length - 2 : 0;

	(void)snprintf(w->reason, sizeof w->reason, "%u%s%.*s",
	    (unsigned)m->status_code, n > 0 ? ": " : "", n,
	    n > 0 ? (const char *)m->msg + 2 : "");
}

static void
on_message(wslay_event_context_ptr ctx,
    const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
	struct websocket *w = arg;

	(void)ctx;
	if (m->opcode == WSLAY_CONNECTION_CLOSE)
		keep_reason(w, m);
	else if (!w->failed && !wslay_is_ctrl_frame(m->opcode) &&
	         w->fn(w->arg, m->msg, m->msg_length, w->err))
		w->failed = true;
}

/* --- open */

static int
start(struct websocket *w, const struct websocket_options *o, struct err *err)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = on_receive,
		.send_callback = on_send,
		.genmask_callback = on_mask,
		.on_msg_recv_callback = on_message,
	};

	if (wslay_event_context_client_init(&w->ctx, &callbacks, w))
		return err_nomem(err);
	wslay_event_config_set_max_recv_msg_length(w->ctx, o->message_max);
	w->receive = o->receive;
	w->send = o->send;
	w->heard_ms = w->pinged_ms = clock_mono_ms(clock_real());
	return 0;
}

int
websocket_open(struct http *h, const struct websocket_options *o,
    struct http_response *r, struct websocket **ret, struct err *err)
{
	AUTO(websocket) struct websocket *w = calloc(1, sizeof *w);
	const unsigned idle_s = o->idle_s ? o->idle_s : IDLE_S;
	const struct upgrade_request q = { o->url, o->headers, o->protocols,
		idle_s * 1000 };

	if (!w)
		return err_nomem(err);
	w->idle_ms = (int64_t)idle_s * 1000;
	if (channel_open(h, o->url, &w->channel, err) ||
	    upgrade_run(w->channel, &q, r, &w->up, err))
		return -1;
	if (r->status != 101) {
		*ret = NULL;
		return 0;
	}
	if (start(w, o, err))
		return -1;
	*ret = TAKE(w);
	return 0;
}

void
websocket_free(struct websocket *w)
{
	if (!w)
		return;
	if (w->ctx)
		wslay_event_context_free(w->ctx);
	upgrade_result_done(&w->up);
	channel_free(w->channel);
	free(w);
}

const char *
websocket_protocol(const struct websocket *w)
{
	return w->up.protocol;
}

/* --- use */

int
websocket_send(struct websocket *w, const void *p, size_t n, struct err *err)
{
	const struct wslay_event_msg m = { WSLAY_BINARY_FRAME, p, n };
	int rc = wslay_event_queue_msg(w->ctx, &m);

	if (rc == WSLAY_ERR_NOMEM)
		return err_nomem(err);
	/* else the end was said, and nothing goes out behind it */
	return rc ? err_set(err, ERR_TRANSIENT,
	                "the connection was closed by the other side")
	          : 0;
}

bool
websocket_is_sending(const struct websocket *w)
{
	return wslay_event_want_write(w->ctx);
}

bool
websocket_is_closed(const struct websocket *w)
{
	return wslay_event_get_close_received(w->ctx);
}

const char *
websocket_reason(const struct websocket *w)
{
	return w->reason;
}

/* wslay's word for what went wrong, unless a callback knows better. */
static int
failure(const struct websocket *w, int rc, struct err *err)
{
	if (w->failed)
		return -1;
	if (rc == WSLAY_ERR_NOMEM)
		return err_nomem(err);
	return err_set(err, ERR_REMOTE,
	    "what the other side sent breaks the WebSocket protocol, or is too "
	    "long");
}

static int
transfer(struct websocket *w, struct err *err)
{
	int rc = 0;

	if (wslay_event_want_read(w->ctx))
		rc = wslay_event_recv(w->ctx);
	if (rc || w->failed ||
	    (!wslay_event_get_read_enabled(w->ctx) && !websocket_is_closed(w)))
		return failure(w, rc, err);
	if (wslay_event_want_write(w->ctx))
		rc = wslay_event_send(w->ctx);
	/* who has said that it is the end may be gone */
	if (websocket_is_closed(w))
		return 0;
	return rc || w->failed ? failure(w, rc, err) : 0;
}

/*
 * A ping shows whether it is alive.  Where it does not take what we send it
 * would not see one either: that is for the caller to limit.
 */
static int
check_silence(struct websocket *w, struct err *err)
{
	static const struct wslay_event_msg ping = { .opcode = WSLAY_PING };
	int64_t now = clock_mono_ms(clock_real());

	if (websocket_is_sending(w) && !w->mute) {
		w->heard_ms = now;
		return 0;
	}
	if (now - w->heard_ms >= w->idle_ms)
		return err_set(err, ERR_TRANSIENT,
		    "the connection was silent for %u s",
		    (unsigned)(w->idle_ms / 1000));
	if (now - w->heard_ms < w->idle_ms / PINGS ||
	    now - w->pinged_ms < w->idle_ms / PINGS)
		return 0;
	w->pinged_ms = now;
	return wslay_event_queue_msg(w->ctx, &ping) == WSLAY_ERR_NOMEM
	           ? err_nomem(err)
	           : 0;
}

int
websocket_run(struct websocket *w, unsigned ms, websocket_fn *fn, void *arg,
    struct err *err)
{
	w->fn = fn;
	w->arg = arg;
	w->err = err;
	w->failed = false;
	w->turn = w->sent = 0;
	if (transfer(w, err))
		return -1;
	if (w->turn > 0 || w->sent > 0 || websocket_is_closed(w))
		return 0;
	(void)channel_wait(w->channel, websocket_is_sending(w) && !w->mute, ms);
	return check_silence(w, err);
}
