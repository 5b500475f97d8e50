#include "component/kube_drill.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/tree.h"
#include "component/kube_file.h"
#include "component/kube_tally.h"
#include "stream/untar.h"

struct drill {
	struct loader *loader;
	struct kube_tally found;
};

static int
refer(void *arg, const char *uri, struct err *err)
{
	struct loader *loader = arg;

	return loader->ops->reference(loader, uri, err);
}

static int
take_file(void *arg, const struct untar_file *file, struct err *err)
{
	struct drill *d = arg;
	AUTO(kube_file) struct kube_file f = { 0 };
	AUTO(tree) struct tree *t = NULL;

	if (kube_file_parse(file->name, &f, err))
		return -1;
	if (kube_file_read(&f, file->data, file->size, &t, err))
		return err_wrap(err, "file '%s'", file->name);
	return kube_file_uris(t, refer, d->loader, err) ||
	               kube_tally_add(&d->found, f.resource, 1, err)
	           ? -1
	           : 0;
}

static int
compare(const struct kube_tally *found, const struct json *facts,
    struct err *err)
{
	const struct json *j = json_first(json_opt(facts, "resources"));

	if (found->total != json_opt_u64(facts, "objects"))
		return err_set(err, ERR_CORRUPT,
		    "%" PRIu64 " objects came, %" PRIu64 " were saved",
		    found->total, json_opt_u64(facts, "objects"));
	for (; j; j = json_next(j)) {
		uint64_t was =
		    json_opt_u64(json_opt(facts, "resources"), json_name(j));
		uint64_t is = kube_tally_of(found, json_name(j));

		if (was != is)
			return err_set(err, ERR_CORRUPT,
			    "%" PRIu64 " %s came, %" PRIu64 " were saved", is,
			    json_name(j), was);
	}
	return 0;
}

int
kube_drill(struct loader *loader, struct buf *proof, struct err *err)
{
	struct drill d = { .loader = loader };
	AUTO(sink) struct sink *to = NULL;
	int rc = -1;

	if (untar_new(KUBE_FILE_MAX, take_file, &d, &to, err) == 0 &&
	    loader->ops->stream(loader, "tar", to, err) == 0 &&
	    (!loader->facts || compare(&d.found, loader->facts, err) == 0))
		rc = buf_printf(proof, err,
		    "%" PRIu64 " objects of %zu resources as they were saved",
		    d.found.total, d.found.count);
	kube_tally_done(&d.found);
	return rc;
}
