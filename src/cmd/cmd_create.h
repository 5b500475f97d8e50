/* cmd_create.h - the command create. */
#ifndef CMD_CMD_CREATE_H
#define CMD_CMD_CREATE_H

#include "cmd/cmd.h"

MUST_CHECK int cmd_create(const struct args *, struct console *,
    enum cmd_status *, struct err *);

#endif
