#include "fake_saver.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "crypto/sha256.h"

enum { STREAM_MAX = 256 << 20, TEXT_MAX = 16 << 20, FETCHES = 3 };

/* --- objects */

int
fake_objects_add(struct fake_objects *l, const struct object *o,
    const void *data, size_t len, struct err *err)
{
	struct fake_object *more =
	    realloc(l->item, (l->count + 1) * sizeof *more);
	struct fake_object *f;

	if (!more)
		return err_nomem(err);
	l->item = more;
	f = &more[l->count];
	*f = (struct fake_object){ .data = malloc(len + 1), .len = len };
	l->count++;
	if (!f->data)
		return err_nomem(err);
	if (len)
		memcpy(f->data, data, len);
	f->data[len] = '\0';
	if (object_copy_listed(&f->o, o, err))
		return -1;
	for (int i = 0; i < OBJECT_HEADERS; i++)
		if (o->header[i] && str_dup(o->header[i], &f->o.header[i], err))
			return -1;
	for (size_t i = 0; i < o->meta.count; i++)
		if (object_pairs_add(&f->o.meta, o->meta.pair[i].name,
		        o->meta.pair[i].value, err))
			return -1;
	for (size_t i = 0; i < o->tags.count; i++)
		if (object_pairs_add(&f->o.tags, o->tags.pair[i].name,
		        o->tags.pair[i].value, err))
			return -1;
	return 0;
}

const struct fake_object *
fake_objects_find(const struct fake_objects *l, const char *key)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->item[i].o.key, key) == 0)
			return &l->item[i];
	return NULL;
}

void
fake_objects_done(struct fake_objects *l)
{
	for (size_t i = 0; i < l->count; i++) {
		object_done(&l->item[i].o);
		free(l->item[i].data);
	}
	free(l->item);
	*l = (struct fake_objects){ 0 };
}

/* --- saver: a stream */

struct collect {
	struct sink sink;
	struct fake_saver *s;
};

static int
collect_write(struct sink *k, const void *p, size_t n, struct err *err)
{
	struct fake_saver *s = ((struct collect *)k)->s;

	if (s->fail_at && s->bytes.len + n > s->fail_at)
		return err_set(err, ERR_NOROOM, "fake: no room");
	return buf_add(&s->bytes, p, n, err);
}

static int
collect_finish(struct sink *k, struct err *err)
{
	(void)err;
	((struct collect *)k)->s->finished = true;
	return 0;
}

static void
collect_free(struct sink *k)
{
	free(k);
}

static const struct sink_ops collect_ops = {
	.name = "collect",
	.write = collect_write,
	.finish = collect_finish,
	.free = collect_free,
};

static int
saver_stream(struct saver *base, const char *kind, struct sink **ret,
    struct err *err)
{
	struct fake_saver *s = (struct fake_saver *)base;
	struct collect *c = calloc(1, sizeof *c);

	if (!c)
		return err_nomem(err);
	(void)snprintf(s->kind, sizeof s->kind, "%s", kind);
	buf_clear(&s->bytes);
	s->finished = false;
	c->s = s;
	*ret = sink_init(&c->sink, &collect_ops, NULL);
	return 0;
}

/* --- saver: the rest */

static int
fetch(struct fake_saver *s, const struct object_source *src,
    struct object *listed, struct err *err)
{
	AUTO(sink) struct sink *mem = NULL;
	const char *data;
	size_t len;

	if (sink_mem_new(STREAM_MAX, &mem, err) ||
	    src->fetch(src->arg, listed, mem, err) || sink_finish(mem, err))
		return -1;
	data = sink_mem_data(mem, &len);
	return fake_objects_add(&s->objects, listed, data, len, err);
}

static int
saver_object(struct saver *base, const struct object_source *src,
    struct object *listed, struct err *err)
{
	struct fake_saver *s = (struct fake_saver *)base;
	AUTO(object) struct object o = { 0 };

	if (!s->begun)
		return err_set(err, ERR_USAGE, "objects before they begin");
	object_move(&o, listed);
	for (int i = 0; i < FETCHES; i++) {
		if (fetch(s, src, &o, err) == 0)
			return 0;
		if (err_is(err, ERR_NOTFOUND)) {
			s->gone++;
			return 0;
		}
		if (!err_is(err, ERR_CHANGED))
			return -1;
		s->changed++;
	}
	return -1;
}

static int
saver_objects_begin(struct saver *base, struct err *err)
{
	(void)err;
	((struct fake_saver *)base)->begun = true;
	return 0;
}

static int
saver_next_cut(struct saver *base, char **key, struct err *err)
{
	(void)base;
	(void)err;
	*key = NULL;
	return 0;
}

static int
saver_objects_end(struct saver *base, struct err *err)
{
	(void)err;
	((struct fake_saver *)base)->ended = true;
	return 0;
}

static void
saver_expect(struct saver *base, uint64_t objects, uint64_t bytes)
{
	struct fake_saver *s = (struct fake_saver *)base;

	s->expect_objects = objects;
	s->expect_bytes = bytes;
}

/* A line into b; what does not fit is cut. */
__attribute__((format(printf, 2, 0))) static void
add_line(struct buf *b, const char *fmt, va_list ap)
{
	struct err ignored = { 0 };
	char line[4096];

	(void)vsnprintf(line, sizeof line, fmt, ap);
	if (buf_printf(b, &ignored, "%s\n", line))
		buf_clear(b);
}

static void saver_degraded(struct saver *, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

static void
saver_degraded(struct saver *base, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(&((struct fake_saver *)base)->degraded, fmt, ap);
	va_end(ap);
}

static void saver_note(struct saver *, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
saver_note(struct saver *base, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(&((struct fake_saver *)base)->notes, fmt, ap);
	va_end(ap);
}

static int
saver_facts(struct saver *base, const char *json, struct err *err)
{
	struct fake_saver *s = (struct fake_saver *)base;

	buf_clear(&s->facts);
	return buf_puts(&s->facts, json, err);
}

static int
saver_reference(struct saver *base, const char *uri, struct err *err)
{
	struct fake_saver *s = (struct fake_saver *)base;

	return buf_printf(&s->references, err, "%s\n", uri);
}

static const struct saver_ops saver_ops = {
	.stream = saver_stream,
	.object = saver_object,
	.objects_begin = saver_objects_begin,
	.next_cut = saver_next_cut,
	.objects_end = saver_objects_end,
	.expect = saver_expect,
	.degraded = saver_degraded,
	.note = saver_note,
	.facts = saver_facts,
	.reference = saver_reference,
};

void
fake_saver_init(struct fake_saver *s, const char *scratch)
{
	*s = (struct fake_saver){
		.base = { .ops = &saver_ops, .scratch = scratch },
		.bytes = { .max = STREAM_MAX },
		.facts = { .max = TEXT_MAX },
		.degraded = { .max = TEXT_MAX },
		.references = { .max = TEXT_MAX },
		.notes = { .max = TEXT_MAX },
	};
}

void
fake_saver_done(struct fake_saver *s)
{
	buf_done(&s->bytes);
	buf_done(&s->facts);
	buf_done(&s->references);
	buf_done(&s->degraded);
	buf_done(&s->notes);
	fake_objects_done(&s->objects);
}

/* --- loader */

static int
loader_stream(struct loader *base, const char *kind, struct sink *to,
    struct err *err)
{
	struct fake_loader *l = (struct fake_loader *)base;
	const char *p = l->bytes;
	size_t left = l->cut_at && l->cut_at < l->len ? l->cut_at : l->len;

	(void)kind;
	while (left > 0) {
		size_t n = left < 100000 ? left : 100000;

		if (sink_write(to, p, n, err))
			return -1;
		p += n;
		left -= n;
	}
	if (l->cut_at)
		return err_set(err, ERR_CORRUPT, "fake: cut short");
	return sink_finish(to, err);
}

static int
loader_verify(struct loader *base, const char *kind, struct err *err)
{
	struct fake_loader *l = (struct fake_loader *)base;

	(void)kind;
	return l->cut_at ? err_set(err, ERR_CORRUPT, "fake: cut short") : 0;
}

static int
put_one(const struct object_target *t, const struct fake_object *f,
    struct err *err)
{
	AUTO(sink) struct sink *to = NULL;

	if (t->put(t->arg, &f->o, NULL, &to, err) ||
	    sink_write(to, f->data, f->len, err))
		return -1;
	return sink_finish(to, err);
}

struct cursor {
	struct object have;
	bool more;
};

static int
advance(const struct object_target *t, struct cursor *c, struct err *err)
{
	object_done(&c->have);
	c->have = (struct object){ 0 };
	return t->list_next(t->arg, &c->have, &c->more, err);
}

/* Pass what stands before key in the target; NULL: all of the rest. */
static int
pass_before(struct fake_loader *l, const struct object_target *t,
    struct cursor *c, const char *key, struct err *err)
{
	while (c->more && (!key || strcmp(c->have.key, key) < 0)) {
		if (l->exact) {
			if (t->remove(t->arg, c->have.key, err))
				return -1;
			l->removed++;
		}
		if (advance(t, c, err))
			return -1;
	}
	return 0;
}

static int
restore_one(struct fake_loader *l, const struct object_target *t,
    struct cursor *c, const struct fake_object *f, struct err *err)
{
	uint8_t digest[SHA256_SIZE];
	bool same = false;

	if (pass_before(l, t, c, f->o.key, err))
		return -1;
	if (c->more && strcmp(c->have.key, f->o.key) == 0) {
		if (sha256_of(f->data, f->len, digest, err) ||
		    t->same(t->arg, &f->o, digest, &c->have, &same, err) ||
		    advance(t, c, err))
			return -1;
	}
	if (same) {
		l->same++;
		return 0;
	}
	l->put++;
	return put_one(t, f, err);
}

static int
loader_objects(struct loader *base, const struct object_target *t,
    struct err *err)
{
	struct fake_loader *l = (struct fake_loader *)base;
	struct cursor c = { 0 };
	int rc = advance(t, &c, err);

	for (size_t i = 0; rc == 0 && i < l->objects->count; i++)
		rc = restore_one(l, t, &c, &l->objects->item[i], err);
	if (rc == 0)
		rc = pass_before(l, t, &c, NULL, err);
	object_done(&c.have);
	return rc;
}

static void loader_note(struct loader *, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

static void
loader_note(struct loader *base, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(&((struct fake_loader *)base)->notes, fmt, ap);
	va_end(ap);
}

static int
loader_reference(struct loader *base, const char *uri, struct err *err)
{
	struct fake_loader *l = (struct fake_loader *)base;

	return buf_printf(&l->references, err, "%s\n", uri);
}

static const struct loader_ops loader_ops = {
	.stream = loader_stream,
	.verify = loader_verify,
	.objects = loader_objects,
	.note = loader_note,
	.reference = loader_reference,
};

int
fake_loader_init(struct fake_loader *l, const struct fake_saver *s,
    const char *scratch, struct err *err)
{
	*l = (struct fake_loader){
		.base = { .ops = &loader_ops, .scratch = scratch },
		.references = { .max = TEXT_MAX },
		.notes = { .max = TEXT_MAX },
	};
	if (!s)
		return 0;
	l->bytes = s->bytes.data;
	l->len = s->bytes.len;
	l->objects = &s->objects;
	if (s->facts.len == 0)
		return 0;
	if (json_parse(s->facts.data, s->facts.len, &l->facts, err))
		return -1;
	l->base.facts = l->facts;
	return 0;
}

void
fake_loader_done(struct fake_loader *l)
{
	buf_done(&l->references);
	buf_done(&l->notes);
	json_free(l->facts);
}
