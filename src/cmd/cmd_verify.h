/* cmd_verify.h - the command verify. */
#ifndef CMD_CMD_VERIFY_H
#define CMD_CMD_VERIFY_H

#include "cmd/cmd.h"

MUST_CHECK int cmd_verify(const struct args *, struct console *,
    enum cmd_status *, struct err *);

#endif
