#include "component/database.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/str.h"

enum {
	FACTS_MAX = 16 << 20,
	SHAPE_MAX = 8 << 20,
	REACH_S = 5, /* a replica that is not delayed catches up in less */
	SAFETY_LEVEL = 1,
};

static struct database *
database_of(struct component *c)
{
	return (struct database *)c;
}

void
database_init(struct database *d, const struct config_component *c,
    const char *to, const char *scratch)
{
	d->base.name = c->name;
	d->whole = c;
	d->cfg = &c->database;
	d->database = to ? to : c->database.database;
	d->scratch = scratch;
}

static void
forget_units(struct database *d)
{
	for (size_t i = 0; i < d->nunits; i++)
		database_unit_done(&d->unit[i]);
	d->nunits = 0;
}

void
database_free(struct component *c)
{
	struct database *d = database_of(c);

	forget_units(d);
	d->ops->done(d);
	free(d);
}

void
database_shape_done(struct database_shape *s)
{
	buf_done(&s->rows);
	buf_done(&s->odd);
}

/* --- who is there */

static int
add_unit(struct database *d, const char *address, struct err *err)
{
	if (database_unit_parse(address, d->ops->port, &d->unit[d->nunits],
	        err))
		return -1;
	d->nunits++;
	return 0;
}

/* A server that does not answer is an answer; that nobody can ask is not. */
static int
ask_one(struct database *d, struct database_unit *u, struct err *err)
{
	struct err why = { 0 };

	if (d->ops->ask(d, u, &why) == 0)
		return 0;
	if (err_is(&why, ERR_NOMEM) || err_is(&why, ERR_USAGE) ||
	    err_is(&why, ERR_IO)) {
		*err = why;
		return -1;
	}
	u->healthy = false;
	(void)snprintf(u->trouble, sizeof u->trouble, "%.390s", why.msg);
	return 0;
}

static struct database_unit *
reference(struct database *d)
{
	for (size_t i = 0; i < d->nunits; i++)
		if (d->unit[i].answered && d->unit[i].position &&
		    d->unit[i].role == DATABASE_PRIMARY)
			return &d->unit[i];
	return NULL;
}

/*
 * Lag is measured: how long it takes until the replica has what the primary
 * had when it was asked.  What a server says of its own lag needs rights that
 * a user of one database has not, and is 0 where replication stands still.
 */
static int
measure_lag(struct database *d, struct database_unit *u, const char *position,
    struct err *err)
{
	int64_t begin = clock_mono_ms(clock_real());
	bool reached = false;
	struct err why = { 0 };

	if (d->ops->reach(d, u, position, REACH_S, &reached, &why)) {
		if (err_is(&why, ERR_NOMEM)) {
			*err = why;
			return -1;
		}
		log_debug("'%s': %s", u->address, why.msg);
		return 0;
	}
	if (reached)
		u->lag_s = (clock_mono_ms(clock_real()) - begin) / 1000;
	else if (u->lag_s < REACH_S)
		u->lag_s = DATABASE_LAG_HIDDEN;
	return 0;
}

static int
survey(struct database *d, struct err *err)
{
	const struct database_unit *primary;

	forget_units(d);
	if (add_unit(d, d->cfg->primary, err))
		return -1;
	for (size_t i = 0; i < CONFIG_REPLICAS_MAX && d->cfg->replicas[i]; i++)
		if (add_unit(d, d->cfg->replicas[i], err))
			return -1;
	for (size_t i = 0; i < d->nunits; i++)
		if (ask_one(d, &d->unit[i], err))
			return -1;
	primary = reference(d);
	for (size_t i = 0; primary && i < d->nunits; i++)
		if (d->unit[i].answered && d->unit[i].healthy &&
		    d->unit[i].role == DATABASE_REPLICA &&
		    measure_lag(d, &d->unit[i], primary->position, err))
			return -1;
	return 0;
}

/* --- check */

static void
shape_init(struct database_shape *s)
{
	*s = (struct database_shape){ .rows = { .max = SHAPE_MAX },
		.odd = { .max = SHAPE_MAX } };
}

/* Only what is there and may be read can be saved. */
static int
want_readable(const struct database *d, const struct database_unit *u,
    const struct database_shape *shape, struct err *err)
{
	if (shape->exists && shape->hidden[0])
		return err_set(err, ERR_DENIED, "user '%s' may not read %s",
		    d->cfg->username, shape->hidden);
	if (shape->exists)
		return 0;
	return err_set(err, ERR_NOTFOUND,
	    "no database '%s' on '%s', or user '%s' may not see it",
	    d->database, u->address, d->cfg->username);
}

static int
describe(struct database *d, struct buf *detail, struct err *err)
{
	char said[512];

	for (size_t i = 0; i < d->nunits; i++) {
		database_unit_said(&d->unit[i], said);
		if (buf_printf(detail, err, "; %s: %.200s", d->unit[i].address,
		        said))
			return -1;
	}
	return 0;
}

static int
check_source(struct database *d, struct buf *detail, struct err *err)
{
	AUTO(database_shape) struct database_shape shape;
	AUTO(buf) struct buf tool = { .max = 256 };
	char size[16];
	size_t i;

	shape_init(&shape);
	if (database_unit_choose(d->unit, d->nunits, d->cfg, &i, err) ||
	    d->ops->tools(d, &d->unit[i], &tool, err) ||
	    d->ops->look(d, &d->unit[i], &shape, err))
		return -1;
	if (want_readable(d, &d->unit[i], &shape, err))
		return -1;
	str_bytes(shape.bytes, size);
	if (buf_printf(detail, err, "%s, %" PRIu64 " table%s, from %s %s", size,
	        shape.tables, shape.tables == 1 ? "" : "s",
	        database_unit_role(d->unit[i].role), d->unit[i].address) ||
	    describe(d, detail, err))
		return -1;
	if (shape.odd.len > 0)
		return buf_printf(detail, err,
		    "; not in one snapshot with the rest: %.500s",
		    shape.odd.data);
	return 0;
}

static int
check_target(struct database *d, struct buf *detail, struct err *err)
{
	AUTO(database_shape) struct database_shape shape;
	AUTO(buf) struct buf tool = { .max = 256 };
	size_t i;

	shape_init(&shape);
	if (database_unit_primary(d->unit, d->nunits, &i, err) ||
	    d->ops->tools(d, &d->unit[i], &tool, err) ||
	    d->ops->look(d, &d->unit[i], &shape, err))
		return -1;
	return buf_printf(detail, err, "%s database '%s' on %s",
	    shape.exists ? "replaces" : "makes", d->database,
	    d->unit[i].address);
}

int
database_check(struct component *c, bool restore, struct buf *detail,
    struct err *err)
{
	struct database *d = database_of(c);

	if (survey(d, err))
		return -1;
	return restore ? check_target(d, detail, err)
	               : check_source(d, detail, err);
}

/* --- backup */

/* What is known before the dump, and what is asked again after it. */
struct taken {
	const struct database_unit *from;
	struct database_unit after;
	const struct database_shape *shape;
	const char *tool;
	char began[DATE_ISO_SIZE];
	uint64_t references; /* UINT64_MAX: none are known */
};

static void
write_unit(const struct taken *t, struct jsonw *w)
{
	const struct database_unit *u = t->from;

	jsonw_str(w, "unit", u->address);
	jsonw_str(w, "server", u->server);
	jsonw_str(w, "server-version", u->version);
	jsonw_str(w, "role", database_unit_role(u->role));
	if (u->lag_s >= 0)
		jsonw_u64(w, "lag-seconds", (uint64_t)u->lag_s);
	jsonw_str(w, "snapshot-after", t->began);
	jsonw_opt_str(w, "position-before", u->position);
	jsonw_opt_str(w, "position-after", t->after.position);
	jsonw_str(w, "role-after",
	    t->after.answered ? database_unit_role(t->after.role)
	                      : "not asked: it does not answer");
	if (t->after.answered && strcmp(t->after.server, u->server) != 0)
		jsonw_str(w, "server-after", t->after.server);
}

static int
write_facts(const struct database *d, const struct taken *t, struct saver *s,
    struct err *err)
{
	AUTO(buf) struct buf b = { .max = FACTS_MAX };
	AUTO(buf) struct buf rows = { .max = SHAPE_MAX };
	struct jsonw w;

	if (buf_printf(&rows, err, "{%s}",
	        t->shape->rows.data ? t->shape->rows.data : ""))
		return -1;
	jsonw_begin(&w, &b, 0);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "database", d->database);
	write_unit(t, &w);
	jsonw_str(&w, "tool", t->tool);
	jsonw_opt_str(&w, "charset", t->shape->charset);
	jsonw_opt_str(&w, "collation", t->shape->collation);
	jsonw_u64(&w, "tables", t->shape->tables);
	if (t->shape->programs > 0)
		jsonw_u64(&w, "programs", t->shape->programs);
	jsonw_raw(&w, "rows-estimated", rows.data);
	if (t->references != UINT64_MAX)
		jsonw_u64(&w, "references", t->references);
	database_unit_json(d->unit, d->nunits, &w);
	jsonw_close(&w);
	return jsonw_end(&w, err) || s->ops->facts(s, b.data, err) ? -1 : 0;
}

static void
say_doubts(const struct database *d, const struct taken *t, struct saver *s)
{
	const struct database_unit *u = t->from;
	char said[512];

	if (t->shape->odd.len > 0)
		s->ops->degraded(s, "not in one snapshot with the rest: %.600s",
		    t->shape->odd.data);
	if (u->role == DATABASE_PRIMARY && d->nunits == 1)
		s->ops->note(s,
		    "read from the primary '%s': no other unit is "
		    "configured",
		    u->address);
	else if (u->role == DATABASE_PRIMARY) {
		database_unit_said(&d->unit[1], said);
		s->ops->note(s, "read from the primary '%s': '%s' %.300s",
		    u->address, d->unit[1].address, said);
	} else if (t->after.answered && t->after.role == DATABASE_PRIMARY)
		s->ops->note(s, "'%s' became the primary while it was read",
		    u->address);
}

static int
dump_to(struct database *d, const struct database_unit *u,
    const struct database_shape *shape, struct sink *to, struct err *err)
{
	if (d->ops->dump(d, u, shape, to, err))
		return err_wrap(err, "database '%s' on '%s'", d->database,
		    u->address);
	return sink_finish(to, err);
}

/*
 * Right before the snapshot: what a row named then and is deleted while the
 * dump runs is seen to be missing.  The buckets come later in any case.
 */
static int
refer(struct database *d, struct taken *t, struct saver *saver, struct err *err)
{
	struct err why = { 0 };

	t->references = UINT64_MAX;
	if (!d->ops->refer ||
	    d->ops->refer(d, t->from, saver, &t->references, &why) == 0)
		return 0;
	if (err_is(&why, ERR_NOMEM)) {
		*err = why;
		return -1;
	}
	saver->ops->note(saver,
	    "not all that its rows refer to is looked up in the buckets: "
	    "%.500s",
	    why.msg);
	return 0;
}

/* The unit is asked again when all is stored. */
static int
save(struct database *d, struct taken *t, struct saver *saver, struct err *err)
{
	AUTO(sink) struct sink *to = NULL;
	struct err why = { 0 };

	if (refer(d, t, saver, err))
		return -1;
	date_iso(clock_now(clock_real()), t->began);
	if (saver->ops->stream(saver, d->ops->kind, &to, err) ||
	    dump_to(d, t->from, t->shape, to, err) ||
	    database_unit_parse(t->from->address, d->ops->port, &t->after, err))
		return -1;
	if (d->ops->ask(d, &t->after, &why)) {
		if (err_is(&why, ERR_NOMEM)) {
			*err = why;
			return -1;
		}
		log_warning("'%s' cannot be asked again: %s", t->from->address,
		    why.msg);
	}
	return write_facts(d, t, saver, err);
}

static int
backup_from(struct database *d, const struct database_unit *u,
    struct saver *saver, struct err *err)
{
	AUTO(database_shape) struct database_shape shape;
	AUTO(buf) struct buf tool = { .max = 256 };
	struct taken t = { .from = u, .shape = &shape };
	int rc;

	shape_init(&shape);
	if (d->ops->tools(d, u, &tool, err) || d->ops->look(d, u, &shape, err))
		return -1;
	if (want_readable(d, u, &shape, err))
		return -1;
	t.tool = tool.data ? tool.data : "";
	saver->ops->expect(saver, 1, shape.bytes);
	rc = save(d, &t, saver, err);
	if (rc == 0)
		say_doubts(d, &t, saver);
	database_unit_done(&t.after);
	return rc;
}

int
database_backup(struct component *c, struct saver *saver, struct err *err)
{
	struct database *d = database_of(c);
	size_t i;

	if (survey(d, err) ||
	    database_unit_choose(d->unit, d->nunits, d->cfg, &i, err))
		return -1;
	log_debug("component '%s': reads %s '%s'", d->base.name,
	    database_unit_role(d->unit[i].role), d->unit[i].address);
	return backup_from(d, &d->unit[i], saver, err);
}

/* --- restore */

static int
open_safety(const struct database *d, char **path, int *fd, struct err *err)
{
	char when[DATE_BASIC_SIZE];

	date_basic(clock_now(clock_real()), when);
	if (mkdir(d->scratch, 0700) && errno != EEXIST)
		return err_sys(err, "cannot make folder '%s'", d->scratch);
	if (str_printf(path, err, "%s/%s-before-restore-%s.%s.zst", d->scratch,
	        d->base.name, when, d->ops->kind))
		return -1;
	*fd = open(*path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return *fd < 0 ? err_sys(err, "cannot make '%s'", *path) : 0;
}

static int
write_safety(struct database *d, const struct database_unit *u,
    const struct database_shape *shape, int fd, struct err *err)
{
	AUTO(sink) struct sink *to = NULL;
	struct sink *file = NULL;

	if (sink_fd_new(fd, &file, err) ||
	    sink_zstd_new(file, SAFETY_LEVEL, &to, err) ||
	    dump_to(d, u, shape, to, err))
		return -1;
	return fsync(fd) ? err_sys(err, "cannot write it") : 0;
}

/* NULL where there is nothing worth keeping, or nobody wants it. */
static int
keep_old(struct database *d, const struct database_unit *u,
    const struct database_shape *shape, char **path, struct err *err)
{
	AUTO(close) int fd = -1;

	if (!d->cfg->safety_dump || !shape->exists || shape->tables == 0)
		return 0;
	if (open_safety(d, path, &fd, err))
		return -1;
	if (write_safety(d, u, shape, fd, err) == 0)
		return 0;
	if (*path)
		(void)unlink(*path);
	return err_wrap(err,
	    "nothing was changed: the safety dump failed ('safety-dump: "
	    "false' does without)");
}

/* What is in the database now, and how to get back what was. */
static int
explain(const struct database *d, const struct database_unit *u,
    const char *safety, struct err *err)
{
	AUTO(buf) struct buf hand = { .max = 4096 };
	struct err why = *err;
	const char *state = d->ops->atomic ? "nothing was changed"
	                                   : "the database is restored in part";

	if (!safety || d->ops->by_hand(d, u, safety, &hand, err))
		return err_set(err, why.code, "%s: %.1000s", state, why.msg);
	return err_set(err, why.code,
	    "%s: %.600s; what was there before is in '%s', and goes back "
	    "with: %s",
	    state, why.msg, safety, hand.data);
}

static int
replace(struct database *d, const struct database_unit *u,
    const struct database_shape *shape, struct loader *loader, struct err *err)
{
	AUTO(free) char *safety = NULL;
	AUTO(buf) struct buf hand = { .max = 4096 };

	/* What is not atomic begins only with what is known to be whole. */
	if (!d->ops->atomic && loader->ops->verify(loader, d->ops->kind, err))
		return -1;
	if (keep_old(d, u, shape, &safety, err))
		return -1;
	if (d->ops->load(d, u, shape, loader, err))
		return explain(d, u, safety, err);
	loader->ops->note(loader, "database '%s' on '%s' was %s", d->database,
	    u->address, shape->exists ? "replaced" : "made");
	if (!safety)
		return 0;
	if (d->ops->by_hand(d, u, safety, &hand, err))
		return -1;
	loader->ops->note(loader,
	    "what was there before is in '%s', and goes back with: %s", safety,
	    hand.data);
	return 0;
}

int
database_restore(struct component *c, struct loader *loader, struct err *err)
{
	struct database *d = database_of(c);
	AUTO(database_shape) struct database_shape shape;
	AUTO(buf) struct buf tool = { .max = 256 };
	const struct database_unit *u;
	size_t i;

	shape_init(&shape);
	if (survey(d, err) ||
	    database_unit_primary(d->unit, d->nunits, &i, err))
		return -1;
	u = &d->unit[i];
	if (d->ops->tools(d, u, &tool, err) ||
	    d->ops->fits(d, u, loader->facts, err) ||
	    d->ops->look(d, u, &shape, err))
		return -1;
	if (loader->dry_run) {
		loader->ops->note(loader, "would %s database '%s' on '%s'",
		    shape.exists ? "replace" : "make", d->database, u->address);
		return 0;
	}
	return replace(d, u, &shape, loader, err);
}
