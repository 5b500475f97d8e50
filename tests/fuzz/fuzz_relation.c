/*
 * fuzz_relation.c - what the other side of a relation may write, to each that
 * reads it.  A JSON object: "bag" and "secret" of the s3 and database
 * interfaces, "user" and "tls" their secrets, "units" their bags; "data" is
 * MinIO's.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/tree.h"
#include "juju/relation_database.h"
#include "juju/relation_minio.h"
#include "juju/relation_s3.h"

enum { UNITS_MAX = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool right)
{
	if (!right)
		abort();
}

/* A map, or a gap and words for it, or an error that says why. */
static void
judge(int rc, const struct tree *map, const struct relation_gap *gap,
    const struct err *err)
{
	if (rc) {
		must(err->msg[0] != '\0' && !map);
		return;
	}
	must((map != NULL) == (gap->state == RELATION_READY));
	must(map ? map->kind == TREE_MAP : gap->text[0] != '\0');
}

static void
try_s3(const struct json *doc, bool source)
{
	const struct relation_s3 r = {
		.id = "s3:7",
		.source = source,
		.bucket = source ? "mlpipeline" : NULL,
		.option = "bucket",
		.https_proxy = "http://proxy:3128",
	};
	const struct relation_s3_data data = { "s3-integrator",
		json_opt(doc, "bag"), json_opt(doc, "secret") };
	AUTO(tree) struct tree *map = NULL;
	struct relation_gap gap = { 0 };
	struct err err = { 0 };
	int rc;

	rc = relation_s3_decode(&r, &data, &gap, &map, &err);
	judge(rc, map, &gap, &err);
	if (map)
		must(tree_get(map, "bucket") && tree_get(map, "access-key"));
	if (map && relation_s3_proxy(&r, map, &err))
		must(err.msg[0] != '\0');
}

static void
try_database(const struct json *doc, const char *type)
{
	const struct relation_database r = {
		.id = "database:3", .type = type, .app = "db", .database = "d"
	};
	const struct json *unit[UNITS_MAX];
	struct json *units[UNITS_MAX];
	struct relation_database_data data = { .bag = json_opt(doc, "bag"),
		.user = json_opt(doc, "user"),
		.tls = json_opt(doc, "tls"),
		.unit = units };
	AUTO(tree) struct tree *map = NULL;
	struct relation_gap gap = { 0 };
	struct err err = { 0 };
	const struct json *at = json_first(json_opt(doc, "units"));
	int rc;

	for (; at && data.nunits < UNITS_MAX; at = json_next(at))
		unit[data.nunits++] = at;
	memcpy(units, unit, data.nunits * sizeof *units);
	rc = relation_database_decode(&r, &data, &gap, &map, &err);
	judge(rc, map, &gap, &err);
}

static void
try_minio(const char *text)
{
	AUTO(tree) struct tree *map = NULL;
	struct relation_gap gap = { 0 };
	struct err err = { 0 };
	int rc;

	rc = relation_minio_decode("object-storage:5", "minio", text, &gap,
	    &map, &err);
	judge(rc, map, &gap, &err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(json) struct json *doc = NULL;
	struct err err = { 0 };

	if (json_parse((const char *)p, n, &doc, &err))
		return 0;
	try_s3(doc, false);
	try_s3(doc, true);
	try_database(doc, "mysql");
	try_database(doc, "postgresql");
	try_minio(json_opt_str(doc, "data"));
	return 0;
}
