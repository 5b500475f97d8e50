#include "cmd/cmd_verify.h"

#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/session.h"

int
cmd_verify(const struct args *a, struct console *console,
    enum cmd_status *status, struct err *err)
{
	AUTO(session)
	struct session s = { .clock = clock_real(),
		.progress = &console->progress };
	AUTO(verify_result) struct verify_result r = { 0 };
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	const struct session_verify req = { .id = a->id, .read = a->read };

	if (session_load(&s, a->config, false, err) ||
	    session_verify(&s, &req, &r, err))
		return -1;
	if (a->json ? report_verify_json(&r, &out, err)
	            : report_verify_text(&r, &out, err))
		return -1;
	if (r.problems > 0)
		*status = CMD_FAILED;
	return output_text(&out, err);
}
