#include "component/kube_missing.h"

#include <stdarg.h>
#include <string.h>

#include "base/str.h"
#include "component/kube_needs.h"
#include "component/kube_tally.h"

enum { ASKED_MAX = 1000, NAMES_MAX = 20, PATH_MAX_LEN = 4096 };

static const char *const resources[] = { "secrets", "configmaps",
	"persistentvolumeclaims", "serviceaccounts" };
enum { RESOURCES = sizeof resources / sizeof *resources };

struct search {
	const struct kube_apply *o;
	struct loader *loader;
	const struct kube_item *it; /* who needs */
	struct kube_tally asked;    /* names of files */
	uint64_t unknown;           /* not asked for any more */
	struct err why;             /* that ended it */
	struct lack {
		bool brought; /* the set has some of that resource */
		size_t count;
		char *first;
	} lack[RESOURCES];
};

/* --- what is there */

static bool
will_be(const struct search *s, const struct kube_item *it)
{
	switch (it->state) {
	case KUBE_MADE:
	case KUBE_UPDATED:
	case KUBE_UNCHANGED:
		return true;
	case KUBE_WAITS:
		return s->o->dry_run;
	case KUBE_LEFT_OUT:
	case KUBE_FAILED:
	case KUBE_STATES:
		break;
	}
	return false;
}

static bool
is_in_set(const struct search *s, const struct kube_file *f)
{
	const struct kube_item *it =
	    kube_spool_find(s->o->spool, f->namespace, f->resource, f->name);

	return it && will_be(s, it);
}

/* Nothing of it is kept: it may be a secret. */
static int
ask(const struct search *s, const struct kube_file *f, struct err *err)
{
	AUTO(buf) struct buf path = { .max = PATH_MAX_LEN };
	const char *to = tree_text(s->o->choice->namespaces, f->namespace);
	const struct kube_resource *r =
	    kube_discovery_find(s->o->served, "", f->resource);
	struct kube_call call = { .verb = "get",
		.resource = f->resource,
		.namespace = to ? to : f->namespace,
		.method = "GET" };

	if (!r)
		return err_set(err, ERR_REMOTE, "no %s are served",
		    f->resource);
	if (kube_discovery_path(r, call.namespace, f->name, &path, err))
		return -1;
	call.path = path.data;
	return kube_do(s->o->kube, &call, NULL, err);
}

/* --- what is not */

static struct lack *
lack_of(struct search *s, const char *resource)
{
	size_t i = 0;

	while (strcmp(resources[i], resource) != 0)
		i++;
	return &s->lack[i];
}

static int
miss(struct search *s, const struct kube_file *f, struct err *err)
{
	struct lack *l = lack_of(s, f->resource);
	const struct kube_file *by = &s->it->file;

	l->count++;
	if (l->brought && l->count <= NAMES_MAX)
		s->loader->ops->note(s->loader,
		    "missing: %s %s/%s, which %s %s/%s needs, is neither in "
		    "the set nor in the cluster",
		    f->resource, f->namespace, f->name, by->resource,
		    by->namespace, by->name);
	if (l->first)
		return 0;
	return str_printf(&l->first, err, "%s/%s, which %s %s/%s needs",
	    f->namespace, f->name, by->resource, by->namespace, by->name);
}

static int
look_for(struct search *s, const struct kube_file *f, struct err *err)
{
	if (!err_is(&s->why, ERR_NONE)) {
		s->unknown++;
		return 0;
	}
	if (ask(s, f, &s->why) == 0)
		return 0;
	if (err_is(&s->why, ERR_NOMEM))
		return err_nomem(err);
	if (!err_is(&s->why, ERR_NOTFOUND)) {
		s->unknown++;
		return 0;
	}
	s->why = (struct err){ 0 };
	return miss(s, f, err);
}

static int
take_need(void *arg, const char *resource, const char *name, struct err *err)
{
	struct search *s = arg;
	AUTO(buf) struct buf key = { .max = PATH_MAX_LEN };
	AUTO(kube_file) struct kube_file f = { 0 };

	if (str_dup(s->it->file.namespace, &f.namespace, err) ||
	    str_dup(resource, &f.resource, err) || str_dup(name, &f.name, err))
		return -1;
	if (is_in_set(s, &f))
		return 0;
	if (kube_file_name(&f, &key, err))
		return -1;
	if (kube_tally_of(&s->asked, key.data) > 0)
		return 0;
	if (s->asked.count == ASKED_MAX) {
		s->unknown++;
		return 0;
	}
	return kube_tally_add(&s->asked, key.data, 1, err) ||
	               look_for(s, &f, err)
	           ? -1
	           : 0;
}

/* --- all of them */

/* What is only data may be called as a field of a pod is. */
static bool
may_need(const struct search *s, const struct kube_item *it)
{
	if (!it->file.namespace || strcmp(it->file.resource, "secrets") == 0 ||
	    strcmp(it->file.resource, "configmaps") == 0)
		return false;
	/* what was there is not what was saved */
	if (it->state == KUBE_UNCHANGED && !s->o->choice->update)
		return false;
	return will_be(s, it);
}

static int
go_through(struct search *s, struct err *err)
{
	const struct kube_spool *all = s->o->spool;

	for (size_t i = 0; i < all->count; i++)
		for (size_t k = 0; k < RESOURCES; k++)
			if (strcmp(all->item[i].file.resource, resources[k]) ==
			    0)
				s->lack[k].brought = true;
	for (size_t i = 0; i < all->count; i++) {
		AUTO(tree) struct tree *t = NULL;

		s->it = &all->item[i];
		if (may_need(s, s->it) &&
		    (kube_spool_read(all, s->it, &t, err) ||
		        kube_needs(t, take_need, s, err)))
			return -1;
	}
	return 0;
}

static void
sum_up(const struct search *s)
{
	struct loader *to = s->loader;

	for (size_t i = 0; i < RESOURCES; i++) {
		const struct lack *l = &s->lack[i];

		if (l->count > 0 && !l->brought)
			to->ops->note(to,
			    "missing: %zu %s, none of which this set brings "
			    "and the cluster has; the first is %s",
			    l->count, resources[i], l->first);
		else if (l->count > NAMES_MAX)
			to->ops->note(to, "missing: %zu more %s",
			    l->count - NAMES_MAX, resources[i]);
	}
	if (s->unknown > 0)
		to->ops->note(to,
		    "%ju more names that pods need were not looked for: %s",
		    (uintmax_t)s->unknown,
		    err_is(&s->why, ERR_NONE) ? "they are too many"
		                              : s->why.msg);
}

int
kube_missing(const struct kube_apply *o, struct loader *loader, struct err *err)
{
	struct search s = { .o = o, .loader = loader };
	int rc = go_through(&s, err);

	if (rc == 0)
		sum_up(&s);
	kube_tally_done(&s.asked);
	for (size_t i = 0; i < RESOURCES; i++)
		free(s.lack[i].first);
	return rc;
}
