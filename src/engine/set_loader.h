/* set_loader.h - what a component is given when its part of a set is read. */
#ifndef ENGINE_SET_LOADER_H
#define ENGINE_SET_LOADER_H

#include "component/component.h"
#include "engine/load_objects.h"
#include "engine/references.h"

/* What the components of one run share. */
struct set_loader_env {
	struct repo *repo;
	const struct config *config;
	struct references *references; /* NULL: nobody looks them up */
	const struct kube_restore_choice *kubernetes; /* or NULL */
	bool exact, dry_run;
};

struct set_loader {
	struct loader loader; /* for the component */
	const struct set_loader_env *env;
	const struct manifest_component *mc;
	struct json *facts;
	struct progress_meter meter; /* started and stopped by the caller */
	struct load_counts counts;
	/* One line for the administrator. */
	void (*note)(void *arg, const char *text);
	void *arg;
};

/* note, arg: the caller's, afterwards.  Done also after a failure. */
MUST_CHECK int set_loader_init(struct set_loader *,
    const struct set_loader_env *, const struct manifest_component *,
    struct err *);
void set_loader_done(struct set_loader *);

#endif
