#include "cmd/cmd_list.h"

#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/session.h"

int
cmd_list(const struct args *a, struct console *console, enum cmd_status *status,
    struct err *err)
{
	AUTO(session) struct session s = { .clock = clock_real() };
	AUTO(listing) struct listing l = { 0 };
	AUTO(buf) struct buf out = { .max = REPORT_MAX };

	(void)console;
	(void)status;
	if (session_load(&s, a->config, false, err) ||
	    listing_read(s.repo, &l, err))
		return -1;
	if (a->json ? report_list_json(&l, &out, err)
	            : report_list_table(&l, true, &out, err))
		return -1;
	return output_text(&out, err);
}
