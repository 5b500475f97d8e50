#include "cmd/cmd_prune.h"

#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/report_prune.h"
#include "cmd/session.h"

int
cmd_prune(const struct args *a, struct console *console,
    enum cmd_status *status, struct err *err)
{
	AUTO(session) struct session s = { .clock = clock_real() };
	AUTO(prune_result) struct prune_result r = { 0 };
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	struct session_prune p;

	(void)console;
	(void)status;
	if (session_load(&s, a->config, false, err))
		return -1;
	session_prune(&s, &p);
	p.o.dry_run = a->dry_run;
	p.o.now = a->now;
	if (session_prune_allow(&p, a->allow, a->nallow, err) ||
	    prune_run(&p.o, &r, err))
		return -1;
	if (a->json ? report_prune_json(&r, a->dry_run, &out, err)
	            : report_prune_text(&r, a->dry_run, &out, err))
		return -1;
	return output_text(&out, err);
}
