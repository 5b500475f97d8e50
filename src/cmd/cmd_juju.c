#include "cmd/cmd_juju.h"

#include <stdio.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/cmd_action.h"
#include "cmd/cmd_hook.h"
#include "juju/hooktool.h"

/* Where even this fails, stderr is what Juju still reads. */
static void
to_juju(void *ctx, enum log_level level, const char *line)
{
	struct err err = { 0 };

	(void)ctx;
	if (hooktool_log(level, line, &err))
		(void)fprintf(stderr, "%s\n", line);
}

int
cmd_juju(const struct env *env)
{
	struct err err = { 0 };

	log_to(to_juju, NULL, LOG_INFO);
	if (env->kind == ENV_ACTION ? cmd_action(env, &err)
	                            : cmd_hook(env, &err)) {
		log_error("%s", err.msg);
		return CMD_FAILED;
	}
	return CMD_DONE;
}
