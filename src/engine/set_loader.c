#include "engine/set_loader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "engine/limits.h"
#include "engine/sink_meter.h"

static int
stream(struct loader *loader, const char *kind, struct sink *to,
    struct err *err)
{
	struct set_loader *v = (struct set_loader *)loader;
	const struct manifest_file *file = manifest_stream_of(v->mc, kind);
	AUTO(sink) struct sink *meter = NULL;
	bool far_failed = false;

	if (!file)
		return err_set(err, ERR_CORRUPT, "the set has no file '%s.%s'",
		    v->mc->name, kind);
	if (sink_meter_new(to, &v->meter, &far_failed, &meter, err) ||
	    repo_read(v->env->repo, file, meter, err) || sink_finish(to, err))
		return -1;
	atomic_fetch_add(&v->counts.written, 1);
	atomic_fetch_add(&v->counts.written_bytes, to->bytes);
	progress_add(&v->meter, 1, 0);
	return 0;
}

static int
verify(struct loader *loader, const char *kind, struct err *err)
{
	struct set_loader *v = (struct set_loader *)loader;
	const struct manifest_file *file = manifest_stream_of(v->mc, kind);

	if (!file)
		return err_set(err, ERR_CORRUPT, "the set has no file '%s.%s'",
		    v->mc->name, kind);
	return repo_verify(v->env->repo, file, err);
}

static int
objects(struct loader *loader, const struct object_target *target,
    struct err *err)
{
	struct set_loader *v = (struct set_loader *)loader;
	const struct set_loader_env *o = v->env;
	struct load_env env = {
		.repo = o->repo,
		.scratch = o->config->scratch,
		.mc = v->mc,
		.meter = &v->meter,
		.counts = &v->counts,
		.exact = o->exact,
		.dry_run = o->dry_run,
	};

	limits_load(&o->config->limits, &env.limits);
	return load_objects(&env, target, err);
}

static void note(struct loader *, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
note(struct loader *loader, const char *fmt, ...)
{
	struct set_loader *v = (struct set_loader *)loader;
	char text[1400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	v->note(v->arg, text);
}

static int
reference(struct loader *loader, const char *uri, struct err *err)
{
	struct set_loader *v = (struct set_loader *)loader;

	return v->env->references ? references_add(v->env->references, uri, err)
	                          : 0;
}

static const struct loader_ops ops = {
	.stream = stream,
	.verify = verify,
	.objects = objects,
	.note = note,
	.reference = reference,
};

int
set_loader_init(struct set_loader *v, const struct set_loader_env *env,
    const struct manifest_component *mc, struct err *err)
{
	struct limits l;

	limits_load(&env->config->limits, &l);
	*v = (struct set_loader){ .env = env, .mc = mc };
	v->loader = (struct loader){ .ops = &ops,
		.scratch = env->config->scratch,
		.kubernetes = env->kubernetes,
		.transfers = l.transfers,
		.budget = l.budget,
		.each = l.each,
		.dry_run = env->dry_run };
	if (mc->facts &&
	    json_parse(mc->facts, strlen(mc->facts), &v->facts, err))
		return -1;
	v->loader.facts = v->facts;
	return 0;
}

void
set_loader_done(struct set_loader *v)
{
	json_free(TAKE(v->facts));
}
