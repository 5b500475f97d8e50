#include "component/sqlite_rows.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "component/sqlite_db.h"

enum { ROWS_MAX = 16 << 20 };

static int
count(struct sqlite_db *db, struct json **ret, struct err *err)
{
	AUTO(buf) struct buf b = { .max = ROWS_MAX };
	struct jsonw w;

	jsonw_begin(&w, &b, 0);
	jsonw_object(&w, NULL);
	if (sqlite_db_rows(db, &w, err))
		return -1;
	jsonw_close(&w);
	if (jsonw_end(&w, err))
		return -1;
	return json_parse(b.data, b.len, ret, err);
}

static int
same(const struct json *have, const struct json *want, uint64_t *total,
    struct err *err)
{
	const struct json *t;
	uint64_t sum = 0;

	if (json_count(have) != json_count(want))
		return err_set(err, ERR_CORRUPT,
		    "it has %zu tables, %zu were saved", json_count(have),
		    json_count(want));
	for (t = json_first(want); t; t = json_next(t)) {
		const char *name = json_name(t);
		uint64_t n, m;

		if (json_u64(want, name, &n, err) ||
		    json_u64(have, name, &m, err))
			return -1;
		if (n != m)
			return err_set(err, ERR_CORRUPT,
			    "table '%s' has %" PRIu64 " rows, %" PRIu64
			    " were saved",
			    name, m, n);
		sum += n;
	}
	if (total)
		*total = sum;
	return 0;
}

int
sqlite_rows_same(struct sqlite_db *db, const struct json *facts,
    uint64_t *total, struct err *err)
{
	const struct json *want = json_opt(facts, "tables");
	AUTO(json) struct json *have = NULL;

	if (!json_is_object(want))
		return 0;
	return count(db, &have, err) || same(have, want, total, err) ? -1 : 0;
}
