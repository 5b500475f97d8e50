#include "cmd/cmd_help.h"

#include <string.h>

#include "cmd/output.h"

static int
describe(struct buf *out, const struct cmd *c, struct err *err)
{
	AUTO(free) char *options = NULL;

	if (buf_printf(out, err, "\n%s%s%s\n    %s\n", c->name,
	        *c->words ? " " : "", c->words, c->text))
		return -1;
	if (c->options == 0)
		return 0;
	return args_describe(c->options, &options, err) ||
	               buf_puts(out, options, err)
	           ? -1
	           : 0;
}

int
cmd_help(const struct args *a, struct console *console, enum cmd_status *status,
    struct err *err)
{
	AUTO(buf) struct buf out = { .max = 64 << 10 };
	AUTO(free) char *options = NULL;

	(void)a;
	(void)console;
	(void)status;
	if (buf_puts(&out,
	        "usage: platform-backup [-c FILE] COMMAND [OPTION...]\n"
	        "\nSave all of a platform's state as one set, and put it "
	        "back.\n\n",
	        err) ||
	    args_describe(ARGS_CONFIG | ARGS_VERBOSE | ARGS_QUIET | ARGS_HELP |
	                      ARGS_VERSION,
	        &options, err) ||
	    buf_puts(&out, options, err))
		return -1;
	for (const struct cmd *c = cmd_table(); c->name; c++)
		if (describe(&out, c, err))
			return -1;
	if (buf_puts(&out,
	        "\nID is a set's as 'list' shows it, or 'latest'.\n"
	        "\nExit status: 0 done, 1 failed, 2 usage or configuration, 3 "
	        "the set is stored\nbut a component is degraded or failed.\n",
	        err))
		return -1;
	return output_text(&out, err);
}

int
cmd_help_version(const struct args *a, struct console *console,
    enum cmd_status *status, struct err *err)
{
	static const char text[] = "platform-backup " VERSION "\n";
	AUTO(buf) struct buf out = { .max = sizeof text };

	(void)a;
	(void)console;
	(void)status;
	if (buf_puts(&out, text, err))
		return -1;
	return output_text(&out, err);
}
