#include "engine/backup.h"

#include "engine/run.h"
#include "engine/save.h"

static int
run_all(struct run *r, struct manifest **ret, struct err *err)
{
	const struct save_part all = { .workers = 1 };
	const struct backup_options *o = r->o;
	struct manifest_component *mc;

	if (run_look(r, err) ||
	    references_new(o->plan, o->config->scratch, &r->references, err) ||
	    run_begin(r, err))
		return -1;
	for (size_t i = 0; i < o->plan->count; i++)
		if (save_component(r, i, &all, &mc, err))
			return -1;
	return run_commit(r, ret, err);
}

int
backup_run(const struct backup_options *o, struct manifest **ret,
    struct err *err)
{
	struct run r;
	int rc = run_init(&r, o, err);

	if (rc == 0)
		rc = run_all(&r, ret, err);
	run_done(&r);
	return rc;
}
