#include "cmd/restore_choice.h"

#include <string.h>

#include "base/str.h"
#include "base/tree.h"

/* Up to the separator, without spaces around it; the place behind it. */
static const char *
next_word(const char *at, const char *separator, char **ret, struct err *err)
{
	const char *end = strstr(at, separator), *next;
	size_t n;

	if (!end)
		end = at + strlen(at);
	next = *end ? end + strlen(separator) : end;
	while (*at == ' ')
		at++;
	n = (size_t)(end - at);
	while (n > 0 && at[n - 1] == ' ')
		n--;
	return str_cut(at, n, ret, err) ? NULL : next;
}

static int
add(struct tree *to, enum tree_kind kind, const char *name, const char *text,
    struct err *err)
{
	struct tree *t = NULL;

	return tree_new_like(to, kind, text, 0, &t, err) ||
	               tree_add(to, name, t, err)
	           ? -1
	           : 0;
}

/* The list or map that was added last. */
static int
add_empty(struct tree *to, enum tree_kind kind, const char *name,
    const struct tree **ret, struct err *err)
{
	if (add(to, kind, name, NULL, err))
		return -1;
	*ret = to->last;
	return 0;
}

static int
read_words(struct tree *top, const char *name, const char *text,
    const struct tree **ret, struct err *err)
{
	if (!text || !*text)
		return 0;
	if (add_empty(top, TREE_LIST, name, ret, err))
		return -1;
	while (*text) {
		AUTO(free) char *word = NULL;

		text = next_word(text, ",", &word, err);
		if (!text ||
		    (*word && add(top->last, TREE_SCALAR, NULL, word, err)))
			return -1;
	}
	return 0;
}

/* name<sign>value, with ',' in between, into a map. */
static int
read_pairs(struct tree *map, const char *text, const char *sign,
    const char *option, struct err *err)
{
	while (*text) {
		AUTO(free) char *word = NULL, *name = NULL;
		const char *value;

		text = next_word(text, ",", &word, err);
		if (!text)
			return -1;
		value = strstr(word, sign);
		if (!value || value == word)
			return err_set(err, ERR_USAGE,
			    "'--%s %s' must be NAME%sVALUE", option, word,
			    sign);
		if (str_cut(word, (size_t)(value - word), &name, err) ||
		    add(map, TREE_SCALAR, name, value + strspn(value, "=:"),
		        err))
			return -1;
	}
	return 0;
}

static int
read_selectors(const struct restore_texts *in, struct restore_choice *c,
    struct err *err)
{
	bool any = in->or_selector && *in->or_selector;
	const char *text = any ? in->or_selector : in->selector;

	if (!text || !*text)
		return 0;
	if (any && in->selector && *in->selector)
		return err_set(err, ERR_USAGE,
		    "give either '--selector' or '--or-selector'");
	if (add_empty(c->tree, TREE_LIST, "labels", &c->kube.labels, err))
		return -1;
	while (*text) {
		AUTO(free) char *word = NULL;
		struct tree *list = c->tree->last;

		text = next_word(text, " or ", &word, err);
		if (!text || add(list, TREE_MAP, NULL, NULL, err) ||
		    read_pairs(list->last, word, "=",
		        any ? "or-selector" : "selector", err))
			return -1;
	}
	return 0;
}

static int
read_policy(const char *text, bool *update, struct err *err)
{
	*update = text && strcmp(text, "update") == 0;
	if (!text || !*text || *update || strcmp(text, "none") == 0)
		return 0;
	return err_set(err, ERR_USAGE,
	    "'existing-resource-policy' must be none or update, not '%s'",
	    text);
}

static int
read_mapping(const char *text, struct restore_choice *c, struct err *err)
{
	if (!text || !*text)
		return 0;
	if (add_empty(c->tree, TREE_MAP, "mapping", &c->kube.namespaces, err))
		return -1;
	return read_pairs(c->tree->last, text, ":", "namespace-mapping", err);
}

int
restore_choice_read(const struct restore_texts *in, struct restore_choice *c,
    struct err *err)
{
	struct kube_select *s = &c->kube.select;

	if (tree_new(TREE_MAP, NULL, "options", 0, &c->tree, err) ||
	    read_words(c->tree, "in", in->include_namespaces,
	        &s->include_namespaces, err) ||
	    read_words(c->tree, "ex", in->exclude_namespaces,
	        &s->exclude_namespaces, err) ||
	    read_words(c->tree, "ir", in->include_resources,
	        &s->include_resources, err) ||
	    read_words(c->tree, "er", in->exclude_resources,
	        &s->exclude_resources, err) ||
	    read_selectors(in, c, err) || read_mapping(in->mapping, c, err))
		return -1;
	return read_policy(in->policy, &c->kube.update, err);
}

void
restore_choice_done(struct restore_choice *c)
{
	tree_free(c->tree);
	*c = (struct restore_choice){ 0 };
}
