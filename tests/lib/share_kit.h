/* share_kit.h - a plan and shares of workers, to be encoded and broken. */
#ifndef LIB_SHARE_KIT_H
#define LIB_SHARE_KIT_H

#include "repo/share.h"

/* For three workers: a bucket of two that is cut, and two components that are
 * saved; one key is no text. */
MUST_CHECK int share_kit_plan(struct share_plan **, struct err *);
/* What that worker of it has saved. */
MUST_CHECK int share_kit_share(unsigned worker, struct share **, struct err *);

#endif
