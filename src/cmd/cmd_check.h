/* cmd_check.h - the command check. */
#ifndef CMD_CMD_CHECK_H
#define CMD_CMD_CHECK_H

#include "cmd/cmd.h"

MUST_CHECK int cmd_check(const struct args *, struct console *,
    enum cmd_status *, struct err *);

#endif
