#include "s3_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int64_t
kit_ms(void *ctx)
{
	const struct s3_kit *k = ctx;

	return (int64_t)S3_KIT_NOW * 1000 + k->ms;
}

static void
kit_sleep(void *ctx, unsigned ms)
{
	struct s3_kit *k = ctx;

	k->ms += ms;
	k->slept++;
}

void
s3_kit_start(struct s3_kit *k, const struct httpd_step *steps,
    const struct s3_options *more)
{
	struct s3_options o = { 0 };
	struct err err = { 0 };

	if (more)
		o = *more;
	*k = (struct s3_kit){ .clock = { kit_ms, kit_ms, kit_sleep, k } };
	k->d = httpd_start(steps);
	assert_non_null(k->d);
	if (!o.endpoint)
		o.endpoint = httpd_url(k->d);
	if (!o.bucket)
		o.bucket = "bucket";
	if (!o.access_key)
		o.access_key = "AKID";
	if (!o.secret_key)
		o.secret_key = "hush-hush";
	o.clock = &k->clock;
	if (s3_new(&o, &k->s, &err))
		fail_msg("%s", err.msg);
}

void
s3_kit_check(struct s3_kit *k)
{
	httpd_stop(k->d);
	assert_string_equal(httpd_complaint(k->d), "");
}

void
s3_kit_stop(struct s3_kit *k)
{
	s3_free(k->s);
	httpd_free(k->d);
	k->s = NULL;
	k->d = NULL;
}
