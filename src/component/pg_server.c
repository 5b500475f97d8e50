#include "component/pg_server.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { ANSWER_MAX = 1 << 20, LOOK_MAX = 64 << 20 };

/* Relations, functions and schemas that are not of an extension or ours. */
#define NO_MEMBER(class, oid)                                             \
	"NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = '" class \
	    "'::regclass AND d.objid = " oid " AND d.deptype = 'e')"
#define USERS_SCHEMA                         \
	"n.nspname !~ '^pg_' AND n.nspname " \
	"<> 'information_schema' "

/*
 * Owners and grants are not taken from the dump, whose roles another server
 * may not have: what stands here keeps those that it has.  They wait in a
 * setting of the transaction; a table would need rights that not all have.
 */
const char pg_server_before[] =
    "BEGIN;\n"
    "SET LOCAL client_min_messages = warning;\n"
    "SET LOCAL search_path = pg_catalog;\n"
    "SELECT set_config('platform_backup.kept', coalesce(string_agg(s, E'\\x01'"
    " ORDER BY o), ''), true) FROM (\n"
    "SELECT 1, format('ALTER SCHEMA %I OWNER TO %I', n.nspname, r.rolname)\n"
    " FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner\n"
    " WHERE n.nspname <> 'public' AND r.rolname <> current_user AND " USERS_SCHEMA
    "\nUNION ALL SELECT 2, format('ALTER TABLE %I.%I OWNER TO %I', n.nspname,"
    " c.relname, r.rolname)\n"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"
    " JOIN pg_roles r ON r.oid = c.relowner\n"
    " WHERE c.relkind IN ('r','p','v','m','f') AND r.rolname <> current_user"
    " AND " USERS_SCHEMA "\n"
    "UNION ALL SELECT 3, format('GRANT %s ON SCHEMA %I TO %s',"
    " a.privilege_type, n.nspname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE"
    " quote_ident(r.rolname) END)\n"
    " FROM pg_namespace n, aclexplode(n.nspacl) a LEFT JOIN pg_roles r ON"
    " r.oid = a.grantee\n"
    " WHERE n.nspname <> 'public' AND a.grantee <> n.nspowner AND " USERS_SCHEMA
    "\nUNION ALL SELECT 4, format('GRANT %s ON %s %I.%I TO %s%s',"
    " a.privilege_type, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE'"
    " END, n.nspname, c.relname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE"
    " quote_ident(r.rolname) END, CASE WHEN a.is_grantable THEN"
    " ' WITH GRANT OPTION' ELSE '' END)\n"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,"
    " aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee\n"
    " WHERE c.relkind IN ('r','p','v','m','f','S') AND a.grantee <> c.relowner"
    " AND " USERS_SCHEMA ") t(o, s);\n"
    "DO $platform_backup$\n"
    "DECLARE s text; list text[];\n"
    "BEGIN\n"
    "SELECT array_agg(x ORDER BY o) INTO list FROM (\n"
    "SELECT 1, format('DROP SCHEMA IF EXISTS %I CASCADE', n.nspname)\n"
    " FROM pg_namespace n WHERE n.nspname <> 'public' AND " USERS_SCHEMA
    " AND " NO_MEMBER("pg_namespace",
        "n.oid") "\n"
                 "UNION ALL SELECT CASE c.relkind WHEN 'S' THEN 3 ELSE 2 END,"
                 " format('DROP %s IF EXISTS public.%I CASCADE', CASE c.relkind"
                 " WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'"
                 " WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,"
                 " c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid ="
                 " c.relnamespace\n"
                 " WHERE n.nspname = 'public' AND c.relkind IN ('r','p','v','m','S','f')"
                 " AND " NO_MEMBER("pg_class",
                     "c.oid") "\n"
                              "UNION ALL SELECT 4, format('DROP %s IF EXISTS %s CASCADE', CASE p.prokind"
                              " WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END,"
                              " p.oid::regprocedure) FROM pg_proc p JOIN pg_namespace n ON n.oid ="
                              " p.pronamespace\n"
                              " WHERE n.nspname = 'public' AND " NO_MEMBER(
                                  "pg_proc",
                                  "p.oid") "\n"
                                           "UNION ALL SELECT 5, format('DROP TYPE IF EXISTS public.%I CASCADE',"
                                           " t.typname) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
                                           " LEFT JOIN pg_class c ON c.oid = t.typrelid\n"
                                           " WHERE n.nspname = 'public' AND (t.typtype IN ('d','e','r') OR"
                                           " c.relkind = 'c') AND " NO_MEMBER(
                                               "pg_type",
                                               "t.oid") "\n"
                                                        ") t(o, x);\n"
                                                        "FOREACH s IN ARRAY coalesce(list, '{}') LOOP EXECUTE s; END LOOP;\n"
                                                        "PERFORM lo_unlink(oid) FROM pg_largeobject_metadata;\n"
                                                        "END $platform_backup$;\n";

/* What is not there any more needs no owner. */
const char pg_server_after[] =
    "\nDO $platform_backup$\n"
    "DECLARE s text;\n"
    "BEGIN\n"
    "FOREACH s IN ARRAY string_to_array(pg_catalog.current_setting("
    "'platform_backup.kept'), E'\\x01') LOOP\n"
    "BEGIN EXECUTE s;\n"
    "EXCEPTION WHEN undefined_table OR undefined_object OR"
    " invalid_schema_name OR wrong_object_type THEN NULL;\n"
    "END;\n"
    "END LOOP;\n"
    "END $platform_backup$;\n"
    "COMMIT;\n";

/* --- the server */

/* The database itself may be missing yet. */
static int
query_any(const struct config_database *c, const struct database_unit *u,
    const char *sql, struct buf *rows, struct err *err)
{
	if (pg_client_query(c, u, c->database, sql, rows, err) == 0)
		return 0;
	if (!err_is(err, ERR_NOTFOUND))
		return -1;
	buf_clear(rows);
	return pg_client_query(c, u, "postgres", sql, rows, err);
}

/* The next field; "" where there is none. */
static char *
field(char **cursor)
{
	char *p = *cursor;
	size_t n = strcspn(p, "\t\r\n");

	*cursor = p[n] == '\t' ? p + n + 1 : p + n;
	p[n] = '\0';
	return p;
}

int
pg_server_read_answer(char *line, struct database_unit *u, struct err *err)
{
	const char *recovery = field(&line), *version = field(&line);
	const char *server = field(&line), *position = field(&line);
	const char *behind = field(&line);
	uint64_t s = 0;
	struct err why = { 0 };

	if (*recovery != 't' && *recovery != 'f')
		return err_set(err, ERR_REMOTE, "the server answers '%.100s'",
		    recovery);
	(void)snprintf(u->version, sizeof u->version, "%s", version);
	(void)snprintf(u->server, sizeof u->server, "%s", server);
	u->role = *recovery == 't' ? DATABASE_REPLICA : DATABASE_PRIMARY;
	if (u->role == DATABASE_REPLICA &&
	    str_to_u64(behind, 0, INT32_MAX, &s, &why) == 0)
		u->lag_s = (int64_t)s;
	free(TAKE(u->position));
	if (*position && str_dup(position, &u->position, err))
		return -1;
	u->healthy = true;
	return 0;
}

int
pg_server_ask(const struct config_database *c, struct database_unit *u,
    struct err *err)
{
	static const char sql[] =
	    "SELECT pg_is_in_recovery(), current_setting('server_version'), "
	    "coalesce(host(inet_server_addr()), '') || ':' || "
	    "coalesce(inet_server_port()::text, '') || '/' || "
	    "extract(epoch FROM pg_postmaster_start_time()), "
	    "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() "
	    "ELSE pg_current_wal_lsn() END, "
	    "floor(extract(epoch FROM greatest(now() - "
	    "pg_last_xact_replay_timestamp(), interval '0')))";
	AUTO(buf) struct buf rows = { .max = ANSWER_MAX };

	if (query_any(c, u, sql, &rows, err))
		return -1;
	if (rows.len == 0)
		return err_set(err, ERR_REMOTE, "the server answers nothing");
	if (pg_server_read_answer(rows.data, u, err))
		return -1;
	u->answered = true;
	return 0;
}

static bool
is_lsn(const char *s)
{
	return strspn(s, "0123456789ABCDEF/") == strlen(s);
}

int
pg_server_reach(const struct config_database *c, const struct database_unit *u,
    const char *position, unsigned seconds, bool *ret, struct err *err)
{
	AUTO(buf) struct buf sql = { .max = ANSWER_MAX };
	AUTO(buf) struct buf rows = { .max = ANSWER_MAX };

	if (!is_lsn(position))
		return err_set(err, ERR_REMOTE, "'%.40s' is no position",
		    position);
	if (buf_printf(&sql, err,
	        "DO $$ BEGIN FOR i IN 1..%u LOOP "
	        "EXIT WHEN pg_last_wal_replay_lsn() >= '%s'; "
	        "PERFORM pg_sleep(0.1); END LOOP; END $$;"
	        "SELECT pg_last_wal_replay_lsn() >= '%s';",
	        seconds * 10, position, position) ||
	    query_any(c, u, sql.data, &rows, err))
		return -1;
	*ret = rows.len > 0 && rows.data[0] == 't';
	return 0;
}

/* --- what is in a database */

int
pg_server_read_shape(char *line, const struct database_unit *u,
    struct database_shape *s, struct err *err)
{
	const char *charset = field(&line), *collation = field(&line);
	const char *tables = field(&line), *bytes = field(&line);
	const char *unlogged = field(&line), *rows = field(&line);
	size_t n = strlen(rows);
	struct err why = { 0 };

	s->exists = true;
	(void)snprintf(s->charset, sizeof s->charset, "%s", charset);
	(void)snprintf(s->collation, sizeof s->collation, "%s", collation);
	if (str_to_u64(tables, 0, UINT64_MAX, &s->tables, &why) ||
	    str_to_u64(bytes, 0, UINT64_MAX, &s->bytes, &why))
		return err_set(err, ERR_REMOTE, "the server answers '%.40s'",
		    tables);
	if (u->role == DATABASE_REPLICA && *unlogged &&
	    buf_printf(&s->odd, err,
	        "unlogged tables, whose rows a replica does not have: %s",
	        unlogged))
		return -1;
	/* without its braces */
	return n > 2 ? buf_add(&s->rows, rows + 1, n - 2, err) : 0;
}

int
pg_server_look(const struct config_database *c, const struct database_unit *u,
    const char *database, struct database_shape *s, struct err *err)
{
	static const char sql[] =
	    "SELECT pg_encoding_to_char(b.encoding), b.datcollate, "
	    "count(c.oid), pg_database_size(b.oid), "
	    "replace(coalesce(string_agg(c.oid::regclass::text, ', ') FILTER "
	    "(WHERE c.relpersistence = 'u'), ''), E'\\t', ' '), "
	    "replace(coalesce(json_object_agg(n.nspname || '.' || c.relname, "
	    "greatest(c.reltuples, 0)::bigint) FILTER "
	    "(WHERE c.oid IS NOT NULL), '{}')::text, E'\\t', ' ') "
	    "FROM pg_database b LEFT JOIN (pg_class c JOIN pg_namespace n ON "
	    "n.oid = c.relnamespace AND " USERS_SCHEMA
	    "AND c.relkind IN ('r', 'm')) ON true "
	    "WHERE b.datname = current_database() GROUP BY b.oid, b.encoding, "
	    "b.datcollate";
	AUTO(buf) struct buf rows = { .max = LOOK_MAX };

	if (pg_client_query(c, u, database, sql, &rows, err)) {
		if (!err_is(err, ERR_NOTFOUND))
			return -1;
		s->exists = false;
		return 0;
	}
	return pg_server_read_shape(rows.data ? rows.data : (char[]){ 0 }, u, s,
	    err);
}

static bool
is_word(const char *s)
{
	return s && *s &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz"
	                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(s);
}

static int
put_name(struct buf *b, const char *name, struct err *err)
{
	if (buf_puts(b, "\"", err))
		return -1;
	for (; *name; name++)
		if ((*name == '"' && buf_puts(b, "\"", err)) ||
		    buf_add(b, name, 1, err))
			return -1;
	return buf_puts(b, "\"", err);
}

int
pg_server_make(const struct config_database *c, const struct database_unit *u,
    const char *database, const char *encoding, struct err *err)
{
	AUTO(buf) struct buf sql = { .max = 4096 };
	AUTO(buf) struct buf rows = { .max = 4096 };

	if (buf_puts(&sql, "CREATE DATABASE ", err) ||
	    put_name(&sql, database, err) ||
	    buf_puts(&sql, " TEMPLATE template0", err) ||
	    (is_word(encoding) &&
	        buf_printf(&sql, err, " ENCODING '%s'", encoding)))
		return -1;
	if (query_any(c, u, sql.data, &rows, err))
		return err_wrap(err,
		    "cannot make database '%s': make it for user '%s', or "
		    "choose one that is there",
		    database, c->username);
	return 0;
}

int
pg_server_names(const struct config_database *c, const struct database_unit *u,
    const char *prefix, struct buf *names, struct err *err)
{
	AUTO(free) char *sql = NULL;

	if (str_printf(&sql, err,
	        "SELECT datname FROM pg_database WHERE left(datname::text, "
	        "%zu) = '%s'",
	        strlen(prefix), prefix))
		return -1;
	return query_any(c, u, sql, names, err);
}

int
pg_server_drop(const struct config_database *c, const struct database_unit *u,
    const char *database, struct err *err)
{
	AUTO(buf) struct buf sql = { .max = 4096 };
	AUTO(buf) struct buf rows = { .max = 4096 };

	return buf_puts(&sql, "DROP DATABASE IF EXISTS ", err) ||
	               put_name(&sql, database, err) ||
	               query_any(c, u, sql.data, &rows, err)
	           ? -1
	           : 0;
}
