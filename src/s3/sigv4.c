#include "s3/sigv4.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/date.h"
#include "base/str.h"
#include "crypto/sha256.h"

/* HTTP/1.1 headers and URLs of ours are far smaller. */
enum { SIGNED_MAX = 1 << 20, SIGNED_USUAL = 1 << 10, PARTS_MAX = 256 };

#define ALGORITHM "AWS4-HMAC-SHA256"

/* --- the query, in the order of its parameters' bytes */

/* "name=value" at p, up to '&' or the end. */
struct param {
	const char *p;
	size_t len, name; /* name: up to '=' */
};

static int
compare_bytes(const char *a, size_t n, const char *b, size_t k)
{
	int c = memcmp(a, b, n < k ? n : k);

	return c ? c : (n > k) - (n < k);
}

/* By name, then by value: not as one text, for '=' sorts behind '-'. */
static int
compare_params(const void *left, const void *right)
{
	const struct param *a = left, *b = right;
	int c = compare_bytes(a->p, a->name, b->p, b->name);

	return c ? c : compare_bytes(a->p, a->len, b->p, b->len);
}

static int
add_query(struct buf *b, const char *query, struct err *err)
{
	struct param param[PARTS_MAX] = { 0 };
	size_t n = 0;

	while (*query) {
		size_t len = strcspn(query, "&");
		const char *equals = memchr(query, '=', len);

		if (n == PARTS_MAX)
			return err_set(err, ERR_USAGE, "query is too long");
		param[n++] = (struct param){ query, len,
			equals ? (size_t)(equals - query) : len };
		query += len;
		query += *query == '&';
	}
	qsort(param, n, sizeof *param, compare_params);
	for (size_t i = 0; i < n; i++)
		if ((i > 0 && buf_puts(b, "&", err)) ||
		    buf_add(b, param[i].p, param[i].len, err))
			return -1;
	return 0;
}

/* --- the headers, in the order of their names */

struct name {
	const char *name, *value;
	size_t at; /* those of one name stay in the order of sending */
};

struct names {
	struct name sorted[PARTS_MAX];
	size_t n;
};

static int
compare_names(const void *left, const void *right)
{
	const struct name *a = left, *b = right;
	int c = strcasecmp(a->name, b->name);

	return c ? c : (a->at > b->at) - (a->at < b->at);
}

static int
sort_headers(const struct http_header *h, struct names *out, struct err *err)
{
	out->n = 0;
	for (; h->name; h++) {
		if (out->n == PARTS_MAX)
			return err_set(err, ERR_USAGE, "too many headers");
		out->sorted[out->n] =
		    (struct name){ h->name, h->value, out->n };
		out->n++;
	}
	qsort(out->sorted, out->n, sizeof *out->sorted, compare_names);
	return 0;
}

static int
add_lower(struct buf *b, const char *s, struct err *err)
{
	size_t n = strlen(s);

	if (buf_reserve(b, n, err))
		return -1;
	for (; *s; s++)
		b->data[b->len++] = (char)tolower((unsigned char)*s);
	b->data[b->len] = '\0';
	return 0;
}

/* Without space at its ends; each run of spaces inside as one. */
static int
add_value(struct buf *b, const char *s, struct err *err)
{
	const char *gap = "";

	s += strspn(s, " \t\r\n");
	while (*s) {
		size_t n = strcspn(s, " \t\r\n");

		if ((*gap && buf_add(b, gap, 1, err)) || buf_add(b, s, n, err))
			return -1;
		s += n;
		s += strspn(s, " \t\r\n");
		gap = " ";
	}
	return 0;
}

/* Whether the name stood before it already. */
static bool
again(const struct names *h, const struct name *n)
{
	return n > h->sorted && strcasecmp(n->name, n[-1].name) == 0;
}

static int
add_headers(struct buf *b, const struct names *h, struct err *err)
{
	const struct name *end = h->sorted + h->n;

	for (const struct name *n = h->sorted; n < end; n++) {
		bool more = again(h, n);

		if ((n > h->sorted && !more && buf_puts(b, "\n", err)) ||
		    (!more && add_lower(b, n->name, err)) ||
		    buf_puts(b, more ? "," : ":", err) ||
		    add_value(b, n->value, err))
			return -1;
	}
	return buf_puts(b, "\n", err);
}

static int
add_names(struct buf *b, const struct names *h, struct err *err)
{
	const struct name *end = h->sorted + h->n;

	for (const struct name *n = h->sorted; n < end; n++)
		if (!again(h, n) && ((n > h->sorted && buf_puts(b, ";", err)) ||
		                        add_lower(b, n->name, err)))
			return -1;
	return 0;
}

/* --- from the canonical request to the signature */

static int
canonical(const struct sigv4_request *q, const struct names *h, struct buf *b,
    struct err *err)
{
	if (buf_reserve(b, SIGNED_USUAL, err) ||
	    buf_join(b, err, q->method, "\n", q->path, "\n", NULL) ||
	    (q->query && add_query(b, q->query, err)) ||
	    buf_puts(b, "\n", err) || add_headers(b, h, err) ||
	    buf_puts(b, "\n", err) || add_names(b, h, err))
		return -1;
	return buf_join(b, err, "\n", q->payload_sha256, NULL);
}

static int
hmac_text(struct sha256 *h, const uint8_t key[SHA256_SIZE], const char *text,
    uint8_t out[SHA256_SIZE], struct err *err)
{
	return sha256_hmac_by(h, key, SHA256_SIZE, text, strlen(text), out,
	    err);
}

/* False: too long. */
static bool
scope_text(const struct sigv4_scope *s, char *out, size_t size)
{
	char date[DATE_BASIC_SIZE];
	int n;

	date_basic(s->now, date);
	n = snprintf(out, size, "%.8s/%s/%s/aws4_request", date, s->region,
	    s->service);
	return n > 0 && (size_t)n < size;
}

bool
sigv4_key_is_for(const struct sigv4_key *k, const struct sigv4_scope *s)
{
	char text[sizeof k->scope];

	return scope_text(s, text, sizeof text) && strcmp(text, k->scope) == 0;
}

int
sigv4_key_make(const char *secret, const struct sigv4_scope *s,
    struct sigv4_key *k, struct err *err)
{
	AUTO(sha256) struct sha256 *h = NULL;
	struct buf first = { .max = 4096 };
	int rc;

	*k = (struct sigv4_key){ 0 };
	if (!scope_text(s, k->scope, sizeof k->scope))
		return err_set(err, ERR_USAGE, "region '%.80s' is too long",
		    s->region);
	rc = sha256_new(&h, err) || buf_printf(&first, err, "AWS4%s", secret) ||
	     sha256_hmac_by(h, first.data, first.len, k->scope, 8, k->key, err);
	buf_wipe(&first);
	if (rc || hmac_text(h, k->key, s->region, k->key, err) ||
	    hmac_text(h, k->key, s->service, k->key, err))
		return -1;
	return hmac_text(h, k->key, "aws4_request", k->key, err);
}

static int
signature(const struct sigv4_key *k, const struct sigv4_request *q,
    const struct buf *request, char hex[SHA256_HEX], struct err *err)
{
	AUTO(buf) struct buf text = { .max = SIGNED_MAX };
	AUTO(sha256) struct sha256 *h = NULL;
	uint8_t digest[SHA256_SIZE];
	char date[DATE_BASIC_SIZE];

	date_basic(q->now, date);
	if (sha256_new(&h, err) ||
	    sha256_add(h, request->data, request->len, err) ||
	    sha256_end(h, digest, err))
		return -1;
	str_hex(digest, sizeof digest, hex);
	if (buf_reserve(&text, SIGNED_USUAL / 4, err) ||
	    buf_join(&text, err, ALGORITHM "\n", date, "\n", k->scope, "\n",
	        hex, NULL) ||
	    sha256_hmac_by(h, k->key, sizeof k->key, text.data, text.len,
	        digest, err))
		return -1;
	str_hex(digest, sizeof digest, hex);
	return 0;
}

int
sigv4_authorization(const char *access, const struct sigv4_key *k,
    const struct sigv4_request *q, char **out, struct err *err)
{
	AUTO(buf) struct buf request = { .max = SIGNED_MAX };
	AUTO(buf) struct buf value = { .max = SIGNED_MAX };
	struct names h;
	char hex[SHA256_HEX];

	if (sort_headers(q->headers, &h, err) ||
	    canonical(q, &h, &request, err) ||
	    signature(k, q, &request, hex, err))
		return -1;
	if (buf_reserve(&value, SIGNED_USUAL / 2, err) ||
	    buf_join(&value, err, ALGORITHM " Credential=", access, "/",
	        k->scope, ", SignedHeaders=", NULL) ||
	    add_names(&value, &h, err) ||
	    buf_join(&value, err, ", Signature=", hex, NULL))
		return -1;
	*out = TAKE(value.data);
	return 0;
}
