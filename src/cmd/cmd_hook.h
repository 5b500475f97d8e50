/*
 * cmd_hook.h - a hook of the charm.  All hooks do the same: tell the related
 * charms what they wait for, ask Juju for everything, show what is missing.
 * So a hook that was missed is made good by the next one.
 */
#ifndef CMD_CMD_HOOK_H
#define CMD_CMD_HOOK_H

#include "base/err.h"
#include "juju/env.h"

/*
 * What other charms or people got wrong becomes the unit's status, and what
 * Juju refuses a warning: neither is an error, since a hook that fails is
 * tried again for ever.  A hook that is not known is done at once.
 */
MUST_CHECK int cmd_hook(const struct env *, struct err *);

#endif
