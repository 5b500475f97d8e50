/* restore_choice.h - what a person says of the objects of a cluster that are to
 * be put back: options of 'restore', parameters of its action. */
#ifndef CMD_RESTORE_CHOICE_H
#define CMD_RESTORE_CHOICE_H

#include "component/kube_restore.h"

/* NULL or "": not given.  Lists have ',' between their words. */
struct restore_texts {
	const char *include_namespaces, *exclude_namespaces;
	const char *include_resources, *exclude_resources;
	const char *selector;    /* a=b,c=d: all of them */
	const char *or_selector; /* a=b or c=d: one of them */
	const char *mapping;     /* old:new */
	const char *policy;      /* none, update */
};

struct restore_choice {
	struct kube_restore_choice kube;
	struct tree *tree; /* what its lists are */
};

/* { 0 } first; done also after a failure. */
MUST_CHECK int restore_choice_read(const struct restore_texts *,
    struct restore_choice *, struct err *);
void restore_choice_done(struct restore_choice *);

static inline void
scope_restore_choice(struct restore_choice *c)
{
	restore_choice_done(c);
}

#endif
