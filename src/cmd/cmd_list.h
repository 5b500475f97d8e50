/* cmd_list.h - the command list. */
#ifndef CMD_CMD_LIST_H
#define CMD_CMD_LIST_H

#include "cmd/cmd.h"

MUST_CHECK int cmd_list(const struct args *, struct console *,
    enum cmd_status *, struct err *);

#endif
