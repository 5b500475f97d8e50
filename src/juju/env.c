#include "juju/env.h"

#include <string.h>

#include "base/str.h"

static const char *
value(const char *const *environment, const char *name)
{
	size_t n = strlen(name);

	for (; *environment; environment++)
		if (strncmp(*environment, name, n) == 0 &&
		    (*environment)[n] == '=')
			return (*environment)[n + 1] ? *environment + n + 1
			                             : NULL;
	return NULL;
}

/* hooks/<name> or actions/<name>; anything else was not started by Juju. */
static void
read_kind(struct env *e, const char *path)
{
	static const struct {
		const char *folder;
		enum env_kind kind;
	} kinds[] = { { "hooks/", ENV_HOOK }, { "actions/", ENV_ACTION } };

	for (size_t i = 0; path && i < sizeof kinds / sizeof kinds[0]; i++)
		if (str_starts(path, kinds[i].folder)) {
			e->kind = kinds[i].kind;
			e->name = path + strlen(kinds[i].folder);
		}
}

void
env_read(struct env *e, const char *const *environment)
{
	*e = (struct env){
		.relation = value(environment, "JUJU_RELATION"),
		.relation_id = value(environment, "JUJU_RELATION_ID"),
		.unit = value(environment, "JUJU_UNIT_NAME"),
		.model = value(environment, "JUJU_MODEL_NAME"),
		.charm_dir = value(environment, "JUJU_CHARM_DIR"),
		.http_proxy = value(environment, "JUJU_CHARM_HTTP_PROXY"),
		.https_proxy = value(environment, "JUJU_CHARM_HTTPS_PROXY"),
		.no_proxy = value(environment, "JUJU_CHARM_NO_PROXY"),
	};
	read_kind(e, value(environment, "JUJU_DISPATCH_PATH"));
}
