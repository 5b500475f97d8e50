#include "cmd/cmd_hold.h"

#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/report_prune.h"
#include "cmd/session.h"

static int
run(const struct args *a, bool hold, struct err *err)
{
	AUTO(session) struct session s = { .clock = clock_real() };
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	char id[LAYOUT_ID_SIZE], latest[LAYOUT_FOLDER_SIZE];
	struct session_prune p;
	const char *name;

	if (session_load(&s, a->config, false, err))
		return -1;
	session_prune(&s, &p);
	if (session_name(&s, a->id, latest, &name, err) ||
	    prune_hold(&p.o, name, hold, id, err))
		return -1;
	if (a->json ? report_prune_held_json(id, hold, &out, err)
	            : report_prune_held_text(id, hold, &out, err))
		return -1;
	return output_text(&out, err);
}

int
cmd_hold(const struct args *a, struct console *console, enum cmd_status *status,
    struct err *err)
{
	(void)console;
	(void)status;
	return run(a, true, err);
}

int
cmd_hold_release(const struct args *a, struct console *console,
    enum cmd_status *status, struct err *err)
{
	(void)console;
	(void)status;
	return run(a, false, err);
}
