#include "database_kit.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/proc.h"
#include "faketool.h"

void
database_kit_open(struct database_kit *k)
{
	component_free(k->c);
	assert_int_equal(component_open(&k->cfg, NULL, k->scratch, &k->c,
	                     &k->err),
	    0);
}

void
database_kit_begin(struct database_kit *k, enum config_type type,
    const struct database_kit_tool *tools)
{
	*k = (struct database_kit){ .cfg = { .name = "db",
		                        .type = type,
		                        .database = { .primary = "h:1",
		                            .replicas = { "h:2" },
		                            .database = "ml",
		                            .username = "u",
		                            .password = "hush",
		                            .max_lag_s = 60 } } };
	(void)snprintf(k->scratch, sizeof k->scratch, "/tmp/pb-db-XXXXXX");
	assert_non_null(mkdtemp(k->scratch));
	faketool_setup();
	for (; tools->name; tools++)
		faketool_add(tools->name, tools->body);
	database_kit_open(k);
	fake_saver_init(&k->saver, k->scratch);
}

void
database_kit_end(struct database_kit *k)
{
	component_free(k->c);
	fake_saver_done(&k->saver);
	faketool_teardown();
	assert_int_equal(rmdir(k->scratch), 0);
}

int
database_kit_backup(struct database_kit *k)
{
	return k->c->ops->backup(k->c, &k->saver.base, &k->err);
}

void
database_kit_tidy(struct database_kit *k)
{
	char pattern[128];
	glob_t g;

	(void)snprintf(pattern, sizeof pattern, "%s/*", k->scratch);
	if (glob(pattern, 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++)
			assert_int_equal(unlink(g.gl_pathv[i]), 0);
		globfree(&g);
	}
}

char *
database_kit_way_back(struct database_kit *k)
{
	const char *argv[] = { "sh", "-c", NULL, NULL };
	struct proc p = { .argv = argv };
	struct fake_loader l;
	char *command;

	assert_int_equal(database_kit_backup(k), 0);
	assert_int_equal(fake_loader_init(&l, &k->saver, k->scratch, &k->err),
	    0);
	assert_int_equal(k->c->ops->restore(k->c, &l.base, &k->err), 0);
	command = strstr(l.notes.data, "zstd -dc ");
	assert_non_null(command);
	command[strcspn(command, "\n")] = '\0';
	argv[2] = command;
	free(faketool_calls());
	assert_int_equal(proc_run(&p, NULL, NULL, &k->err), 0);
	assert_int_equal(p.status, 0);
	fake_loader_done(&l);
	database_kit_tidy(k);
	return faketool_calls();
}
