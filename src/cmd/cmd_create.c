#include "cmd/cmd_create.h"

#include <string.h>

#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/session.h"

static int
print(const struct args *a, const struct manifest *m, struct err *err)
{
	AUTO(buf) struct buf out = { .max = REPORT_MAX };

	if (a->json ? report_set_json(m, &out, err)
	            : report_set_text(m, &out, err))
		return -1;
	return output_text(&out, err);
}

int
cmd_create(const struct args *a, struct console *console,
    enum cmd_status *status, struct err *err)
{
	AUTO(session)
	struct session s = { .clock = clock_real(),
		.progress = &console->progress };
	AUTO(manifest) struct manifest *m = NULL;
	struct session_create req = {
		.choice = { .only = a->components, .nonly = a->ncomponents },
		.full = a->full,
		.label = a->label,
	};

	if (session_load(&s, a->config, true, err) ||
	    session_create(&s, &req, &m, err) || print(a, m, err))
		return -1;
	if (strcmp(manifest_status(m), "finished") != 0)
		*status = CMD_INCOMPLETE;
	return 0;
}
