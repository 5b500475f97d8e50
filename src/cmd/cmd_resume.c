#include "cmd/cmd_resume.h"

#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/session.h"

int
cmd_resume(const struct args *a, struct console *console,
    enum cmd_status *status, struct err *err)
{
	AUTO(config) struct config *config = NULL;
	AUTO(pause) struct pause p = { 0 };
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	const struct session s = { .clock = clock_real() };
	struct plan_choice choice = { .only = a->components,
		.nonly = a->ncomponents };

	(void)console;
	(void)status;
	if (config_load(a->config ? a->config : SESSION_CONFIG, &config, err) ||
	    session_resume(&s, config, &choice, &p, err))
		return -1;
	if (a->json ? report_resume_json(&p, &out, err)
	            : report_resume_text(&p, &out, err))
		return -1;
	return output_text(&out, err);
}
