#include "cmd/cmd_create.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/report_worker.h"
#include "cmd/session.h"

enum { WAIT_MAX_S = 30 * 86400 };

static int
print(const struct args *a, const struct manifest *m, struct err *err)
{
	AUTO(buf) struct buf out = { .max = REPORT_MAX };

	if (a->json ? report_set_json(m, &out, err)
	            : report_set_text(m, &out, err))
		return -1;
	return output_text(&out, err);
}

static int
print_share(const struct args *a, const struct workers_result *r,
    struct err *err)
{
	AUTO(buf) struct buf out = { .max = REPORT_MAX };

	if (a->json ? report_worker_json(r, &out, err)
	            : report_worker_text(r, &out, err))
		return -1;
	return output_text(&out, err);
}

/* --- what several workers are told */

static int
read_workers(const char *option, const char *text, unsigned *ret,
    struct err *err)
{
	struct err why = { 0 };
	uint64_t n;

	if (str_to_u64(text, 1, SHARE_WORKERS_MAX, &n, &why))
		return err_set(err, ERR_USAGE,
		    "'--%s': '%.40s' is no number of workers: 1 to %d", option,
		    text, SHARE_WORKERS_MAX);
	*ret = (unsigned)n;
	return 0;
}

/* "2/4": the third of four. */
static int
read_worker(const char *text, struct session_workers *w, struct err *err)
{
	const char *slash = strchr(text, '/');
	AUTO(free) char *number = NULL;
	struct err why = { 0 };
	uint64_t n;

	if (!slash)
		return err_set(err, ERR_USAGE,
		    "'--worker' is which one of how many, such as 0/4, not "
		    "'%.40s'",
		    text);
	if (read_workers("worker", slash + 1, &w->workers, err))
		return -1;
	number = strndup(text, (size_t)(slash - text));
	if (!number)
		return err_nomem(err);
	if (str_to_u64(number, 0, w->workers - 1, &n, &why))
		return err_set(err, ERR_USAGE,
		    "'--worker %.40s': workers are counted from 0: 0/%u to "
		    "%u/%u",
		    text, w->workers, w->workers - 1, w->workers);
	w->worker = (unsigned)n;
	return 0;
}

/* "90s", "15m", or a span of hours, days … */
static int
read_wait(const char *text, uint64_t *ret, struct err *err)
{
	size_t digits = strspn(text, "0123456789");
	AUTO(free) char *number = strndup(text, digits);
	bool minutes = strcmp(text + digits, "m") == 0,
	     seconds = strcmp(text + digits, "s") == 0;
	struct err why = { 0 };
	uint64_t n;

	if (!number)
		return err_nomem(err);
	if (minutes || seconds ? str_to_u64(number, 0, WAIT_MAX_S, &n, &why)
	                       : str_to_span(text, &n, &why) || n > WAIT_MAX_S)
		return err_set(err, ERR_USAGE,
		    "'--wait': '%.40s' is no time such as 90s, 15m or 2h, up "
		    "to 30d",
		    text);
	*ret = minutes ? n * 60 : n;
	return 0;
}

static int
read_request(const struct args *a, struct session_workers *w, struct err *err)
{
	if (a->worker && a->join)
		return err_set(err, ERR_USAGE,
		    "'--worker' and '--join': either saves a share or makes "
		    "the set of all");
	if (!a->worker && !a->join)
		return err_set(err, ERR_USAGE,
		    "'--%s' is for '--worker' and '--join'",
		    args_name(a->given & (ARGS_RUN | ARGS_WAIT)));
	w->run = a->run ? a->run : getenv("PLATFORM_BACKUP_RUN");
	if (!w->run || !*w->run)
		return err_set(err, ERR_USAGE,
		    "'--run' is missing: a name for this run, the same for all "
		    "of its workers and for no other run, such as that of the "
		    "job; or PLATFORM_BACKUP_RUN in the environment");
	w->wait_s = a->worker ? WORKERS_WAIT_S : 0;
	if (a->wait && read_wait(a->wait, &w->wait_s, err))
		return -1;
	return a->worker ? read_worker(a->worker, w, err)
	                 : read_workers("join", a->join, &w->workers, err);
}

/* --- the command */

static int
save_share(const struct args *a, struct session *s,
    const struct session_workers *w, struct err *err)
{
	AUTO(workers_result) struct workers_result r = { 0 };

	return session_worker(s, w, &r, err) || print_share(a, &r, err) ? -1
	                                                                : 0;
}

int
cmd_create(const struct args *a, struct console *console,
    enum cmd_status *status, struct err *err)
{
	AUTO(session)
	struct session s = { .clock = clock_real(),
		.progress = &console->progress };
	AUTO(manifest) struct manifest *m = NULL;
	struct session_workers w = { .create = {
		                         .choice = { .only = a->components,
		                             .nonly = a->ncomponents },
		                         .full = a->full,
		                         .label = a->label,
		                     } };
	const unsigned shared = ARGS_WORKER | ARGS_JOIN | ARGS_RUN | ARGS_WAIT;

	if (((a->given & shared) && read_request(a, &w, err)) ||
	    session_load(&s, a->config, true, err))
		return -1;
	if (a->worker)
		return save_share(a, &s, &w, err);
	if ((a->join ? session_join(&s, &w, &m, err)
	             : session_create(&s, &w.create, &m, err)) ||
	    print(a, m, err))
		return -1;
	if (strcmp(manifest_status(m), "finished") != 0)
		*status = CMD_INCOMPLETE;
	return 0;
}
