#include "cmd/cmd_list.h"

#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/session.h"

/* Where nothing was ever saved the list is empty. */
static int
read_sets(const struct args *a, struct session *s, struct listing *l,
    struct err *err)
{
	if (session_load(s, a->config, false, err) == 0)
		return listing_read(s->repo, l, err);
	if (!err_is(err, ERR_NOTFOUND))
		return -1;
	log_warning("%s", err->msg);
	return 0;
}

int
cmd_list(const struct args *a, struct console *console, enum cmd_status *status,
    struct err *err)
{
	AUTO(session) struct session s = { .clock = clock_real() };
	AUTO(listing) struct listing l = { 0 };
	AUTO(buf) struct buf out = { .max = REPORT_MAX };

	(void)console;
	(void)status;
	if (read_sets(a, &s, &l, err))
		return -1;
	if (a->json ? report_list_json(&l, &out, err)
	            : report_list_table(&l, true, &out, err))
		return -1;
	return output_text(&out, err);
}
