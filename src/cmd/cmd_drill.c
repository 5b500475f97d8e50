#include "cmd/cmd_drill.h"

#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/session.h"

int
cmd_drill(const struct args *a, struct console *console,
    enum cmd_status *status, struct err *err)
{
	AUTO(session)
	struct session s = { .clock = clock_real(),
		.progress = &console->progress };
	AUTO(session_drilled) struct session_drilled d = { 0 };
	AUTO(buf) struct buf out = { .max = REPORT_MAX };

	if (session_load(&s, a->config, false, err) ||
	    session_drill(&s, a->id, &d, err))
		return -1;
	if (a->json ? report_drill_json(d.manifest->id, &d.result, &out, err)
	            : report_drill_text(d.manifest->id, &d.result, &out, err))
		return -1;
	if (!d.result.ok)
		*status = CMD_FAILED;
	return output_text(&out, err);
}
