#include "component/mysql_server.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/str.h"

enum {
	ANSWER_MAX = 1 << 20,
	LOOK_MAX = 64 << 20, /* some 300,000 tables */
	NAMES_MAX = 16 << 10,
};

struct asked {
	const struct mysql_tools *tools;
	const struct config_database *cfg;
	struct database_unit *u;
};

static int
query(const struct asked *a, const char *sql, struct buf *rows, struct err *err)
{
	return mysql_client_query(a->tools, a->cfg, a->u, sql, rows, err);
}

/* --- roles */

static bool
is_on(const char *s)
{
	return strcmp(s, "1") == 0 || strcmp(s, "ON") == 0;
}

static void
not_healthy(struct database_unit *u, const char *why)
{
	u->healthy = false;
	(void)snprintf(u->trouble, sizeof u->trouble, "%s", why);
}

bool
mysql_server_is_gtid(const char *s)
{
	return *s && strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJK"
	                       "LMNOPQRSTUVWXYZ:-_,") == strlen(s);
}

static int
keep_position(struct database_unit *u, char *set, struct err *err)
{
	char *to = set;

	for (const char *p = set; *p; p++)
		if (!strchr(" \r\n\t", *p))
			*to++ = *p;
	*to = '\0';
	free(TAKE(u->position));
	return mysql_server_is_gtid(set) ? str_dup(set, &u->position, err) : 0;
}

/* "  Seconds_Behind_Source: 3"; the value within its line, NULL: none. */
static char *
status_value(char *text, const char *name)
{
	size_t n = strlen(name);

	for (char *p = text; p; p = strchr(p, '\n')) {
		p += strspn(p, " \n");
		if (strncmp(p, name, n) == 0 && p[n] == ':')
			return p + n + 1 + strspn(p + n + 1, " ");
	}
	return NULL;
}

static bool
stands(char *text, const char *name)
{
	const char *v = status_value(text, name);

	return v && strncmp(v, "Yes", 3) != 0;
}

/* Of several connections the one that is most behind would be wanted; more
 * than one is rare, and the position is compared in any case. */
void
mysql_server_read_status(char *text, struct database_unit *u)
{
	char *lag = status_value(text, "Seconds_Behind_Source");
	uint64_t s = 0;
	struct err why = { 0 };

	if (!lag)
		lag = status_value(text, "Seconds_Behind_Master");
	if (!lag)
		return;
	u->role = DATABASE_REPLICA;
	if (stands(text, "Replica_SQL_Running") ||
	    stands(text, "Slave_SQL_Running"))
		not_healthy(u, "replication is stopped");
	else if (stands(text, "Replica_IO_Running") ||
	         stands(text, "Slave_IO_Running"))
		not_healthy(u, "replication does not reach its source");
	lag[strcspn(lag, " \r\n")] = '\0';
	if (str_to_u64(lag, 0, INT32_MAX, &s, &why) == 0)
		u->lag_s = (int64_t)s;
}

/* Needs REPLICATION CLIENT: most users may not, and need not. */
static int
ask_status(const struct asked *a, struct err *err)
{
	AUTO(buf) struct buf text = { .max = ANSWER_MAX };
	struct err why = { 0 };
	const char *sql = a->u->mariadb ? "SHOW ALL SLAVES STATUS\\G"
	                  : strncmp(a->u->version, "5.", 2) == 0
	                      ? "SHOW SLAVE STATUS\\G"
	                      : "SHOW REPLICA STATUS\\G";

	if (query(a, sql, &text, &why) == 0) {
		if (text.len > 0)
			mysql_server_read_status(text.data, a->u);
		return 0;
	}
	if (!err_is(&why, ERR_NOMEM))
		return 0;
	*err = why;
	return -1;
}

static int
ask_mariadb(const struct asked *a, struct err *err)
{
	static const char sql[] = "SELECT @@global.gtid_current_pos;"
	                          "SHOW GLOBAL STATUS LIKE 'Slaves_running';";
	AUTO(buf) struct buf rows = { .max = ANSWER_MAX };
	char *cursor, *f[2];

	if (query(a, sql, &rows, err))
		return -1;
	cursor = rows.data;
	if (mysql_client_row(&cursor, f, 1) && keep_position(a->u, f[0], err))
		return -1;
	if (mysql_client_row(&cursor, f, 2) && strcmp(f[1], "0") != 0)
		a->u->role = DATABASE_REPLICA;
	return 0;
}

/* A member of a group has its role from there, if one may look. */
static int
ask_group(const struct asked *a, struct err *err)
{
	static const char sql[] =
	    "SELECT MEMBER_ROLE, MEMBER_STATE FROM "
	    "performance_schema.replication_group_members "
	    "WHERE MEMBER_ID = @@server_uuid;";
	AUTO(buf) struct buf rows = { .max = ANSWER_MAX };
	struct err why = { 0 };
	char *cursor, *f[2], state[96];

	if (query(a, sql, &rows, &why)) {
		if (!err_is(&why, ERR_NOMEM))
			return 0;
		*err = why;
		return -1;
	}
	cursor = rows.data;
	if (!mysql_client_row(&cursor, f, 2) || f[1][0] == '\0')
		return 0;
	if (strcmp(f[0], "PRIMARY") == 0)
		a->u->role = DATABASE_PRIMARY;
	else if (strcmp(f[0], "SECONDARY") == 0)
		a->u->role = DATABASE_REPLICA;
	if (strcmp(f[1], "ONLINE") == 0)
		return 0;
	(void)snprintf(state, sizeof state, "its state in the group is %.40s",
	    f[1]);
	not_healthy(a->u, state);
	return 0;
}

static int
ask_mysql(const struct asked *a, struct err *err)
{
	static const char sql[] =
	    "SELECT @@server_uuid, @@global.super_read_only, "
	    "@@global.offline_mode, @@global.gtid_executed;";
	AUTO(buf) struct buf rows = { .max = ANSWER_MAX };
	char *cursor, *f[4];

	if (query(a, sql, &rows, err))
		return -1;
	cursor = rows.data;
	if (!mysql_client_row(&cursor, f, 4))
		return err_set(err, ERR_REMOTE, "the server answers nothing");
	(void)snprintf(a->u->server, sizeof a->u->server, "%.100s", f[0]);
	if (is_on(f[1]))
		a->u->role = DATABASE_REPLICA;
	if (is_on(f[2]))
		not_healthy(a->u, "it is in offline mode");
	if (keep_position(a->u, f[3], err))
		return -1;
	return ask_group(a, err);
}

/* What both have. */
static int
ask_common(const struct asked *a, struct err *err)
{
	static const char sql[] =
	    "SELECT VERSION(), @@hostname, @@port, @@server_id, "
	    "@@global.read_only;";
	AUTO(buf) struct buf rows = { .max = ANSWER_MAX };
	struct database_unit *u = a->u;
	char *cursor, *f[5];

	if (query(a, sql, &rows, err))
		return -1;
	cursor = rows.data;
	if (!mysql_client_row(&cursor, f, 5))
		return err_set(err, ERR_REMOTE, "the server answers nothing");
	(void)snprintf(u->version, sizeof u->version, "%s", f[0]);
	(void)snprintf(u->server, sizeof u->server, "%.100s:%.10s/%.20s", f[1],
	    f[2], f[3]);
	u->mariadb = strstr(f[0], "MariaDB") != NULL;
	u->role = strcmp(f[4], "0") == 0 || strcmp(f[4], "OFF") == 0
	              ? DATABASE_PRIMARY
	              : DATABASE_REPLICA;
	u->healthy = true;
	return 0;
}

int
mysql_server_ask(const struct mysql_tools *tools,
    const struct config_database *cfg, struct database_unit *u, struct err *err)
{
	struct asked a = { tools, cfg, u };

	if (ask_common(&a, err) ||
	    (u->mariadb ? ask_mariadb(&a, err) : ask_mysql(&a, err)) ||
	    ask_status(&a, err))
		return -1;
	u->answered = true;
	return 0;
}

int
mysql_server_reach(const struct mysql_tools *tools,
    const struct config_database *cfg, const struct database_unit *u,
    const char *position, unsigned seconds, bool *ret, struct err *err)
{
	AUTO(buf) struct buf sql = { .max = ANSWER_MAX };
	AUTO(buf) struct buf rows = { .max = ANSWER_MAX };
	char *cursor, *f[1];

	if (buf_printf(&sql, err, "SELECT %s('%s', %u);",
	        u->mariadb ? "MASTER_GTID_WAIT" : "WAIT_FOR_EXECUTED_GTID_SET",
	        position, seconds) ||
	    mysql_client_query(tools, cfg, u, sql.data, &rows, err))
		return -1;
	cursor = rows.data;
	*ret = mysql_client_row(&cursor, f, 1) && strcmp(f[0], "0") == 0;
	return 0;
}

/* --- what is in a database */

int
mysql_server_quote(struct buf *b, const char *name, struct err *err)
{
	if (buf_puts(b, "`", err))
		return -1;
	for (; *name; name++)
		if ((*name == '`' && buf_puts(b, "`", err)) ||
		    buf_add(b, name, 1, err))
			return -1;
	return buf_puts(b, "`", err);
}

static int
put_drop(struct buf *drops, const char *kind, const char *name, struct err *err)
{
	return buf_printf(drops, err, "DROP %s IF EXISTS ", kind) ||
	               mysql_server_quote(drops, name, err) ||
	               buf_puts(drops, ";\n", err)
	           ? -1
	           : 0;
}

/* What is no number counts nothing: it is an estimate in any case. */
static uint64_t
number(const char *text)
{
	uint64_t n = 0;
	struct err why = { 0 };

	return str_to_u64(text, 0, UINT64_MAX, &n, &why) ? 0 : n;
}

static int
put_row_count(struct database_shape *s, const char *name, const char *rows,
    struct err *err)
{
	AUTO(buf) struct buf b = { .max = 4096 };
	struct jsonw w;

	jsonw_begin(&w, &b, 0);
	jsonw_object(&w, NULL);
	jsonw_u64(&w, name, number(rows));
	jsonw_close(&w);
	if (jsonw_end(&w, err))
		return -1;
	/* without its braces */
	return (s->rows.len > 0 && buf_puts(&s->rows, ",", err)) ||
	               buf_add(&s->rows, b.data + 1, b.len - 2, err)
	           ? -1
	           : 0;
}

/* T name type engine transactional rows bytes */
static int
take_table(char *f[], struct database_shape *s, struct buf *drops,
    struct err *err)
{
	if (strcmp(f[2], "VIEW") == 0)
		return put_drop(drops, "VIEW", f[1], err);
	if (strcmp(f[2], "SEQUENCE") == 0)
		return put_drop(drops, "SEQUENCE", f[1], err);
	s->tables++;
	s->bytes += number(f[6]);
	if (strcmp(f[4], "YES") != 0 && s->odd.len < NAMES_MAX &&
	    buf_printf(&s->odd, err, "%s'%s' (%s)", s->odd.len ? ", " : "",
	        f[1], f[3]))
		return -1;
	return put_row_count(s, f[1], f[5], err) ||
	               put_drop(drops, "TABLE", f[1], err)
	           ? -1
	           : 0;
}

static int
take_row(char *f[], struct database_shape *s, struct buf *drops,
    struct err *err)
{
	switch (f[0][0]) {
	case 'D':
		s->exists = true;
		(void)snprintf(s->charset, sizeof s->charset, "%s", f[1]);
		(void)snprintf(s->collation, sizeof s->collation, "%s", f[2]);
		return 0;
	case 'T':
		return take_table(f, s, drops, err);
	case 'G':
		s->programs++;
		return 0;
	default:
		if (strcmp(f[2], "FUNCTION") == 0)
			s->programs++;
		if (strcmp(f[3], "hidden") == 0 && !s->hidden[0])
			(void)snprintf(s->hidden, sizeof s->hidden,
			    "the body of %.20s '%.64s': grant SHOW_ROUTINE "
			    "(MySQL) or SELECT on mysql.proc (MariaDB)",
			    f[2], f[1]);
		return put_drop(drops, f[2], f[1], err);
	}
}

/* Names travel as hexadecimal digits: nothing in them ends a string. */
static int
look_sql(const char *database, struct buf *b, struct err *err)
{
	AUTO(free) char *hex = malloc(strlen(database) * 2 + 1);

	if (!hex)
		return err_nomem(err);
	str_hex(database, strlen(database), hex);
	return buf_printf(b, err,
	    "SET @d = CONVERT(x'%s' USING utf8mb4);"
	    "SELECT 'D', DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME "
	    "FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = @d;"
	    "SELECT 'T', TABLE_NAME, TABLE_TYPE, IFNULL(t.ENGINE, ''), "
	    "IFNULL(e.TRANSACTIONS, ''), IFNULL(TABLE_ROWS, 0), "
	    "IFNULL(DATA_LENGTH, 0) + IFNULL(INDEX_LENGTH, 0) "
	    "FROM information_schema.TABLES t "
	    "LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE "
	    "WHERE TABLE_SCHEMA = @d ORDER BY TABLE_TYPE DESC, TABLE_NAME;"
	    "SELECT 'R', ROUTINE_NAME, ROUTINE_TYPE, "
	    "IF(ROUTINE_DEFINITION IS NULL, 'hidden', '') "
	    "FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = @d;"
	    "SELECT 'G', TRIGGER_NAME "
	    "FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = @d;"
	    "SELECT 'E', EVENT_NAME, 'EVENT' "
	    "FROM information_schema.EVENTS WHERE EVENT_SCHEMA = @d;",
	    hex);
}

int
mysql_server_read_look(char *text, struct database_shape *s, struct buf *drops,
    struct err *err)
{
	char *f[7];

	while (mysql_client_row(&text, f, 7))
		if (take_row(f, s, drops, err))
			return -1;
	return 0;
}

int
mysql_server_look(const struct mysql_tools *tools,
    const struct config_database *cfg, const struct database_unit *u,
    const char *database, struct database_shape *s, struct buf *drops,
    struct err *err)
{
	AUTO(buf) struct buf sql = { .max = ANSWER_MAX };
	AUTO(buf) struct buf rows = { .max = LOOK_MAX };

	return look_sql(database, &sql, err) ||
	               mysql_client_query(tools, cfg, u, sql.data, &rows,
	                   err) ||
	               mysql_server_read_look(rows.data, s, drops, err)
	           ? -1
	           : 0;
}
