#include "component/database_unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/str.h"

/* --- addresses */

/* The host and what stands behind its colon; NULL: nothing. */
static const char *
split(const char *address, size_t *host_len)
{
	const char *end = *address == '[' ? strchr(address, ']') : NULL;
	const char *colon = strchr(end ? end : address, ':');

	*host_len = colon ? (size_t)(colon - address) : strlen(address);
	return colon ? colon + 1 : NULL;
}

static int
bad_address(const char *address, struct err *err)
{
	return err_set(err, ERR_USAGE,
	    "'%.200s' is no address such as kfp-db-primary:3306", address);
}

int
database_unit_parse(const char *address, unsigned port,
    struct database_unit *ret, struct err *err)
{
	struct database_unit u = {
		.address = address, .port = port, .lag_s = DATABASE_LAG_UNKNOWN
	};
	uint64_t number = port;
	size_t n;
	const char *text = split(address, &n), *host = address;
	struct err why = { 0 };

	if (*host == '[' && n >= 2 && host[n - 1] == ']') {
		host++;
		n -= 2;
	} else if (n > 0 && host[n - 1] == '.') {
		n--; /* the root: certificates do not have it */
	}
	if (n == 0 || n >= sizeof u.host || *host == '-' || *host == '/' ||
	    strcspn(host, " \t\"'\\[]") < n ||
	    (text && str_to_u64(text, 1, 65535, &number, &why)))
		return bad_address(address, err);
	(void)memcpy(u.host, host, n);
	u.port = (unsigned)number;
	*ret = u;
	return 0;
}

void
database_unit_done(struct database_unit *u)
{
	free(TAKE(u->position));
}

/* --- in words */

const char *
database_unit_role(enum database_role role)
{
	static const char *const names[] = {
		[DATABASE_UNKNOWN] = "unknown",
		[DATABASE_PRIMARY] = "primary",
		[DATABASE_REPLICA] = "replica",
	};

	return names[role];
}

void
database_unit_said(const struct database_unit *u, char out[512])
{
	char lag[64] = "";

	if (!u->answered) {
		(void)snprintf(out, 512, "does not answer: %s", u->trouble);
		return;
	}
	if (u->role == DATABASE_REPLICA && u->lag_s >= 0)
		(void)snprintf(lag, sizeof lag, ", %" PRId64 " s behind",
		    u->lag_s);
	else if (u->lag_s == DATABASE_LAG_HIDDEN)
		(void)snprintf(lag, sizeof lag,
		    ", behind, and may not say by how much");
	(void)snprintf(out, 512, "%s%s%s%s", database_unit_role(u->role), lag,
	    u->healthy ? "" : ", not healthy: ", u->healthy ? "" : u->trouble);
}

void
database_unit_json(const struct database_unit *u, size_t n, struct jsonw *w)
{
	char said[512];

	jsonw_array(w, "candidates");
	for (size_t i = 0; i < n; i++) {
		database_unit_said(&u[i], said);
		jsonw_object(w, NULL);
		jsonw_str(w, "address", u[i].address);
		jsonw_str(w, "role", database_unit_role(u[i].role));
		jsonw_bool(w, "healthy", u[i].healthy);
		jsonw_opt_str(w, "server", u[i].server);
		jsonw_opt_str(w, "server-version", u[i].version);
		if (u[i].lag_s >= 0)
			jsonw_u64(w, "lag-seconds", (uint64_t)u[i].lag_s);
		jsonw_str(w, "answer", said);
		jsonw_close(w);
	}
	jsonw_close(w);
}

/* --- which one */

static bool
close_enough(const struct database_unit *u, uint64_t max_lag_s)
{
	return u->lag_s == DATABASE_LAG_UNKNOWN ||
	       (u->lag_s >= 0 && (uint64_t)u->lag_s <= max_lag_s);
}

/* A lag that is not known is worse than one that is. */
static bool
is_better(const struct database_unit *a, const struct database_unit *b)
{
	if (a->lag_s < 0 || b->lag_s < 0)
		return a->lag_s >= 0 && b->lag_s < 0;
	return a->lag_s < b->lag_s;
}

static size_t
best_replica(const struct database_unit *u, size_t n, uint64_t max_lag_s)
{
	size_t best = n;

	for (size_t i = 0; i < n; i++)
		if (u[i].answered && u[i].healthy &&
		    u[i].role == DATABASE_REPLICA &&
		    close_enough(&u[i], max_lag_s) &&
		    (best == n || is_better(&u[i], &u[best])))
			best = i;
	return best;
}

static size_t
first_primary(const struct database_unit *u, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (u[i].answered && u[i].healthy &&
		    u[i].role == DATABASE_PRIMARY)
			return i;
	return n;
}

static int
list_answers(const struct database_unit *u, size_t n, struct buf *b,
    struct err *err)
{
	char said[512];

	for (size_t i = 0; i < n; i++) {
		database_unit_said(&u[i], said);
		if (buf_printf(b, err, "%s%s: %.160s", i ? "; " : "",
		        u[i].address, said))
			return -1;
	}
	return 0;
}

/* What is scaled: a Service of Juju's is called after the application; an
 * address says nothing. */
static void
application(const struct database_unit *u, char out[64])
{
	static const char *const ends[] = { "-primary", "-replicas" };
	size_t n = strcspn(u->host, ".");

	for (size_t i = 0; i < 2; i++) {
		size_t len = strlen(ends[i]);

		if (n > len && strncmp(u->host + n - len, ends[i], len) == 0)
			n -= len;
	}
	if (strspn(u->host, "0123456789") == n || strchr(u->host, ':'))
		(void)snprintf(out, 64, "it");
	else
		(void)snprintf(out, 64, "%.*s", (int)n, u->host);
}

static int
none(const struct database_unit *u, size_t n, bool primary_there,
    struct err *err)
{
	AUTO(buf) struct buf b = { .max = 4096 };
	char name[64];

	if (list_answers(u, n, &b, err))
		return -1;
	application(u, name);
	if (primary_there)
		return err_set(err, ERR_NOTFOUND,
		    "no non-primary unit: scale %s to 2 units, or set "
		    "'replica: preferred' (%.1000s)",
		    name, b.data);
	return err_set(err, ERR_NOTFOUND, "no unit can be read (%.1200s)",
	    b.data);
}

int
database_unit_choose(const struct database_unit *u, size_t n,
    const struct config_database *cfg, size_t *ret, struct err *err)
{
	size_t replica = best_replica(u, n, cfg->max_lag_s);
	size_t primary = first_primary(u, n);

	if (cfg->replica == CONFIG_REPLICA_ANY && primary < n &&
	    (replica == n || u[replica].lag_s != 0))
		replica = primary;
	if (replica == n && cfg->replica == CONFIG_REPLICA_PREFERRED)
		replica = primary;
	if (replica == n)
		return none(u, n, primary < n, err);
	*ret = replica;
	return 0;
}

int
database_unit_primary(const struct database_unit *u, size_t n, size_t *ret,
    struct err *err)
{
	AUTO(buf) struct buf b = { .max = 4096 };
	size_t first = first_primary(u, n);

	if (first == n) {
		if (list_answers(u, n, &b, err))
			return -1;
		return err_set(err, ERR_NOTFOUND,
		    "no unit takes writes (%.1200s)", b.data);
	}
	for (size_t i = first + 1; i < n; i++)
		if (u[i].answered && u[i].healthy &&
		    u[i].role == DATABASE_PRIMARY &&
		    strcmp(u[i].server, u[first].server) != 0)
			return err_set(err, ERR_CHANGED,
			    "'%s' and '%s' are two servers that both take "
			    "writes: repair the cluster, or configure only "
			    "the right one",
			    u[first].address, u[i].address);
	*ret = first;
	return 0;
}
