#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "component/database.h"
#include "component/database_drill.h"
#include "component/dump_ends.h"
#include "component/pg_client.h"
#include "component/pg_server.h"
#include "stream/child.h"

enum { DUMP_QUIET_S = 1800, TARGET_MAX = 4096 };

struct postgresql {
	struct database base;
	char tool[96];
};

static struct postgresql *
postgresql_of(struct database *d)
{
	return (struct postgresql *)d;
}

static int
postgresql_ask(struct database *d, struct database_unit *u, struct err *err)
{
	return pg_server_ask(d->cfg, u, err);
}

static int
postgresql_reach(struct database *d, struct database_unit *u,
    const char *position, unsigned seconds, bool *ret, struct err *err)
{
	return pg_server_reach(d->cfg, u, position, seconds, ret, err);
}

/* "pg_dump (PostgreSQL) 15.18", "15.18 (Debian ...)" */
static unsigned long
major(const char *version)
{
	return strtoul(version + strcspn(version, "0123456789"), NULL, 10);
}

static int
want_program(const char *name, unsigned long server, char *line, size_t size,
    struct err *err)
{
	if (client_version(name, line, size, err)) {
		if (!err_is(err, ERR_NOTFOUND))
			return -1;
		return err_set(err, ERR_IO,
		    "the client program '%s' is not installed: install the "
		    "package postgresql-client-%lu",
		    name, server);
	}
	if (major(line) < server)
		return err_set(err, ERR_IO,
		    "%s is too old for a server of version %lu: install the "
		    "package postgresql-client-%lu",
		    line, server, server);
	return 0;
}

static int
postgresql_tools(struct database *d, const struct database_unit *u,
    struct buf *b, struct err *err)
{
	struct postgresql *p = postgresql_of(d);
	char other[96];

	if (want_program("pg_restore", major(u->version), other, sizeof other,
	        err) ||
	    want_program("pg_dump", major(u->version), p->tool, sizeof p->tool,
	        err))
		return -1;
	return buf_puts(b, p->tool, err);
}

static int
postgresql_look(struct database *d, const struct database_unit *u,
    struct database_shape *s, struct err *err)
{
	return pg_server_look(d->cfg, u, d->database, s, err);
}

/* --- dump */

/*
 * The custom format (pg_backup_archiver.c) begins with "PGDMP"; the rows of
 * each table end with a block of length 0, so the last table's are the end.
 */
static int
postgresql_prove(const struct dump_ends *e, uint64_t tables, struct err *err)
{
	static const char end[5] = { 0 };

	if (e->nhead < 5 || memcmp(e->head, "PGDMP", 5) != 0)
		return err_set(err, ERR_CORRUPT, "it is no dump of pg_dump");
	if (tables > 0 &&
	    (e->ntail < sizeof end ||
	        memcmp(e->tail + e->ntail - sizeof end, end, sizeof end) != 0))
		return err_set(err, ERR_CORRUPT,
		    "the dump has no end mark: it is not whole");
	return 0;
}

/* Not compressed: all files of a set are compressed in one way. */
static int
postgresql_dump(struct database *d, const struct database_unit *u,
    const struct database_shape *shape, struct sink *to, struct err *err)
{
	static const char *const args[] = { "-Fc", "-Z0", "-w", NULL };
	AUTO(pg_run) struct pg_run r = { 0 };
	AUTO(sink) struct sink *through = NULL;
	struct dump_ends ends = { 0 };

	if (pg_client_run_init(&r, d->cfg, u, "pg_dump", args, d->database,
	        err) ||
	    dump_ends_sink(&ends, to, &through, err) ||
	    sink_rate_new(TAKE(through), d->cfg->receive, &through, err))
		return -1;
	r.proc.quiet_s = DUMP_QUIET_S;
	if (child_run(&r.proc, through, &r.errors, err))
		return -1;
	if (r.proc.status != 0)
		return pg_client_explain(&r.proc, &r.errors, err);
	return postgresql_prove(&ends, shape->tables, err);
}

/* --- restore */

static int
postgresql_fits(struct database *d, const struct database_unit *u,
    const struct json *facts, struct err *err)
{
	const char *version = json_opt_str(facts, "server-version");

	(void)d;
	if (!version || major(version) <= major(u->version))
		return 0;
	return err_set(err, ERR_USAGE,
	    "the set was read from version %s and '%s' is version %s: restore "
	    "into the same or a newer version",
	    version, u->address, u->version);
}

/* --- one transaction around what pg_restore writes */

enum { HELD = 1024 };

/*
 * pg_restore must be told to write one transaction, or it makes others inside
 * (for large objects).  Its end is held back and cut: what was read may be
 * seen only when all of it is known to be right.
 */
struct around {
	struct sink sink;
	char held[HELD + 1];
	size_t n;
};

/* Pass on all but the last HELD bytes. */
static int
around_write(struct sink *s, const void *data, size_t n, struct err *err)
{
	struct around *a = (struct around *)s;
	const char *p = data;
	size_t old = a->n, go = n > HELD ? n - HELD : 0;
	size_t keep = HELD - (n - go) < old ? HELD - (n - go) : old;

	if (sink_write(s->next, a->held, old - keep, err) ||
	    sink_write(s->next, p, go, err))
		return -1;
	(void)memmove(a->held, a->held + old - keep, keep);
	(void)memcpy(a->held + keep, p + go, n - go);
	a->n = keep + n - go;
	a->held[a->n] = '\0';
	return 0;
}

static int
around_finish(struct sink *s, struct err *err)
{
	static const char end[] = "\nCOMMIT;\n";
	struct around *a = (struct around *)s;
	char *at = NULL;

	for (char *p = a->held; (p = strstr(p, end)) != NULL; p++)
		at = p;
	if (!at)
		return err_set(err, ERR_CORRUPT,
		    "pg_restore wrote no end of its transaction");
	(void)memset(at + 1, ' ', sizeof end - 3);
	return sink_write(s->next, a->held, a->n, err) ||
	               sink_write(s->next, pg_server_after,
	                   strlen(pg_server_after), err)
	           ? -1
	           : 0;
}

static void
around_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops around_ops = {
	.name = "transaction",
	.write = around_write,
	.finish = around_finish,
	.free = around_free,
};

static int
around_new(struct sink *next, struct sink **ret, struct err *err)
{
	struct around *a = calloc(1, sizeof *a);

	if (!a) {
		sink_free(next);
		return err_nomem(err);
	}
	*ret = sink_init(&a->sink, &around_ops, next);
	if (sink_write(next, pg_server_before, strlen(pg_server_before), err)) {
		sink_free(TAKE(*ret));
		return -1;
	}
	return 0;
}

static int
explain_load(void *arg, const struct proc *p, const struct buf *errors,
    struct err *err)
{
	(void)arg;
	return pg_client_explain(p, errors, err);
}

/* dump -> pg_restore, which writes SQL -> transaction -> psql */
struct load {
	struct pg_run reader, writer;
};

static inline void
scope_load(struct load *l)
{
	pg_client_run_done(&l->reader);
	pg_client_run_done(&l->writer);
}

static int
load_chain(struct load *l, struct database *d, const struct database_unit *u,
    struct sink **ret, struct err *err)
{
	static const char *const restore[] = { "--no-owner", "--no-acl",
		"--single-transaction", "-f", "-", NULL };
	static const char *const psql[] = { "-X", "-q", "-w", "-v",
		"ON_ERROR_STOP=1", NULL };
	struct child_options reader = { &l->reader.proc, &l->reader.errors,
		explain_load, NULL };
	struct child_options writer = { &l->writer.proc, &l->writer.errors,
		explain_load, NULL };
	struct sink *to = NULL;

	if (pg_client_run_init(&l->reader, d->cfg, u, "pg_restore", restore,
	        NULL, err) ||
	    pg_client_run_init(&l->writer, d->cfg, u, "psql", psql, d->database,
	        err) ||
	    child_sink_new(&writer, NULL, &to, err) ||
	    sink_rate_new(to, d->cfg->send, &to, err) ||
	    around_new(to, &to, err))
		return -1;
	return child_sink_new(&reader, to, ret, err);
}

static int
postgresql_load(struct database *d, const struct database_unit *u,
    const struct database_shape *shape, struct loader *loader, struct err *err)
{
	AUTO(load) struct load l = { 0 };
	AUTO(sink) struct sink *to = NULL;
	const char *encoding =
	    loader->facts ? json_opt_str(loader->facts, "charset") : NULL;

	if (!shape->exists &&
	    pg_server_make(d->cfg, u, d->database, encoding, err))
		return -1;
	if (load_chain(&l, d, u, &to, err))
		return -1;
	return loader->ops->stream(loader, d->ops->kind, to, err);
}

static int
postgresql_by_hand(const struct database *d, const struct database_unit *u,
    const char *file, struct buf *b, struct err *err)
{
	AUTO(buf) struct buf target = { .max = TARGET_MAX };
	/* Some names alone would be taken for connection strings. */
	bool odd = strpbrk(d->database, "=:") != NULL;

	return (odd ? pg_client_name(d->database, &target, err)
	            : buf_puts(&target, d->database, err)) ||
	               buf_puts(b, "zstd -dc ", err) ||
	               str_shell(b, file, err) ||
	               buf_printf(b, err,
	                   " | pg_restore --clean --if-exists --no-owner "
	                   "--no-acl --single-transaction -p %u -h ",
	                   u->port) ||
	               str_shell(b, u->host, err) || buf_puts(b, " -U ", err) ||
	               str_shell(b, d->cfg->username, err) ||
	               buf_puts(b, " -d ", err) ||
	               str_shell(b, target.data, err)
	           ? -1
	           : 0;
}

/* --- drill */

/* pg_restore reads all of it, and writes the SQL that nobody runs. */
static int
scan_by_tool(struct database *d, struct loader *loader, struct dump_ends *ends,
    struct err *err)
{
	static const char *const args[] = { "--no-owner", "--no-acl", "-f", "-",
		NULL };
	const struct database_unit none = { 0 };
	AUTO(pg_run) struct pg_run r = { 0 };
	AUTO(sink) struct sink *to = NULL;
	struct child_options o = { &r.proc, &r.errors, explain_load, NULL };

	if (pg_client_run_init(&r, d->cfg, &none, "pg_restore", args, NULL,
	        err) ||
	    child_sink_new(&o, NULL, &to, err))
		return -1;
	return database_drill_read(loader, d->ops->kind, ends, to, err);
}

static int
postgresql_scan(struct database *d, struct loader *loader,
    struct dump_ends *ends, struct err *err)
{
	AUTO(sink) struct sink *none = NULL;
	struct err why = { 0 };
	char version[96];

	if (client_version("pg_restore", version, sizeof version, &why) == 0)
		return scan_by_tool(d, loader, ends, err);
	/* of a system that starts no programs any more */
	if (!err_is(&why, ERR_NOTFOUND)) {
		*err = why;
		return -1;
	}
	if (sink_null_new(&none, err))
		return -1;
	return database_drill_read(loader, d->ops->kind, ends, none, err);
}

static int
postgresql_names(struct database *d, const struct database_unit *u,
    const char *prefix, struct buf *names, struct err *err)
{
	return pg_server_names(d->cfg, u, prefix, names, err);
}

static int
postgresql_drop(struct database *d, const struct database_unit *u,
    const char *name, struct err *err)
{
	return pg_server_drop(d->cfg, u, name, err);
}

static void
postgresql_done(struct database *d)
{
	(void)d;
}

static const struct database_ops postgresql_database = {
	.kind = "pgdump",
	.port = 5432,
	.ask = postgresql_ask,
	.reach = postgresql_reach,
	.tools = postgresql_tools,
	.look = postgresql_look,
	.dump = postgresql_dump,
	.fits = postgresql_fits,
	.load = postgresql_load,
	.by_hand = postgresql_by_hand,
	.prove = postgresql_prove,
	.scan = postgresql_scan,
	.names = postgresql_names,
	.drop = postgresql_drop,
	.done = postgresql_done,
	.atomic = true,
};

static const struct component_ops postgresql_ops = {
	.type = "postgresql",
	.check = database_check,
	.backup = database_backup,
	.restore = database_restore,
	.drill = database_drill,
	.has = component_has_none,
	.free = database_free,
};

int
component_postgresql_new(const struct config_component *cfg, const char *to,
    const char *scratch, struct component **ret, struct err *err)
{
	struct postgresql *p = calloc(1, sizeof *p);

	if (!p)
		return err_nomem(err);
	database_init(&p->base, cfg, to, scratch);
	p->base.base.ops = &postgresql_ops;
	p->base.ops = &postgresql_database;
	*ret = &p->base.base;
	return 0;
}
