/* cmd_show.h - the command show. */
#ifndef CMD_CMD_SHOW_H
#define CMD_CMD_SHOW_H

#include "cmd/cmd.h"

MUST_CHECK int cmd_show(const struct args *, struct console *,
    enum cmd_status *, struct err *);

#endif
