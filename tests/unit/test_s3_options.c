#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "s3/s3.h"

static const struct s3_options good = {
	.bucket = "bucket", .access_key = "AKID", .secret_key = "hush-hush"
};

static void
expect(const struct s3_options *o, const char *option, const char *words)
{
	const char *which = "";
	struct err err = { 0 };

	assert_int_equal(s3_options_check(o, &which, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_string_equal(which, option);
	if (!strstr(err.msg, words))
		fail_msg("%s", err.msg);
}

static void
options_that_cannot_be_right_are_named(void **state)
{
	struct s3_options o = good;
	char region[100];

	(void)state;
	memset(region, 'r', 99);
	region[99] = '\0';
	o.bucket = "";
	expect(&o, "bucket", "bucket is missing");
	o.bucket = "ab";
	expect(&o, "bucket", "bucket 'ab'");
	o.bucket = "a/b/c";
	expect(&o, "bucket", "bucket 'a/b/c'");
	o = good;
	o.access_key = NULL;
	expect(&o, "access-key", "access-key is missing");
	o = good;
	o.secret_key = "hush\n";
	expect(&o, "secret-key", "secret-key has white space");
	o = good;
	o.region = region;
	expect(&o, "region", "region is too long");
	o = good;
	o.server_side_encryption = "rot13";
	expect(&o, "server-side-encryption",
	    "'rot13' is not AES256 or aws:kms");
	o = good;
	o.kms_key_id = "k";
	expect(&o, "kms-key-id", "kms-key-id needs");
}

static void
places_that_cannot_be_right_are_named(void **state)
{
	struct s3_options o = good;

	(void)state;
	o.tls_ca_chain = "-----BEGIN NOTHING-----";
	expect(&o, "tls-ca-chain", "no certificate");
	o = good;
	o.endpoint = "ftp://h";
	o.uri_style = "dns";
	expect(&o, "endpoint", "endpoint 'ftp://h'");
	o.endpoint = "http://h";
	expect(&o, "uri-style", "uri-style 'dns'");
	o.endpoint = "http://127.0.0.1:9000";
	o.uri_style = "host";
	expect(&o, "uri-style", "needs a host name");
	o = good;
	o.proxy = "gopher://user:word@h";
	expect(&o, "proxy",
	    "proxy must begin with http://, https:// or socks5://");
	o.proxy = "a proxy";
	expect(&o, "proxy", "proxy has white space");
}

static void
what_may_be_right_is_taken(void **state)
{
	static const char *const proxy[] = { NULL, "", "proxy:3128",
		"http://user:word@proxy:3128", "socks5h://[::1]:1080" };
	const char *which;

	(void)state;
	for (size_t i = 0; i < sizeof proxy / sizeof *proxy; i++) {
		struct s3_options o = good;
		struct err err = { 0 };

		o.proxy = proxy[i];
		if (s3_options_check(&o, &which, &err))
			fail_msg("%s", err.msg);
	}
}

static void
every_allocation_may_fail(void **state)
{
	struct err err = { 0 };
	const char *which;
	long n = 0;

	(void)state;
	for (;; n++) {
		int rc;

		failalloc_at(n);
		rc = s3_options_check(&good, &which, &err);
		failalloc_at(-1);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(n >= 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_that_cannot_be_right_are_named),
		cmocka_unit_test(places_that_cannot_be_right_are_named),
		cmocka_unit_test(what_may_be_right_is_taken),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("s3_options", tests, NULL, NULL);
}
