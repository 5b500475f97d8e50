#include "plan/plan.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* Lower is saved earlier: it refers to what is saved later. */
static int
rank(enum config_type type)
{
	switch (type) {
	case CONFIG_SQLITE:
		break;
	case CONFIG_MYSQL:
	case CONFIG_POSTGRESQL:
		return 1;
	case CONFIG_BUCKET:
		return 2;
	case CONFIG_KUBERNETES:
		return 3;
	}
	return 0;
}

static bool
among(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static const struct config_component *
configured(const struct config *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->ncomponents; i++)
		if (strlen(c->components[i].name) == len &&
		    strncmp(c->components[i].name, name, len) == 0)
			return &c->components[i];
	return NULL;
}

/* Insert behind all of the same or lower rank: a stable order. */
static void
insert(struct plan *p, const struct config_component *c)
{
	size_t at = p->count;

	assert(p->job); /* start made it */
	p->count++;
	for (; at > 0 && rank(p->job[at - 1].component->type) > rank(c->type);
	     at--)
		p->job[at] = p->job[at - 1];
	p->job[at] = (struct plan_job){ .component = c };
}

static int
start(const struct config *c, const struct plan_choice *choice, struct plan *p,
    struct err *err)
{
	for (size_t i = 0; i < choice->nonly; i++)
		if (!configured(c, choice->only[i], strlen(choice->only[i])))
			return err_set(err, ERR_USAGE,
			    "no component '%s' in the configuration",
			    choice->only[i]);
	*p = (struct plan){ .job = calloc(c->ncomponents + 1, sizeof *p->job) };
	return p->job ? 0 : err_nomem(err);
}

int
plan_backup(const struct config *c, const struct plan_choice *choice,
    struct plan *ret, struct err *err)
{
	AUTO(plan) struct plan p = { 0 };

	if (c->ncomponents == 0)
		return err_set(err, ERR_USAGE,
		    "no components are configured: name what is to be saved in "
		    "'components'");
	if (start(c, choice, &p, err))
		return -1;
	for (size_t i = 0; i < c->ncomponents; i++)
		if (choice->nonly == 0 ||
		    among(c->components[i].name, choice->only, choice->nonly))
			insert(&p, &c->components[i]);
	*ret = p;
	p = (struct plan){ 0 };
	return 0;
}

/* The target that NAME=TARGET gives to the component; NULL: none. */
static const char *
target_of(const struct plan_choice *choice, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < choice->nto; i++)
		if (strncmp(choice->to[i], name, n) == 0 &&
		    choice->to[i][n] == '=')
			return choice->to[i] + n + 1;
	return NULL;
}

static int
check_targets(const struct config *c, const struct plan_choice *choice,
    struct err *err)
{
	for (size_t i = 0; i < choice->nto; i++) {
		const char *eq = strchr(choice->to[i], '=');

		if (!eq || eq == choice->to[i] || eq[1] == '\0')
			return err_set(err, ERR_USAGE,
			    "'--to %s' must be NAME=TARGET", choice->to[i]);
		if (!configured(c, choice->to[i], (size_t)(eq - choice->to[i])))
			return err_set(err, ERR_USAGE,
			    "'--to %s': no such component in the configuration",
			    choice->to[i]);
		for (size_t k = 0; k < i; k++)
			if (strncmp(choice->to[k], choice->to[i],
			        (size_t)(eq - choice->to[i]) + 1) == 0)
				return err_set(err, ERR_USAGE,
				    "'--to %s': the component has a target "
				    "already",
				    choice->to[i]);
	}
	return 0;
}

/* Chosen by name or by a target; everything where nothing is named. */
static bool
chosen(const struct plan_choice *choice, const char *name)
{
	if (choice->nonly == 0 && choice->nto == 0)
		return true;
	return among(name, choice->only, choice->nonly) ||
	       target_of(choice, name);
}

/* NAME=TARGET, of one of the names. */
static bool
targets_one(const char *to, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(names[i]);

		if (strncmp(to, names[i], len) == 0 && to[len] == '=')
			return true;
	}
	return false;
}

int
plan_wanted(const struct config *c, const struct plan_choice *choice,
    struct plan *ret, struct err *err)
{
	AUTO(plan) struct plan p = { 0 };

	if (check_targets(c, choice, err) || start(c, choice, &p, err))
		return -1;
	for (size_t i = 0; i < c->ncomponents; i++)
		if (chosen(choice, c->components[i].name))
			insert(&p, &c->components[i]);
	*ret = p;
	p = (struct plan){ 0 };
	return 0;
}

static int
check_in_set(const struct config *c, const struct plan_choice *choice,
    const char *const *in_set, size_t nin_set, struct err *err)
{
	for (size_t i = 0; i < choice->nonly; i++)
		if (!among(choice->only[i], in_set, nin_set))
			return err_set(err, ERR_USAGE,
			    "the set has no component '%s'", choice->only[i]);
	for (size_t i = 0; i < choice->nto; i++)
		if (!targets_one(choice->to[i], in_set, nin_set))
			return err_set(err, ERR_USAGE,
			    "'--to %s': the set has no such component",
			    choice->to[i]);
	for (size_t i = 0; i < nin_set; i++)
		if (chosen(choice, in_set[i]) &&
		    !configured(c, in_set[i], strlen(in_set[i])))
			return err_set(err, ERR_USAGE,
			    "the set has a component '%s' that is not in the "
			    "configuration: add it there, or choose others "
			    "with --component",
			    in_set[i]);
	return 0;
}

static void
reverse(struct plan_job *job, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct plan_job j = job[i];

		job[i] = job[n - 1 - i];
		job[n - 1 - i] = j;
	}
}

/* Objects of a cluster come first, as they are configured: profiles before
 * what is in their namespaces. */
static void
reverse_all(struct plan *p)
{
	size_t n = 0;

	reverse(p->job, p->count);
	while (n < p->count && p->job[n].component->type == CONFIG_KUBERNETES)
		n++;
	reverse(p->job, n);
}

int
plan_restore(const struct config *c, const struct plan_choice *choice,
    const char *const *in_set, size_t nin_set, struct plan *ret,
    struct err *err)
{
	AUTO(plan) struct plan p = { 0 };

	if (check_targets(c, choice, err) || start(c, choice, &p, err) ||
	    check_in_set(c, choice, in_set, nin_set, err))
		return -1;
	for (size_t i = 0; i < c->ncomponents; i++) {
		const char *name = c->components[i].name;

		if (among(name, in_set, nin_set) && chosen(choice, name))
			insert(&p, &c->components[i]);
	}
	for (size_t i = 0; i < p.count; i++)
		p.job[i].to = target_of(choice, p.job[i].component->name);
	reverse_all(&p);
	*ret = p;
	p = (struct plan){ 0 };
	return 0;
}

void
plan_done(struct plan *p)
{
	free(p->job);
	*p = (struct plan){ 0 };
}
