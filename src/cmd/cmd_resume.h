/* cmd_resume.h - start what a restore that was killed left standing. */
#ifndef CMD_CMD_RESUME_H
#define CMD_CMD_RESUME_H

#include "cmd/cmd.h"

MUST_CHECK int cmd_resume(const struct args *, struct console *,
    enum cmd_status *, struct err *);

#endif
