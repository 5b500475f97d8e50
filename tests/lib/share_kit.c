#include "share_kit.h"

#include <string.h>

#include "base/str.h"
#include "sample.h"

static const char *const key[] = { "a/\xff", "b" };

/* Of the sample those from `from` to `to`. */
static int
some(size_t from, size_t to, struct manifest **ret, struct err *err)
{
	struct manifest *m;
	size_t n = 0;

	if (sample_manifest(&m, err))
		return -1;
	for (size_t i = 0; i < m->ncomponents; i++) {
		struct manifest_component c = m->component[i];

		m->component[i] = (struct manifest_component){ 0 };
		if (i < from || i > to)
			manifest_component_done(&c);
		else
			m->component[n++] = c;
	}
	m->ncomponents = n;
	*ret = m;
	return 0;
}

static int
cut(struct share_cut *c, const char *name, struct err *err)
{
	c->at = calloc(2, sizeof *c->at);
	if (!c->at)
		return err_nomem(err);
	for (; c->nat < 2; c->nat++) {
		c->at[c->nat].segment = c->nat;
		c->at[c->nat].line = 7 * c->nat;
		if (str_dup(key[c->nat], &c->at[c->nat].key, err))
			return -1;
	}
	return str_dup(name, &c->component, err);
}

int
share_kit_plan(struct share_plan **ret, struct err *err)
{
	AUTO(share_plan) struct share_plan *p = calloc(1, sizeof *p);

	if (!p)
		return err_nomem(err);
	p->workers = 3;
	p->references = true;
	p->external = 5;
	p->cut = calloc(1, sizeof *p->cut);
	if (!p->cut)
		return err_nomem(err);
	p->ncuts = 1;
	if (str_dup("nightly-1", &p->run, err) ||
	    cut(&p->cut[0], "mlpipeline", err) ||
	    str_dup(SAMPLE_EARLIER, &p->cut[0].before, err) ||
	    some(0, 0, &p->manifest, err))
		return -1;
	*ret = TAKE(p);
	return 0;
}

int
share_kit_share(unsigned worker, struct share **ret, struct err *err)
{
	AUTO(share) struct share *s = calloc(1, sizeof *s);

	if (!s)
		return err_nomem(err);
	s->worker = worker;
	s->workers = 3;
	s->range = calloc(1, sizeof *s->range);
	if (!s->range)
		return err_nomem(err);
	s->nranges = 1;
	if (str_dup("nightly-1", &s->run, err) ||
	    str_dup("mlpipeline", &s->range->component, err) ||
	    (worker > 0 && str_dup(key[worker - 1], &s->range->after, err)) ||
	    (worker < 2 && str_dup(key[worker], &s->range->last, err)) ||
	    some(1, 1, &s->manifest, err))
		return -1;
	*ret = TAKE(s);
	return 0;
}
