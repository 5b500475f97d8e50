#include "stream/child.h"

struct child {
	struct sink sink;
	struct child_options o;
	struct proc_out out;
	struct proc_child *child;
};

static int
pass_on(void *arg, const void *p, size_t n, struct err *err)
{
	return sink_write(arg, p, n, err);
}

int
child_run(struct proc *proc, struct sink *to, struct buf *errors,
    struct err *err)
{
	AUTO(proc_child) struct proc_child *c = NULL;
	struct proc_out out = { pass_on, to };

	if (proc_start(proc, &out, errors, &c, err))
		return -1;
	return proc_end(c, err);
}

static int
end(struct child *c, struct err *err)
{
	if (proc_end(c->child, err))
		return -1;
	if (c->o.proc->status != 0)
		return c->o.explain(c->o.arg, c->o.proc, c->o.errors, err);
	return 0;
}

/* A program that ended early has said why. */
static int
child_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct child *c = (struct child *)s;
	struct err early = { 0 };

	if (proc_write(c->child, p, n, err) == 0)
		return 0;
	if (!err_is(err, ERR_CHANGED) || end(c, &early) == 0)
		return -1;
	*err = early;
	return -1;
}

static int
child_finish(struct sink *s, struct err *err)
{
	return end((struct child *)s, err);
}

static void
child_free(struct sink *s)
{
	proc_free(((struct child *)s)->child);
	free(s);
}

static const struct sink_ops child_ops = {
	.name = "child",
	.write = child_write,
	.finish = child_finish,
	.free = child_free,
};

int
child_sink_new(const struct child_options *o, struct sink *next,
    struct sink **ret, struct err *err)
{
	struct child *c = calloc(1, sizeof *c);

	if (!c) {
		sink_free(next);
		return err_nomem(err);
	}
	c->o = *o;
	c->out = (struct proc_out){ pass_on, next };
	if (proc_start(o->proc, next ? &c->out : NULL, o->errors, &c->child,
	        err)) {
		sink_free(next);
		free(c);
		return -1;
	}
	*ret = sink_init(&c->sink, &child_ops, next);
	return 0;
}
