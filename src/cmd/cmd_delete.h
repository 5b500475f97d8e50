/* cmd_delete.h - the command delete. */
#ifndef CMD_CMD_DELETE_H
#define CMD_CMD_DELETE_H

#include "cmd/cmd.h"

MUST_CHECK int cmd_delete(const struct args *, struct console *,
    enum cmd_status *, struct err *);

#endif
