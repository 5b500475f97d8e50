#include "juju/relation_s3.h"

#include <stdio.h>

#include "base/json.h"
#include "base/str.h"
#include "base/tree.h"
#include "juju/hooktool.h"

enum { ORIGIN_SIZE = 160 };

static const char wanted_secrets[] = "[\"access-key\", \"secret-key\"]";

/* --- which protocol */

static const char *
version_of(const struct json *bag)
{
	const char *version = json_opt_str(bag, "version");

	return version ? version : json_opt_str(bag, "lib-version");
}

/*
 * A v1 provider writes its version before anything else.  A v0 provider writes
 * nothing before it has seen a bucket of ours, save "data", its own note of
 * what it has seen: that note alone tells it from one that has not started.
 */
static bool
is_v0(const struct json *bag)
{
	const char *version = version_of(bag);

	if (version)
		return *version == '0';
	return json_count(bag) > 0;
}

/* What requirers without a bucket write to a v0 provider, and get back. */
static bool
is_placeholder(const char *bucket)
{
	static const char front[] = "relation-";
	const char *number;

	if (!str_starts(bucket, front))
		return false;
	number = bucket + strlen(front);
	return *number && number[strspn(number, "0123456789")] == '\0';
}

/* --- what we write */

int
relation_s3_publish(const struct relation_s3 *r, struct err *err)
{
	AUTO(json) struct json *bag = NULL;
	AUTO(free) char *app = NULL, *placeholder = NULL;
	bool v0;
	const char *bucket;

	if (relation_bag(r->id, &app, &bag, err) ||
	    str_printf(&placeholder, err, "relation-%s",
	        relation_number(r->id)))
		return -1;
	v0 = is_v0(bag);
	/* a source exists: nobody should be asked to make it */
	bucket = !r->source || v0 ? r->bucket : NULL;
	if (!bucket && v0)
		bucket = placeholder;
	const struct hooktool_pair ours[] = {
		{ "requested-secrets", wanted_secrets },
		{ "version", "1" },
		{ "bucket", bucket ? bucket : "" },
		{ "path", r->path ? r->path : "" },
	};
	if (hooktool_relation_set(r->id, true, ours,
	        sizeof ours / sizeof ours[0], err) ||
	    hooktool_relation_set(r->id, false, ours, 1, err))
		return -1;
	return 0;
}

/* --- what we read */

static int
add_chain(const struct relation_s3 *r, const struct json *bag, struct tree *map,
    struct err *err)
{
	AUTO(free) char *chain = NULL;

	if (relation_chain(bag, "tls-ca-chain", &chain, err))
		return err_is(err, ERR_NOMEM)
		           ? -1
		           : err_wrap(err, "relation %s", r->id);
	return tree_add_text(map, "tls-ca-chain", chain, err);
}

static int
add_plain(const struct relation_s3 *r, const struct json *bag, struct tree *map,
    struct err *err)
{
	static const struct {
		const char *theirs, *ours;
		bool always; /* otherwise not of a source */
	} fields[] = {
		{ "endpoint", "endpoint", true },
		{ "region", "region", true },
		{ "s3-uri-style", "uri-style", true },
		{ "storage-class", "storage-class", false },
		{ "delete-older-than-days", "delete-older-than-days", false },
	};

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		AUTO(free) char *value = NULL;

		if (r->source && !fields[i].always)
			continue;
		if (relation_text(bag, fields[i].theirs, &value, err))
			return -1;
		if (value)
			relation_strip_end(value, "/");
		if (tree_add_text(map, fields[i].ours, value, err))
			return -1;
	}
	return 0;
}

/* *ret NULL: neither they nor we name one. */
static int
choose(const char *ours, char *theirs, char **ret, struct err *err)
{
	char *copy = NULL;

	if (theirs && *theirs)
		return str_dup(theirs, ret, err);
	if (ours && *ours && str_dup(ours, &copy, err))
		return -1;
	if (copy)
		relation_strip(copy, "/");
	*ret = copy;
	return 0;
}

static int
add_place(const struct relation_s3 *r, const struct relation_s3_data *data,
    struct relation_gap *gap, struct tree *map, struct err *err)
{
	AUTO(free) char *bucket = NULL, *path = NULL;
	AUTO(free) char *to = NULL, *below = NULL;

	if (relation_text(data->bag, "bucket", &bucket, err) ||
	    relation_text(data->bag, "path", &path, err))
		return -1;
	if (bucket)
		relation_strip(bucket, "/");
	if (path)
		relation_strip(path, "/");
	if (bucket && is_v0(data->bag) && is_placeholder(bucket))
		*bucket = '\0';
	if (choose(r->bucket, bucket, &to, err) ||
	    choose(r->path, path, &below, err))
		return -1;
	if (!to)
		relation_gap_set(gap, RELATION_BLOCKED,
		    "no bucket name: set option 'bucket' of %s or '%s' of "
		    "this charm",
		    data->app, r->option);
	if (tree_add_text(map, "bucket", to, err))
		return -1;
	return r->source ? 0 : tree_add_text(map, "path", below, err);
}

static int
add_keys(const struct relation_s3 *r, const struct relation_s3_data *data,
    struct relation_gap *gap, struct tree *map, struct err *err)
{
	const struct json *from = data->secret ? data->secret : data->bag;
	AUTO(secret) char *access = NULL, *secret = NULL;

	if (relation_text(from, "access-key", &access, err) ||
	    relation_text(from, "secret-key", &secret, err))
		return -1;
	if (!access || !secret)
		relation_gap_set(gap, RELATION_WAITING,
		    "waiting for %s to give its keys to relation %s", data->app,
		    r->id);
	if (tree_add_text(map, "access-key", access, err))
		return -1;
	return tree_add_text(map, "secret-key", secret, err);
}

/*
 * A bare host[:port] is spoken to with TLS iff the port is 443 or there is
 * none, as in s3.h.
 */
static bool
is_tls(const char *endpoint)
{
	const char *port;

	if (!endpoint || str_starts(endpoint, "https://"))
		return true;
	if (str_starts(endpoint, "http://"))
		return false;
	port = strrchr(endpoint, ':');
	return !port || strcmp(port, ":443") == 0;
}

int
relation_s3_proxy(const struct relation_s3 *r, struct tree *map,
    struct err *err)
{
	const char *proxy =
	    is_tls(tree_text(map, "endpoint")) ? r->https_proxy : r->http_proxy;

	if (!proxy || tree_get(map, "proxy"))
		return 0;
	if (tree_add_text(map, "proxy", proxy, err))
		return -1;
	if (tree_get(map, "no-proxy"))
		return 0;
	return tree_add_text(map, "no-proxy", r->no_proxy, err);
}

int
relation_s3_decode(const struct relation_s3 *r,
    const struct relation_s3_data *data, struct relation_gap *gap,
    struct tree **ret, struct err *err)
{
	char origin[ORIGIN_SIZE];
	AUTO(tree) struct tree *map = NULL;
	struct relation_gap own = { 0 }; /* gap may tell of another relation */

	(void)snprintf(origin, sizeof origin, "relation %s", r->id);
	if (tree_new(TREE_MAP, NULL, origin, 0, &map, err) ||
	    add_keys(r, data, &own, map, err) ||
	    add_place(r, data, &own, map, err) ||
	    add_plain(r, data->bag, map, err) ||
	    add_chain(r, data->bag, map, err) || relation_s3_proxy(r, map, err))
		return -1;
	if (own.state == RELATION_READY)
		*ret = TAKE(map);
	else
		relation_gap_set(gap, own.state, "%s", own.text);
	return 0;
}

int
relation_s3_read(const struct relation_s3 *r, struct relation_gap *gap,
    struct tree **map, struct err *err)
{
	AUTO(json) struct json *bag = NULL, *secret = NULL;
	AUTO(free) char *app = NULL, *uri = NULL;

	*map = NULL;
	if (relation_bag(r->id, &app, &bag, err) ||
	    relation_text(bag, "secret-extra", &uri, err))
		return -1;
	if (uri) {
		const struct relation_secret keys = { r->id, uri, "s3" };

		if (relation_secret_read(&keys, gap, &secret, err))
			return -1;
		if (!secret)
			return 0;
	}
	const struct relation_s3_data data = { app, bag, secret };
	return relation_s3_decode(r, &data, gap, map, err);
}
