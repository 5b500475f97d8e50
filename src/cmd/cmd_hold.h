/* cmd_hold.h - the commands hold and release. */
#ifndef CMD_CMD_HOLD_H
#define CMD_CMD_HOLD_H

#include "cmd/cmd.h"

MUST_CHECK int cmd_hold(const struct args *, struct console *,
    enum cmd_status *, struct err *);
MUST_CHECK int cmd_hold_release(const struct args *, struct console *,
    enum cmd_status *, struct err *);

#endif
