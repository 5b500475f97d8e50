#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>

#include "cmd/cmd_check.h"
#include "cmd/cmd_create.h"
#include "cmd/cmd_delete.h"
#include "cmd/cmd_drill.h"
#include "cmd/cmd_help.h"
#include "cmd/cmd_hold.h"
#include "cmd/cmd_juju.h"
#include "cmd/cmd_keygen.h"
#include "cmd/cmd_list.h"
#include "cmd/cmd_prune.h"
#include "cmd/cmd_restore.h"
#include "cmd/cmd_resume.h"
#include "cmd/cmd_show.h"
#include "cmd/cmd_verify.h"

static const struct cmd table[] = {
	{ "create", "", "save the components into a new set",
	    ARGS_COMPONENT | ARGS_FULL | ARGS_LABEL | ARGS_JSON | ARGS_WORKER |
	        ARGS_JOIN | ARGS_RUN | ARGS_WAIT,
	    CMD_ID_NONE, cmd_create },
	{ "list", "", "list the sets, newest last", ARGS_JSON, CMD_ID_NONE,
	    cmd_list },
	{ "show", "ID", "show one set: what it holds, what it does not",
	    ARGS_JSON, CMD_ID_NEEDED, cmd_show },
	{ "restore", "ID", "put a set back, or parts of it",
	    ARGS_COMPONENT | ARGS_TO | ARGS_EXACT | ARGS_DRY_RUN | ARGS_JSON |
	        ARGS_KUBERNETES,
	    CMD_ID_NEEDED, cmd_restore },
	{ "resume", "",
	    "start what a restore that was killed left standing ('pause')",
	    ARGS_COMPONENT | ARGS_JSON, CMD_ID_NONE, cmd_resume },
	{ "verify", "ID | --all",
	    "is every file of a set there, and as long as it should be? With "
	    "--read: and right?",
	    ARGS_ALL | ARGS_READ | ARGS_JSON, CMD_ID_OR_ALL, cmd_verify },
	{ "drill", "ID",
	    "restore a set to a scratch place and compare it with what was "
	    "saved; nothing that is in use is touched",
	    ARGS_JSON, CMD_ID_NEEDED, cmd_drill },
	{ "prune", "",
	    "delete the sets that the rules of 'retention' do not keep",
	    ARGS_DRY_RUN | ARGS_NOW | ARGS_ALLOW | ARGS_JSON, CMD_ID_NONE,
	    cmd_prune },
	{ "delete", "ID", "delete one set", ARGS_NOW | ARGS_ALLOW | ARGS_JSON,
	    CMD_ID_NEEDED, cmd_delete },
	{ "hold", "ID",
	    "keep a set, whatever the rules say; takes back a 'delete'",
	    ARGS_JSON, CMD_ID_NEEDED, cmd_hold },
	{ "release", "ID", "end a hold", ARGS_JSON, CMD_ID_NEEDED,
	    cmd_hold_release },
	{ "check", "",
	    "is everything reachable, allowed, and has it room? Nothing is "
	    "saved",
	    ARGS_COMPONENT | ARGS_JSON, false, cmd_check },
	{ "keygen", "",
	    "make a key pair for 'encryption' in the configuration, as "
	    "age-keygen does",
	    ARGS_OUTPUT, CMD_ID_NONE, cmd_keygen },
	{ "version", "", "print the version", 0, CMD_ID_NONE,
	    cmd_help_version },
	{ "help", "", "print this", 0, CMD_ID_NONE, cmd_help },
	{ 0 },
};

enum { ALWAYS = ARGS_CONFIG | ARGS_VERBOSE | ARGS_QUIET };

const struct cmd *
cmd_table(void)
{
	return table;
}

static int
find(const struct args *a, const struct cmd **ret, struct err *err)
{
	const struct cmd *c = table;
	unsigned foreign;

	if (!a->command)
		return err_set(err, ERR_USAGE,
		    "no command; see 'platform-backup help'");
	while (c->name && strcmp(c->name, a->command) != 0)
		c++;
	if (!c->name)
		return err_set(err, ERR_USAGE,
		    "unknown command '%s'; see 'platform-backup help'",
		    a->command);
	if (c->id == CMD_ID_OR_ALL && !a->id == !a->all)
		return err_set(err, ERR_USAGE,
		    "'%s' needs either the id of a set or '--all'", c->name);
	if (c->id == CMD_ID_NEEDED && !a->id)
		return err_set(err, ERR_USAGE,
		    "'%s' needs the id of a set; 'platform-backup list' shows "
		    "them",
		    c->name);
	if (c->id == CMD_ID_NONE && a->id)
		return err_set(err, ERR_USAGE, "a word too many: '%s'", a->id);
	foreign = a->given & ~(c->options | ALWAYS);
	if (foreign && !(a->given & (ARGS_HELP | ARGS_VERSION)))
		return err_set(err, ERR_USAGE,
		    "option '--%s' does not belong to '%s'; see "
		    "'platform-backup help'",
		    args_name(foreign), c->name);
	*ret = c;
	return 0;
}

static enum cmd_status
run(int argc, char *const argv[], struct console *console)
{
	AUTO(args) struct args a = { 0 };
	const struct cmd *c = NULL;
	enum cmd_status status = CMD_DONE;
	struct err err = { 0 };
	int rc = args_parse(argc, argv, &a, &err);

	log_to(console_log, console,
	    a.verbose ? LOG_DEBUG
	    : a.quiet ? LOG_WARNING
	              : LOG_INFO);
	if (rc == 0)
		rc = find(&a, &c, &err);
	if (rc == 0 && c)
		rc = c->run(&a, console, &status, &err);
	if (rc == 0)
		return status;
	log_error("%s", err.msg);
	if (err_is(&err, ERR_USAGE))
		return CMD_USAGE;
	return CMD_FAILED;
}

int
cmd_main(int argc, char *const argv[], const char *const environment[])
{
	struct console console;
	enum cmd_status status;
	struct env env;

	env_read(&env, environment);
	if (env.kind != ENV_NONE && argc < 2)
		return cmd_juju(&env);
	console_init(&console);
	status = run(argc, argv, &console);
	console_done(&console);
	return (int)status;
}
