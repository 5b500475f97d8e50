#include "http/http.h"

#include <assert.h>
#include <ctype.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/monitor.h"
#include "base/str.h"
#include "base/throttle.h"
#include "crypto/ca_store.h"
#include "http/http_impl.h"
#include "http/proxy.h"

/* gcc 12 takes for lost what a handle holds. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

/* curl_global_init counts its callers and is safe in threads from here on;
 * CURLOPT_PROTOCOLS_STR came a release later. */
#if LIBCURL_VERSION_NUM < 0x075500
#error "libcurl 7.85 or newer is needed"
#endif

enum {
	HEADERS_MAX = 256 << 10, /* of one answer, all lines */
	BODY_KEPT = 64 << 10,    /* of an answer that is not 2xx */
	RECEIVE_BUFFER = 128 << 10,
	SENT_MAX = 1 << 20, /* all header lines of a request */
	OWN_LINES = 3,      /* beside the caller's headers */
	HEADERS_USUAL = 1 << 10,
	RECEIVE_SHARE = 32, /* of a second, in the socket */
	RECEIVE_LEAST = 32 << 10,
	RECEIVE_MOST = 4 << 20,
};

/* What the callbacks of one exchange need. */
struct exchange {
	struct http_response *r;
	struct sink *to;
	struct err *err;
	bool failed; /* a callback has set err */
	struct rate *receive, *send;
	const struct http_request *q;
	size_t sent; /* of its body */
	bool paced;  /* it waited for the limit */
};

/* An easy handle with the connections it keeps, and what does not change from
 * one request to the next: options, and the memory of header lines. */
struct handle {
	CURL *curl;
	struct handle *next;
	bool ready; /* has its options */
	struct exchange x;
	struct buf text;         /* the lines, each with its '\0' */
	struct curl_slist *line; /* into text; an array */
	size_t lines, room;
	char message[CURL_ERROR_SIZE];
};

struct http {
	struct monitor m;          /* guards what follows */
	struct monitor_queue turn; /* who waits for a connection */
	struct handle *idle;
	unsigned nidle, busy, waiting;
	struct throttle throttle;
	bool answered;            /* any exchange has succeeded */
	struct ca_store *trusted; /* NULL: not asked for yet */
	bool initialised;
	char *ca_pem, *cert_pem, *key_pem, *proxy, *no_proxy;
	long connect_s, idle_s;
	struct rate *receive, *send;
};

static int
copy_given(const char *s, char **to, struct err *err)
{
	return s && *s ? str_dup(s, to, err) : 0;
}

int
http_new(const struct http_options *o, struct http **out, struct err *err)
{
	AUTO(http) struct http *h = calloc(1, sizeof *h);

	if (!h)
		return err_nomem(err);
	monitor_init(&h->m);
	monitor_queue_init(&h->turn);
	throttle_init(&h->throttle, o->connections);
	h->connect_s = o->connect_timeout_s ? (long)o->connect_timeout_s : 10;
	h->idle_s = o->idle_timeout_s ? (long)o->idle_timeout_s : 60;
	h->receive = o->receive;
	h->send = o->send;
	if (copy_given(o->ca_pem, &h->ca_pem, err) ||
	    copy_given(o->cert_pem, &h->cert_pem, err) ||
	    copy_given(o->key_pem, &h->key_pem, err) ||
	    copy_given(o->proxy, &h->proxy, err) ||
	    copy_given(o->no_proxy, &h->no_proxy, err))
		return -1;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_nomem(err);
	h->initialised = true;
	*out = TAKE(h);
	return 0;
}

static void
handle_free(struct handle *hd)
{
	if (!hd)
		return;
	curl_easy_cleanup(hd->curl);
	buf_wipe(&hd->text); /* a session token may be in it */
	free(hd->line);
	free(hd);
}

static inline void
scope_handle(struct handle **hd)
{
	handle_free(*hd);
}

void
http_free(struct http *h)
{
	if (!h)
		return;
	while (h->idle) {
		struct handle *hd = h->idle;

		h->idle = hd->next;
		handle_free(hd);
	}
	if (h->initialised)
		curl_global_cleanup();
	ca_store_free(h->trusted);
	monitor_queue_done(&h->turn);
	monitor_done(&h->m);
	free(h->ca_pem);
	free(h->cert_pem);
	if (h->key_pem)
		explicit_bzero(h->key_pem, strlen(h->key_pem));
	free(h->key_pem);
	free(h->proxy);
	free(h->no_proxy);
	free(h);
}

static struct handle *
handle_new(struct err *err)
{
	AUTO(handle) struct handle *hd = calloc(1, sizeof *hd);

	if (hd)
		hd->curl = curl_easy_init();
	if (!hd || !hd->curl) {
		(void)err_nomem(err);
		return NULL;
	}
	hd->text.max = SENT_MAX;
	return TAKE(hd);
}

/* Inside the monitor: wait for a turn. */
static void
enter(struct http *h)
{
	h->waiting++;
	while (h->busy >= throttle_limit(&h->throttle))
		monitor_queue_wait(&h->m, &h->turn);
	h->waiting--;
	h->busy++;
}

/* The one used last comes first: its connection is the least likely to have
 * been closed by the server.  fresh: one that has no connection. */
static struct handle *
handle_get(struct http *h, bool fresh, struct err *err)
{
	struct handle *hd;

	monitor_enter(&h->m);
	enter(h);
	hd = h->idle;
	if (hd) {
		h->idle = hd->next;
		h->nidle--;
	}
	monitor_leave(&h->m);
	if (fresh)
		handle_free(TAKE(hd));
	return hd ? hd : handle_new(err);
}

/* Inside the monitor: those who wait get their turn, by what was learned. */
static void
leave(struct http *h, bool paced, struct throttle_sample *s)
{
	s->busy = h->busy--;
	/* who waits for the limit is not helped by more connections */
	s->waiting = h->waiting > 0 && !paced;
	throttle_note(&h->throttle, s);
	for (unsigned i = h->busy;
	     i < throttle_limit(&h->throttle) && i - h->busy < h->waiting; i++)
		monitor_queue_call(&h->turn);
}

/* NULL: none could be made.  What would be one connection too many goes. */
static void
handle_put(struct http *h, struct handle *hd, struct throttle_sample *s)
{
	monitor_enter(&h->m);
	leave(h, hd && hd->x.paced, s);
	if (hd && h->nidle + h->busy < throttle_limit(&h->throttle)) {
		hd->next = TAKE(h->idle);
		h->idle = TAKE(hd);
		h->nidle++;
	}
	monitor_leave(&h->m);
	handle_free(hd);
}

/* Whether an answer came, now or ever before. */
static bool
note_answer(struct http *h, bool now)
{
	bool ever;

	monitor_enter(&h->m);
	h->answered |= now;
	ever = h->answered;
	monitor_leave(&h->m);
	return ever;
}

/* --- what comes */

/* Without space at both ends. */
static void
trim(const char **p, const char **end)
{
	while (*end > *p && isspace((unsigned char)(*end)[-1]))
		--*end;
	while (*end > *p && isspace((unsigned char)**p))
		++*p;
}

/* "Name:  value\r\n" becomes "name: value" and its '\0'. */
static int
keep_header(struct buf *b, const char *p, size_t n, struct err *err)
{
	const char *colon = memchr(p, ':', n), *end = p + n;
	char *to;

	if (!colon || colon == p)
		return 0;
	if ((b->cap == 0 && buf_reserve(b, HEADERS_USUAL, err)) ||
	    buf_reserve(b, n + 3, err))
		return -1;
	for (to = b->data + b->len; p < colon; p++)
		*to++ = (char)tolower((unsigned char)*p);
	*to++ = ':';
	*to++ = ' ';
	p++;
	trim(&p, &end);
	memcpy(to, p, (size_t)(end - p));
	to += end - p;
	*to++ = '\0';
	b->len = (size_t)(to - b->data);
	return 0;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct exchange *x = &((struct handle *)arg)->x;

	n *= size;
	/* a new status line: what stood before was a 1xx */
	if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		buf_clear(&x->r->headers);
		return n;
	}
	if (keep_header(&x->r->headers, p, n, x->err)) {
		x->failed = true;
		return 0;
	}
	return n;
}

static void
take_status(const struct handle *hd)
{
	long status = 0;

	if (curl_easy_getinfo(hd->curl, CURLINFO_RESPONSE_CODE, &status) ==
	    CURLE_OK)
		hd->x.r->status = (int)status;
}

/* The beginning is enough to say what went wrong. */
static int
keep_body(struct buf *b, const char *p, size_t n, struct err *err)
{
	size_t room = b->max - b->len;

	return buf_add(b, p, n < room ? n : room, err);
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct handle *hd = arg;
	struct exchange *x = &hd->x;
	int rc = 0;

	n *= size;
	x->paced |= rate_take(x->receive, n);
	if (x->r->status == 0)
		take_status(hd);
	if (x->r->status / 100 != 2)
		rc = keep_body(&x->r->body, p, n, x->err);
	else if (x->to)
		rc = sink_write(x->to, p, n, x->err);
	if (rc == 0)
		return n;
	x->failed = true;
	return 0;
}

/* --- what is sent */

static bool
sendable(const char *s)
{
	return s[strcspn(s, "\r\n")] == '\0';
}

/* Room for all lines at once: they must not move any more. */
static int
reserve_lines(struct handle *hd, const struct http_header *h, struct err *err)
{
	size_t n = OWN_LINES, bytes = 64;
	struct curl_slist *grown;

	for (; h && h->name; h++, n++) {
		if (!sendable(h->name) || !sendable(h->value))
			return err_set(err, ERR_USAGE,
			    "header '%.80s' cannot be sent: it has a line break",
			    h->name);
		bytes += strlen(h->name) + strlen(h->value) + 3;
	}
	buf_clear(&hd->text);
	hd->lines = 0;
	if (buf_reserve(&hd->text, bytes, err))
		return -1;
	if (n <= hd->room)
		return 0;
	grown = realloc(hd->line, n * sizeof *grown);
	if (!grown)
		return err_nomem(err);
	hd->line = grown;
	hd->room = n;
	return 0;
}

/* Its parts are one line.  Never an error: the room is there. */
static int
add_line(struct handle *hd, const char *name, const char *between,
    const char *value, struct err *err)
{
	struct curl_slist *line = hd->line + hd->lines;

	assert(hd->line);
	*line = (struct curl_slist){ hd->text.data + hd->text.len, NULL };
	if (hd->lines++ > 0)
		line[-1].next = line;
	if (buf_join(&hd->text, err, name, between, value, NULL))
		return -1;
	return buf_add(&hd->text, "", 1, err);
}

/* The caller's, and without those that libcurl would add of its own. */
static int
all_headers(struct handle *hd, const struct http_request *q, struct err *err)
{
	bool typed = false;

	if (reserve_lines(hd, q->headers, err) ||
	    add_line(hd, "Accept", ":", "", err) ||
	    (q->body_len > 0 && add_line(hd, "Expect", ":", "", err)))
		return -1;
	for (const struct http_header *h = q->headers; h && h->name; h++) {
		typed |= strcasecmp(h->name, "content-type") == 0;
		/* libcurl's way to send a header that has no value */
		if (add_line(hd, h->name, *h->value ? ": " : ";", h->value,
		        err))
			return -1;
	}
	return typed ? 0 : add_line(hd, "Content-Type", ":", "", err);
}

/* Options set one after the other; the first failure is kept. */
struct setup {
	CURL *c;
	CURLcode rc;
};

static void
set_long(struct setup *s, CURLoption option, long value)
{
	if (s->rc == CURLE_OK)
		s->rc = curl_easy_setopt(s->c, option, value);
}

static void
set_pointer(struct setup *s, CURLoption option, const void *value)
{
	if (s->rc == CURLE_OK)
		s->rc = curl_easy_setopt(s->c, option, value);
}

static void
set_transport(struct setup *s, const struct http *h)
{
	set_long(s, CURLOPT_NOSIGNAL, 1);
	set_long(s, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	set_pointer(s, CURLOPT_PROTOCOLS_STR, "http,https");
	set_long(s, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	set_long(s, CURLOPT_TCP_NODELAY, 1);
	set_long(s, CURLOPT_TCP_KEEPALIVE, 1);
	set_long(s, CURLOPT_FOLLOWLOCATION, 0);
	set_long(s, CURLOPT_PATH_AS_IS, 1);
	set_long(s, CURLOPT_MAXCONNECTS, 1);
	set_long(s, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	set_long(s, CURLOPT_CONNECTTIMEOUT, h->connect_s);
	set_long(s, CURLOPT_LOW_SPEED_LIMIT, 1);
	set_long(s, CURLOPT_LOW_SPEED_TIME, h->idle_s);
	set_long(s, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
	set_pointer(s, CURLOPT_USERAGENT, "platform-backup/" VERSION);
}

/* --- trust: read at the first handshake, once for all connections */

/* Where libcurl was built to look for the system's, unless some are given. */
static int
read_trusted(struct http *h, CURL *c, struct err *err)
{
	struct ca_store_from from = { .pem = h->ca_pem };
	char *file = NULL, *folder = NULL;
	int rc = 0;

	(void)curl_easy_getinfo(c, CURLINFO_CAINFO, &file);
	(void)curl_easy_getinfo(c, CURLINFO_CAPATH, &folder);
	from.file = file;
	from.folder = folder;
	monitor_enter(&h->m);
	if (!h->trusted)
		rc = ca_store_new(&from, &h->trusted, err);
	monitor_leave(&h->m);
	return rc;
}

static CURLcode
on_context(CURL *c, void *ssl_ctx, void *trusted)
{
	(void)c;
	ca_store_use(trusted, ssl_ctx);
	return CURLE_OK;
}

/* A proxy that speaks TLS itself is the system's to trust. */
static bool
may_share(const struct http *h, const char *url)
{
	return strncasecmp(url, "https:", 6) == 0 &&
	       (!h->proxy || strncasecmp(h->proxy, "https:", 6) != 0);
}

/* As libcurl does it by itself, for each connection. */
static void
set_own_trust(struct setup *s, const struct http *h)
{
	struct curl_blob pem = { h->ca_pem, h->ca_pem ? strlen(h->ca_pem) : 0,
		CURL_BLOB_NOCOPY };

	if (!h->ca_pem)
		return;
	set_pointer(s, CURLOPT_CAINFO_BLOB, &pem);
	/* or the folder of the system's would be trusted as well */
	set_pointer(s, CURLOPT_CAPATH, NULL);
}

static int
set_trust(struct setup *s, struct http *h, const char *url, struct err *err)
{
	if (!may_share(h, url) ||
	    curl_easy_setopt(s->c, CURLOPT_SSL_CTX_FUNCTION, on_context) !=
	        CURLE_OK) {
		set_own_trust(s, h);
		return 0;
	}
	if (read_trusted(h, s->c, err))
		return -1;
	set_pointer(s, CURLOPT_SSL_CTX_DATA, h->trusted);
	set_pointer(s, CURLOPT_CAINFO, NULL);
	set_pointer(s, CURLOPT_CAPATH, NULL);
	return 0;
}

/* Who we are: a certificate and its key, from memory. */
static void
set_identity(struct setup *s, const struct http *h)
{
	struct curl_blob cert, key;

	if (!h->cert_pem || !h->key_pem)
		return;
	cert = (struct curl_blob){ h->cert_pem, strlen(h->cert_pem),
		CURL_BLOB_NOCOPY };
	key = (struct curl_blob){ h->key_pem, strlen(h->key_pem),
		CURL_BLOB_NOCOPY };
	set_pointer(s, CURLOPT_SSLCERT_BLOB, &cert);
	set_pointer(s, CURLOPT_SSLKEY_BLOB, &key);
}

static bool
exempt(const struct http *h, const char *url)
{
	CURLU *parts = curl_url();
	char *host = NULL;
	bool yes = parts &&
	           curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
	           curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	           proxy_skips(h->no_proxy, host);

	curl_free(host);
	curl_url_cleanup(parts);
	return yes;
}

/* "" and not NULL: NULL means the environment's. */
static void
set_proxy(struct setup *s, const struct http *h, const char *url)
{
	const char *proxy = h->proxy ? h->proxy : "";

	if (h->proxy && h->no_proxy && exempt(h, url))
		proxy = "";
	set_pointer(s, CURLOPT_PROXY, proxy);
	set_pointer(s, CURLOPT_NOPROXY, "");
}

/* What the system receives before anybody asks for it is beyond the limit: a
 * fraction of a second's bytes.  Where that cannot be set it is as it was. */
static int
on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	const struct handle *hd = arg;
	uint64_t rate = rate_now(hd->x.receive);
	int bytes = RECEIVE_LEAST;

	(void)purpose;
	if (rate / RECEIVE_SHARE > RECEIVE_LEAST)
		bytes = rate / RECEIVE_SHARE > RECEIVE_MOST
		            ? RECEIVE_MOST
		            : (int)(rate / RECEIVE_SHARE);
	if (rate)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes,
		    sizeof bytes);
	return CURL_SOCKOPT_OK;
}

/* The body at the pace of the limit, a step at a time. */
static size_t
on_send(char *to, size_t size, size_t n, void *arg)
{
	struct exchange *x = &((struct handle *)arg)->x;
	size_t left = x->q->body_len - x->sent;
	uint64_t step = rate_step(x->send);

	n *= size;
	n = n < left ? n : left;
	n = n < step ? n : (size_t)step;
	x->paced |= rate_take(x->send, n);
	if (n > 0)
		memcpy(to, (const char *)x->q->body + x->sent, n);
	x->sent += n;
	return n;
}

/* A kept connection turned out to be closed: libcurl sends it again. */
static int
on_rewind(void *arg, curl_off_t offset, int origin)
{
	struct exchange *x = &((struct handle *)arg)->x;

	if (origin != SEEK_SET || offset < 0 ||
	    (uint64_t)offset > x->q->body_len)
		/* libcurl only goes back to what it has sent */
		return CURL_SEEKFUNC_FAIL;
	x->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* None of these can fail. */
static void
set_callbacks(struct handle *hd)
{
	(void)curl_easy_setopt(hd->curl, CURLOPT_ERRORBUFFER, hd->message);
	(void)curl_easy_setopt(hd->curl, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(hd->curl, CURLOPT_HEADERDATA, hd);
	(void)curl_easy_setopt(hd->curl, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(hd->curl, CURLOPT_WRITEDATA, hd);
	(void)curl_easy_setopt(hd->curl, CURLOPT_READFUNCTION, on_send);
	(void)curl_easy_setopt(hd->curl, CURLOPT_READDATA, hd);
	(void)curl_easy_setopt(hd->curl, CURLOPT_SEEKFUNCTION, on_rewind);
	(void)curl_easy_setopt(hd->curl, CURLOPT_SEEKDATA, hd);
	(void)curl_easy_setopt(hd->curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
	(void)curl_easy_setopt(hd->curl, CURLOPT_SOCKOPTDATA, hd);
}

/* What stays; each option that is set costs as much as a small header. */
static int
set_once(struct setup *s, struct http *h, struct handle *hd, struct err *err)
{
	const char *url = hd->x.q->url;

	if (!hd->ready) {
		set_callbacks(hd);
		set_transport(s, h);
		set_identity(s, h);
		if (set_trust(s, h, url, err))
			return -1;
	}
	if (!hd->ready || h->no_proxy)
		set_proxy(s, h, url);
	hd->ready = s->rc == CURLE_OK;
	return 0;
}

/* What fits into one step leaves libcurl with the headers, as one packet. */
static void
set_body(struct setup *s, struct exchange *x)
{
	const struct http_request *q = x->q;
	struct rate *send = x->send;
	bool paced = send && q->body_len > rate_step(send);
	const void *body = q->body_len ? q->body : "";

	if (!paced)
		x->paced |= rate_take(send, q->body_len);
	/* a body in memory: libcurl can send it again by itself when a kept
	 * connection turns out to be closed */
	set_pointer(s, CURLOPT_POSTFIELDS, paced ? NULL : body);
	if (s->rc == CURLE_OK)
		s->rc = curl_easy_setopt(s->c, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)q->body_len);
}

static void
set_request(struct setup *s, struct handle *hd)
{
	const struct http_request *q = hd->x.q;
	const char *method = q->method;

	set_pointer(s, CURLOPT_URL, q->url);
	set_pointer(s, CURLOPT_HTTPHEADER, hd->line);
	/* whatever the request before was */
	set_long(s, CURLOPT_HTTPGET, 1);
	if (strcmp(method, "HEAD") == 0) {
		set_long(s, CURLOPT_NOBODY, 1);
		method = NULL;
	} else if (q->body_len > 0 || strcmp(method, "PUT") == 0 ||
	           strcmp(method, "POST") == 0) {
		set_body(s, &hd->x);
	} else if (strcmp(method, "GET") == 0) {
		method = NULL;
	}
	set_pointer(s, CURLOPT_CUSTOMREQUEST, method);
}

/* --- what went wrong */

/* In the words of libcurl, which name the host, and no secret. */
static const char *
words(const struct handle *hd, CURLcode rc)
{
	return hd->message[0] ? hd->message : curl_easy_strerror(rc);
}

static int
unresolved(const char *what, bool answered, struct err *err)
{
	/* a name that was known a moment ago is not a typing error */
	return err_set(err, answered ? ERR_TRANSIENT : ERR_REMOTE,
	    "%s: is the name right, and does DNS know it here?", what);
}

static int
failure(const struct handle *hd, CURLcode rc, bool answered, struct err *err)
{
	const char *text = words(hd, rc);

	switch ((int)rc) {
	case CURLE_OUT_OF_MEMORY:
		return err_nomem(err);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return unresolved(text, answered, err);
	case CURLE_UNSUPPORTED_PROTOCOL:
		return err_set(err, ERR_REMOTE, "no HTTP there: %s", text);
	case CURLE_URL_MALFORMAT:
		return err_set(err, ERR_REMOTE, "not a usable URL: %s", text);
	case CURLE_PEER_FAILED_VERIFICATION:
		return err_set(err, ERR_DENIED,
		    "the server's certificate is not trusted: %s", text);
	case CURLE_SSL_CERTPROBLEM:
		return err_set(err, ERR_USAGE,
		    "the client certificate or its key is not usable: %s",
		    text);
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(err, ERR_USAGE,
		    "the CA certificates are not PEM: %s", text);
	default:
		return err_set(err, ERR_TRANSIENT, "%s", text);
	}
}

/* --- one exchange */

static void
response_clear(struct http_response *r)
{
	r->status = 0;
	r->date = 0;
	r->headers.max = HEADERS_MAX;
	r->body.max = BODY_KEPT;
	buf_clear(&r->headers);
	buf_clear(&r->body);
}

static void
take_date(struct http_response *r)
{
	const char *date = http_response_header(r, "date");
	struct err ignored;

	if (!date || date_parse_http(date, &r->date, &ignored))
		r->date = 0;
}

/* libcurl counts as well; this is for a body that it lets pass. */
static CURLcode
count_body(CURL *c, const struct http_request *q)
{
	curl_off_t announced = -1, came = 0;

	if (strcmp(q->method, "HEAD") == 0 ||
	    curl_easy_getinfo(c, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
	        &announced) != CURLE_OK ||
	    curl_easy_getinfo(c, CURLINFO_SIZE_DOWNLOAD_T, &came) != CURLE_OK)
		return CURLE_OK;
	return announced < 0 || announced == came ? CURLE_OK
	                                          : CURLE_PARTIAL_FILE;
}

/* Headers are small, and only their number is known, afterwards. */
static void
note_headers(const struct handle *hd)
{
	long sent = 0, received = 0;

	if (hd->x.send && curl_easy_getinfo(hd->curl, CURLINFO_REQUEST_SIZE,
	                      &sent) == CURLE_OK)
		rate_note(hd->x.send, (uint64_t)sent);
	if (hd->x.receive && curl_easy_getinfo(hd->curl, CURLINFO_HEADER_SIZE,
	                         &received) == CURLE_OK)
		rate_note(hd->x.receive, (uint64_t)received);
}

static CURLcode
exchange(struct http *h, struct handle *hd)
{
	const struct http_request *q = hd->x.q;
	struct setup s = { hd->curl, CURLE_OK };

	hd->message[0] = '\0';
	if (set_once(&s, h, hd, hd->x.err)) {
		hd->x.failed = true;
		return CURLE_SSL_CACERT_BADFILE;
	}
	set_request(&s, hd);
	/* one byte each: behind the headers of those before */
	hd->x.paced |= rate_take(hd->x.send, 1);
	hd->x.paced |= rate_take(hd->x.receive, 1);
	if (s.rc == CURLE_OK)
		s.rc = curl_easy_perform(s.c);
	if (s.rc == CURLE_OK)
		s.rc = count_body(s.c, q);
	note_headers(hd);
	take_status(hd);
	return s.rc;
}

/* What a server says that has too much to do. */
static bool
is_refusal(CURLcode rc, int status)
{
	return rc == CURLE_OPERATION_TIMEDOUT || status == 429 || status == 503;
}

/* What it moved, and how it went; the time of its begin is there. */
static void
sample(const struct handle *hd, CURLcode rc, struct throttle_sample *s)
{
	curl_off_t received = 0;

	(void)curl_easy_getinfo(hd->curl, CURLINFO_SIZE_DOWNLOAD_T, &received);
	s->bytes = hd->x.q->body_len + (uint64_t)received;
	s->refused = is_refusal(rc, hd->x.r->status);
}

/* One exchange with a handle whose lines are there. */
static int
run(struct http *h, struct handle *hd, struct throttle_sample *s)
{
	CURLcode rc = exchange(h, hd);
	bool answered = note_answer(h, rc == CURLE_OK);

	take_date(hd->x.r);
	if (rc != CURLE_OK && !hd->x.failed)
		(void)failure(hd, rc, answered, hd->x.err);
	sample(hd, rc, s);
	return rc == CURLE_OK ? 0 : -1;
}

int
http_do(struct http *h, const struct http_request *q, struct http_response *r,
    struct sink *to, struct err *err)
{
	struct handle *hd = handle_get(h, q->fresh, err);
	struct throttle_sample s = { .began_ms = clock_mono_ms(clock_real()) };
	int rc = -1;

	response_clear(r);
	if (hd) {
		hd->x = (struct exchange){ .r = r,
			.to = to,
			.err = err,
			.receive = h->receive,
			.send = h->send,
			.q = q };
		rc = all_headers(hd, q, err);
		if (rc == 0)
			rc = run(h, hd, &s);
	}
	s.now_ms = clock_mono_ms(clock_real());
	handle_put(h, hd, &s);
	return rc;
}

/* --- a connection alone */

static int
connect_alone(struct http *h, struct handle *hd, struct err *err)
{
	struct setup s = { hd->curl, CURLE_OK };

	if (set_once(&s, h, hd, err))
		return -1;
	set_pointer(&s, CURLOPT_URL, hd->x.q->url);
	set_long(&s, CURLOPT_CONNECT_ONLY, 1);
	/* through a proxy, and not to one */
	set_long(&s, CURLOPT_HTTPPROXYTUNNEL, 1);
	if (s.rc == CURLE_OK)
		s.rc = curl_easy_perform(s.c);
	return s.rc == CURLE_OK ? 0
	                        : failure(hd, s.rc, note_answer(h, false), err);
}

int
http_connect(struct http *h, const char *url, struct handle **ret,
    struct err *err)
{
	AUTO(http_response) struct http_response r = { 0 };
	const struct http_request q = { .url = url };
	AUTO(handle) struct handle *hd = handle_new(err);

	if (!hd)
		return -1;
	response_clear(&r);
	hd->x = (struct exchange){ .r = &r,
		.err = err,
		.receive = h->receive,
		.send = h->send,
		.q = &q };
	if (connect_alone(h, hd, err))
		return -1;
	hd->x = (struct exchange){ 0 };
	*ret = TAKE(hd);
	return 0;
}

CURL *
http_connect_curl(const struct handle *hd)
{
	return hd->curl;
}

void
http_connect_end(struct handle *hd)
{
	handle_free(hd);
}

/* --- response */

const char *
http_response_next(const struct http_response *r, const char *line)
{
	if (!r->headers.data)
		return NULL;
	line = line ? line + strlen(line) + 1 : r->headers.data;
	return line < r->headers.data + r->headers.len ? line : NULL;
}

const char *
http_response_header(const struct http_response *r, const char *name)
{
	size_t n = strlen(name);
	const char *line = NULL;

	while ((line = http_response_next(r, line)) != NULL)
		if (strncmp(line, name, n) == 0 &&
		    strncmp(line + n, ": ", 2) == 0)
			return line + n + 2;
	return NULL;
}

void
http_response_done(struct http_response *r)
{
	buf_done(&r->headers);
	buf_done(&r->body);
}
