/* cmd_action.h - an action of the charm (actions.yaml). */
#ifndef CMD_CMD_ACTION_H
#define CMD_CMD_ACTION_H

#include "base/err.h"
#include "juju/env.h"

/*
 * What goes wrong is told to Juju by action-fail, and is no error: an exit
 * status other than 0 would hide its words.
 */
MUST_CHECK int cmd_action(const struct env *, struct err *);

#endif
