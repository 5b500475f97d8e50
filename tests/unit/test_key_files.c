#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "base/file.h"
#include "base/yaml.h"
#include "config/config.h"

/* A configuration whose secret key and session token stand in files. */
struct world {
	char secret[64], token[64];
	struct config *config;
};

static void
store(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct err err = { 0 };

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text), &err), 0);
	(void)close(fd);
}

static void
load(const char *keys, struct config **ret)
{
	char text[512];
	struct tree *tree = NULL;
	struct err err = { 0 };

	(void)snprintf(text, sizeof text,
	    "repository: {path: /b}\ncomponents:\n- {name: a, type: bucket, "
	    "bucket: bbb, access-key: AK,\n   %s}\n",
	    keys);
	if (yaml_parse(text, strlen(text), "p.yaml", &tree, &err) ||
	    config_decode(tree, ret, &err))
		fail_msg("%s", err.msg);
}

static int
setup(void **state)
{
	static struct world w;
	char keys[256];

	(void)snprintf(w.secret, sizeof w.secret, "/tmp/test_key_files.%d.s",
	    (int)getpid());
	(void)snprintf(w.token, sizeof w.token, "/tmp/test_key_files.%d.t",
	    (int)getpid());
	store(w.secret, "old\n");
	store(w.token, "token\n");
	(void)snprintf(keys, sizeof keys,
	    "secret-key-file: %s, session-token-file: %s", w.secret, w.token);
	load(keys, &w.config);
	*state = &w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	config_free(w->config);
	(void)unlink(w->secret);
	(void)unlink(w->token);
	return 0;
}

static const struct s3_options *
options(const struct world *w)
{
	return &w->config->components[0].bucket.s3;
}

static void
files_are_read_again(void **state)
{
	const struct world *w = *state;
	const struct s3_options *o = options(w);
	struct s3_keys k = { 0 };
	struct err err = { 0 };

	assert_string_equal(o->secret_key, "old");
	store(w->secret, "new\r\n");
	assert_non_null(o->reload);
	if (o->reload(o->reload_ctx, &k, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(k.access_key, "AK");
	assert_string_equal(k.secret_key, "new");
	assert_string_equal(k.session_token, "token");
	/* what others hold is not touched */
	assert_string_equal(o->secret_key, "old");
	s3_keys_wipe(&k);
	assert_null(k.secret_key);
}

static void
a_file_that_is_gone_is_named(void **state)
{
	const struct world *w = *state;
	const struct s3_options *o = options(w);
	struct s3_keys k = { 0 };
	struct err err = { 0 };

	(void)unlink(w->token);
	assert_int_equal(o->reload(o->reload_ctx, &k, &err), -1);
	assert_non_null(strstr(err.msg, w->token));
	assert_null(k.access_key);
}

static void
keys_that_are_written_down_stay(void **state)
{
	AUTO(config) struct config *c = NULL;

	(void)state;
	load("secret-key: s", &c);
	assert_null(c->components[0].bucket.s3.reload);
}

static void
every_allocation_may_fail(void **state)
{
	const struct s3_options *o = options(*state);
	struct err err = { 0 };
	long n = 0;

	for (;; n++) {
		struct s3_keys k = { 0 };
		int rc;

		failalloc_at(n);
		rc = o->reload(o->reload_ctx, &k, &err);
		failalloc_at(-1);
		s3_keys_wipe(&k);
		if (rc == 0)
			break;
		assert_true(err_is(&err, ERR_NOMEM));
	}
	assert_true(n >= 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_are_read_again, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_gone_is_named,
		    setup, teardown),
		cmocka_unit_test(keys_that_are_written_down_stay),
		cmocka_unit_test_setup_teardown(every_allocation_may_fail,
		    setup, teardown),
	};

	return cmocka_run_group_tests_name("key_files", tests, NULL, NULL);
}
