#include "kube/exec_status.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"

enum { MESSAGE_MOST = 800, STATUS_MOST = 255 };

/* details.causes: [{ reason: ExitCode, message: "3" }] */
static int
read_code(const struct json *doc, int *ret, struct err *err)
{
	const struct json *c =
	    json_first(json_opt(json_opt(doc, "details"), "causes"));
	uint64_t n;

	for (; c; c = json_next(c)) {
		const char *reason = json_opt_str(c, "reason");
		const char *text = json_opt_str(c, "message");

		if (!reason || strcmp(reason, "ExitCode") != 0)
			continue;
		if (!text || str_to_u64(text, 1, STATUS_MOST, &n, err))
			break;
		*ret = (int)n;
		return 0;
	}
	return err_set(err, ERR_REMOTE,
	    "the server does not say how the program ended");
}

/* Each container runtime has its own words, and no code for it. */
static bool
is_missing(const char *message)
{
	static const char *const words[] = { "not found", "no such file" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasestr(message, words[i]))
			return true;
	return false;
}

static int
judge(const struct json *doc, int *exit_status, struct err *err)
{
	const char *status = json_opt_str(doc, "status");
	const char *reason = json_opt_str(doc, "reason");
	const char *message = json_opt_str(doc, "message");

	if (status && strcmp(status, "Success") == 0) {
		*exit_status = 0;
		return 0;
	}
	if (reason && strcmp(reason, "NonZeroExitCode") == 0)
		return read_code(doc, exit_status, err);
	if (!message)
		message = "it does not say why";
	return err_set(err, is_missing(message) ? ERR_NOTFOUND : ERR_REMOTE,
	    "the program could not be run there: %.*s", MESSAGE_MOST, message);
}

int
exec_status_read(const void *p, size_t n, int *exit_status, struct err *err)
{
	AUTO(json) struct json *doc = NULL;

	if (json_parse(p, n, &doc, err))
		return err_is(err, ERR_NOMEM)
		           ? -1
		           : err_set(err, ERR_REMOTE,
		                 "the server does not say how the program "
		                 "ended");
	return judge(doc, exit_status, err);
}
