#include "component/pg_client.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"

enum { TEXT_MAX = 64 << 10, QUERY_TIMEOUT_S = 60 };

/* --- how to connect */

static int
put_escaped(struct buf *b, const char *text, const char *special,
    struct err *err)
{
	for (; *text; text++)
		if ((strchr(special, *text) && buf_add(b, "\\", 1, err)) ||
		    buf_add(b, text, 1, err))
			return -1;
	return 0;
}

int
pg_client_name(const char *database, struct buf *b, struct err *err)
{
	return buf_puts(b, "dbname='", err) ||
	               put_escaped(b, database, "\\'", err) ||
	               buf_puts(b, "'", err)
	           ? -1
	           : 0;
}

int
pg_client_target(const char *database, struct buf *b, struct err *err)
{
	return pg_client_name(database, b, err) ||
	               buf_puts(b,
	                   " keepalives_idle=30 keepalives_interval=10 "
	                   "keepalives_count=6",
	                   err)
	           ? -1
	           : 0;
}

int
pg_client_passwords(const char *password, struct buf *b, struct err *err)
{
	return buf_puts(b, "*:*:*:*:", err) ||
	               put_escaped(b, password, ":\\", err) ||
	               buf_puts(b, "\n", err)
	           ? -1
	           : 0;
}

/*
 * A certificate that is given is checked, the name as well.  Without one
 * nothing can be checked; "auto" then takes what the server offers.
 */
static const char *
tls_mode(const struct config_database *c)
{
	static const char *const without[] = {
		[CONFIG_TLS_AUTO] = "PGSSLMODE=prefer",
		[CONFIG_TLS_ON] = "PGSSLMODE=require",
		[CONFIG_TLS_OFF] = "PGSSLMODE=disable",
	};

	if (c->tls != CONFIG_TLS_OFF && c->tls_ca_chain)
		return "PGSSLMODE=verify-full";
	return without[c->tls];
}

static int
init_env(struct pg_run *r, const struct config_database *c,
    const struct database_unit *u, struct err *err)
{
	if (client_env_init(&r->env, err) ||
	    str_printf(&r->text[0], err, "PGHOST=%s", u->host) ||
	    str_printf(&r->text[1], err, "PGPORT=%u", u->port) ||
	    str_printf(&r->text[2], err, "PGUSER=%s", c->username))
		return -1;
	for (size_t i = 0; i < 3; i++)
		client_env_add(&r->env, r->text[i]);
	client_env_add(&r->env, tls_mode(c));
	client_env_add(&r->env, "PGCONNECT_TIMEOUT=10");
	client_env_add(&r->env, "PGAPPNAME=platform-backup");
	client_env_add(&r->env, "PGPASSFILE=/proc/self/fd/3");
	if (c->tls_ca_chain)
		client_env_add(&r->env, "PGSSLROOTCERT=/proc/self/fd/4");
	return 0;
}

static void
init_argv(struct pg_run *r, const char *program, const char *const *args,
    bool connects)
{
	const size_t max = sizeof r->argv / sizeof *r->argv;
	size_t n = 0;

	r->argv[n++] = program;
	while (*args && n + 3 < max)
		r->argv[n++] = *args++;
	assert(!*args);
	if (connects) {
		r->argv[n++] = "-d";
		r->argv[n++] = r->target.data;
	}
	r->argv[n] = NULL;
}

int
pg_client_run_init(struct pg_run *r, const struct config_database *c,
    const struct database_unit *u, const char *program, const char *const *args,
    const char *database, struct err *err)
{
	*r = (struct pg_run){ .passwords = { .max = TEXT_MAX },
		.target = { .max = TEXT_MAX },
		.errors = { .max = CLIENT_ERRORS_MAX } };
	if (init_env(r, c, u, err) ||
	    pg_client_passwords(c->password ? c->password : "", &r->passwords,
	        err) ||
	    (database && pg_client_target(database, &r->target, err)))
		return -1;
	init_argv(r, program, args, database != NULL);
	r->files[0] = (struct proc_file){ r->passwords.data, r->passwords.len };
	r->files[1] = (struct proc_file){ c->tls_ca_chain,
		c->tls_ca_chain ? strlen(c->tls_ca_chain) : 0 };
	r->proc = (struct proc){ .argv = r->argv,
		.env = r->env.list,
		.files = r->files,
		.nfiles = c->tls_ca_chain ? 2 : 1 };
	return 0;
}

void
pg_client_run_done(struct pg_run *r)
{
	client_env_done(&r->env);
	for (size_t i = 0; i < 3; i++)
		free(TAKE(r->text[i]));
	buf_wipe(&r->passwords);
	buf_done(&r->target);
	buf_done(&r->errors);
}

/* --- errors */

struct meaning {
	const char *words;
	enum err_code err;
	const char *advice;
};

/* The server may speak another language: its words are shown in any case. */
static const struct meaning meanings[] = {
	{ "password authentication failed", ERR_DENIED,
	    "user or password is wrong" },
	{ "no password supplied", ERR_DENIED, "give 'password'" },
	{ "no pg_hba.conf entry", ERR_DENIED,
	    "the server does not let this user in from here, or not without "
	    "TLS" },
	{ "certificate verify failed", ERR_DENIED,
	    "TLS failed: is 'tls-ca-chain' that of the server?" },
	{ "server does not support SSL", ERR_DENIED,
	    "the server has no TLS: set 'tls: false' or mend the server" },
	{ "server certificate for", ERR_DENIED,
	    "TLS failed: the certificate is of another host" },
	{ "authentication method", ERR_IO,
	    "the client does not know how this user is authenticated: install "
	    "a newer postgresql-client" },
	{ "server version mismatch", ERR_IO,
	    "install the postgresql-client of the server's version" },
	{ "unsupported version", ERR_IO, "install a newer postgresql-client" },
	{ "conflict with recovery", ERR_TRANSIENT,
	    "the replica had to go on with what the primary wrote: set "
	    "hot_standby_feedback or a longer max_standby_streaming_delay "
	    "there, or run it again" },
	{ "permission denied", ERR_DENIED,
	    "grant the user the rights of the owner on this database" },
	{ "must be owner", ERR_DENIED, "grant the user the role of the owner" },
	{ "row-level security", ERR_DENIED,
	    "the user does not see all rows: grant it BYPASSRLS" },
	{ "could not translate host name", ERR_TRANSIENT,
	    "the server cannot be reached" },
	{ "Connection refused", ERR_TRANSIENT, "the server cannot be reached" },
	{ "timeout expired", ERR_TRANSIENT, "the server cannot be reached" },
	{ "starting up", ERR_TRANSIENT, "the server is starting up" },
	{ "terminating connection", ERR_TRANSIENT, "the server went away" },
	{ "closed the connection", ERR_TRANSIENT, "the server went away" },
	{ "no connection to the server", ERR_TRANSIENT,
	    "the server went away" },
	{ "too many clients", ERR_TRANSIENT, "too many connections" },
	{ "too many connections", ERR_TRANSIENT, "too many connections" },
	{ "read-only transaction", ERR_REMOTE, "this server takes no writes" },
};

static bool
no_such_database(const char *reason)
{
	return strstr(reason, "database \"") &&
	       strstr(reason, "\" does not exist");
}

int
pg_client_explain(const struct proc *p, const struct buf *errors,
    struct err *err)
{
	const char *all = errors->data ? errors->data : "";
	char reason[600];

	client_reason(errors, reason);
	if (no_such_database(reason))
		return err_set(err, ERR_NOTFOUND,
		    "there is no such database (%s)", reason);
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (strstr(all, meanings[i].words))
			return err_set(err, meanings[i].err, "%s (%s)",
			    meanings[i].advice, reason);
	return err_set(err, ERR_REMOTE, "program '%s' ended with status %d: %s",
	    p->argv[0], p->status, reason);
}

/* --- queries */

int
pg_client_query(const struct config_database *c, const struct database_unit *u,
    const char *database, const char *sql, struct buf *rows, struct err *err)
{
	static const char *const args[] = { "-X", "-q", "-A", "-t", "-w", "-F",
		"\t", "-v", "ON_ERROR_STOP=1", NULL };
	AUTO(pg_run) struct pg_run r = { 0 };

	if (pg_client_run_init(&r, c, u, "psql", args, database, err))
		return -1;
	r.proc.in = sql;
	r.proc.in_len = strlen(sql);
	r.proc.timeout_s = QUERY_TIMEOUT_S;
	if (proc_run(&r.proc, rows, &r.errors, err)) {
		if (err_is(err, ERR_NOTFOUND))
			return err_set(err, ERR_IO,
			    "the client program 'psql' is not installed: "
			    "install the package postgresql-client");
		return -1;
	}
	return r.proc.status ? pg_client_explain(&r.proc, &r.errors, err) : 0;
}
