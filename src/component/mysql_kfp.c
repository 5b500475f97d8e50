#include "component/mysql_kfp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "component/mysql_server.h"
#include "stream/child.h"

/* The bucket that KFP is installed with; its rows name keys alone. */
#define BUCKET "minio://mlpipeline/"

enum {
	TEXT_MAX = 4096, /* a key has 1024 bytes at most, or six each as \u */
	COLUMNS_MAX = 4096,
	SQL_MAX = 64 << 10,
	QUIET_S = 600, /* a server that reads all manifests */
};

/* --- rows, as they come */

struct rows {
	struct sink sink;
	struct mysql_kfp *k;
	char text[sizeof BUCKET + TEXT_MAX];
	size_t n;
	char kind; /* of this row; '\0': not read yet */
	bool value, quoted;
	bool batch_escape, json_escape;
	bool too_long, has_escapes;
};

static void
begin_text(struct rows *r)
{
	r->n = sizeof BUCKET - 1; /* in front of a key */
	r->too_long = r->has_escapes = false;
}

static void
add(struct rows *r, char c)
{
	if (r->n + 1 < sizeof r->text)
		r->text[r->n++] = c;
	else
		r->too_long = true;
}

static int
give(struct rows *r, const char *uri, struct err *err)
{
	r->k->count++;
	return r->k->fn(r->k->arg, uri, err);
}

static int
give_text(struct rows *r, struct err *err)
{
	const size_t start = sizeof BUCKET - 1;

	r->text[r->n] = '\0';
	if (r->too_long)
		r->k->too_long++;
	if (r->too_long || r->n == start)
		return 0;
	if (r->kind == 'U')
		return give(r, r->text + start, err);
	(void)memcpy(r->text, BUCKET, start);
	return give(r, r->text, err);
}

/* A key with escapes; one that is no JSON is passed over. */
static int
give_decoded(struct rows *r, struct err *err)
{
	AUTO(json) struct json *j = NULL;
	AUTO(buf) struct buf quoted = { .max = sizeof r->text + 2 };
	struct err why = { 0 };
	const char *text;

	if (!r->has_escapes || r->too_long)
		return give_text(r, err);
	if (buf_puts(&quoted, "\"", err) ||
	    buf_add(&quoted, r->text + sizeof BUCKET - 1,
	        r->n - (sizeof BUCKET - 1), err) ||
	    buf_puts(&quoted, "\"", err))
		return -1;
	if (json_parse(quoted.data, quoted.len, &j, &why)) {
		if (!err_is(&why, ERR_NOMEM))
			return 0;
		*err = why;
		return -1;
	}
	text = json_text(j);
	begin_text(r);
	for (; text && *text; text++)
		add(r, *text);
	return give_text(r, err);
}

/* Only the texts of a list count, wherever they are in it. */
static int
take_json(struct rows *r, char c, struct err *err)
{
	bool escaped = r->json_escape;

	r->json_escape = false;
	if (c == '"' && !escaped) {
		r->quoted = !r->quoted;
		if (!r->quoted)
			return give_decoded(r, err);
		begin_text(r);
		return 0;
	}
	if (!r->quoted)
		return 0;
	if (c == '\\' && !escaped)
		r->json_escape = r->has_escapes = true;
	add(r, c);
	return 0;
}

static int
take_char(struct rows *r, char c, struct err *err)
{
	if (!r->value) {
		r->kind = c;
		return 0;
	}
	if (r->kind == 'J')
		return take_json(r, c, err);
	add(r, c);
	return 0;
}

static int
end_row(struct rows *r, struct err *err)
{
	bool text = r->value && (r->kind == 'U' || r->kind == 'K');

	if (text && give_text(r, err))
		return -1;
	r->value = r->quoted = r->json_escape = false;
	r->kind = '\0';
	return 0;
}

static int
take(struct rows *r, char c, struct err *err)
{
	if (r->batch_escape) {
		r->batch_escape = false;
		return take_char(r, mysql_client_unescaped(c), err);
	}
	switch (c) {
	case '\\':
		r->batch_escape = true;
		return 0;
	case '\n':
		return end_row(r, err);
	case '\t':
		r->value = true;
		begin_text(r);
		return 0;
	default:
		return take_char(r, c, err);
	}
}

static int
rows_write(struct sink *s, const void *data, size_t n, struct err *err)
{
	for (const char *p = data; n > 0; n--)
		if (take((struct rows *)s, *p++, err))
			return -1;
	return 0;
}

/* A row without its end was cut off. */
static int
rows_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void
rows_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops rows_ops = {
	.name = "references",
	.write = rows_write,
	.finish = rows_finish,
	.free = rows_free,
};

int
mysql_kfp_sink(struct mysql_kfp *k, struct sink **ret, struct err *err)
{
	struct rows *r = calloc(1, sizeof *r);

	if (!r)
		return err_nomem(err);
	r->k = k;
	*ret = sink_init(&r->sink, &rows_ops, NULL);
	return 0;
}

/* --- what is asked */

enum column {
	VERSION_ID,
	VERSION_STATUS,
	VERSION_SPEC,
	VERSION_URI,
	RUN_ROOT,
	RUN_WORKFLOW,
	RUN_PIPELINE,
	ARTIFACT_URI,
	COLUMNS
};

static const char *const column_names[COLUMNS] = {
	[VERSION_ID] = "pipeline_versions.UUID",
	[VERSION_STATUS] = "pipeline_versions.Status",
	[VERSION_SPEC] = "pipeline_versions.PipelineSpec",
	[VERSION_URI] = "pipeline_versions.PipelineSpecURI",
	[RUN_ROOT] = "run_details.PipelineRoot",
	[RUN_WORKFLOW] = "run_details.WorkflowRuntimeManifest",
	[RUN_PIPELINE] = "run_details.PipelineRuntimeManifest",
	[ARTIFACT_URI] = "artifacts.URI",
};

/*
 * A version is READY when its definition is stored.  Where the definition is
 * in the row, as since 2.0, the object is a copy that nobody reads; otherwise
 * the URI is a key, or the id makes one.
 */
static int
put_versions(struct buf *b, const char *db, const bool *have, struct err *err)
{
	const char *key = "CONCAT('pipelines/', UUID)";

	if (have[VERSION_URI])
		key = "IF(IFNULL(PipelineSpecURI, '') IN ('') OR "
		      "PipelineSpecURI LIKE '%://%', "
		      "CONCAT('pipelines/', UUID), PipelineSpecURI)";
	return buf_printf(b, err,
	    "SELECT 'K', %s FROM %s.pipeline_versions WHERE %s AND %s;\n", key,
	    db, have[VERSION_STATUS] ? "Status = 'READY'" : "1",
	    have[VERSION_SPEC] ? "IFNULL(PipelineSpec, '') = ''" : "1");
}

/* A workflow of Argo: KFP itself looks there for an artifact's key. */
static int
put_manifests(struct buf *b, const char *db, const char *column,
    struct err *err)
{
	return buf_printf(b, err,
	    "SELECT 'J', JSON_EXTRACT(%s, '$.status.nodes.*.outputs."
	    "artifacts[*].s3.key') FROM %s.run_details WHERE JSON_VALID(%s);\n",
	    column, db, column);
}

/* What an old server does not know comes last. */
static int
make_sql(struct buf *b, const char *db, const bool *have, struct err *err)
{
	if (put_versions(b, db, have, err))
		return -1;
	/* s3://bucket/path?region=... */
	if (have[RUN_ROOT] &&
	    buf_printf(b, err,
	        "SELECT 'U', SUBSTRING_INDEX(PipelineRoot, '?', 1) FROM "
	        "%s.run_details WHERE PipelineRoot LIKE '%%://%%';\n",
	        db))
		return -1;
	if (have[ARTIFACT_URI] &&
	    buf_printf(b, err,
	        "SELECT 'U', URI FROM %s.artifacts WHERE URI LIKE "
	        "'%%://%%';\n",
	        db))
		return -1;
	if (have[RUN_PIPELINE] &&
	    put_manifests(b, db, "PipelineRuntimeManifest", err))
		return -1;
	return put_manifests(b, db, "WorkflowRuntimeManifest", err);
}

static int
look(const struct mysql_kfp_source *s, bool have[COLUMNS], struct err *err)
{
	AUTO(buf) struct buf sql = { .max = SQL_MAX };
	AUTO(buf) struct buf rows = { .max = COLUMNS_MAX };
	AUTO(free) char *hex = malloc(strlen(s->database) * 2 + 1);
	char *cursor, *f[1];

	if (!hex)
		return err_nomem(err);
	str_hex(s->database, strlen(s->database), hex);
	if (buf_printf(&sql, err,
	        "SELECT CONCAT(TABLE_NAME, '.', COLUMN_NAME) FROM "
	        "information_schema.COLUMNS WHERE "
	        "TABLE_SCHEMA = CONVERT(x'%s' USING utf8mb4) AND "
	        "CONCAT(TABLE_NAME, '.', COLUMN_NAME) IN (''",
	        hex))
		return -1;
	for (size_t i = 0; i < COLUMNS; i++)
		if (buf_printf(&sql, err, ", '%s'", column_names[i]))
			return -1;
	if (buf_puts(&sql, ");", err) ||
	    mysql_client_query(s->tools, s->cfg, s->unit, sql.data, &rows, err))
		return -1;
	cursor = rows.data;
	while (mysql_client_row(&cursor, f, 1))
		for (size_t i = 0; i < COLUMNS; i++)
			have[i] = have[i] || !strcmp(f[0], column_names[i]);
	return 0;
}

/* --- asking */

static int
explain(void *arg, const struct proc *p, const struct buf *errors,
    struct err *err)
{
	(void)arg;
	return mysql_client_explain(p, errors, err);
}

static int
stream(const struct mysql_kfp_source *s, struct mysql_kfp *k,
    const struct buf *sql, struct err *err)
{
	AUTO(mysql_run) struct mysql_run r = { 0 };
	AUTO(sink) struct sink *to = NULL;
	struct child_options o = { &r.proc, &r.errors, explain, NULL };
	enum mysql_vendor v;

	if (mysql_client_fit(s->tools->query, s->unit->mariadb, "mariadb", &v,
	        err) ||
	    mysql_client_run_init(&r, s->cfg, s->unit, v, err))
		return -1;
	mysql_client_stream_argv(s->tools->query[v], r.argv);
	r.proc.quiet_s = QUIET_S;
	if (mysql_kfp_sink(k, &to, err) ||
	    child_sink_new(&o, TAKE(to), &to, err) ||
	    sink_write(to, sql->data, sql->len, err))
		return -1;
	return sink_finish(to, err);
}

int
mysql_kfp_read(const struct mysql_kfp_source *s, struct mysql_kfp *k,
    struct err *err)
{
	AUTO(buf) struct buf sql = { .max = SQL_MAX };
	AUTO(buf) struct buf name = { .max = SQL_MAX };
	bool have[COLUMNS] = { false };

	if (look(s, have, err))
		return -1;
	k->found = have[VERSION_ID] && have[RUN_WORKFLOW];
	if (!k->found)
		return 0;
	if (mysql_server_quote(&name, s->database, err) ||
	    make_sql(&sql, name.data, have, err))
		return -1;
	return stream(s, k, &sql, err);
}
