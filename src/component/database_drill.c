#include "component/database_drill.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/rand.h"

enum {
	NAME_SIZE = 64,
	NAMES_MAX = 1 << 20,
	SHAPE_MAX = 8 << 20,
	LEFT_S = 86400 /* no drill runs for longer */
};

/* --- the dump alone */

int
database_drill_read(struct loader *loader, const char *kind,
    struct dump_ends *ends, struct sink *to, struct err *err)
{
	AUTO(sink) struct sink *head = NULL;

	if (dump_ends_sink(ends, to, &head, err) ||
	    loader->ops->stream(loader, kind, head, err))
		return -1;
	return sink_finish(to, err);
}

static int
scan(struct database *d, struct loader *loader, struct buf *proof,
    struct err *err)
{
	struct dump_ends ends = { 0 };
	char size[16];

	if (d->ops->scan(d, loader, &ends, err) ||
	    d->ops->prove(&ends, json_opt_u64(loader->facts, "tables"), err))
		return -1;
	str_bytes(ends.bytes, size);
	return buf_printf(proof, err, "a dump of %s, whole", size);
}

/* --- the scratch server */

static int
make_name(char name[NAME_SIZE], struct err *err)
{
	uint8_t random[4];
	char hex[2 * sizeof random + 1];

	if (rand_bytes(random, sizeof random, err))
		return -1;
	str_hex(random, sizeof random, hex);
	(void)snprintf(name, NAME_SIZE, DATABASE_DRILL_PREFIX "%" PRId64 "_%s",
	    clock_now(clock_real()), hex);
	return 0;
}

bool
database_drill_is_left(const char *name, int64_t now)
{
	const char *digits = name + strlen(DATABASE_DRILL_PREFIX);
	size_t n;

	if (!str_starts(name, DATABASE_DRILL_PREFIX))
		return false;
	n = strspn(digits, "0123456789");
	if (n == 0 || n > 12 || digits[n] != '_' ||
	    strspn(digits + n + 1, "0123456789abcdef") != 8 ||
	    strlen(digits + n + 1) != 8)
		return false;
	return strtoll(digits, NULL, 10) < now - LEFT_S;
}

/* What is not ours to drop is not dropped, whatever went wrong before. */
static int
drop(struct database *d, const char *name, struct err *err)
{
	if (!str_starts(name, DATABASE_DRILL_PREFIX))
		/* no caller asks for it today */
		return err_set(err, ERR_USAGE, "'%s' is no database of a drill",
		    name);
	return d->ops->drop(d, &d->unit[0], name, err);
}

/* Drills that were killed could not clean up. */
static void
sweep(struct database *d)
{
	AUTO(buf) struct buf names = { .max = NAMES_MAX };
	int64_t now = clock_now(clock_real());
	struct err why = { 0 };
	char *rest, *name;

	if (d->ops->names(d, &d->unit[0], DATABASE_DRILL_PREFIX, &names,
	        &why)) {
		log_debug("'%s': %s", d->unit[0].address, why.msg);
		return;
	}
	rest = names.data;
	while (rest && (name = strsep(&rest, "\r\n")) != NULL)
		if (database_drill_is_left(name, now) && drop(d, name, &why))
			log_warning("'%s' is left from a drill: %s", name,
			    why.msg);
}

static int
find_server(struct database *d, struct err *err)
{
	struct database_unit *u = &d->unit[0];
	AUTO(buf) struct buf tool = { .max = 256 };

	if (database_unit_parse(d->cfg->primary, d->ops->port, u, err))
		return -1;
	d->nunits = 1;
	if (d->ops->ask(d, u, err))
		return -1;
	if (u->role != DATABASE_PRIMARY)
		return err_set(err, ERR_USAGE, "it takes no writes");
	return d->ops->tools(d, u, &tool, err);
}

static int
look(struct database *d, struct database_shape *s, struct err *err)
{
	*s = (struct database_shape){ .rows = { .max = SHAPE_MAX },
		.odd = { .max = SHAPE_MAX } };
	return d->ops->look(d, &d->unit[0], s, err);
}

/* Everything that was saved is there again. */
static int
compare(struct database *d, const struct json *facts, struct buf *proof,
    struct err *err)
{
	AUTO(database_shape) struct database_shape now = { 0 };
	uint64_t tables = json_opt_u64(facts, "tables");

	if (look(d, &now, err))
		return -1;
	if (now.tables != tables)
		return err_set(err, ERR_CORRUPT,
		    "it has %" PRIu64 " tables, %" PRIu64 " were saved",
		    now.tables, tables);
	return buf_printf(proof, err, ", loads into '%s': %" PRIu64 " tables",
	    d->unit[0].address, now.tables);
}

static int
load_and_compare(struct database *d, struct loader *loader, struct buf *proof,
    struct err *err)
{
	AUTO(database_shape) struct database_shape before = { 0 };
	struct err why = { 0 };
	int rc;

	if (d->ops->fits(d, &d->unit[0], loader->facts, err) ||
	    look(d, &before, err))
		return -1;
	if (before.exists)
		return err_set(err, ERR_EXISTS, "database '%s' is there",
		    d->database);
	rc = d->ops->load(d, &d->unit[0], &before, loader, err);
	if (rc == 0)
		rc = compare(d, loader->facts, proof, err);
	if (drop(d, d->database, &why))
		loader->ops->note(loader,
		    "database '%s' on '%s' was made for the drill and cannot "
		    "be dropped: %.500s",
		    d->database, d->unit[0].address, why.msg);
	return rc;
}

static int
try_server(const struct database *saved, struct loader *loader,
    struct buf *proof, struct err *err)
{
	struct config_component there = *saved->whole;
	AUTO(component) struct component *c = NULL;
	char name[NAME_SIZE];
	struct database *d;

	there.database = there.drill;
	if (make_name(name, err) ||
	    component_open(&there, name, saved->scratch, &c, err))
		return -1;
	d = (struct database *)c;
	if (find_server(d, err))
		return -1;
	sweep(d);
	return load_and_compare(d, loader, proof, err);
}

int
database_drill(struct component *c, struct loader *loader, struct buf *proof,
    struct err *err)
{
	struct database *d = (struct database *)c;
	const char *server = d->whole->drill.primary;

	if (scan(d, loader, proof, err))
		return -1;
	if (!server)
		return buf_puts(proof,
		    ", not loaded: no scratch server is configured", err);
	if (try_server(d, loader, proof, err))
		return err_wrap(err, "on the scratch server '%s'", server);
	return 0;
}
