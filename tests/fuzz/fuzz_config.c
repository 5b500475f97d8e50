/*
 * fuzz_config.c - any text as a configuration: refused with the place where it
 * is wrong, or one in which everything that is needed is there.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool right)
{
	if (!right)
		abort();
}

static void
check_bucket(const struct s3_options *s)
{
	must(s->bucket && s->access_key && s->secret_key);
}

static void
check_component(const struct config_component *c)
{
	must(c->name && config_type_name(c->type));
	switch (c->type) {
	case CONFIG_SQLITE:
		must(c->sqlite.path && c->sqlite.path[0] == '/');
		break;
	case CONFIG_BUCKET:
		check_bucket(&c->bucket.s3);
		break;
	case CONFIG_MYSQL:
	case CONFIG_POSTGRESQL:
		must(c->database.database && c->database.username);
		break;
	case CONFIG_KUBERNETES:
		must(c->kubernetes.cluster <= CONFIG_CLUSTER_OFF);
		break;
	}
}

static void
check(const struct config *c)
{
	const struct config_repository *r = &c->repository;

	must(r->name && c->scratch);
	if (r->path)
		must(r->path[0] == '/');
	else
		check_bucket(&r->s3);
	must(c->limits.transfers > 0 && c->limits.memory > 0);
	for (size_t i = 0; i < c->ncomponents; i++)
		check_component(&c->components[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(config) struct config *c = NULL;
	struct tree *t = NULL;
	struct err err = { 0 };

	/* a secret may be in a file: none is read here */
	if (memmem(p, n, "-file", 5) ||
	    yaml_parse((const char *)p, n, "f", &t, &err))
		return 0;
	if (config_decode(t, &c, &err) == 0)
		check(c);
	else
		must(err_is(&err, ERR_USAGE) && err.msg[0] != '\0');
	return 0;
}
