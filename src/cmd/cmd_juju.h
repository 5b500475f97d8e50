/* cmd_juju.h - started by Juju: a hook or an action, with Juju's log. */
#ifndef CMD_CMD_JUJU_H
#define CMD_CMD_JUJU_H

#include "juju/env.h"

/* The exit status: 0 unless Juju itself cannot be talked to. */
int cmd_juju(const struct env *);

#endif
