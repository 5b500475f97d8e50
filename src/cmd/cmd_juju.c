#include "cmd/cmd_juju.h"

#include <paths.h>
#include <stdio.h>

#include "base/log.h"
#include "base/str.h"
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

/* The charm brings client programs of databases; those of the system, where
 * there are any, come first. */
static int
find_tools(const struct env *env, struct err *err)
{
	const char *path = getenv("PATH");
	AUTO(free) char *longer = NULL;

	if (!env->charm_dir)
		return 0;
	if (str_printf(&longer, err, "%s:%s/tools", path ? path : _PATH_STDPATH,
	        env->charm_dir))
		return -1;
	return setenv("PATH", longer, 1) ? err_nomem(err) : 0;
}

int
cmd_juju(const struct env *env)
{
	struct err err = { 0 };

	log_to(to_juju, NULL, LOG_INFO);
	if (find_tools(env, &err) ||
	    (env->kind == ENV_ACTION ? cmd_action(env, &err)
	                             : cmd_hook(env, &err))) {
		log_error("%s", err.msg);
		return CMD_FAILED;
	}
	return CMD_DONE;
}
