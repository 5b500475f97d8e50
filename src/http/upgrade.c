#include "http/upgrade.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/sha1.h"
#include "http/channel.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

enum {
	NONCE = 16,
	REQUEST_MAX = 256 << 10, /* a token is in it */
	HEAD_MAX = 64 << 10,     /* of the answer */
	BODY_KEPT = 64 << 10,
	WORD_MAX = 256,
};

/* --- the request */

/* "host:port" and "/path?query" of a URL. */
static void
split_url(const char *url, const char **host, size_t *n, const char **path)
{
	const char *at = strstr(url, "://");

	*host = at ? at + 3 : url;
	*n = strcspn(*host, "/?#");
	*path = (*host)[*n] == '/' ? *host + *n : "/";
}

static int
add_headers(struct buf *b, const struct http_header *h, struct err *err)
{
	for (; h && h->name; h++) {
		if (h->value[strcspn(h->value, "\r\n")])
			return err_set(err, ERR_USAGE,
			    "header '%.80s' cannot be sent: it has a line "
			    "break",
			    h->name);
		if (buf_join(b, err, h->name, ": ", h->value, "\r\n", NULL))
			return -1;
	}
	return 0;
}

static int
make_request(const struct upgrade_request *q, const char *key, struct buf *b,
    struct err *err)
{
	const char *host, *path;
	size_t n;

	split_url(q->url, &host, &n, &path);
	if (buf_join(b, err, "GET ", path, " HTTP/1.1\r\nHost: ", NULL) ||
	    buf_add(b, host, n, err) ||
	    buf_join(b, err,
	        "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ",
	        key, "\r\nSec-WebSocket-Protocol: ", q->protocols,
	        "\r\nUser-Agent: platform-backup/" VERSION "\r\n", NULL) ||
	    add_headers(b, q->headers, err))
		return -1;
	return buf_puts(b, "\r\n", err);
}

/* --- the answer */

static int
read_more(struct channel *c, const struct upgrade_request *q, struct buf *b,
    struct err *err)
{
	char piece[4096];
	size_t got;

	for (;;) {
		if (channel_read(c, piece, sizeof piece, &got, err))
			return -1;
		if (got > 0)
			return buf_add(b, piece, got, err);
		if (!channel_wait(c, false, q->idle_ms))
			return err_set(err, ERR_TRANSIENT,
			    "no answer came within %u s", q->idle_ms / 1000);
	}
}

/* One line of headers, without its end, into the form of http.h. */
static int
keep_line(const char *line, size_t n, struct buf *to, struct err *err)
{
	const char *colon = memchr(line, ':', n);
	size_t name = colon ? (size_t)(colon - line) : 0;
	size_t start = to->len;

	if (name == 0)
		return 0;
	for (n -= name + 1, line = colon + 1; n > 0 && isblank(*line); n--)
		line++;
	while (n > 0 && isblank(line[n - 1]))
		n--;
	if (buf_add(to, colon - name, name, err) || buf_puts(to, ": ", err) ||
	    buf_add(to, line, n, err) || buf_add(to, "", 1, err))
		return -1;
	for (size_t i = start; i < start + name; i++)
		to->data[i] = (char)tolower((unsigned char)to->data[i]);
	return 0;
}

/* head: up to the empty line. */
static int
read_head(const char *head, struct http_response *r, struct err *err)
{
	unsigned status = 0;
	const char *p = strchr(head, ' ');

	if (!str_starts(head, "HTTP/1.") || !p)
		return err_set(err, ERR_REMOTE, "no HTTP server is there");
	for (p++; isdigit((unsigned char)*p) && status < 1000; p++)
		status = status * 10 + (unsigned)(*p - '0');
	if (status < 100 || status > 999)
		return err_set(err, ERR_REMOTE, "no HTTP server is there");
	r->status = (int)status;
	while ((p = strstr(p, "\r\n"))) {
		p += 2;
		if (keep_line(p, strcspn(p, "\r\n"), &r->headers, err))
			return -1;
	}
	return 0;
}

/* Head and empty line off the beginning of b. */
static int
take_head(struct channel *c, const struct upgrade_request *q, struct buf *b,
    struct http_response *r, struct err *err)
{
	char *end;
	size_t n;

	while (!b->data || !(end = strstr(b->data, "\r\n\r\n"))) {
		if (b->data && strlen(b->data) < b->len)
			return err_set(err, ERR_REMOTE,
			    "no HTTP server is there");
		if (read_more(c, q, b, err))
			return -1;
	}
	*end = '\0';
	if (read_head(b->data, r, err))
		return -1;
	n = (size_t)(end - b->data) + 4;
	memmove(b->data, b->data + n, b->len - n + 1);
	b->len -= n;
	return 0;
}

/* --- refused */

/* RFC 9112, 7.1, in place; false: the end is not there yet. */
static bool
unchunk(const struct buf *b, struct buf *to, struct err *err)
{
	const char *p = b->data, *end = b->data + b->len;

	buf_clear(to);
	while (p < end) {
		char *after;
		unsigned long n = strtoul(p, &after, 16);
		const char *line = strstr(after, "\r\n");

		if (!line || n > (size_t)(end - line - 2))
			return false;
		if (n == 0)
			return true;
		if (buf_add(to, line + 2, n, err))
			return false;
		p = line + 2 + n + 2;
	}
	return false;
}

static bool
has_whole_body(const struct buf *b, struct http_response *r, struct err *err)
{
	const char *length = http_response_header(r, "content-length");
	struct err ignored;
	uint64_t n;

	if (http_response_header(r, "transfer-encoding"))
		return b->data && unchunk(b, &r->body, err);
	return length && str_to_u64(length, 0, BODY_KEPT, &n, &ignored) == 0 &&
	       b->len >= n;
}

/* It only explains: what came of it before the end is enough. */
static int
take_body(struct channel *c, const struct upgrade_request *q, struct buf *b,
    struct http_response *r, struct err *err)
{
	while (!has_whole_body(b, r, err))
		if (err_is(err, ERR_NOMEM) || read_more(c, q, b, err))
			break;
	if (err_is(err, ERR_NOMEM))
		return -1;
	*err = (struct err){ 0 };
	return r->body.len == 0 && b->len > 0
	           ? buf_add(&r->body, b->data, b->len, err)
	           : 0;
}

/* --- accepted */

static bool
says(const struct http_response *r, const char *name, const char *value)
{
	const char *is = http_response_header(r, name);

	return is && strcasecmp(is, value) == 0;
}

/* Proof that a WebSocket server has answered, and to this. */
static int
check_accept(const struct http_response *r, const char *key, struct err *err)
{
	AUTO(buf) struct buf want = { .max = WORD_MAX };
	AUTO(buf) struct buf text = { .max = WORD_MAX };
	uint8_t digest[SHA1_SIZE];
	const char *is = http_response_header(r, "sec-websocket-accept");

	if (buf_join(&text, err, key, GUID, NULL) ||
	    sha1_of(text.data, text.len, digest, err) ||
	    str_base64(&want, digest, sizeof digest, err))
		return -1;
	if (!is || strcmp(is, want.data) != 0 ||
	    !says(r, "upgrade", "websocket"))
		return err_set(err, ERR_REMOTE,
		    "the server's answer is none of a WebSocket");
	return 0;
}

static bool
was_offered(const char *protocols, const char *is)
{
	size_t n = strlen(is);

	for (const char *p = protocols; *p;) {
		size_t k = strcspn(p, ", ");

		if (k == n && strncmp(p, is, n) == 0)
			return true;
		p += k;
		p += strspn(p, ", ");
	}
	return false;
}

static int
accepted(const struct upgrade_request *q, const struct http_response *r,
    const char *key, struct upgrade_result *u, struct err *err)
{
	const char *is = http_response_header(r, "sec-websocket-protocol");

	if (check_accept(r, key, err))
		return -1;
	if (!is || strlen(is) >= sizeof u->protocol ||
	    !was_offered(q->protocols, is))
		return err_set(err, ERR_REMOTE,
		    "the server knows none of the protocols '%s'",
		    q->protocols);
	memcpy(u->protocol, is, strlen(is) + 1);
	return 0;
}

int
upgrade_run(struct channel *c, const struct upgrade_request *q,
    struct http_response *r, struct upgrade_result *u, struct err *err)
{
	AUTO(buf) struct buf text = { .max = REQUEST_MAX };
	AUTO(buf) struct buf key = { .max = WORD_MAX };
	uint8_t nonce[NONCE];
	int rc;

	u->rest.max = HEAD_MAX;
	r->headers.max = HEAD_MAX;
	r->body.max = BODY_KEPT;
	if (rand_bytes(nonce, sizeof nonce, err) ||
	    str_base64(&key, nonce, sizeof nonce, err) ||
	    make_request(q, key.data, &text, err))
		return -1;
	rc = channel_write_all(c, text.data, text.len, q->idle_ms, err);
	buf_wipe(&text);
	if (rc || take_head(c, q, &u->rest, r, err))
		return -1;
	if (r->status == 101)
		return accepted(q, r, key.data, u, err);
	*err = (struct err){ 0 };
	return take_body(c, q, &u->rest, r, err);
}

void
upgrade_result_done(struct upgrade_result *u)
{
	buf_done(&u->rest);
}
