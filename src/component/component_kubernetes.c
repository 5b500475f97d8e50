#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "component/component.h"
#include "component/kube_backup.h"
#include "component/kube_drill.h"
#include "component/kube_restore.h"
#include "kube/kube.h"

enum { VERSION_MAX = 64 << 10 };

struct kubernetes {
	struct component base;
	const struct config_kubernetes *cfg;
	struct kube_options cluster;
};

static struct kubernetes *
kubernetes_of(struct component *c)
{
	return (struct kubernetes *)c;
}

static int
connect_to(const struct kubernetes *k, struct kube **ret, struct err *err)
{
	if (kube_new(&k->cluster, ret, err) == 0)
		return 0;
	if (err_is(err, ERR_NOTFOUND))
		err->code = ERR_USAGE;
	return -1;
}

/* Rights are looked at by the backup: what is missing degrades it. */
static int
kubernetes_check(struct component *c, bool restore, struct buf *detail,
    struct err *err)
{
	AUTO(kube) struct kube *kube = NULL;
	AUTO(buf) struct buf answer = { .max = VERSION_MAX };
	AUTO(json) struct json *j = NULL;
	struct kube_call call = { .verb = "get",
		.resource = "/version",
		.method = "GET",
		.path = "/version" };
	const char *version;

	(void)restore;
	if (connect_to(kubernetes_of(c), &kube, err) ||
	    kube_ask(kube, &call, &answer, err) ||
	    json_parse(answer.data ? answer.data : "", answer.len, &j, err))
		return -1;
	version = json_opt_str(j, "gitVersion");
	return buf_printf(detail, err, "Kubernetes %s",
	    version ? version : "of no version");
}

static int
kubernetes_backup(struct component *c, struct saver *saver, struct err *err)
{
	const struct kubernetes *k = kubernetes_of(c);
	AUTO(kube) struct kube *kube = NULL;
	struct kube_backup o = { .cfg = k->cfg, .clock = clock_real() };

	if (connect_to(k, &kube, err))
		return -1;
	o.kube = kube;
	return kube_backup(&o, saver, err);
}

static int
kubernetes_restore(struct component *c, struct loader *loader, struct err *err)
{
	static const struct kube_restore_choice all = { 0 };
	AUTO(kube) struct kube *kube = NULL;
	struct kube_restore o = {
		.choice = loader->kubernetes ? loader->kubernetes : &all,
		.clock = clock_real()
	};

	if (connect_to(kubernetes_of(c), &kube, err))
		return -1;
	o.kube = kube;
	return kube_restore(&o, loader, err);
}

static int
kubernetes_drill(struct component *c, struct loader *loader, struct buf *proof,
    struct err *err)
{
	(void)c;
	return kube_drill(loader, proof, err);
}

static void
kubernetes_free(struct component *c)
{
	free(c);
}

static const struct component_ops kubernetes_ops = {
	.type = "kubernetes",
	.check = kubernetes_check,
	.backup = kubernetes_backup,
	.restore = kubernetes_restore,
	.drill = kubernetes_drill,
	.has = component_has_none,
	.free = kubernetes_free,
};

/* to: another kubeconfig, with its own context. */
int
component_kubernetes_new(const struct config_component *cfg, const char *to,
    const char *scratch, struct component **ret, struct err *err)
{
	struct kubernetes *k = calloc(1, sizeof *k);

	(void)scratch;
	if (!k)
		return err_nomem(err);
	k->base.ops = &kubernetes_ops;
	k->base.name = cfg->name;
	k->cfg = &cfg->kubernetes;
	k->cluster = *cfg->kube;
	if (to) {
		k->cluster.kubeconfig = to;
		k->cluster.context = NULL;
	}
	*ret = (struct component *)k;
	return 0;
}
