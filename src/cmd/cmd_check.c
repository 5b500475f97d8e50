#include "cmd/cmd_check.h"

#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/session.h"

int
cmd_check(const struct args *a, struct console *console,
    enum cmd_status *status, struct err *err)
{
	AUTO(session) struct session s = { .clock = clock_real() };
	AUTO(check_result) struct check_result r = { 0 };
	AUTO(buf) struct buf out = { .max = REPORT_MAX };
	struct plan_choice choice = { .only = a->components,
		.nonly = a->ncomponents };
	struct config *config = NULL;

	(void)console;
	if (config_load(a->config ? a->config : SESSION_CONFIG, &config, err) ||
	    session_check(&s, config, &choice, &r, err))
		return -1;
	if (a->json ? report_check_json(&r, &out, err)
	            : report_check_text(&r, &out, err))
		return -1;
	if (!r.ok)
		*status = CMD_FAILED;
	return output_text(&out, err);
}
