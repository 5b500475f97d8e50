#include "component/kube_spool.h"

#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "stream/untar.h"

enum { ITEMS_MAX = 2000000 };

/* --- order */

static const struct {
	const char *resource;
	unsigned rank;
} ranks[] = {
	{ "customresourcedefinitions.apiextensions.k8s.io", 0 },
	{ "namespaces", 1 },
	{ "profiles.kubeflow.org", 2 },
	{ "priorityclasses.scheduling.k8s.io", 2 },
	{ "storageclasses.storage.k8s.io", 2 },
	{ "serviceaccounts", 3 },
	{ "secrets", 4 },
	{ "configmaps", 5 },
	{ "persistentvolumes", 6 },
	{ "persistentvolumeclaims", 7 },
	{ "limitranges", 8 },
	{ "resourcequotas", 8 },
	{ "clusterroles.rbac.authorization.k8s.io", 9 },
	{ "roles.rbac.authorization.k8s.io", 9 },
	{ "clusterrolebindings.rbac.authorization.k8s.io", 10 },
	{ "rolebindings.rbac.authorization.k8s.io", 10 },
	{ "deployments.apps", 30 },
	{ "statefulsets.apps", 30 },
	{ "daemonsets.apps", 30 },
	{ "replicasets.apps", 31 },
	{ "cronjobs.batch", 31 },
	{ "jobs.batch", 32 },
	{ "pods", 33 },
	{ "mutatingwebhookconfigurations.admissionregistration.k8s.io", 40 },
	{ "validatingwebhookconfigurations.admissionregistration.k8s.io", 40 },
	{ "apiservices.apiregistration.k8s.io", 41 },
};
enum { RANK_REST = 20, RANK_GUARDS = 40 };

static unsigned
rank_of(const char *resource)
{
	for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++)
		if (strcmp(ranks[i].resource, resource) == 0)
			return ranks[i].rank;
	return RANK_REST;
}

bool
kube_spool_guards(const struct kube_item *it)
{
	return it->rank >= RANK_GUARDS;
}

/* NULL is less than any name. */
static int
order(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int
order_places(const struct kube_file *a, const struct kube_file *b)
{
	int by = strcmp(a->resource, b->resource);

	if (by == 0)
		by = order(a->namespace, b->namespace);
	return by ? by : strcmp(a->name, b->name);
}

static int
order_items(const void *a, const void *b)
{
	const struct kube_item *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return order_places(&x->file, &y->file);
}

struct kube_item *
kube_spool_find(const struct kube_spool *s, const char *namespace,
    const char *resource, const char *name)
{
	struct kube_item want = { .rank = rank_of(resource) };
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		struct kube_item *it = &s->item[mid];
		int by = it->rank < want.rank ? 1
		         : it->rank > want.rank
		             ? -1
		             : strcmp(resource, it->file.resource);

		if (by == 0)
			by = order(namespace, it->file.namespace);
		if (by == 0)
			by = strcmp(name, it->file.name);
		if (by == 0)
			return it;
		if (by < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* --- filling */

static int
make_room(struct kube_spool *s, struct err *err)
{
	size_t room = s->room ? 2 * s->room : 256;
	struct kube_item *more;

	if (s->count < s->room)
		return 0;
	if (s->count >= ITEMS_MAX)
		return err_set(err, ERR_CORRUPT, "more than %d objects",
		    ITEMS_MAX);
	more = realloc(s->item, room * sizeof *more);
	if (!more)
		return err_nomem(err);
	s->item = more;
	s->room = room;
	return 0;
}

static int
take_file(void *arg, const struct untar_file *file, struct err *err)
{
	struct kube_spool *s = arg;
	struct kube_item *it;

	if (make_room(s, err))
		return -1;
	it = &s->item[s->count];
	*it = (struct kube_item){ .at = s->bytes, .size = file->size };
	if (kube_file_parse(file->name, &it->file, err))
		return -1;
	s->count++;
	it->rank = rank_of(it->file.resource);
	if (file_write_all(s->fd, file->data, file->size, err))
		return err_wrap(err, "cannot keep the objects");
	s->bytes += file->size;
	return 0;
}

int
kube_spool_fill(struct kube_spool *s, struct loader *loader, struct err *err)
{
	AUTO(sink) struct sink *to = NULL;

	if (file_scratch(loader->scratch, &s->fd, err) ||
	    untar_new(KUBE_FILE_MAX, take_file, s, &to, err) ||
	    loader->ops->stream(loader, "tar", to, err))
		return -1;
	if (s->count > 0)
		qsort(s->item, s->count, sizeof *s->item, order_items);
	for (size_t i = 1; i < s->count; i++)
		if (order_items(&s->item[i - 1], &s->item[i]) == 0)
			return err_set(err, ERR_CORRUPT,
			    "%s '%s' is in the tar twice",
			    s->item[i].file.resource, s->item[i].file.name);
	return 0;
}

int
kube_spool_read(const struct kube_spool *s, const struct kube_item *it,
    struct tree **ret, struct err *err)
{
	AUTO(free) char *text = malloc(it->size + 1);
	size_t done = 0;

	if (!text)
		return err_nomem(err);
	while (done < it->size) {
		ssize_t n = pread(s->fd, text + done, it->size - done,
		    (off_t)(it->at + done));

		if (n <= 0)
			return err_sys(err, "cannot read the objects");
		done += (size_t)n;
	}
	return kube_file_read(&it->file, text, it->size, ret, err);
}

void
kube_spool_done(struct kube_spool *s)
{
	for (size_t i = 0; i < s->count; i++) {
		kube_file_done(&s->item[i].file);
		free(s->item[i].why);
		free(s->item[i].moved);
	}
	free(s->item);
	scope_close(&s->fd);
	*s = (struct kube_spool){ .fd = -1 };
}
