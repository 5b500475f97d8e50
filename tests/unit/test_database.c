/*
 * What surrounds the dump and the load of a SQL database, on a kind of database
 * that needs no server and of which every operation can fail.
 */
#include "component/database.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/failalloc.h"
#include "../lib/fake_saver.h"
#include "../lib/sqlite_kit.h"
#include "base/str.h"

enum { MOST = 2000 };

/* Port 1 is the primary, the others are replicas; 9 does not answer. */
struct fake {
	struct database base;
	struct fake *self;
	struct component_ops component;
	struct database_ops kind;
	int ops, fail_at; /* -1: none */
	enum err_code code;
	struct database_shape shape; /* what a look finds; rows, odd unused */
	const char *odd;
	bool hidden, behind, promoted;
	int asked;
};

static struct fake *
fake_of(const struct database *d)
{
	return ((const struct fake *)d)->self;
}

static int
pass(const struct database *d, struct err *err)
{
	struct fake *f = fake_of(d);

	return f->ops++ == f->fail_at ? err_set(err, f->code, "injected") : 0;
}

static int
fake_ask(struct database *d, struct database_unit *u, struct err *err)
{
	struct fake *f = fake_of(d);

	if (pass(d, err))
		return -1;
	if (u->port == 9)
		return err_set(err, ERR_TRANSIENT, "nobody is there");
	u->answered = u->healthy = true;
	u->role = u->port == 1 || (f->promoted && f->asked >= 2)
	              ? DATABASE_PRIMARY
	              : DATABASE_REPLICA;
	u->lag_s = DATABASE_LAG_UNKNOWN;
	(void)snprintf(u->server, sizeof u->server, "server-%u%s", u->port,
	    f->promoted && f->asked >= 2 ? "b" : "");
	(void)snprintf(u->version, sizeof u->version, "1.2");
	f->asked++;
	free(TAKE(u->position));
	return str_dup("0-1-7", &u->position, err);
}

static int
fake_reach(struct database *d, struct database_unit *u, const char *position,
    unsigned seconds, bool *ret, struct err *err)
{
	(void)u;
	assert_string_equal(position, "0-1-7");
	assert_true(seconds > 0);
	if (pass(d, err))
		return -1;
	*ret = !fake_of(d)->behind;
	return 0;
}

static int
fake_tools(struct database *d, const struct database_unit *u, struct buf *b,
    struct err *err)
{
	(void)u;
	return pass(d, err) ? -1 : buf_puts(b, "tool 1", err);
}

static int
fake_look(struct database *d, const struct database_unit *u,
    struct database_shape *s, struct err *err)
{
	struct fake *f = fake_of(d);

	(void)u;
	if (pass(d, err) || buf_puts(&s->rows, "\"t\":3", err) ||
	    (f->odd && buf_puts(&s->odd, f->odd, err)))
		return -1;
	s->exists = f->shape.exists;
	s->tables = f->shape.tables;
	s->programs = f->shape.programs;
	s->bytes = 1024;
	if (f->hidden)
		(void)snprintf(s->hidden, sizeof s->hidden, "table 'x'");
	return 0;
}

static int
fake_dump(struct database *d, const struct database_unit *u,
    const struct database_shape *shape, struct sink *to, struct err *err)
{
	(void)u;
	(void)shape;
	/* half of it comes before a failure */
	return sink_write(to, "half", 4, err) || pass(d, err) ||
	               sink_write(to, "half", 4, err)
	           ? -1
	           : 0;
}

static int
fake_refer(struct database *d, const struct database_unit *u,
    struct saver *saver, uint64_t *count, struct err *err)
{
	(void)u;
	if (pass(d, err) || saver->ops->reference(saver, "s3://b/k", err))
		return -1;
	*count = 1;
	return 0;
}

static int
fake_fits(struct database *d, const struct database_unit *u,
    const struct json *facts, struct err *err)
{
	(void)u;
	(void)facts;
	return pass(d, err);
}

static int
fake_load(struct database *d, const struct database_unit *u,
    const struct database_shape *shape, struct loader *loader, struct err *err)
{
	AUTO(sink) struct sink *none = NULL;

	(void)u;
	(void)shape;
	return pass(d, err) || sink_null_new(&none, err) ||
	               loader->ops->stream(loader, d->ops->kind, none, err)
	           ? -1
	           : 0;
}

static int
fake_by_hand(const struct database *d, const struct database_unit *u,
    const char *file, struct buf *b, struct err *err)
{
	(void)u;
	return pass(d, err) ? -1 : buf_printf(b, err, "load %s", file);
}

static void
fake_done(struct database *d)
{
	(void)d;
}

struct bench {
	struct config_component cfg;
	struct fake *f;
	struct component *c;
	struct fake_saver saver;
	struct fake_loader loader;
	char dir[KIT_PATH];
	struct buf detail;
	struct err err;
};

static void
open_fake(struct bench *b, const char *scratch)
{
	struct fake *f = calloc(1, sizeof *f);

	assert_non_null(f);
	f->kind = (struct database_ops){ .kind = "sql",
		.port = 1,
		.ask = fake_ask,
		.reach = fake_reach,
		.tools = fake_tools,
		.look = fake_look,
		.dump = fake_dump,
		.refer = fake_refer,
		.fits = fake_fits,
		.load = fake_load,
		.by_hand = fake_by_hand,
		.done = fake_done };
	f->component = (struct component_ops){ .check = database_check,
		.backup = database_backup,
		.restore = database_restore,
		.has = component_has_none,
		.free = database_free };
	database_init(&f->base, &b->cfg, NULL, scratch);
	f->base.base.ops = &f->component;
	f->base.ops = &f->kind;
	f->self = f;
	f->fail_at = -1;
	f->shape = (struct database_shape){ .exists = true, .tables = 2 };
	b->f = f;
	b->c = &f->base.base;
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	assert_non_null(b);
	kit_dir(b->dir);
	b->detail.max = 4096;
	b->cfg = (struct config_component){ .name = "db",
		.type = CONFIG_MYSQL,
		.database = { .primary = "h:1",
		    .replicas = { "h:2" },
		    .database = "ml",
		    .username = "u",
		    .safety_dump = true,
		    .max_lag_s = 60 } };
	open_fake(b, b->dir);
	fake_saver_init(&b->saver, b->dir);
	assert_int_equal(fake_loader_init(&b->loader, NULL, b->dir, &b->err),
	    0);
	b->loader.bytes = "halfhalf";
	b->loader.len = 8;
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	component_free(b->c);
	fake_saver_done(&b->saver);
	fake_loader_done(&b->loader);
	buf_done(&b->detail);
	kit_remove(b->dir);
	free(b);
	return 0;
}

enum what { CHECK_SOURCE, CHECK_TARGET, BACKUP, RESTORE, DRY_RUN };

static int
act(struct bench *b, enum what what)
{
	b->err = (struct err){ 0 };
	b->f->ops = b->f->asked = 0;
	/* all of it anew: what has grown would not grow again */
	buf_done(&b->detail);
	buf_done(&b->loader.notes);
	fake_saver_done(&b->saver);
	fake_saver_init(&b->saver, b->dir);
	b->loader.base.dry_run = what == DRY_RUN;
	switch (what) {
	case CHECK_SOURCE:
	case CHECK_TARGET:
		return b->c->ops->check(b->c, what == CHECK_TARGET, &b->detail,
		    &b->err);
	case BACKUP:
		return b->c->ops->backup(b->c, &b->saver.base, &b->err);
	case RESTORE:
	case DRY_RUN:
		break;
	}
	return b->c->ops->restore(b->c, &b->loader.base, &b->err);
}

static void
done(struct bench *b, enum what what)
{
	if (act(b, what))
		fail_msg("%s", b->err.msg);
}

static void
refused(struct bench *b, enum what what, enum err_code code, const char *words)
{
	assert_int_equal(act(b, what), -1);
	assert_int_equal(b->err.code, code);
	if (!strstr(b->err.msg, words))
		fail_msg("'%s'", b->err.msg);
}

static void
has(const struct buf *b, const char *words)
{
	if (!b->data || !strstr(b->data, words))
		fail_msg("'%s' is not in '%s'", words, b->data ? b->data : "");
}

/* --- check */

static void
a_check_names_what_is_read_and_who_answers(void **state)
{
	struct bench *b = *state;

	done(b, CHECK_SOURCE);
	has(&b->detail, "1.0 KiB, 2 tables, from replica h:2; h:1: primary");
	b->f->odd = "'memory'";
	b->f->shape.tables = 1;
	b->cfg.database.replicas[0] = "h:9";
	done(b, CHECK_SOURCE);
	has(&b->detail, "1 table, from primary h:1");
	has(&b->detail, "h:9: does not answer: nobody is there");
	has(&b->detail, "; not in one snapshot with the rest: 'memory'");
}

static void
a_check_of_a_target_says_what_a_restore_does(void **state)
{
	struct bench *b = *state;

	done(b, CHECK_TARGET);
	assert_string_equal(b->detail.data, "replaces database 'ml' on h:1");
	b->f->shape.exists = false;
	done(b, CHECK_TARGET);
	assert_string_equal(b->detail.data, "makes database 'ml' on h:1");
	b->cfg.database.primary = "h:3";
	refused(b, CHECK_TARGET, ERR_NOTFOUND, "");
}

static void
what_may_not_be_read_is_refused(void **state)
{
	struct bench *b = *state;

	b->f->hidden = true;
	refused(b, CHECK_SOURCE, ERR_DENIED, "user 'u' may not read table 'x'");
	refused(b, BACKUP, ERR_DENIED, "user 'u' may not read table 'x'");
	b->f->shape.exists = false;
	refused(b, CHECK_SOURCE, ERR_NOTFOUND,
	    "no database 'ml' on 'h:2', or user 'u' may not see it");
}

static void
an_address_that_is_none_is_refused(void **state)
{
	struct bench *b = *state;

	b->cfg.database.replicas[0] = "h:port";
	refused(b, CHECK_SOURCE, ERR_USAGE, "h:port");
	b->cfg.database.primary = "h:0";
	refused(b, BACKUP, ERR_USAGE, "h:0");
}

static void
a_replica_that_does_not_come_near_is_behind(void **state)
{
	struct bench *b = *state;

	b->f->behind = true;
	done(b, CHECK_SOURCE);
	has(&b->detail, "from primary h:1");
	has(&b->detail, "h:2: replica, ");
	b->f->behind = false;
	b->f->fail_at = 2; /* who cannot be measured is what it says */
	b->f->code = ERR_TRANSIENT;
	done(b, CHECK_SOURCE);
	has(&b->detail, "from replica h:2");
}

/* --- backup */

static void
a_backup_tells_where_it_came_from(void **state)
{
	struct bench *b = *state;

	b->f->shape.programs = 3;
	done(b, BACKUP);
	assert_true(b->saver.finished);
	assert_string_equal(b->saver.bytes.data, "halfhalf");
	has(&b->saver.facts, "\"unit\":\"h:2\"");
	has(&b->saver.facts, "\"role\":\"replica\"");
	has(&b->saver.facts, "\"lag-seconds\":0");
	has(&b->saver.facts, "\"position-after\":\"0-1-7\"");
	has(&b->saver.facts, "\"programs\":3");
	has(&b->saver.facts, "\"rows-estimated\":{\"t\":3}");
	has(&b->saver.facts, "\"references\":1");
	assert_int_equal(b->saver.notes.len, 0);
	b->f->kind.refer = NULL;
	done(b, BACKUP);
	assert_null(strstr(b->saver.facts.data, "references"));
}

static void
doubts_are_said(void **state)
{
	struct bench *b = *state;

	b->f->odd = "'memory'";
	b->f->promoted = true;
	done(b, BACKUP);
	has(&b->saver.degraded, "not in one snapshot with the rest: 'memory'");
	has(&b->saver.notes, "'h:2' became the primary while it was read");
	has(&b->saver.facts, "\"server-after\":\"server-2b\"");
	b->f->promoted = false;
	b->cfg.database.replicas[0] = "h:9";
	done(b, BACKUP);
	has(&b->saver.notes, "read from the primary 'h:1': 'h:9' does not "
	                     "answer: nobody is there");
	b->cfg.database.replicas[0] = NULL;
	done(b, BACKUP);
	has(&b->saver.notes, "read from the primary 'h:1': no other unit");
}

static void
a_server_that_is_gone_when_all_is_stored_is_a_fact(void **state)
{
	struct bench *b = *state;

	b->f->code = ERR_TRANSIENT;
	b->f->fail_at = 7; /* ask, ask, reach, tools, look, refer, dump */
	done(b, BACKUP);
	has(&b->saver.facts, "\"role-after\":\"not asked: it does not answer");
}

/* --- restore */

static void
a_restore_keeps_what_was_there(void **state)
{
	struct bench *b = *state;
	char path[KIT_PATH], words[3 * KIT_PATH];

	done(b, RESTORE);
	has(&b->loader.notes, "database 'ml' on 'h:1' was replaced");
	assert_true(kit_find(b->dir, "db-before-restore-", path));
	(void)snprintf(words, sizeof words,
	    "what was there before is in '%s', and goes back with: load %s",
	    path, path);
	has(&b->loader.notes, words);
}

static void
where_nothing_is_nothing_is_kept(void **state)
{
	struct bench *b = *state;

	b->f->shape.tables = 0;
	done(b, RESTORE);
	b->f->shape.exists = false;
	done(b, RESTORE);
	has(&b->loader.notes, "database 'ml' on 'h:1' was made");
	done(b, DRY_RUN);
	has(&b->loader.notes, "would make database 'ml' on 'h:1'");
	b->f->shape = (struct database_shape){ .exists = true, .tables = 1 };
	done(b, DRY_RUN);
	has(&b->loader.notes, "would replace database 'ml' on 'h:1'");
	b->cfg.database.safety_dump = false;
	done(b, RESTORE);
	assert_int_equal(kit_count(b->dir), 0);
}

static void
a_safety_dump_that_fails_leaves_all_as_it_was(void **state)
{
	struct bench *b = *state;
	char file[KIT_PATH], below[KIT_PATH];
	static const char *const why = "nothing was changed: the safety dump "
	                               "failed ('safety-dump: false' does";

	b->f->fail_at = 6; /* ask, ask, reach, tools, fits, look */
	b->f->code = ERR_TRANSIENT;
	refused(b, RESTORE, ERR_TRANSIENT, why);
	assert_int_equal(kit_count(b->dir), 0);
	kit_write(kit_path(file, b->dir, "file"), "", 0);
	(void)kit_path(below, file, "below");
	component_free(b->c);
	open_fake(b, below);
	refused(b, RESTORE, ERR_NOTFOUND, "cannot make folder '");
	component_free(b->c);
	open_fake(b, file);
	refused(b, RESTORE, ERR_NOTFOUND, "cannot make '");
}

static void
a_load_that_fails_says_what_is_there_now(void **state)
{
	struct bench *b = *state;
	char path[KIT_PATH];

	b->f->fail_at = 7;
	b->f->code = ERR_REMOTE;
	refused(b, RESTORE, ERR_REMOTE,
	    "the database is restored in part: injected; what was there before "
	    "is in '");
	assert_true(kit_find(b->dir, "db-before-restore-", path));
	assert_int_equal(unlink(path), 0);
	b->f->kind.atomic = true;
	b->cfg.database.safety_dump = false;
	b->f->fail_at = 6;
	refused(b, RESTORE, ERR_REMOTE, "nothing was changed: injected");
	b->f->kind.atomic = false;
	b->loader.cut_at = 3;
	refused(b, RESTORE, ERR_CORRUPT, "cut short");
	assert_int_equal(kit_count(b->dir), 0);
}

/* --- each thing that fails */

static void
tidy(struct bench *b)
{
	char path[KIT_PATH];

	while (kit_find(b->dir, "db-before-restore-", path))
		assert_int_equal(unlink(path), 0);
	assert_int_equal(kit_count(b->dir), 0);
}

/* Only servers that do not answer are no failure. */
static void
each_operation_may_fail(void **state)
{
	static const enum err_code code[] = { ERR_NOMEM, ERR_TRANSIENT, ERR_IO,
		ERR_USAGE, ERR_CORRUPT };
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof code / sizeof *code; i++) {
		for (enum what what = CHECK_SOURCE; what <= DRY_RUN; what++) {
			b->f->code = code[i];
			b->f->fail_at = -1;
			do {
				int rc;

				b->f->fail_at++;
				rc = act(b, what);
				if (rc)
					assert_true(err_is(&b->err, code[i]) ||
					            err_is(&b->err,
					                ERR_NOTFOUND));
				else if (code[i] == ERR_NOMEM)
					assert_true(b->f->ops <= b->f->fail_at);
				if (rc && what == BACKUP && b->saver.finished)
					assert_true(b->f->fail_at > 6);
				tidy(b);
			} while (b->f->ops > b->f->fail_at);
			assert_true(b->f->fail_at > 4);
		}
	}
}

static void
every_allocation_may_fail(void **state)
{
	struct bench *b = *state;

	for (enum what what = CHECK_SOURCE; what <= DRY_RUN; what++) {
		long n = -1, all;

		do {
			int rc;

			failalloc_at(++n);
			rc = act(b, what);
			all = failalloc_count();
			failalloc_at(-1);
			assert_true(rc == 0 || err_is(&b->err, ERR_NOMEM));
			tidy(b);
		} while (all > n && n < MOST);
		assert_in_range(n, 4, MOST - 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_check_names_what_is_read_and_who_answers),
		TEST(a_check_of_a_target_says_what_a_restore_does),
		TEST(what_may_not_be_read_is_refused),
		TEST(an_address_that_is_none_is_refused),
		TEST(a_replica_that_does_not_come_near_is_behind),
		TEST(a_backup_tells_where_it_came_from),
		TEST(doubts_are_said),
		TEST(a_server_that_is_gone_when_all_is_stored_is_a_fact),
		TEST(a_restore_keeps_what_was_there),
		TEST(where_nothing_is_nothing_is_kept),
		TEST(a_safety_dump_that_fails_leaves_all_as_it_was),
		TEST(a_load_that_fails_says_what_is_there_now),
		TEST(each_operation_may_fail),
		TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("database", tests, NULL, NULL);
}
