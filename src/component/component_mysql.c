#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "component/database.h"
#include "component/database_drill.h"
#include "component/dump_ends.h"
#include "component/mysql_client.h"
#include "component/mysql_kfp.h"
#include "component/mysql_lines.h"
#include "component/mysql_server.h"
#include "stream/child.h"

enum {
	DROPS_MAX = 64 << 20,
	DUMP_QUIET_S = 1800, /* a table behind a lock, a server that is gone */
};

struct mysql {
	struct database base;
	struct mysql_tools tools;
	struct buf drops; /* what empties the database that was looked at */
	/* A restore by a user who may not make what belongs to others. */
	bool no_definers;
};

static struct mysql *
mysql_of(struct database *d)
{
	return (struct mysql *)d;
}

static int
mysql_ask(struct database *d, struct database_unit *u, struct err *err)
{
	struct mysql *m = mysql_of(d);

	return mysql_client_find(&m->tools, err) ||
	               mysql_server_ask(&m->tools, d->cfg, u, err)
	           ? -1
	           : 0;
}

static int
mysql_reach(struct database *d, struct database_unit *u, const char *position,
    unsigned seconds, bool *ret, struct err *err)
{
	return mysql_server_reach(&mysql_of(d)->tools, d->cfg, u, position,
	    seconds, ret, err);
}

static int
dump_vendor(struct database *d, const struct database_unit *u,
    enum mysql_vendor *v, struct err *err)
{
	return mysql_client_fit(mysql_of(d)->tools.dump, u->mariadb,
	    "mariadb-dump", v, err);
}

static int
mysql_tools(struct database *d, const struct database_unit *u, struct buf *b,
    struct err *err)
{
	enum mysql_vendor v;

	if (dump_vendor(d, u, &v, err))
		return -1;
	return buf_puts(b, mysql_of(d)->tools.version[v], err);
}

static int
mysql_look(struct database *d, const struct database_unit *u,
    struct database_shape *s, struct err *err)
{
	struct mysql *m = mysql_of(d);

	buf_clear(&m->drops);
	return mysql_server_look(&m->tools, d->cfg, u, d->database, s,
	    &m->drops, err);
}

/* --- dump */

/* Its last line is written when all was read. */
static int
mysql_prove(const struct dump_ends *ends, uint64_t tables, struct err *err)
{
	(void)tables;
	if (strstr(ends->tail, "-- Dump completed"))
		return 0;
	return err_set(err, ERR_CORRUPT,
	    "the dump has no end mark: it is not whole");
}

/* The safety dump of a restore is for the same user as the restore. */
static int
amend(struct database *d, const struct database_unit *u, struct sink **s,
    struct err *err)
{
	if (mysql_of(d)->no_definers)
		return mysql_lines_sink(MYSQL_LINES_NO_DEFINER, TAKE(*s), s,
		    err);
	if (u->role == DATABASE_REPLICA)
		return mysql_lines_sink(MYSQL_LINES_EVENTS_ON, TAKE(*s), s,
		    err);
	return 0;
}

/* mariadb-dump may end without a word when its server goes away: then the
 * server is asked. */
static int
explain_dump(struct database *d, const struct database_unit *u,
    const struct mysql_run *r, struct err *err)
{
	AUTO(buf) struct buf rows = { .max = 4096 };

	if (r->errors.len > 0 || mysql_client_query(&mysql_of(d)->tools, d->cfg,
	                             u, "do 0", &rows, err) == 0)
		return mysql_client_explain(&r->proc, &r->errors, err);
	return err_wrap(err,
	    "the server went away: program '%s' ended with "
	    "status %d",
	    r->proc.argv[0], r->proc.status);
}

static int
mysql_dump(struct database *d, const struct database_unit *u,
    const struct database_shape *shape, struct sink *to, struct err *err)
{
	AUTO(mysql_run) struct mysql_run r = { 0 };
	AUTO(sink) struct sink *through = NULL;
	struct dump_ends ends = { 0 };
	enum mysql_vendor v;

	if (dump_vendor(d, u, &v, err) ||
	    mysql_client_run_init(&r, d->cfg, u, v, err) ||
	    dump_ends_sink(&ends, to, &through, err) ||
	    amend(d, u, &through, err) ||
	    sink_rate_new(TAKE(through), d->cfg->receive, &through, err))
		return -1;
	mysql_client_dump_argv(mysql_of(d)->tools.dump[v], v, d->database,
	    r.argv);
	r.proc.quiet_s = DUMP_QUIET_S;
	if (child_run(&r.proc, through, &r.errors, err))
		return -1;
	if (r.proc.status != 0)
		return explain_dump(d, u, &r, err);
	return sink_finish(through, err) ||
	               mysql_prove(&ends, shape->tables, err)
	           ? -1
	           : 0;
}

/* --- references */

static int
give(void *arg, const char *uri, struct err *err)
{
	struct saver *saver = arg;

	return saver->ops->reference(saver, uri, err);
}

static int
mysql_refer(struct database *d, const struct database_unit *u,
    struct saver *saver, uint64_t *count, struct err *err)
{
	struct mysql_kfp_source s = { &mysql_of(d)->tools, d->cfg, u,
		d->database };
	struct mysql_kfp k = { .fn = give, .arg = saver };
	int rc = mysql_kfp_read(&s, &k, err);

	if (k.found)
		*count = k.count;
	if (rc == 0 && k.too_long > 0)
		saver->ops->note(saver,
		    "%" PRIu64 " references are too long to be keys",
		    k.too_long);
	return rc;
}

/* --- restore */

/* "10.11.19-MariaDB" and "8.0.44" to 10 and 8. */
static unsigned long
major(const char *version)
{
	return strtoul(version, NULL, 10);
}

/* MySQL 8, MariaDB, older MySQL */
#define WIDE_RIGHTS "'SUPER', 'SET_ANY_DEFINER', 'SET_USER_ID', 'SET USER'"

/*
 * Triggers and functions on a server with a binary log need more than rights
 * on the database; that is better known before than in the middle.
 */
static int
want_rights(struct database *d, const struct database_unit *u,
    uint64_t programs, struct err *err)
{
	static const char sql[] =
	    "SELECT (SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES "
	    "WHERE PRIVILEGE_TYPE IN (" WIDE_RIGHTS ")), "
	    "(SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES "
	    "WHERE PRIVILEGE_TYPE = 'SUPER') OR NOT @@global.log_bin OR "
	    "@@global.log_bin_trust_function_creators;";
	AUTO(buf) struct buf rows = { .max = 4096 };
	char *cursor, *f[2];

	if (mysql_client_query(&mysql_of(d)->tools, d->cfg, u, sql, &rows, err))
		return -1;
	cursor = rows.data;
	if (!mysql_client_row(&cursor, f, 2))
		return err_set(err, ERR_REMOTE, "the server answers nothing");
	mysql_of(d)->no_definers = strcmp(f[0], "0") == 0;
	if (programs == 0 || strcmp(f[1], "0") != 0)
		return 0;
	return err_set(err, ERR_DENIED,
	    "the set has triggers or functions, and '%s' lets user '%s' make "
	    "none: set log_bin_trust_function_creators=1 there",
	    u->address, d->cfg->username);
}

static int
mysql_fits(struct database *d, const struct database_unit *u,
    const struct json *facts, struct err *err)
{
	const char *version = json_opt_str(facts, "server-version");

	if (!version)
		return want_rights(d, u, 0, err);
	if ((strstr(version, "MariaDB") != NULL) != u->mariadb)
		return err_set(err, ERR_USAGE,
		    "the set was read from version %s and '%s' is version %s: "
		    "a dump of MariaDB does not fit MySQL, nor the other way "
		    "round",
		    version, u->address, u->version);
	if (major(version) > major(u->version))
		return err_set(err, ERR_USAGE,
		    "the set was read from version %s and '%s' is version %s: "
		    "restore into the same or a newer version",
		    version, u->address, u->version);
	return want_rights(d, u, json_opt_u64(facts, "programs"), err);
}

/* Names that only come from a server. */
static bool
is_word(const char *s)
{
	return s && *s &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz"
	                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(s);
}

static int
make_database(struct database *d, const struct database_unit *u,
    const struct json *facts, struct err *err)
{
	const char *charset = facts ? json_opt_str(facts, "charset") : NULL;
	const char *collation = facts ? json_opt_str(facts, "collation") : NULL;
	AUTO(buf) struct buf sql = { .max = 4096 };
	AUTO(buf) struct buf rows = { .max = 4096 };

	if (buf_puts(&sql, "CREATE DATABASE ", err) ||
	    mysql_server_quote(&sql, d->database, err))
		return -1;
	if (is_word(charset) && is_word(collation) &&
	    buf_printf(&sql, err, " CHARACTER SET %s COLLATE %s", charset,
	        collation))
		return -1;
	if (mysql_client_query(&mysql_of(d)->tools, d->cfg, u, sql.data, &rows,
	        err))
		return err_wrap(err,
		    "cannot make database '%s': make it and grant user '%s' "
		    "all privileges on it, or choose one that is there",
		    d->database, d->cfg->username);
	return 0;
}

static int
empty_and_load(struct database *d, struct sink *to, struct loader *loader,
    struct err *err)
{
	static const char before[] = "SET FOREIGN_KEY_CHECKS=0;\n";
	const struct buf *drops = &mysql_of(d)->drops;

	if (sink_write(to, before, sizeof before - 1, err) ||
	    sink_write(to, drops->data, drops->len, err))
		return -1;
	return loader->ops->stream(loader, d->ops->kind, to, err);
}

static int
explain_load(void *arg, const struct proc *p, const struct buf *errors,
    struct err *err)
{
	(void)arg;
	return mysql_client_explain(p, errors, err);
}

static int
mysql_load(struct database *d, const struct database_unit *u,
    const struct database_shape *shape, struct loader *loader, struct err *err)
{
	AUTO(mysql_run) struct mysql_run r = { 0 };
	AUTO(sink) struct sink *to = NULL;
	AUTO(free) char *name = NULL;
	const struct mysql_tools *tools = &mysql_of(d)->tools;
	struct child_options o = { &r.proc, &r.errors, explain_load, NULL };
	enum mysql_vendor v;

	if (mysql_client_fit(tools->query, u->mariadb, "mariadb", &v, err) ||
	    mysql_client_run_init(&r, d->cfg, u, v, err) ||
	    str_printf(&name, err, "--database=%s", d->database) ||
	    (!shape->exists && make_database(d, u, loader->facts, err)))
		return -1;
	mysql_client_load_argv(tools->query[v], name, r.argv);
	if (child_sink_new(&o, NULL, &to, err) ||
	    sink_rate_new(TAKE(to), d->cfg->send, &to, err) ||
	    (mysql_of(d)->no_definers &&
	        mysql_lines_sink(MYSQL_LINES_NO_DEFINER, TAKE(to), &to, err)))
		return -1;
	return empty_and_load(d, to, loader, err);
}

static int
mysql_by_hand(const struct database *d, const struct database_unit *u,
    const char *file, struct buf *b, struct err *err)
{
	enum mysql_vendor v;

	if (mysql_client_fit(((const struct mysql *)d)->tools.query, u->mariadb,
	        "mariadb", &v, err))
		return -1;
	return buf_puts(b, "zstd -dc ", err) || str_shell(b, file, err) ||
	               buf_printf(b, err, " | %s -P %u -p -h ",
	                   ((const struct mysql *)d)->tools.query[v],
	                   u->port) ||
	               str_shell(b, u->host, err) || buf_puts(b, " -u ", err) ||
	               str_shell(b, d->cfg->username, err) ||
	               buf_puts(b, " --database=", err) ||
	               str_shell(b, d->database, err)
	           ? -1
	           : 0;
}

/* --- drill */

static int
mysql_scan(struct database *d, struct loader *loader, struct dump_ends *ends,
    struct err *err)
{
	AUTO(sink) struct sink *none = NULL;

	if (sink_null_new(&none, err))
		return -1;
	return database_drill_read(loader, d->ops->kind, ends, none, err);
}

static int
mysql_names(struct database *d, const struct database_unit *u,
    const char *prefix, struct buf *names, struct err *err)
{
	AUTO(free) char *sql = NULL;

	if (str_printf(&sql, err,
	        "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA "
	        "WHERE LEFT(SCHEMA_NAME, %zu) = '%s';",
	        strlen(prefix), prefix))
		return -1;
	return mysql_client_query(&mysql_of(d)->tools, d->cfg, u, sql, names,
	    err);
}

static int
mysql_drop(struct database *d, const struct database_unit *u, const char *name,
    struct err *err)
{
	AUTO(buf) struct buf sql = { .max = 4096 };
	AUTO(buf) struct buf rows = { .max = 4096 };

	if (buf_puts(&sql, "DROP DATABASE IF EXISTS ", err) ||
	    mysql_server_quote(&sql, name, err) || buf_puts(&sql, ";", err))
		return -1;
	return mysql_client_query(&mysql_of(d)->tools, d->cfg, u, sql.data,
	    &rows, err);
}

static void
mysql_done(struct database *d)
{
	buf_done(&mysql_of(d)->drops);
}

static const struct database_ops mysql_database = {
	.kind = "sql",
	.port = 3306,
	.ask = mysql_ask,
	.reach = mysql_reach,
	.tools = mysql_tools,
	.look = mysql_look,
	.dump = mysql_dump,
	.refer = mysql_refer,
	.fits = mysql_fits,
	.load = mysql_load,
	.by_hand = mysql_by_hand,
	.prove = mysql_prove,
	.scan = mysql_scan,
	.names = mysql_names,
	.drop = mysql_drop,
	.done = mysql_done,
	.atomic = false,
};

static const struct component_ops mysql_ops = {
	.type = "mysql",
	.check = database_check,
	.backup = database_backup,
	.restore = database_restore,
	.drill = database_drill,
	.has = component_has_none,
	.free = database_free,
};

int
component_mysql_new(const struct config_component *cfg, const char *to,
    const char *scratch, struct component **ret, struct err *err)
{
	struct mysql *m = calloc(1, sizeof *m);

	if (!m)
		return err_nomem(err);
	database_init(&m->base, cfg, to, scratch);
	m->base.base.ops = &mysql_ops;
	m->base.ops = &mysql_database;
	m->drops.max = DROPS_MAX;
	*ret = &m->base.base;
	return 0;
}
