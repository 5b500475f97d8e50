/* cmd_keygen.h - the command keygen. */
#ifndef CMD_CMD_KEYGEN_H
#define CMD_CMD_KEYGEN_H

#include "cmd/cmd.h"

MUST_CHECK int cmd_keygen(const struct args *, struct console *,
    enum cmd_status *, struct err *);

#endif
