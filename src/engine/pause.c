#include "engine/pause.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

enum { LOOK_EVERY_MS = 500, CONFLICT_TRIES = 20, CONFLICT_WAIT_MS = 250 };

/* --- what is to be paused */

/* "name" in the namespace that is usual here, or "namespace/name". */
static int
split(const struct pause *p, const char *text, struct pause_workload *w,
    struct err *err)
{
	const char *slash = strchr(text, '/');

	if (!slash)
		return str_dup(kube_namespace(p->kube), &w->namespace, err) ||
		               str_dup(text, &w->name, err)
		           ? -1
		           : 0;
	return str_cut(text, (size_t)(slash - text), &w->namespace, err) ||
	               str_dup(slash + 1, &w->name, err)
	           ? -1
	           : 0;
}

static void
free_workload(struct pause_workload *w)
{
	kube_scale_done(&w->scale);
	free(w->namespace);
	free(w->name);
	*w = (struct pause_workload){ 0 };
}

static bool
is_there(const struct pause *p, const struct pause_workload *w)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->workload[i].name, w->name) == 0 &&
		    strcmp(p->workload[i].namespace, w->namespace) == 0)
			return true;
	return false;
}

static int
add(struct pause *p, const char *text, struct err *err)
{
	struct pause_workload *w = &p->workload[p->count];

	if (split(p, text, w, err)) {
		free_workload(w);
		return -1;
	}
	if (is_there(p, w)) {
		free_workload(w);
		return 0;
	}
	w->scale.namespace = w->namespace;
	w->scale.name = w->name;
	p->count++;
	return 0;
}

/* What is restored elsewhere has no writers yet. */
static const struct config_component *
paused_for(const struct plan_job *j)
{
	return j->to ? NULL : j->component;
}

static size_t
count_names(const struct plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->count; i++)
		if (paused_for(&plan->job[i]))
			n += plan->job[i].component->npause;
	return n;
}

static int
add_all(struct pause *p, const struct config_component *c, struct err *err)
{
	for (size_t i = 0; i < c->npause; i++)
		if (add(p, c->pause[i], err))
			return -1;
	return 0;
}

int
pause_open(const struct plan *plan, const struct kube_options *o,
    const struct clock *clock, struct pause *ret, struct err *err)
{
	size_t n = count_names(plan);

	*ret = (struct pause){ .clock = clock };
	if (n == 0)
		return 0;
	ret->workload = calloc(n, sizeof *ret->workload);
	if (!ret->workload)
		return err_nomem(err);
	if (kube_new(o, &ret->kube, err))
		return err_wrap(err, "'pause'");
	for (size_t i = 0; i < plan->count; i++)
		if (paused_for(&plan->job[i]) &&
		    add_all(ret, plan->job[i].component, err))
			return -1;
	return 0;
}

int
pause_look(struct pause *p, bool may_be_made, struct err *err)
{
	for (size_t i = 0; i < p->count; i++) {
		if (kube_scale_look(p->kube, &p->workload[i].scale, err) == 0)
			continue;
		if (!may_be_made || !err_is(err, ERR_NOTFOUND))
			return err_wrap(err, "'pause'");
		*err = (struct err){ 0 };
	}
	return 0;
}

/* Controllers write to the same object when they like, mostly just after it
 * was scaled: then what is now is looked at, and it is tried again. */
static int
persist(struct pause *p, struct pause_workload *w,
    int (*step)(struct pause *, struct pause_workload *, struct err *),
    struct err *err)
{
	for (int left = CONFLICT_TRIES; step(p, w, err); left--) {
		if (!err_is(err, ERR_CHANGED) || left == 1)
			return -1;
		*err = (struct err){ 0 };
		clock_sleep_ms(p->clock, CONFLICT_WAIT_MS);
	}
	return 0;
}

/* --- to 0 */

static int
stop(struct pause *p, struct pause_workload *w, struct err *err)
{
	if (kube_scale_look(p->kube, &w->scale, err))
		return -1;
	if (w->scale.replicas == 0)
		return 0;
	if (kube_scale_pause(p->kube, &w->scale, err))
		return err_wrap(err, "scale '%s' in namespace '%s' to 0",
		    w->name, w->namespace);
	log_info("scaled '%s' in namespace '%s' from %" PRIu64 " to 0", w->name,
	    w->namespace, w->scale.replicas);
	return 0;
}

static int
is_still(struct pause *p, struct pause_workload *w, bool *still,
    struct err *err)
{
	if (kube_scale_look(p->kube, &w->scale, err) ||
	    kube_scale_ended(p->kube, &w->scale, still, err))
		return -1;
	if (w->scale.replicas == 0)
		return 0;
	return err_set(err, ERR_CHANGED,
	    "'%s' in namespace '%s' was scaled to 0 and somebody scaled it "
	    "back to %" PRIu64 ": stop it where it is managed (juju "
	    "scale-application, an autoscaler), then restore again",
	    w->name, w->namespace, w->scale.replicas);
}

static int
await(struct pause *p, struct pause_workload *w, int64_t until, struct err *err)
{
	for (;;) {
		bool still = false;

		if (is_still(p, w, &still, err))
			return -1;
		if (still)
			return 0;
		if (clock_mono_ms(p->clock) > until)
			return err_set(err, ERR_TRANSIENT,
			    "pods of '%s' in namespace '%s' still run %d s "
			    "after it was scaled to 0",
			    w->name, w->namespace, PAUSE_WAIT_S);
		clock_sleep_ms(p->clock, LOOK_EVERY_MS);
	}
}

int
pause_begin(struct pause *p, struct err *err)
{
	int64_t until = clock_mono_ms(p->clock) + PAUSE_WAIT_S * INT64_C(1000);

	if (pause_look(p, false, err))
		return -1;
	for (size_t i = 0; i < p->count; i++)
		if (persist(p, &p->workload[i], stop, err))
			return -1;
	for (size_t i = 0; i < p->count; i++)
		if (await(p, &p->workload[i], until, err))
			return -1;
	return 0;
}

/* --- back */

static int
start(struct pause *p, struct pause_workload *w, struct err *err)
{
	if (kube_scale_look(p->kube, &w->scale, err))
		return -1;
	if (!w->scale.paused)
		return 0;
	if (kube_scale_resume(p->kube, &w->scale, err))
		return -1;
	w->resumed = true;
	log_info("scaled '%s' in namespace '%s' back to %" PRIu64, w->name,
	    w->namespace, kube_scale_wanted(&w->scale));
	return 0;
}

int
pause_resume(struct pause *p, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct pause_workload *w = &p->workload[i];
		struct err why = { 0 };

		if (persist(p, w, start, &why) == 0)
			continue;
		(void)err_wrap(&why,
		    "'%s' in namespace '%s' still stands: run "
		    "'platform-backup resume'",
		    w->name, w->namespace);
		if (rc == 0)
			*err = why;
		else
			log_error("%s", why.msg);
		rc = -1;
	}
	return rc;
}

void
pause_done(struct pause *p)
{
	for (size_t i = 0; i < p->count; i++)
		free_workload(&p->workload[i]);
	free(p->workload);
	kube_free(p->kube);
	*p = (struct pause){ 0 };
}
