/* action_prune.h - the charm's actions that delete sets, or keep them. */
#ifndef CMD_ACTION_PRUNE_H
#define CMD_ACTION_PRUNE_H

#include "base/json.h"
#include "cmd/session.h"

/* The session is open; params: of the action. */
MUST_CHECK int action_prune_run(const struct session *,
    const struct json *params, struct err *);
MUST_CHECK int action_prune_delete(const struct session *,
    const struct json *params, struct err *);
MUST_CHECK int action_prune_hold(const struct session *,
    const struct json *params, bool hold, struct err *);

#endif
