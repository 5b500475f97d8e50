#include "cmd/cmd_restore.h"

#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/restore_choice.h"
#include "cmd/session.h"

/* Also what was done before something failed is told. */
static int
print(const struct args *a, const struct session_restored *r,
    const struct err *why, struct err *err)
{
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	const char *id = r->manifest ? r->manifest->id : a->id;

	if (why && (!a->json || !r->manifest))
		return 0;
	if (a->json
	        ? report_restore_json(id, a->dry_run, &r->result, why, &out,
	              err)
	        : report_restore_text(id, a->dry_run, &r->result, &out, err))
		return -1;
	return output_text(&out, err);
}

int
cmd_restore(const struct args *a, struct console *console,
    enum cmd_status *status, struct err *err)
{
	AUTO(session)
	struct session s = { .clock = clock_real(),
		.progress = &console->progress };
	AUTO(session_restored) struct session_restored r = { 0 };
	AUTO(restore_choice) struct restore_choice kubernetes = { 0 };
	struct session_restore req = {
		.id = a->id,
		.choice = { .only = a->components,
		    .nonly = a->ncomponents,
		    .to = a->to,
		    .nto = a->nto },
		.kubernetes = &kubernetes.kube,
		.exact = a->exact,
		.dry_run = a->dry_run,
	};
	struct err why = { 0 };

	(void)status;
	if (restore_choice_read(&a->kubernetes, &kubernetes, err) ||
	    session_load(&s, a->config, false, err))
		return -1;
	if (session_restore(&s, &req, &r, &why) == 0)
		return print(a, &r, NULL, err);
	if (print(a, &r, &why, err))
		return -1;
	*err = why;
	return -1;
}
