#include "engine/save.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "engine/limits.h"
#include "engine/save_objects.h"
#include "engine/sink_meter.h"
#include "repo/inventory.h"
#include "repo/repo_files.h"
#include "repo/repo_keys.h"

/* gcc 12 takes for lost what the manifest's component holds. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

/* One component of it: what the component's saver is made of. */
struct save {
	struct saver saver;
	struct run *run;
	const struct save_part *part;
	const struct manifest *before; /* NULL: everything is read */
	struct manifest_component *mc;
	struct progress_meter meter;
	struct save_objects *objects;  /* NULL: not begun */
	_Atomic unsigned packs, files; /* last numbers that were used */
};

/* --- the saver that a component sees */

/* Passes on to the set's file; counts on the way. */
struct stream {
	struct sink sink;
	struct save *save;
};

static int
stream_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct save *v = ((struct stream *)s)->save;

	if (sink_write(s->next, p, n, err))
		return -1;
	progress_add(&v->meter, 0, n);
	return 0;
}

static int
stream_finish(struct sink *s, struct err *err)
{
	struct save *v = ((struct stream *)s)->save;

	(void)err;
	v->mc->objects++;
	v->mc->new_objects++;
	v->mc->bytes += s->bytes;
	progress_add(&v->meter, 1, 0);
	return 0;
}

static void
stream_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops stream_ops = {
	.name = "save",
	.write = stream_write,
	.finish = stream_finish,
	.free = stream_free,
};

static int
save_stream(struct saver *saver, const char *kind, struct sink **out,
    struct err *err)
{
	struct save *v = (struct save *)saver;
	char name[LAYOUT_KEY_SIZE];
	struct sink *file = NULL;
	struct stream *s;

	(void)snprintf(name, sizeof name, "%s.%s", v->mc->name, kind);
	if (set_file(v->run->set, v->mc, name, SET_AHEAD, NULL, &file, err))
		return -1;
	s = calloc(1, sizeof *s);
	if (!s) {
		sink_free(file);
		return err_nomem(err);
	}
	s->save = v;
	*out = sink_init(&s->sink, &stream_ops, file);
	return 0;
}

static void save_note(struct saver *, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* There as a whole, and its inventory can be read. */
static int
check_files(struct save *v, const struct manifest_component *c, struct err *err)
{
	struct repo *repo = v->run->o->repo;

	if (repo_files_there(repo, &c->files, err) ||
	    repo_files_there(repo, &c->needs, err))
		return -1;
	return inventory_readable(repo, v->before, c, err);
}

/* What cannot be built on is passed over: everything is read again. */
static int
check_before(struct save *v, const struct manifest_component **ret,
    struct err *err)
{
	const struct manifest_component *c =
	    v->before ? manifest_find(v->before, v->mc->name) : NULL;
	struct err why = { 0 };

	*ret = NULL;
	if (!c)
		return 0;
	if (!repo_keys_same(v->run->o->repo, v->before)) {
		save_note(&v->saver, "set %s is %s, everything is read again",
		    v->before->id,
		    v->before->nrecipients ? "encrypted to others"
		                           : "not encrypted");
		return 0;
	}
	if (check_files(v, c, &why) == 0) {
		*ret = c;
		return 0;
	}
	if (!err_is(&why, ERR_NOTFOUND) && !err_is(&why, ERR_CORRUPT) &&
	    !err_is(&why, ERR_USAGE)) {
		*err = why;
		return -1;
	}
	log_warning("component '%s': set %s cannot be built on, everything is "
	            "read again: %s",
	    v->mc->name, v->before->id, why.msg);
	return 0;
}

static int
save_objects_begin(struct saver *saver, struct err *err)
{
	struct save *v = (struct save *)saver;
	const struct config *c = v->run->o->config;
	struct save_env env = {
		.repo = v->run->o->repo,
		.set = v->run->set,
		.mc = v->mc,
		.meter = &v->meter,
		.pack_number = &v->packs,
		.object_number = &v->files,
	};

	limits_save(&c->limits, &env.limits);
	if (check_before(v, &env.before, err))
		return -1;
	if (env.before) {
		env.begin = v->part->begin;
		progress_expect(&v->meter,
		    env.before->objects / v->part->workers,
		    env.before->bytes / v->part->workers);
	}
	return save_objects_new(&env, &v->objects, err);
}

static int
save_object(struct saver *saver, const struct object_source *source,
    struct object *listed, struct err *err)
{
	struct save *v = (struct save *)saver;

	return save_objects_add(v->objects, source, listed, err);
}

static int
save_next_cut(struct saver *saver, char **key, struct err *err)
{
	return save_objects_next_cut(((struct save *)saver)->objects, key, err);
}

static int
save_objects_done(struct saver *saver, struct err *err)
{
	return save_objects_end(((struct save *)saver)->objects, err);
}

static void
save_expect(struct saver *saver, uint64_t objects, uint64_t bytes)
{
	progress_expect(&((struct save *)saver)->meter, objects, bytes);
}

static void save_degraded(struct saver *, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

static void
save_degraded(struct saver *saver, const char *fmt, ...)
{
	struct manifest_component *mc = ((struct save *)saver)->mc;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log_warning("component '%s': %s", mc->name, text);
	mc->status = MANIFEST_DEGRADED;
	if (!mc->message)
		mc->message = strdup(text);
}

static void
save_note(struct saver *saver, const char *fmt, ...)
{
	struct manifest_component *mc = ((struct save *)saver)->mc;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log_info("component '%s': %s", mc->name, text);
	if (!mc->message)
		mc->message = strdup(text);
}

static int
save_facts(struct saver *saver, const char *json, struct err *err)
{
	struct manifest_component *mc = ((struct save *)saver)->mc;

	free(TAKE(mc->facts));
	return str_dup(json, &mc->facts, err);
}

static int
save_reference(struct saver *saver, const char *uri, struct err *err)
{
	struct run *r = ((struct save *)saver)->run;

	if (!r->references || references_add(r->references, uri, err) == 0)
		return 0;
	if (err_is(err, ERR_NOMEM))
		return -1;
	/* the scratch disk is full, which no test can time */
	log_warning("references are not looked up: %s", err->msg);
	references_free(TAKE(r->references));
	return 0;
}

static const struct saver_ops save_ops = {
	.stream = save_stream,
	.objects_begin = save_objects_begin,
	.object = save_object,
	.next_cut = save_next_cut,
	.objects_end = save_objects_done,
	.expect = save_expect,
	.degraded = save_degraded,
	.note = save_note,
	.facts = save_facts,
	.reference = save_reference,
};

/* --- one component */

static void
reset_counts(struct save *v)
{
	struct manifest_component *mc = v->mc;

	save_objects_free(TAKE(v->objects)); /* nobody counts any more */
	mc->objects = mc->bytes = mc->new_objects = mc->gone = 0;
	while (mc->nunread > 0)
		free(mc->unread[--mc->nunread]);
	manifest_files_done(&mc->needs);
	progress_expect(&v->meter, 0, 0);
}

/* Again, as a full one, where the set before turns out to be damaged. */
static int
save_twice(struct save *v, struct component *c, struct err *err)
{
	if (c->ops->backup(c, &v->saver, err) == 0)
		return 0;
	if (!v->before || !v->objects ||
	    !save_objects_before_broken(v->objects))
		return -1;
	log_warning("component '%s': set %s cannot be built on, everything is "
	            "read again: %s",
	    v->mc->name, v->before->id, err->msg);
	reset_counts(v);
	v->before = NULL;
	return c->ops->backup(c, &v->saver, err);
}

static int
note_failure(struct manifest_component *mc, const struct err *why,
    struct err *err)
{
	log_warning("component '%s' failed: %s", mc->name, why->msg);
	mc->status = MANIFEST_FAILED;
	mc->objects = mc->bytes = mc->new_objects = mc->gone = 0;
	manifest_files_done(&mc->needs);
	free(TAKE(mc->message));
	return str_dup(why->msg, &mc->message, err);
}

static void
log_component(const struct manifest_component *mc)
{
	char size[16], stored[16];

	str_bytes(mc->bytes, size);
	str_bytes(mc->stored_bytes, stored);
	log_info("component '%s': %s, %ju objects, %s, %ju new, %s stored, "
	         "%.1f s",
	    mc->name, manifest_status_name(mc->status), (uintmax_t)mc->objects,
	    size, (uintmax_t)mc->new_objects, stored, mc->seconds);
}

int
save_component(struct run *r, size_t i, const struct save_part *part,
    struct manifest_component **ret, struct err *err)
{
	const struct config_component *cc = r->o->plan->job[i].component;
	struct save v = { .saver = { &save_ops, r->o->config->scratch,
		              part->range },
		.run = r,
		.part = part,
		.before = r->before[i] };
	struct err why = r->unfit[i];
	int rc = -1;

	if (set_component(r->set, cc->name, config_type_name(cc->type), &v.mc,
	        err))
		return -1;
	v.mc->started = clock_now(r->o->clock);
	if (progress_start(&v.meter, r->o->progress, cc->name, err))
		return -1;
	if (err_is(&why, ERR_NONE))
		rc = save_twice(&v, r->component[i], &why);
	save_objects_free(v.objects);
	v.mc->seconds = progress_stop(&v.meter);
	v.mc->finished = clock_now(r->o->clock);
	if (rc && note_failure(v.mc, &why, err))
		return -1;
	log_component(v.mc);
	*ret = v.mc;
	return 0;
}
