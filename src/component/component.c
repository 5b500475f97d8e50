#include "component/component.h"

#include "component/pod_place.h"

int
component_open(const struct config_component *cfg, const char *to,
    const char *scratch, struct component **ret, struct err *err)
{
	switch (cfg->type) {
	case CONFIG_SQLITE:
		return component_sqlite_new(cfg, to, scratch, ret, err);
	case CONFIG_BUCKET:
		return component_bucket_new(cfg, to, scratch, ret, err);
	case CONFIG_MYSQL:
		return component_mysql_new(cfg, to, scratch, ret, err);
	case CONFIG_POSTGRESQL:
		return component_postgresql_new(cfg, to, scratch, ret, err);
	case CONFIG_KUBERNETES:
		return component_kubernetes_new(cfg, to, scratch, ret, err);
	}
	return err_set(err, ERR_USAGE, "component '%s' has no type", cfg->name);
}

int
component_is_absent(const struct config_component *cfg, bool *ret,
    struct err *err)
{
	*ret = false;
	if (cfg->type != CONFIG_SQLITE || !cfg->sqlite.pod.optional)
		return 0;
	return pod_place_is_absent(cfg->kube, &cfg->sqlite.pod, ret, err);
}

void
component_free(struct component *c)
{
	if (c)
		c->ops->free(c);
}

int
component_has_none(struct component *c, const char *key, bool *ret,
    struct err *err)
{
	(void)c;
	(void)key;
	(void)err;
	*ret = false;
	return 0;
}
