#include "kube/kube_scale.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "kube/kube.h"

enum {
	OBJECT_MAX = 4 << 20, /* the API server's own limit is 3 MiB */
	PATH_MAX_LEN = 16384,
	REPLICAS_MAX = INT32_MAX
};

/* /apis/apps/v1/namespaces/NAMESPACE/RESOURCE/NAME, and what comes behind. */
static int
path_of(const struct kube_scale *s, const char *behind, struct buf *b,
    struct err *err)
{
	if (buf_puts(b, "/apis/apps/v1/namespaces/", err) ||
	    str_percent(b, s->namespace, "", err) ||
	    buf_join(b, err, "/", s->resource, "/", NULL) ||
	    str_percent(b, s->name, "", err))
		return -1;
	return buf_puts(b, behind, err);
}

static int
get(struct kube *k, const struct kube_scale *s, const char *behind,
    struct json **ret, struct err *err)
{
	AUTO(buf) struct buf path = { .max = PATH_MAX_LEN };
	AUTO(buf) struct buf answer = { .max = OBJECT_MAX };
	struct kube_call call = { .verb = "get",
		.resource = *behind ? "deployments/scale and statefulsets/scale"
		                    : "deployments and statefulsets",
		.namespace = s->namespace,
		.method = "GET" };

	if (path_of(s, behind, &path, err))
		return -1;
	call.path = path.data;
	return kube_ask(k, &call, &answer, err) ||
	               json_parse(answer.data ? answer.data : "", answer.len,
	                   ret, err)
	           ? -1
	           : 0;
}

/* --- as it is now */

static int
read_note(struct kube_scale *s, const struct json *meta, struct err *err)
{
	const char *note =
	    json_opt_str(json_opt(meta, "annotations"), KUBE_SCALE_NOTE);

	s->paused = note != NULL;
	if (!note || str_to_u64(note, 0, REPLICAS_MAX, &s->before, err) == 0)
		return 0;
	return err_set(err, ERR_CORRUPT,
	    "the annotation %s of %s '%s' in namespace '%s' is no number: "
	    "'%.40s'; correct it by hand",
	    KUBE_SCALE_NOTE, s->resource, s->name, s->namespace, note);
}

static int
read_object(struct kube_scale *s, const struct json *o, struct err *err)
{
	const struct json *meta, *spec;
	const char *version;

	if (json_get(o, "metadata", &meta, err) ||
	    json_get(o, "spec", &spec, err) ||
	    json_str(meta, "resourceVersion", &version, err) ||
	    json_u64(spec, "replicas", &s->replicas, err))
		return -1;
	return str_dup(version, &s->version, err) || read_note(s, meta, err)
	           ? -1
	           : 0;
}

static int
read_selector(struct kube *k, struct kube_scale *s, struct err *err)
{
	AUTO(json) struct json *scale = NULL;
	const struct json *status;
	const char *selector;

	if (get(k, s, "/scale", &scale, err) ||
	    json_get(scale, "status", &status, err) ||
	    json_str(status, "selector", &selector, err))
		return -1;
	return str_dup(selector, &s->selector, err);
}

static int
look_as(struct kube *k, struct kube_scale *s, const char *resource,
    struct err *err)
{
	AUTO(json) struct json *o = NULL;

	s->resource = resource;
	if (get(k, s, "", &o, err) || read_object(s, o, err))
		return -1;
	return read_selector(k, s, err);
}

int
kube_scale_look(struct kube *k, struct kube_scale *s, struct err *err)
{
	kube_scale_done(s);
	if (look_as(k, s, "deployments", err) == 0)
		return 0;
	if (!err_is(err, ERR_NOTFOUND))
		return -1;
	*err = (struct err){ 0 };
	if (look_as(k, s, "statefulsets", err) == 0)
		return 0;
	if (!err_is(err, ERR_NOTFOUND))
		return -1;
	return err_set(err, ERR_NOTFOUND,
	    "there is neither a Deployment nor a StatefulSet '%s' in namespace "
	    "'%s'",
	    s->name, s->namespace);
}

/* --- changes */

/* note NULL: the annotation goes. */
static int
patch_text(const struct kube_scale *s, uint64_t replicas, const char *note,
    struct buf *b, struct err *err)
{
	struct jsonw w;

	jsonw_begin(&w, b, 0);
	jsonw_object(&w, NULL);
	jsonw_object(&w, "metadata");
	jsonw_str(&w, "resourceVersion", s->version);
	jsonw_object(&w, "annotations");
	if (note)
		jsonw_str(&w, KUBE_SCALE_NOTE, note);
	else
		jsonw_null(&w, KUBE_SCALE_NOTE);
	jsonw_close(&w);
	jsonw_close(&w);
	jsonw_object(&w, "spec");
	jsonw_u64(&w, "replicas", replicas);
	jsonw_close(&w);
	jsonw_close(&w);
	return jsonw_end(&w, err);
}

static int
patch(struct kube *k, const struct kube_scale *s, uint64_t replicas,
    const char *note, struct err *err)
{
	AUTO(buf) struct buf path = { .max = PATH_MAX_LEN };
	AUTO(buf) struct buf body = { .max = PATH_MAX_LEN };
	struct kube_call call = { .verb = "patch",
		.resource = s->resource,
		.namespace = s->namespace,
		.method = "PATCH",
		.type = "application/merge-patch+json" };

	if (path_of(s, "", &path, err) ||
	    patch_text(s, replicas, note, &body, err))
		return -1;
	call.path = path.data;
	call.body = body.data;
	call.body_len = body.len;
	return kube_do(k, &call, NULL, err);
}

int
kube_scale_pause(struct kube *k, const struct kube_scale *s, struct err *err)
{
	char note[24];

	(void)snprintf(note, sizeof note, "%" PRIu64, kube_scale_wanted(s));
	return patch(k, s, 0, note, err);
}

/* A number above 0 was set by somebody after the pause: it is the newer. */
uint64_t
kube_scale_wanted(const struct kube_scale *s)
{
	return s->paused && s->replicas == 0 ? s->before : s->replicas;
}

int
kube_scale_resume(struct kube *k, const struct kube_scale *s, struct err *err)
{
	return patch(k, s, kube_scale_wanted(s), NULL, err);
}

/* --- its pods */

int
kube_scale_ended(struct kube *k, const struct kube_scale *s, bool *ret,
    struct err *err)
{
	AUTO(buf) struct buf path = { .max = PATH_MAX_LEN };
	AUTO(buf) struct buf answer = { .max = OBJECT_MAX };
	AUTO(json) struct json *list = NULL;
	const struct json *items;
	struct kube_call call = { .verb = "list",
		.resource = "pods",
		.namespace = s->namespace,
		.method = "GET" };

	if (buf_puts(&path, "/api/v1/namespaces/", err) ||
	    str_percent(&path, s->namespace, "", err) ||
	    buf_puts(&path, "/pods?limit=1&labelSelector=", err) ||
	    str_percent(&path, s->selector, "", err))
		return -1;
	call.path = path.data;
	if (kube_ask(k, &call, &answer, err) ||
	    json_parse(answer.data ? answer.data : "", answer.len, &list,
	        err) ||
	    json_get(list, "items", &items, err))
		return -1;
	*ret = json_first(items) == NULL;
	return 0;
}

void
kube_scale_done(struct kube_scale *s)
{
	free(s->version);
	free(s->selector);
	s->version = s->selector = NULL;
	s->paused = false;
	s->replicas = s->before = 0;
}
