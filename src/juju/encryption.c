#include "juju/encryption.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/tree.h"
#include "juju/hooktool.h"

static const char recipients_origin[] = "charm option 'encryption-recipients'";
static const char identity_origin[] = "charm option 'encryption-identity'";
static const char between[] = ", \t\r\n";

static int
add_one(struct tree *list, const char *p, size_t n, struct err *err)
{
	AUTO(free) char *text = NULL;
	struct tree *t = NULL;

	if (str_printf(&text, err, "%.*s", (int)n, p) ||
	    tree_new(TREE_SCALAR, text, recipients_origin, 0, &t, err))
		return -1;
	return tree_add(list, NULL, t, err);
}

static int
add_recipients(const char *p, struct tree *map, struct err *err)
{
	AUTO(tree) struct tree *list = NULL;

	if (tree_new(TREE_LIST, NULL, recipients_origin, 0, &list, err))
		return -1;
	for (p += strspn(p, between); *p; p += strspn(p, between)) {
		size_t n = strcspn(p, between);

		if (add_one(list, p, n, err))
			return -1;
		p += n;
	}
	return tree_add(map, "recipients", TAKE(list), err);
}

/* A person has to grant it: until then it is as if it were not there. */
static int
get_secret(const struct encryption *e, struct relation_gap *gap,
    struct json **ret, struct err *err)
{
	if (hooktool_secret_get(e->identity, "encryption-identity", ret, err) ==
	    0)
		return 0;
	if (!err_is(err, ERR_DENIED) && !err_is(err, ERR_NOTFOUND))
		return -1;
	relation_gap_set(gap, RELATION_BLOCKED,
	    "the secret of option 'encryption-identity' cannot be read: juju "
	    "grant-secret %s %s",
	    e->identity, e->app);
	return 0;
}

static int
add_identity(const struct encryption *e, struct relation_gap *gap,
    struct tree *map, struct err *err)
{
	AUTO(json) struct json *secret = NULL;
	const char *text;
	struct tree *t = NULL;

	if (get_secret(e, gap, &secret, err))
		return -1;
	if (!secret)
		return 0;
	text = json_opt_str(secret, "identity");
	if (!text || !*text)
		return err_set(err, ERR_USAGE,
		    "%s: the secret has no key 'identity': juju add-secret "
		    "NAME identity#file=FILE",
		    identity_origin);
	if (tree_new(TREE_SCALAR, text, identity_origin, 0, &t, err))
		return -1;
	return tree_add(map, "identity", t, err);
}

int
encryption_read(const struct encryption *e, struct relation_gap *gap,
    struct tree **ret, struct err *err)
{
	AUTO(tree) struct tree *map = NULL;
	struct relation_gap own = { 0 };

	*ret = NULL;
	if (!e->recipients && !e->identity)
		return 0;
	if (e->recipients && strcmp(e->recipients, "none") == 0)
		return tree_new(TREE_SCALAR, "none", recipients_origin, 0, ret,
		    err);
	if (tree_new(TREE_MAP, NULL, recipients_origin, 0, &map, err) ||
	    (e->recipients && add_recipients(e->recipients, map, err)) ||
	    (e->identity && add_identity(e, &own, map, err)))
		return -1;
	if (own.state == RELATION_READY)
		*ret = TAKE(map);
	else
		relation_gap_set(gap, own.state, "%s", own.text);
	return 0;
}
