/* cmd_drill.h - the command drill. */
#ifndef CMD_CMD_DRILL_H
#define CMD_CMD_DRILL_H

#include "cmd/cmd.h"

MUST_CHECK int cmd_drill(const struct args *, struct console *,
    enum cmd_status *, struct err *);

#endif
