#include "component/sqlite_proof.h"

#include "base/buf.h"
#include "base/jsonw.h"
#include "base/monitor.h"
#include "component/sqlite_copy.h"
#include "component/sqlite_db.h"
#include "component/sqlite_raw.h"

enum {
	FACTS_MAX = 16 << 20, /* some 100,000 tables */
	AGAIN_MS = 20,
};

struct sqlite_proof {
	const struct sqlite_copy *copy;
	struct sqlite_db *db;
	struct buf facts; /* the thread's until it has ended, as err is */
	struct err err;
	struct thread thread;
	struct monitor m; /* guards what follows */
	bool ended, failed;
};

static int
write_facts(struct sqlite_proof *p, struct err *err)
{
	struct sqlite_db_facts f;
	struct sqlite_raw r;
	struct jsonw w;

	if (sqlite_raw_look(p->copy->to, &r, err) ||
	    sqlite_db_facts(p->db, &f, err))
		return -1;
	jsonw_begin(&w, &p->facts, 0);
	jsonw_object(&w, NULL);
	jsonw_u64(&w, "page-size", f.page_size);
	jsonw_u64(&w, "pages", f.pages);
	jsonw_str(&w, "journal-mode", r.wal ? "wal" : "delete");
	jsonw_u64(&w, "writers-locked-ms", (uint64_t)p->copy->locked_ms);
	jsonw_object(&w, "tables");
	if (sqlite_db_rows(p->db, &w, err))
		return -1;
	jsonw_close(&w);
	if (f.is_mlmd)
		jsonw_u64(&w, "mlmd-schema-version", f.mlmd_schema);
	jsonw_str(&w, "sqlite-version", sqlite_db_version());
	jsonw_close(&w);
	return jsonw_end(&w, err);
}

static int
wrong(const struct sqlite_proof *p, struct err *err)
{
	return err_wrap(err, "the copy of database '%s'", p->copy->from);
}

static void *
examine(void *arg)
{
	struct sqlite_proof *p = arg;
	bool failed = sqlite_db_check(p->db, &p->err) != 0 ||
	              write_facts(p, &p->err) != 0;

	if (failed)
		(void)wrong(p, &p->err);
	monitor_enter(&p->m);
	p->ended = true;
	p->failed = failed;
	monitor_wake(&p->m);
	monitor_leave(&p->m);
	return NULL;
}

int
sqlite_proof_begin(const struct sqlite_copy *copy, struct sqlite_proof **ret,
    struct err *err)
{
	AUTO(sqlite_proof) struct sqlite_proof *p = calloc(1, sizeof *p);

	if (!p)
		return err_nomem(err);
	p->copy = copy;
	p->facts.max = FACTS_MAX;
	monitor_init(&p->m);
	/* the very bytes that are sent, which nobody may change meanwhile */
	if (sqlite_db_open(copy->to, SQLITE_DB_PEEK, 0, &p->db, err))
		return wrong(p, err);
	if (thread_start(&p->thread, examine, p, err))
		return -1;
	*ret = TAKE(p);
	return 0;
}

bool
sqlite_proof_failed(struct sqlite_proof *p)
{
	bool failed;

	monitor_enter(&p->m);
	failed = p->failed;
	monitor_leave(&p->m);
	return failed;
}

int
sqlite_proof_end(struct sqlite_proof *p, const char **facts, struct err *err)
{
	thread_join(&p->thread);
	if (p->failed) {
		*err = p->err;
		return -1;
	}
	*facts = p->facts.data;
	return 0;
}

/* Asked more than once: between two statements nobody listens. */
static void
break_off(struct sqlite_proof *p)
{
	monitor_enter(&p->m);
	while (p->thread.started && !p->ended) {
		sqlite_db_interrupt(p->db);
		(void)monitor_wait_ms(&p->m, AGAIN_MS);
	}
	monitor_leave(&p->m);
	thread_join(&p->thread);
}

void
sqlite_proof_free(struct sqlite_proof *p)
{
	if (!p)
		return;
	break_off(p);
	sqlite_db_free(p->db);
	buf_done(&p->facts);
	monitor_done(&p->m);
	free(p);
}
