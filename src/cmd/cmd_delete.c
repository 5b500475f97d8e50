#include "cmd/cmd_delete.h"

#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/report_prune.h"
#include "cmd/session.h"

int
cmd_delete(const struct args *a, struct console *console,
    enum cmd_status *status, struct err *err)
{
	AUTO(session) struct session s = { .clock = clock_real() };
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	struct prune_deleted d;
	struct session_prune p;
	char latest[LAYOUT_FOLDER_SIZE];
	const char *name;

	(void)console;
	(void)status;
	if (session_load(&s, a->config, false, err))
		return -1;
	session_prune(&s, &p);
	p.o.now = a->now;
	if (session_prune_allow(&p, a->allow, a->nallow, err) ||
	    session_name(&s, a->id, latest, &name, err) ||
	    prune_delete(&p.o, name, &d, err))
		return -1;
	if (a->json ? report_prune_deleted_json(&d, &out, err)
	            : report_prune_deleted_text(&d, &out, err))
		return -1;
	return output_text(&out, err);
}
