#include "cmd/cmd_show.h"

#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/session.h"

int
cmd_show(const struct args *a, struct console *console, enum cmd_status *status,
    struct err *err)
{
	AUTO(session) struct session s = { .clock = clock_real() };
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(buf) struct buf out = { .max = MANIFEST_MAX };

	(void)console;
	(void)status;
	if (session_load(&s, a->config, false, err) ||
	    session_manifest(&s, a->id, &m, err))
		return -1;
	if (a->json ? repo_manifest_text(s.repo, m->folder, &out, err)
	            : report_set_text(m, &out, err))
		return -1;
	return output_text(&out, err);
}
