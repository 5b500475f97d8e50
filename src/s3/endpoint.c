#include "s3/endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

#define AWS_DEFAULT "https://s3.amazonaws.com"

static int
wrong(const char *text, const char *why, struct err *err)
{
	return err_set(err, ERR_USAGE,
	    "endpoint '%.200s': %s; it looks like https://s3.example.org:9000",
	    text, why);
}

/* Of "host[:port]". */
static bool
is_address(const char *host)
{
	char name[16] = "";
	size_t n = strcspn(host, ":");
	uint8_t bytes[4];

	if (n < sizeof name)
		memcpy(name, host, n);
	return host[0] == '[' || inet_pton(AF_INET, name, bytes) == 1;
}

/* Letters, digits, '-', '.', '_'; or what stands between '[' and ']'. */
static bool
valid_host(const char *s, size_t n)
{
	if (n > 2 && s[0] == '[')
		return strspn(s + 1, "0123456789abcdefABCDEF:.") == n - 2 &&
		       s[n - 1] == ']';
	if (n == 0 || n > 253)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-._", s[i]))
			return false;
	return true;
}

/* "host[:port]" of n bytes into *host and *port (0: none). */
static int
split_port(const char *p, size_t n, size_t *host, uint64_t *port,
    struct err *err)
{
	const char *close = *p == '[' ? memchr(p, ']', n) : NULL;
	const char *colon = close ? close + 1 : (const char *)memchr(p, ':', n);
	char digits[8] = "";
	size_t k;

	*host = n;
	*port = 0;
	if (!colon || colon == p + n)
		return 0;
	k = n - (size_t)(colon - p) - 1;
	if (*colon != ':' || k == 0 || k >= sizeof digits)
		return err_set(err, ERR_USAGE, "port");
	memcpy(digits, colon + 1, k);
	*host = (size_t)(colon - p);
	return str_to_u64(digits, 1, 65535, port, err);
}

static bool
take_prefix(const char **p, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncasecmp(*p, prefix, n) != 0)
		return false;
	*p += n;
	return true;
}

static int
set_host(struct endpoint *e, const char *p, size_t n, uint64_t port,
    struct err *err)
{
	bool usual = port == 0 || port == (e->tls ? 443 : 80);

	if (usual ? str_printf(&e->host, err, "%.*s", (int)n, p)
	          : str_printf(&e->host, err, "%.*s:%u", (int)n, p,
	                (unsigned)port))
		return -1;
	for (char *c = e->host; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return str_printf(&e->base, err, "%s://%s", e->tls ? "https" : "http",
	    e->host);
}

/* Without the slashes at its end; what needs encoding was encoded by the
 * user. */
static int
set_path(struct endpoint *e, const char *text, const char *p, struct err *err)
{
	size_t n = strlen(p);

	while (n > 0 && p[n - 1] == '/')
		n--;
	if (strcspn(p, "?#@ \t\r\n") != strlen(p))
		return wrong(text, "not a URL", err);
	return str_printf(&e->path, err, "%.*s", (int)n, p);
}

static int
parse_url(struct endpoint *e, const char *text, struct err *err)
{
	const char *p = text;
	bool bare = false;
	uint64_t port;
	size_t n, host;

	if (take_prefix(&p, "https://"))
		e->tls = true;
	else if (!take_prefix(&p, "http://"))
		bare = true;
	if (bare && strstr(p, "://"))
		return wrong(text, "neither http nor https", err);
	n = strcspn(p, "/");
	if (memchr(p, '@', n))
		return err_set(err, ERR_USAGE,
		    "endpoint: keys do not belong into the URL");
	if (split_port(p, n, &host, &port, err))
		return wrong(text, "the port is not right", err);
	if (!valid_host(p, host))
		return wrong(text, "no host", err);
	if (bare)
		e->tls = port == 0 || port == 443;
	return set_host(e, p, host, port, err) || set_path(e, text, p + n, err)
	           ? -1
	           : 0;
}

/* --- AWS */

static const char *
aws_suffix(const char *host)
{
	static const char *const suffix[] = { ".amazonaws.com",
		".amazonaws.com.cn" };

	for (size_t i = 0; i < 2; i++)
		if (str_ends(host, suffix[i]))
			return suffix[i];
	return NULL;
}

/* Such as us-east-1, us-gov-west-1. */
static bool
is_region(const char *s, size_t n)
{
	unsigned dashes = 0;

	for (size_t i = 0; i < n; i++) {
		if (!islower((unsigned char)s[i]) &&
		    !isdigit((unsigned char)s[i]) && s[i] != '-')
			return false;
		dashes += s[i] == '-';
	}
	return n > 0 && dashes >= 2 && isdigit((unsigned char)s[n - 1]);
}

/* The region's place in s3.<region><suffix> and the older s3-<region><suffix>;
 * NULL: neither.  *n 0: the global s3<suffix>. */
static const char *
region_in(const char *host, const char *suffix, size_t *n)
{
	size_t all = strlen(host) - strlen(suffix);

	*n = 0;
	if (all < 2 || strncmp(host, "s3", 2) != 0)
		return NULL;
	if (all == 2)
		return host + 2;
	*n = all - 3;
	return (host[2] == '.' || host[2] == '-') && is_region(host + 3, *n)
	           ? host + 3
	           : NULL;
}

/* Over TLS, *.amazonaws.com covers no bucket that has a dot. */
static bool
wants_virtual_host(const struct endpoint *e, const char *bucket)
{
	return aws_suffix(e->host) && !(e->tls && strchr(bucket, '.'));
}

static int
set_style(struct endpoint *e, const char *style, const char *bucket,
    struct err *err)
{
	if (!style || !*style || strcmp(style, "auto") == 0)
		e->virtual_host = wants_virtual_host(e, bucket);
	else if (strcmp(style, "host") == 0 || strcmp(style, "virtual") == 0)
		e->virtual_host = true;
	else if (strcmp(style, "path") != 0)
		return err_set(err, ERR_USAGE,
		    "uri-style '%.40s' is not path, host, virtual or auto",
		    style);
	if (e->virtual_host && is_address(e->host))
		return err_set(err, ERR_USAGE,
		    "uri-style '%.40s' needs a host name, '%s' is an address",
		    style, e->host);
	return 0;
}

int
endpoint_parse(struct endpoint *e, const char *text, const char *style,
    const char *bucket, struct err *err)
{
	const char *suffix;
	size_t n;

	if (!text || !*text)
		text = AWS_DEFAULT;
	if (parse_url(e, text, err) || set_style(e, style, bucket, err))
		return -1;
	suffix = aws_suffix(e->host);
	if (suffix && region_in(e->host, suffix, &n))
		e->aws = suffix;
	return 0;
}

void
endpoint_done(struct endpoint *e)
{
	free(e->host);
	free(e->path);
	free(e->base);
	*e = (struct endpoint){ 0 };
}

void
endpoint_region(const struct endpoint *e, char *out, size_t size)
{
	size_t n = 0;
	const char *p = e->aws ? region_in(e->host, e->aws, &n) : NULL;

	if (!p || n >= size)
		n = 0;
	if (n > 0)
		memcpy(out, p, n);
	out[n] = '\0';
}

int
endpoint_host(const struct endpoint *e, const char *bucket, const char *region,
    struct buf *b, struct err *err)
{
	if (e->virtual_host &&
	    (buf_puts(b, bucket, err) || buf_puts(b, ".", err)))
		return -1;
	if (e->aws)
		return buf_join(b, err, "s3.", region, e->aws, NULL);
	return buf_puts(b, e->host, err);
}

int
endpoint_path(const struct endpoint *e, const char *bucket, const char *key,
    struct buf *b, struct err *err)
{
	if (buf_puts(b, e->path, err))
		return -1;
	if (!e->virtual_host &&
	    (buf_puts(b, "/", err) || str_percent(b, bucket, "", err)))
		return -1;
	if (!key)
		return e->virtual_host ? buf_puts(b, "/", err) : 0;
	return buf_puts(b, "/", err) || str_percent(b, key, "/", err) ? -1 : 0;
}
