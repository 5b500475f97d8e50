/*
 * kube_file.h - an object of a cluster as a file:
 *   namespaces/<namespace>/<resource>[.<group>]/<name>.yaml
 *   cluster/<resource>[.<group>]/<name>.yaml
 */
#ifndef COMPONENT_KUBE_FILE_H
#define COMPONENT_KUBE_FILE_H

#include "base/buf.h"
#include "base/tree.h"

/* What an API server takes: 1.5 MiB of etcd's, 3 MiB of a request; as YAML a
 * byte may become four. */
enum { KUBE_FILE_MAX = 12 << 20 };

struct kube_file {
	char *namespace; /* NULL: of the cluster */
	char *resource;  /* as kube_discovery_name gives it */
	char *name;
};

/* Append the file's name. */
MUST_CHECK int kube_file_name(const struct kube_file *, struct buf *,
    struct err *);
/* ERR_CORRUPT: no name of an object. */
MUST_CHECK int kube_file_parse(const char *, struct kube_file *, struct err *);
void kube_file_done(struct kube_file *);

/* The object, of the place that the file's name says: ERR_CORRUPT otherwise. */
MUST_CHECK int kube_file_read(const struct kube_file *, const char *text,
    size_t len, struct tree **, struct err *);

/*
 * Each text of the object that says where something lies in a bucket,
 * s3://bucket/key or minio://bucket/key, such as the model of an
 * InferenceService.  Not those with something to be filled in: {{…}}, $(…).
 */
typedef int kube_file_uri(void *arg, const char *uri, struct err *);
MUST_CHECK int kube_file_uris(const struct tree *, kube_file_uri *, void *arg,
    struct err *);

static inline void
scope_kube_file(struct kube_file *f)
{
	kube_file_done(f);
}

#endif
