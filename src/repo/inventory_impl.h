/* inventory_impl.h - inside of inventory_*.c only. */
#ifndef REPO_INVENTORY_IMPL_H
#define REPO_INVENTORY_IMPL_H

#include "repo/inventory.h"

/* As inventory_decode, without a JSON document.  *plain false: the line has
 * something for which one is needed, and be it a mistake; ret is untouched. */
MUST_CHECK int inventory_plain(const char *line, size_t len,
    struct inventory_entry *ret, bool *plain, struct err *);

#endif
