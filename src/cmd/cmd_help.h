/* cmd_help.h - the commands help and version. */
#ifndef CMD_CMD_HELP_H
#define CMD_CMD_HELP_H

#include "cmd/cmd.h"

MUST_CHECK int cmd_help(const struct args *, struct console *,
    enum cmd_status *, struct err *);

MUST_CHECK int cmd_help_version(const struct args *, struct console *,
    enum cmd_status *, struct err *);

#endif
