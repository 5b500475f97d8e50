#include "component/kube_drill.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/tree.h"
#include "component/kube_file.h"
#include "component/kube_tally.h"
#include "stream/untar.h"

static int
take_file(void *arg, const struct untar_file *file, struct err *err)
{
	AUTO(kube_file) struct kube_file f = { 0 };
	AUTO(tree) struct tree *t = NULL;

	if (kube_file_parse(file->name, &f, err))
		return -1;
	if (kube_file_read(&f, file->data, file->size, &t, err))
		return err_wrap(err, "file '%s'", file->name);
	return kube_tally_add(arg, f.resource, 1, err);
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
	AUTO(kube_tally) struct kube_tally found = { 0 };
	AUTO(sink) struct sink *to = NULL;

	if (untar_new(KUBE_FILE_MAX, take_file, &found, &to, err) ||
	    loader->ops->stream(loader, "tar", to, err))
		return -1;
	if (loader->facts && compare(&found, loader->facts, err))
		return -1;
	return buf_printf(proof, err,
	    "%" PRIu64 " objects of %zu resources as they were saved",
	    found.total, found.count);
}
