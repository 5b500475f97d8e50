#include "component/mysql_client.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define OPTIONS_ARG "--defaults-file=/proc/self/fd/3"
#define CA_PATH "/proc/self/fd/4"

enum {
	OPTIONS_MAX = 64 << 10,
	QUERY_TIMEOUT_S = 60,
	TLS_ERROR = 2026,
	SERVER_LOST = 2013,
};

/* --- which programs are here */

static int
find_one(const char *name, const char *program[2], char version[2][96],
    struct err *err)
{
	char line[96];
	struct err why = { 0 };
	enum mysql_vendor v;

	if (client_version(name, line, sizeof line, &why)) {
		if (!err_is(&why, ERR_NOMEM))
			return 0;
		*err = why;
		return -1;
	}
	v = strstr(line, "MariaDB") ? MYSQL_MARIADB : MYSQL_ORACLE;
	if (program[v])
		return 0;
	program[v] = name;
	if (version)
		(void)snprintf(version[v], sizeof version[v], "%s", line);
	return 0;
}

int
mysql_client_find(struct mysql_tools *t, struct err *err)
{
	if (t->found)
		return 0;
	if (find_one("mariadb", t->query, NULL, err) ||
	    find_one("mysql", t->query, NULL, err) ||
	    find_one("mariadb-dump", t->dump, t->version, err) ||
	    find_one("mysqldump", t->dump, t->version, err))
		return -1;
	t->found = true;
	return 0;
}

int
mysql_client_fit(const char *const program[2], bool mariadb,
    const char *package, enum mysql_vendor *ret, struct err *err)
{
	enum mysql_vendor want = mariadb ? MYSQL_MARIADB : MYSQL_ORACLE;

	if (!program[want])
		want = mariadb ? MYSQL_ORACLE : MYSQL_MARIADB;
	if (!program[want])
		return err_set(err, ERR_IO,
		    "the client program '%s' is not installed: install the "
		    "package mariadb-client or mysql-client",
		    package);
	*ret = want;
	return 0;
}

/* --- how to connect */

/* Option files: quotes and backslashes are escaped, the rest stands. */
static int
put_option(struct buf *b, const char *name, const char *value, struct err *err)
{
	if (!value)
		return 0;
	if (buf_printf(b, err, "%s=\"", name))
		return -1;
	for (; *value; value++)
		if ((strchr("\\\"", *value) && buf_add(b, "\\", 1, err)) ||
		    buf_add(b, value, 1, err))
			return -1;
	return buf_puts(b, "\"\n", err);
}

/*
 * A certificate that is given is checked, the name as well.  Without one
 * nothing can be checked; "auto" then takes what the server offers.
 */
static const char *
tls_options(const struct config_database *c, enum mysql_vendor v)
{
	static const char *const text[2][4] = {
		[MYSQL_MARIADB] = { "loose-ssl-verify-server-cert=0\n",
		    "ssl=1\nssl-verify-server-cert=0\n", "ssl=0\n",
		    "ssl=1\nssl-verify-server-cert=1\nssl-ca=" CA_PATH "\n" },
		[MYSQL_ORACLE] = { "ssl-mode=PREFERRED\nget-server-public-key=1\n",
		    "ssl-mode=REQUIRED\n",
		    "ssl-mode=DISABLED\nget-server-public-key=1\n",
		    "ssl-mode=VERIFY_IDENTITY\nssl-ca=" CA_PATH "\n" },
	};
	int i = (int)c->tls;

	if (c->tls != CONFIG_TLS_OFF && c->tls_ca_chain)
		i = 3;
	return text[v][i];
}

int
mysql_client_options(const struct config_database *c,
    const struct database_unit *u, enum mysql_vendor v, struct buf *b,
    struct err *err)
{
	return buf_puts(b, "[client]\nprotocol=tcp\n", err) ||
	               put_option(b, "host", u->host, err) ||
	               buf_printf(b, err, "port=%u\n", u->port) ||
	               put_option(b, "user", c->username, err) ||
	               put_option(b, "password", c->password, err) ||
	               buf_puts(b, "default-character-set=utf8mb4\n", err) ||
	               buf_puts(b, tls_options(c, v), err)
	           ? -1
	           : 0;
}

int
mysql_client_run_init(struct mysql_run *r, const struct config_database *c,
    const struct database_unit *u, enum mysql_vendor v, struct err *err)
{
	*r = (struct mysql_run){ .options = { .max = OPTIONS_MAX },
		.errors = { .max = CLIENT_ERRORS_MAX } };
	if (client_env_init(&r->env, err) ||
	    mysql_client_options(c, u, v, &r->options, err))
		return -1;
	r->files[0] = (struct proc_file){ r->options.data, r->options.len };
	r->files[1] = (struct proc_file){ c->tls_ca_chain,
		c->tls_ca_chain ? strlen(c->tls_ca_chain) : 0 };
	/* It repeats the whole statement in front of what was wrong. */
	r->proc = (struct proc){ .argv = r->argv,
		.errors_end = true,
		.env = r->env.list,
		.files = r->files,
		.nfiles = c->tls_ca_chain ? 2 : 1 };
	return 0;
}

void
mysql_client_run_done(struct mysql_run *r)
{
	client_env_done(&r->env);
	buf_wipe(&r->options);
	buf_done(&r->errors);
}

/* --- command lines */

static void
put_words(const char **argv, const char *const *words)
{
	size_t n = 0;

	while (argv[n])
		n++;
	while ((argv[n++] = *words++))
		;
}

void
mysql_client_query_argv(const char *program, const char **argv)
{
	argv[0] = program;
	argv[1] = NULL;
	put_words(argv, (const char *const[]){ OPTIONS_ARG, "--batch",
	                    "--skip-column-names", "--no-auto-rehash",
	                    "--connect-timeout=10", NULL });
}

void
mysql_client_stream_argv(const char *program, const char **argv)
{
	mysql_client_query_argv(program, argv);
	put_words(argv, (const char *const[]){ "--quick", NULL });
}

/*
 * Without what needs more than rights on the one database: no positions
 * (RELOAD), no tablespaces (PROCESS), no statistics.  GTIDs are left out: a
 * new server would refuse those that it has.
 */
void
mysql_client_dump_argv(const char *program, enum mysql_vendor v,
    const char *database, const char **argv)
{
	argv[0] = program;
	argv[1] = NULL;
	put_words(argv,
	    (const char *const[]){ OPTIONS_ARG, "--single-transaction",
	        "--quick", "--routines", "--triggers", "--events", "--hex-blob",
	        "--no-tablespaces", "--skip-add-locks",
	        "--max-allowed-packet=1G", NULL });
	if (v == MYSQL_ORACLE)
		put_words(argv, (const char *const[]){ "--set-gtid-purged=OFF",
		                    "--column-statistics=0", NULL });
	put_words(argv, (const char *const[]){ "--", database, NULL });
}

void
mysql_client_load_argv(const char *program, const char *database_option,
    const char **argv)
{
	argv[0] = program;
	argv[1] = NULL;
	put_words(argv,
	    (const char *const[]){ OPTIONS_ARG, "--batch", "--binary-mode",
	        "--no-auto-rehash", "--connect-timeout=10",
	        "--max-allowed-packet=1G", database_option, NULL });
}

/* --- errors */

static bool
is_code(const char *p)
{
	return isdigit((unsigned char)p[0]) && isdigit((unsigned char)p[1]) &&
	       isdigit((unsigned char)p[2]) && isdigit((unsigned char)p[3]) &&
	       !isdigit((unsigned char)p[4]);
}

/* "ERROR 1045 (28000)", "Got error: 1045:", "Error 2013:", "...' (1227)" */
unsigned
mysql_client_code(const char *text)
{
	static const char *const before[] = { "ERROR ", "rror: ", "Error ",
		"(" };

	for (size_t i = 0; i < sizeof before / sizeof *before; i++)
		for (const char *p = text; (p = strstr(p, before[i])); p++) {
			const char *at = p + strlen(before[i]);

			if (is_code(at))
				return (unsigned)strtoul(at, NULL, 10);
		}
	return 0;
}

struct meaning {
	unsigned code[6];
	enum err_code err;
	const char *advice;
};

static const struct meaning meanings[] = {
	{ { 1045, 1698 }, ERR_DENIED, "user or password is wrong" },
	{ { 1044, 1142, 1143, 1370 }, ERR_DENIED,
	    "grant the user all privileges on this database" },
	{ { 1227 }, ERR_DENIED,
	    "the user lacks a right: what belongs to an administrator needs "
	    "one" },
	{ { 1419 }, ERR_DENIED,
	    "triggers and functions need log_bin_trust_function_creators=1 on "
	    "the server, or a user with SUPER" },
	{ { 1049 }, ERR_NOTFOUND, "there is no such database" },
	{ { 1105, 2002, 2003, 2005 }, ERR_TRANSIENT,
	    "the server cannot be reached" },
	{ { 1053, 1927, 2006, 2013, 2055 }, ERR_TRANSIENT,
	    "the server went away" },
	{ { 1412 }, ERR_TRANSIENT,
	    "a table was altered meanwhile; run it again" },
	{ { 3032 }, ERR_TRANSIENT,
	    "the unit is in offline mode: it takes a backup of its own, or "
	    "has left the cluster" },
	{ { 3159 }, ERR_DENIED, "the server wants TLS: set 'tls: true'" },
	{ { 2026 }, ERR_DENIED,
	    "TLS failed: is 'tls-ca-chain' that of the server?" },
	{ { 1156, 1251, 2059, 2061 }, ERR_IO,
	    "the client does not know how this user is authenticated: install "
	    "the client of the server's own make" },
	{ { 1040, 1203, 1226 }, ERR_TRANSIENT, "too many connections" },
	{ { 1290, 1836, 3100 }, ERR_REMOTE, "this server takes no writes" },
	{ { 1153, 2020 }, ERR_REMOTE, "raise the server's max_allowed_packet" },
	{ { 1273, 1115 }, ERR_REMOTE,
	    "the server does not have what the dump needs: restore into the "
	    "version that was saved, or a newer one" },
};

static const struct meaning *
meaning_of(unsigned code)
{
	for (size_t i = 0; code && i < sizeof meanings / sizeof *meanings; i++)
		for (size_t k = 0; k < 6; k++)
			if (meanings[i].code[k] == code)
				return &meanings[i];
	return NULL;
}

int
mysql_client_explain(const struct proc *p, const struct buf *errors,
    struct err *err)
{
	char reason[600];
	const struct meaning *m;
	unsigned code;

	client_reason(errors, reason);
	code = mysql_client_code(reason);
	/* How OpenSSL says that the other side is gone. */
	if (code == TLS_ERROR && strstr(reason, "eof"))
		code = SERVER_LOST;
	m = meaning_of(code);
	if (m)
		return err_set(err, m->err, "%s (%s)", m->advice, reason);
	if (strstr(reason, "insufficient privileges"))
		return err_set(err, ERR_DENIED,
		    "the user may not see the body of a routine: grant it "
		    "SHOW_ROUTINE (MySQL) or SELECT on mysql.proc (MariaDB) "
		    "(%s)",
		    reason);
	return err_set(err, ERR_REMOTE, "program '%s' ended with status %d: %s",
	    p->argv[0], p->status, reason);
}

/* --- queries */

static int
query_by(const char *program, enum mysql_vendor v,
    const struct config_database *c, const struct database_unit *u,
    const char *sql, struct buf *rows, struct err *err)
{
	AUTO(mysql_run) struct mysql_run r = { 0 };

	if (mysql_client_run_init(&r, c, u, v, err))
		return -1;
	mysql_client_query_argv(program, r.argv);
	r.proc.in = sql;
	r.proc.in_len = strlen(sql);
	r.proc.timeout_s = QUERY_TIMEOUT_S;
	if (proc_run(&r.proc, rows, &r.errors, err))
		return -1;
	return r.proc.status ? mysql_client_explain(&r.proc, &r.errors, err)
	                     : 0;
}

int
mysql_client_query(const struct mysql_tools *t, const struct config_database *c,
    const struct database_unit *u, const char *sql, struct buf *rows,
    struct err *err)
{
	bool mariadb = u->mariadb || u->version[0] == '\0';
	enum mysql_vendor v = MYSQL_MARIADB, other;

	if (mysql_client_fit(t->query, mariadb, "mariadb", &v, err))
		return -1;
	if (query_by(t->query[v], v, c, u, sql, rows, err) == 0)
		return 0;
	other = v == MYSQL_MARIADB ? MYSQL_ORACLE : MYSQL_MARIADB;
	if (!err_is(err, ERR_IO) || !t->query[other])
		return -1;
	buf_clear(rows);
	return query_by(t->query[other], other, c, u, sql, rows, err);
}

char
mysql_client_unescaped(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case '0':
		return ' ';
	default:
		return c;
	}
}

/* One field; where the next begins, NULL: it was the last of its row. */
static char *
cut_field(char *p, char **end)
{
	char *to = p;

	for (; *p && *p != '\t' && *p != '\n'; p++) {
		if (*p == '\\' && p[1])
			*to++ = mysql_client_unescaped(*++p);
		else
			*to++ = *p;
	}
	*end = *p == '\n' ? p + 1 : *p ? NULL : p;
	p = *p == '\t' ? p + 1 : NULL;
	*to = '\0';
	return p;
}

bool
mysql_client_row(char **cursor, char *field[], size_t n)
{
	char *p = *cursor, *last = p, *end = NULL;
	size_t have = 0;

	if (!p || *p == '\0')
		return false;
	while (p) {
		char *next = cut_field(p, &end);

		if (have < n)
			field[have++] = p;
		last = p;
		p = next;
	}
	while (have < n)
		field[have++] = last + strlen(last);
	*cursor = end;
	return true;
}
