/* cmd_restore.h - the command restore. */
#ifndef CMD_CMD_RESTORE_H
#define CMD_CMD_RESTORE_H

#include "cmd/cmd.h"

MUST_CHECK int cmd_restore(const struct args *, struct console *,
    enum cmd_status *, struct err *);

#endif
