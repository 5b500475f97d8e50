#include "age_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "stream/sink.h"

static const char sample[] =
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSByMHVxNXNOL2lRSkYxMWZ1Wm9G"
    "Y3VYN1J1RHFvMmdjUkk3Y29ZczBhQXdJCjZxaWZLV3l1Nk55UTNRS3FUL1FrYWdEakZs"
    "UktaT2w3dVFub1FKaStmQlEKLT4gWDI1NTE5IFkvMWlqR1AzNDJTRUgzSmtNa0JyN21k"
    "dUkzeUlzbi9xeGVKWjB3YnVTSFkKekZReFZjSENRVWk3MExQTG5KbGZVR2NEalBobllM"
    "aFhzTHJ4d2k4Q21qRQotLS0gYlhXVVV1SEFBVXh5bzFtWFcvYkF4OERnYnFFOWhkVDlj"
    "bFE3NHRtWGg1dwr9bbhynqfN+z0pSMIk5p+X6/bHHbs/YkPRBrzm5eaAnv2DAk3UhNMh"
    "gLM=";

struct age_keys
age_kit_keys(const char *const *recipients, const char *identity)
{
	struct age_keys k = { 0 };
	struct err err = { 0 };

	for (; *recipients; recipients++)
		assert_int_equal(age_keys_add_recipient(&k, *recipients, &err),
		    0);
	if (identity)
		assert_int_equal(age_keys_add_identities(&k, identity, &err),
		    0);
	return k;
}

static const char *const first[] = { AGE_KIT_RECIPIENT, NULL };

struct age_keys
age_kit_writer(void)
{
	return age_kit_keys(first, NULL);
}

struct age_keys
age_kit_reader(void)
{
	return age_kit_keys(first + 1, AGE_KIT_IDENTITY);
}

struct age_keys
age_kit_both(void)
{
	return age_kit_keys(first, AGE_KIT_IDENTITY);
}

/* Through a sink that was made on top of memory. */
static void
through(struct sink *s, struct sink *mem, const struct buf *in, struct buf *out)
{
	struct err err = { 0 };
	const char *data;
	size_t n;

	if (sink_write(s, in->data, in->len, &err) || sink_finish(s, &err))
		fail_msg("%s", err.msg);
	data = sink_mem_data(mem, &n);
	assert_int_equal(buf_add(out, data, n, &err), 0);
	sink_free(s);
}

void
age_kit_seal(const struct buf *content, struct buf *out)
{
	struct age_keys k = age_kit_writer();
	struct sink *mem = NULL, *s = NULL;
	struct err err = { 0 };

	assert_int_equal(sink_mem_new(out->max, &mem, &err), 0);
	assert_int_equal(sink_age_new(mem, &k, &s, &err), 0);
	through(s, mem, content, out);
}

void
age_kit_open(const struct buf *file, struct buf *content)
{
	struct age_keys k = age_kit_reader();
	struct sink *mem = NULL, *s = NULL;
	struct err err = { 0 };

	assert_int_equal(sink_mem_new(content->max, &mem, &err), 0);
	assert_int_equal(sink_unage_new(mem, &k, &s, &err), 0);
	through(s, mem, file, content);
}

void
age_kit_fill(struct buf *b, size_t n)
{
	struct err err = { 0 };
	uint32_t x = 1;

	assert_int_equal(buf_reserve(b, n, &err), 0);
	while (n-- > 0) {
		x = x * 1103515245 + 12345;
		b->data[b->len++] = (char)(x >> 16 & 63);
	}
}

void
age_kit_sample(struct buf *b)
{
	struct err err = { 0 };

	b->max = 4096;
	assert_int_equal(str_unbase64(b, sample, &err), 0);
}
