/* cmd_prune.h - the command prune. */
#ifndef CMD_CMD_PRUNE_H
#define CMD_CMD_PRUNE_H

#include "cmd/cmd.h"

MUST_CHECK int cmd_prune(const struct args *, struct console *,
    enum cmd_status *, struct err *);

#endif
