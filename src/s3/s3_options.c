#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "s3/s3.h"
#include "s3/s3_request.h"

static bool
given(const char *s)
{
	return s && *s;
}

/* A line break that was copied along would end up in a header. */
int
s3_options_text(const char *what, const char *text, struct err *err)
{
	for (; text && *text; text++)
		if (*text <= ' ' || *text > '~')
			return err_set(err, ERR_USAGE,
			    "%s has white space or other characters that no "
			    "key has",
			    what);
	return 0;
}

static int
check_bucket(const char *name, struct err *err)
{
	size_t n = given(name) ? strlen(name) : 0;

	if (n == 0)
		return err_set(err, ERR_USAGE, "bucket is missing");
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) &&
		    !strchr("-._:", name[i]))
			n = 0;
	if (n < 3 || n > 255)
		return err_set(err, ERR_USAGE,
		    "bucket '%.100s': 3 to 63 letters, digits, '-' and '.'",
		    name);
	return 0;
}

static int
check_texts(const struct s3_options *o, const char **which, struct err *err)
{
	const struct {
		const char *name, *text;
		bool needed;
	} all[] = {
		{ "access-key", o->access_key, true },
		{ "secret-key", o->secret_key, true },
		{ "session-token", o->session_token, false },
		{ "region", o->region, false },
		{ "storage-class", o->storage_class, false },
		{ "kms-key-id", o->kms_key_id, false },
		{ "proxy", o->proxy, false },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		*which = all[i].name;
		if (all[i].needed && !given(all[i].text))
			return err_set(err, ERR_USAGE, "%s is missing",
			    all[i].name);
		if (s3_options_text(all[i].name, all[i].text, err))
			return -1;
	}
	return 0;
}

static int
check_region(const char *region, struct err *err)
{
	return given(region) && strlen(region) >= S3_REGION_SIZE
	           ? err_set(err, ERR_USAGE, "region is too long")
	           : 0;
}

static int
check_encryption(const char *sse, struct err *err)
{
	return given(sse) && strcmp(sse, "AES256") != 0 &&
	               strcmp(sse, "aws:kms") != 0
	           ? err_set(err, ERR_USAGE,
	                 "server-side-encryption '%.40s' is not AES256 or "
	                 "aws:kms",
	                 sse)
	           : 0;
}

static int
check_kms(const char *id, const char *sse, struct err *err)
{
	return given(id) && (!given(sse) || *sse != 'a')
	           ? err_set(err, ERR_USAGE,
	                 "kms-key-id needs server-side-encryption aws:kms")
	           : 0;
}

static int
check_ca(const char *pem, struct err *err)
{
	return given(pem) && !strstr(pem, "-----BEGIN CERTIFICATE-----")
	           ? err_set(err, ERR_USAGE,
	                 "'tls-ca-chain' holds no certificate in PEM form")
	           : 0;
}

/* What libcurl takes; what stands behind it may hold a password. */
static int
check_proxy(const char *proxy, struct err *err)
{
	static const char *const scheme[] = { "http://", "https://",
		"socks4://", "socks4a://", "socks5://", "socks5h://" };

	if (!given(proxy) || !strstr(proxy, "://"))
		return 0;
	for (size_t i = 0; i < sizeof scheme / sizeof *scheme; i++)
		if (str_starts(proxy, scheme[i]))
			return 0;
	return err_set(err, ERR_USAGE,
	    "proxy must begin with http://, https:// or socks5://");
}

static int
check_endpoint(const struct s3_options *o, const char *style, struct err *err)
{
	struct endpoint e = { 0 };
	int rc = endpoint_parse(&e, o->endpoint, style, o->bucket, err);

	endpoint_done(&e);
	return rc;
}

int
s3_options_check(const struct s3_options *o, const char **which,
    struct err *err)
{
	const char *sse = o->server_side_encryption;

	*which = "bucket";
	if (check_bucket(o->bucket, err) || check_texts(o, which, err))
		return -1;
	*which = "region";
	if (check_region(o->region, err))
		return -1;
	*which = "server-side-encryption";
	if (check_encryption(sse, err))
		return -1;
	*which = "kms-key-id";
	if (check_kms(o->kms_key_id, sse, err))
		return -1;
	*which = "tls-ca-chain";
	if (check_ca(o->tls_ca_chain, err))
		return -1;
	*which = "proxy";
	if (check_proxy(o->proxy, err))
		return -1;
	*which = "endpoint";
	if (check_endpoint(o, NULL, err))
		return -1;
	*which = "uri-style";
	return check_endpoint(o, o->uri_style, err);
}
