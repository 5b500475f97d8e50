#include "juju/relation_database.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>

#include "base/json.h"
#include "base/str.h"
#include "base/tree.h"
#include "juju/hooktool.h"

enum {
	REPLICAS_MAX = 16, /* as many as the configuration takes */
	UNITS_MAX = 100,
	ORIGIN_SIZE = 160,
};

const char *
relation_database_name(const struct tree *names, const char *app)
{
	static const struct {
		const char *app, *database;
	} known[] = {
		{ "kfp-db", "mlpipeline" },
		{ "katib-db", "katib" },
	};
	const char *name = tree_text(names, app);

	if (name && *name)
		return name;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(known[i].app, app) == 0)
			return known[i].database;
	return NULL;
}

/* --- what we write */

/*
 * The URIs are not used, but they have the password in them: what is not named
 * here is written into the bag for all to read.
 */
static const char wanted_secrets[] =
    "[\"username\", \"password\", \"tls\", \"tls-ca\", \"uris\", "
    "\"read-only-uris\"]";

/*
 * Both in one go, because the provider answers to database and then looks for
 * the other.  A database once written is not taken back: the account is there,
 * and a provider takes a name that comes again for another request.
 */
int
relation_database_publish(const struct relation_database *r, struct err *err)
{
	const struct hooktool_pair ours[] = {
		{ "requested-secrets", wanted_secrets },
		{ "database", r->database },
	};

	if (hooktool_relation_set(r->id, true, ours, r->database ? 2 : 1, err))
		return -1;
	return hooktool_relation_set(r->id, false, ours, 1, err);
}

/* --- addresses */

/* "db-primary.kubeflow.svc.cluster.local.:3306": no certificate has the dot. */
static void
drop_dot(char *address)
{
	char *colon = strrchr(address, ':');
	char *end = colon ? colon : address + strlen(address);

	if (end > address && end[-1] == '.')
		memmove(end - 1, end, strlen(end) + 1);
}

static bool
is_known(const struct tree *map, const struct tree *replicas,
    const char *address)
{
	const char *primary = tree_text(map, "primary");

	if (primary && strcmp(primary, address) == 0)
		return true;
	for (const struct tree *t = replicas->child; t; t = t->next)
		if (strcmp(t->text, address) == 0)
			return true;
	return false;
}

/*
 * The first is the one that takes writes.  What the others are they say
 * themselves when they are asked; a few answer for all, so there is no harm in
 * leaving out those that are too many.
 */
static int
add_address(struct tree *map, struct tree *replicas, const char *address,
    struct err *err)
{
	struct tree *t = NULL;
	size_t n = 0;

	if (is_known(map, replicas, address))
		return 0;
	if (!tree_get(map, "primary"))
		return tree_add_text(map, "primary", address, err);
	for (t = replicas->child; t; t = t->next)
		n++;
	if (n >= REPLICAS_MAX)
		return 0;
	if (tree_new(TREE_SCALAR, address, map->origin, 0, &t, err))
		return -1;
	return tree_add(replicas, NULL, t, err);
}

/* "a:3306,b.:3306" */
static int
add_list(struct tree *map, struct tree *replicas, const struct json *bag,
    const char *name, struct err *err)
{
	AUTO(free) char *list = NULL;
	char *rest, *one;

	if (relation_text(bag, name, &list, err))
		return -1;
	rest = list;
	while (rest && (one = strsep(&rest, ",")) != NULL) {
		relation_strip(one, " \t\r\n");
		drop_dot(one);
		if (*one && add_address(map, replicas, one, err))
			return -1;
	}
	return 0;
}

/* The Services first: an address of a unit goes with the unit. */
static int
add_addresses(const struct relation_database *r,
    const struct relation_database_data *data, struct relation_gap *gap,
    struct tree *map, struct err *err)
{
	AUTO(tree) struct tree *list = NULL;

	if (tree_new(TREE_LIST, NULL, map->origin, 0, &list, err) ||
	    add_list(map, list, data->bag, "endpoints", err))
		return -1;
	if (!tree_get(map, "primary")) {
		relation_gap_set(gap, RELATION_WAITING,
		    "waiting for %s to give its address to relation %s", r->app,
		    r->id);
		return 0;
	}
	if (add_list(map, list, data->bag, "read-only-endpoints", err))
		return -1;
	for (size_t i = 0; i < data->nunits; i++)
		if (add_list(map, list, data->unit[i], "endpoints", err) ||
		    add_list(map, list, data->unit[i], "read-only-endpoints",
		        err))
			return -1;
	return list->child ? tree_add(map, "replicas", TAKE(list), err) : 0;
}

/* --- the rest of what we read */

static int
add_account(const struct relation_database *r,
    const struct relation_database_data *data, struct relation_gap *gap,
    struct tree *map, struct err *err)
{
	const struct json *from = data->user ? data->user : data->bag;
	AUTO(secret) char *username = NULL, *password = NULL;

	if (relation_text(from, "username", &username, err) ||
	    relation_text(from, "password", &password, err))
		return -1;
	if (!username || !password)
		relation_gap_set(gap, RELATION_WAITING,
		    "waiting for %s to give an account to relation %s", r->app,
		    r->id);
	if (tree_add_text(map, "username", username, err))
		return -1;
	return tree_add_text(map, "password", password, err);
}

/* A certificate alone says that there is TLS, too; "False" that there is none.
 */
static int
add_tls(const struct relation_database *r,
    const struct relation_database_data *data, struct tree *map,
    struct err *err)
{
	const struct json *from = data->tls ? data->tls : data->bag;
	AUTO(free) char *tls = NULL, *chain = NULL;

	if (relation_text(from, "tls", &tls, err))
		return -1;
	if (tls && strcasecmp(tls, "true") != 0)
		return 0;
	if (relation_chain(from, "tls-ca", &chain, err))
		return err_is(err, ERR_NOMEM)
		           ? -1
		           : err_wrap(err, "relation %s", r->id);
	if (tree_add_text(map, "tls", tls || chain ? "true" : NULL, err))
		return -1;
	return tree_add_text(map, "tls-ca-chain", chain, err);
}

/*
 * The name is looked at once, when the provider makes the account; another one
 * in the option changes nothing over there.
 */
static int
add_database(const struct relation_database *r,
    const struct relation_database_data *data, struct relation_gap *gap,
    struct tree *map, struct err *err)
{
	AUTO(free) char *theirs = NULL;

	if (!r->database) {
		relation_gap_set(gap, RELATION_BLOCKED,
		    "no database name for %s: set option 'databases', such as "
		    "'%s: mlpipeline'",
		    r->app, r->app);
		return 0;
	}
	if (relation_text(data->bag, "database", &theirs, err))
		return -1;
	if (theirs && strcmp(theirs, r->database) != 0)
		relation_gap_set(gap, RELATION_BLOCKED,
		    "relation %s is for database '%s', not '%s': set option "
		    "'databases', or remove the relation and make it anew",
		    r->id, theirs, r->database);
	return tree_add_text(map, "database", r->database, err);
}

/* A subordinate answers for its principal when one of its units says so. */
static void
await_unit(const struct relation_database *r,
    const struct relation_database_data *data, struct relation_gap *gap)
{
	const char *subordinated = json_opt_str(data->bag, "subordinated");

	if (!subordinated || strcasecmp(subordinated, "true") != 0)
		return;
	for (size_t i = 0; i < data->nunits; i++) {
		const char *state = json_opt_str(data->unit[i], "state");

		if (state && strcmp(state, "ready") == 0)
			return;
	}
	relation_gap_set(gap, RELATION_WAITING,
	    "waiting for a unit of %s to be ready in relation %s", r->app,
	    r->id);
}

int
relation_database_decode(const struct relation_database *r,
    const struct relation_database_data *data, struct relation_gap *gap,
    struct tree **ret, struct err *err)
{
	char origin[ORIGIN_SIZE];
	struct relation_gap own = { 0 };
	AUTO(tree) struct tree *map = NULL;

	*ret = NULL;
	(void)snprintf(origin, sizeof origin, "relation %s", r->id);
	if (tree_new(TREE_MAP, NULL, origin, 0, &map, err) ||
	    tree_add_text(map, "type", r->type, err) ||
	    add_database(r, data, &own, map, err))
		return -1;
	await_unit(r, data, &own);
	if (add_account(r, data, &own, map, err) ||
	    add_addresses(r, data, &own, map, err) ||
	    add_tls(r, data, map, err))
		return -1;
	if (own.state == RELATION_READY)
		*ret = TAKE(map);
	else
		relation_gap_set(gap, own.state, "%s", own.text);
	return 0;
}

/* --- asking Juju */

struct bags {
	struct json *bag, *user, *tls, **unit;
	size_t nunits;
};

static inline void
scope_bags(struct bags *b)
{
	for (size_t i = 0; i < b->nunits; i++)
		json_free(b->unit[i]);
	free(b->unit);
	json_free(b->tls);
	json_free(b->user);
	json_free(b->bag);
}

static int
read_units(const struct relation_database *r, struct bags *b, struct err *err)
{
	AUTO(json) struct json *names = NULL;
	const struct json *name;

	if (hooktool_relation_units(r->id, &names, err))
		return -1;
	b->unit = calloc(json_count(names) + 1, sizeof(struct json *));
	if (!b->unit)
		return err_nomem(err);
	for (name = json_first(names); name; name = json_next(name)) {
		if (!json_text(name) || b->nunits == UNITS_MAX)
			continue;
		if (relation_bag_of(r->id, json_text(name), &b->unit[b->nunits],
		        err))
			return -1;
		b->nunits++;
	}
	return 0;
}

/* The secret that the bag names under this key; NULL: it names none. */
static int
read_secret(const struct relation_database *r, const struct json *bag,
    const char *name, struct relation_gap *gap, struct json **ret,
    struct err *err)
{
	AUTO(free) char *uri = NULL, *kind = NULL;

	if (relation_text(bag, name, &uri, err))
		return -1;
	if (!uri)
		return 0;
	if (str_printf(&kind, err, "%s.%s", r->type, name))
		return -1;
	const struct relation_secret secret = { r->id, uri, kind };
	return relation_secret_read(&secret, gap, ret, err);
}

int
relation_database_read(const struct relation_database *r,
    struct relation_gap *gap, struct tree **map, struct err *err)
{
	AUTO(bags) struct bags b = { 0 };
	struct relation_gap own = { 0 };

	*map = NULL;
	if (relation_bag_of(r->id, r->app, &b.bag, err) ||
	    read_secret(r, b.bag, "secret-user", &own, &b.user, err) ||
	    read_secret(r, b.bag, "secret-tls", &own, &b.tls, err) ||
	    read_units(r, &b, err))
		return -1;
	if (own.state != RELATION_READY) {
		relation_gap_set(gap, own.state, "%s", own.text);
		return 0;
	}
	assert(b.unit);
	const struct relation_database_data data = { b.bag, b.user, b.tls,
		b.unit, b.nunits };
	return relation_database_decode(r, &data, gap, map, err);
}
