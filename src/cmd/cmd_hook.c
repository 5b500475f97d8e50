#include "cmd/cmd_hook.h"

#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "cmd/unit.h"
#include "juju/charm.h"
#include "juju/hooktool.h"

/* Besides those of relations; the rest is for charms that we are not. */
static const char *const known[] = { "install", "start", "config-changed",
	"leader-elected", "upgrade-charm", "update-status", "secret-changed",
	"scratch-storage-attached", "scratch-storage-detaching" };

static bool
is_known(const struct env *env)
{
	static const char *const endpoints[] = { "s3-parameters", "s3-source",
		"object-storage", "mysql", "postgresql", "velero-backups" };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(env->name, known[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++)
		if (env->relation && strcmp(env->relation, endpoints[i]) == 0)
			return true;
	return false;
}

/* Worth a line and another try in the next hook. */
static int
passing(const char *what, struct err *err)
{
	if (err_is(err, ERR_NOMEM) || err_is(err, ERR_USAGE))
		return err_wrap(err, "%s", what);
	log_warning("%s, trying again in the next hook: %s", what, err->msg);
	return 0;
}

/* What is remembered is of a repository that is not ours any more. */
static int
forget(const struct env *env, struct err *err)
{
	const struct unit_backups none = { 0 };

	if (strcmp(env->name, "s3-parameters-relation-broken") != 0)
		return 0;
	if (unit_remember(&none, err))
		return -1;
	return unit_remember_failure(0, err);
}

static int
show(const struct env *env, struct charm_asked *asked, struct err *err)
{
	AUTO(unit) struct unit u = { 0 };

	if (forget(env, err) || unit_read(env, asked, &u, err))
		return -1;
	return unit_show(&u, err);
}

int
cmd_hook(const struct env *env, struct err *err)
{
	AUTO(charm_asked) struct charm_asked asked = { 0 };

	if (!is_known(env))
		return 0;
	if (strcmp(env->name, "install") == 0 ||
	    strcmp(env->name, "upgrade-charm") == 0)
		if (hooktool_version_set(VERSION, err) &&
		    passing("the version cannot be shown", err))
			return -1;
	if (charm_publish(env, &asked, err) &&
	    passing("the related charms cannot be told", err))
		return -1;
	if (show(env, &asked, err) && passing("Juju cannot be asked", err))
		return -1;
	return 0;
}
