#include "component/kube_apply.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/tree_json.h"
#include "component/kube_clean.h"

enum { PATH_MAX_LEN = 4096, GIVE_UP = 3 /* refusals of one object */ };

/* One object on its way. */
struct work {
	const struct kube_apply *o;
	struct kube_item *it;
	struct tree *object;
	struct kube_resource r; /* borrowed; in the version of the file */
	const char *namespace;  /* in the target */
	const char *name;
};

static int
conclude(struct kube_item *it, enum kube_state state, const char *why,
    struct err *err)
{
	it->now = state;
	free(TAKE(it->why));
	return why ? str_dup(why, &it->why, err) : 0;
}

/* --- left out */

static bool
is_of(const struct kube_item *it, const char *resource)
{
	return strcmp(it->file.resource, resource) == 0;
}

/* kubeflow/pipelines takes a workflow that ended for one that is too old. */
static bool
is_finished_workflow(const struct work *w)
{
	static const char *const ends[] = { "Succeeded", "Failed", "Error" };
	const char *phase = tree_text(tree_get(w->object, "status"), "phase");
	const char *done =
	    tree_text(tree_in(w->object, "metadata", "labels", NULL),
	        "workflows.argoproj.io/completed");

	if (!is_of(w->it, "workflows.argoproj.io"))
		return false;
	for (size_t i = 0; phase && i < sizeof ends / sizeof *ends; i++)
		if (strcmp(phase, ends[i]) == 0)
			return true;
	return done && strcmp(done, "true") == 0;
}

static bool
is_deleted_with_claim(const struct work *w)
{
	const char *policy = tree_text(tree_get(w->object, "spec"),
	    "persistentVolumeReclaimPolicy");

	return is_of(w->it, "persistentvolumes") && policy &&
	       strcmp(policy, "Delete") == 0;
}

static bool
has_labels(const struct tree *object, const struct tree *want)
{
	const struct tree *labels = tree_in(object, "metadata", "labels", NULL);

	for (const struct tree *t = want->child; t; t = t->next) {
		const char *is = tree_text(labels, t->name);

		if (!is || strcmp(is, t->text) != 0)
			return false;
	}
	return true;
}

static bool
is_wanted(const struct work *w)
{
	const struct tree *list = w->o->choice->labels;

	for (const struct tree *t = list ? list->child : NULL; t; t = t->next)
		if (has_labels(w->object, t))
			return true;
	return !list || !list->child;
}

static const char *
why_not(const struct work *w)
{
	if (!is_wanted(w))
		return "it has other labels";
	if (is_finished_workflow(w))
		return "a workflow that has ended is not run again";
	if (is_deleted_with_claim(w))
		return "its volume was deleted with its claim, which gets "
		       "another";
	return NULL;
}

/* --- other namespaces */

/* NULL: as it is. */
static const char *
other_namespace(const struct work *w, const char *namespace)
{
	return namespace ? tree_text(w->o->choice->namespaces, namespace)
	                 : NULL;
}

static int
rename_subjects(const struct work *w, struct err *err)
{
	struct tree *list = tree_get(w->object, "subjects");

	for (struct tree *t = list ? list->child : NULL; t; t = t->next) {
		const char *to = other_namespace(w, tree_text(t, "namespace"));

		if (to && tree_set_text(t, "namespace", to, err))
			return -1;
	}
	return 0;
}

static int
rename_all(struct work *w, struct err *err)
{
	struct tree *m = tree_get(w->object, "metadata");
	const char *ns = other_namespace(w, w->it->file.namespace);
	const char *name = is_of(w->it, "namespaces")
	                       ? other_namespace(w, w->it->file.name)
	                       : NULL;

	if ((ns && tree_set_text(m, "namespace", ns, err)) ||
	    (name && tree_set_text(m, "name", name, err)) ||
	    rename_subjects(w, err))
		return -1;
	w->namespace = ns ? ns : w->it->file.namespace;
	w->name = name ? name : w->it->file.name;
	return 0;
}

/* --- what is served */

/* "group/v1" into its parts. */
static void
split_version(const char *api, char group[256], const char **version)
{
	const char *slash = strchr(api, '/');
	size_t n = slash ? (size_t)(slash - api) : 0;

	n = n < 255 ? n : 255;
	memcpy(group, api, n);
	group[n] = '\0';
	*version = slash ? slash + 1 : api;
}

static const struct kube_resource *
find_kind(const struct work *w, const struct tree *of)
{
	const char *api = tree_text(of, "apiVersion");
	const char *kind = tree_text(of, "kind");
	const char *version;
	char group[256];

	if (!api || !kind)
		return NULL;
	split_version(api, group, &version);
	return kube_discovery_kind(w->o->served, group, kind);
}

/*
 * An object, or a reference to one: as saved where that is served, otherwise as
 * its group prefers, and *moved says so.
 */
static int
choose_version(const struct kube_resource *r, struct tree *of, char **version,
    char **moved, struct err *err)
{
	const char *api = tree_text(of, "apiVersion"), *saved;
	AUTO(free) char *now = NULL;
	char group[256];

	free(TAKE(*moved));
	split_version(api, group, &saved);
	if (kube_discovery_serves(r, saved))
		return str_dup(saved, version, err);
	if (str_join(&now, err, group, *group ? "/" : "", r->version, NULL) ||
	    str_join(moved, err, r->name, " of ", api,
	        " are not served here, and were sent as ", now, NULL) ||
	    tree_set_text(of, "apiVersion", now, err))
		return -1;
	return str_dup(r->version, version, err);
}

/* --- owners */

/* GET; *ret NULL: it is not there. */
static int
look(const struct work *w, const struct kube_resource *r, const char *namespace,
    const char *name, struct json **ret, struct err *err)
{
	AUTO(buf) struct buf path = { .max = PATH_MAX_LEN };
	AUTO(buf) struct buf answer = { .max = KUBE_FILE_MAX };
	struct kube_call call = { .verb = "get",
		.resource = r->name,
		.namespace = namespace,
		.method = "GET" };
	int rc;

	*ret = NULL;
	if (kube_discovery_path(r, namespace, name, &path, err))
		return -1;
	call.path = path.data;
	if (kube_ask(w->o->kube, &call, &answer, err) == 0) {
		rc = json_parse(answer.data, answer.len, ret, err);
		buf_wipe(&answer);
		return rc;
	}
	if (!err_is(err, ERR_NOTFOUND))
		return -1;
	*err = (struct err){ 0 };
	return 0;
}

static struct kube_item *
owner_in_set(const struct work *w, const struct kube_resource *r,
    const char *name)
{
	char resource[512];
	size_t n = strlen(r->name), g = strlen(r->group);

	if (n + g + 2 > sizeof resource)
		return NULL;
	memcpy(resource, r->name, n + 1);
	if (g > 0) {
		resource[n] = '.';
		memcpy(resource + n + 1, r->group, g + 1);
	}
	return kube_spool_find(w->o->spool,
	    r->namespaced ? w->it->file.namespace : NULL, resource, name);
}

/* In a dry run nothing does, and who knows? */
static bool
may_come(const struct work *w, const struct kube_item *owner)
{
	return owner->state == KUBE_WAITS ||
	       (w->o->dry_run && owner->state == KUBE_MADE);
}

/* The owner's new uid, or the state that says why there is none. */
static int
resolve(struct work *w, struct tree *ref, struct err *err)
{
	const struct kube_resource *r = find_kind(w, ref);
	const char *name = tree_text(ref, "name");
	const struct json *meta;
	AUTO(json) struct json *j = NULL;
	AUTO(free) char *version = NULL, *moved = NULL;
	const struct kube_item *mine;
	const char *uid;

	if (!r || !name)
		return conclude(w->it, KUBE_WAITS,
		    "its owner's kind is not "
		    "served here",
		    err);
	if (look(w, r, r->namespaced ? w->namespace : NULL, name, &j, err))
		return -1;
	if (j) {
		meta = json_opt(j, "metadata");
		uid = json_opt_str(meta, "uid");
		return choose_version(r, ref, &version, &moved, err) ||
		               tree_set_text(ref, "uid", uid ? uid : "", err)
		           ? -1
		           : 0;
	}
	mine = owner_in_set(w, r, name);
	w->it->behind_owner = mine && may_come(w, mine);
	if (w->it->behind_owner)
		return conclude(w->it, KUBE_WAITS, "its owner is not there yet",
		    err);
	return conclude(w->it, KUBE_LEFT_OUT, "its owner is not there", err);
}

/* *go_on false: the state says what became of it. */
static int
resolve_all(struct work *w, bool *go_on, struct err *err)
{
	struct tree *list =
	    tree_in(w->object, "metadata", "ownerReferences", NULL);
	const struct tree *controller = kube_clean_controller(w->object);
	const struct kube_resource *r =
	    controller ? find_kind(w, controller) : NULL;
	const char *name = tree_text(controller, "name");
	struct err why = { 0 };

	*go_on = false;
	if (r && name && owner_in_set(w, r, name))
		return conclude(w->it, KUBE_LEFT_OUT, "its owner makes it",
		    err);
	for (struct tree *t = list ? list->child : NULL; t; t = t->next) {
		if (resolve(w, t, &why)) {
			if (err_is(&why, ERR_NOMEM))
				return err_nomem(err);
			return conclude(w->it, KUBE_WAITS, why.msg, err);
		}
		if (w->it->why)
			return 0;
	}
	*go_on = true;
	return 0;
}

/* --- sending */

/*
 * JSON is sent as YAML for server-side apply, and YAML has no room for some
 * characters that JSON takes as they are; they only stand in texts.
 */
static int
escape(const struct buf *json, struct buf *yaml, struct err *err)
{
	static const struct {
		const char *text;
		const char *escaped;
	} odd[] = {
		{ "\x7f", "\\u007f" },
		{ "\xe2\x80\xa8", "\\u2028" },
		{ "\xe2\x80\xa9", "\\u2029" },
		{ "\xef\xbb\xbf", "\\ufeff" },
		{ "\xef\xbf\xbe", "\\ufffe" },
		{ "\xef\xbf\xbf", "\\uffff" },
	};
	const char *at = json->data;

	while (*at) {
		size_t n = strcspn(at, "\x7f\xc2\xe2\xef"), i = 0;

		if (buf_add(yaml, at, n, err))
			return -1;
		at += n;
		if (!*at)
			break;
		while (i < sizeof odd / sizeof *odd &&
		       !str_starts(at, odd[i].text))
			i++;
		if (i < sizeof odd / sizeof *odd) {
			if (buf_puts(yaml, odd[i].escaped, err))
				return -1;
			at += strlen(odd[i].text);
		} else if (str_starts(at, "\xc2") &&
		           (unsigned char)at[1] < 0xa0) {
			if (buf_printf(yaml, err, "\\u%04x",
			        (unsigned)(unsigned char)at[1]))
				return -1;
			at += 2;
		} else if (buf_add(yaml, at++, 1, err)) {
			return -1;
		}
	}
	return 0;
}

/* JSON's own for what is made, YAML for server-side apply. */
static int
write_body(const struct work *w, bool patch, struct buf *body, struct err *err)
{
	AUTO(buf) struct buf json = { .max = KUBE_FILE_MAX };
	int rc;

	if (!patch)
		return tree_json_write(w->object, body, err);
	rc = tree_json_write(w->object, &json, err);
	if (rc == 0)
		rc = escape(&json, body, err);
	buf_wipe(&json);
	return rc;
}

static int
send_object(struct work *w, bool patch, struct buf *answer, struct err *err)
{
	AUTO(buf) struct buf path = { .max = PATH_MAX_LEN };
	AUTO(buf) struct buf body = { .max = KUBE_FILE_MAX };
	struct kube_call call = { .verb = patch ? "patch" : "create",
		.resource = w->it->file.resource,
		.namespace = w->namespace,
		.method = patch ? "PATCH" : "POST",
		.again = true,
		.type = patch ? "application/apply-patch+yaml"
		              : "application/json" };
	int rc;

	if (kube_discovery_path(&w->r, w->namespace, patch ? w->name : NULL,
	        &path, err) ||
	    buf_puts(&path, "?fieldManager=platform-backup", err) ||
	    (patch && buf_puts(&path, "&force=true", err)) ||
	    (w->o->dry_run && buf_puts(&path, "&dryRun=All", err)) ||
	    write_body(w, patch, &body, err))
		return -1;
	call.path = path.data;
	call.body = body.data;
	call.body_len = body.len;
	rc = answer ? kube_ask(w->o->kube, &call, answer, err)
	            : kube_do(w->o->kube, &call, NULL, err);
	buf_wipe(&body);
	return rc;
}

/* Without what the server counts and notes: a dry run counts nothing. */
static bool
is_same(const struct json *was, const struct json *is)
{
	const struct json *a = json_first(was);

	for (; a; a = json_next(a)) {
		const struct json *b = json_opt(is, json_name(a));
		AUTO(free) char *x = NULL, *y = NULL;
		struct err why = { 0 };

		if (strcmp(json_name(a), "metadata") == 0)
			continue;
		if (!b || json_print(a, &x, &why) || json_print(b, &y, &why) ||
		    strcmp(x, y) != 0)
			return false;
	}
	return json_count(was) == json_count(is);
}

static const char *
version_of(const struct json *j)
{
	const char *text =
	    json_opt_str(json_opt(j, "metadata"), "resourceVersion");

	return text ? text : "";
}

/* Server-side apply; what it leaves as it was keeps its resourceVersion. */
static int
update(struct work *w, struct err *err)
{
	AUTO(json) struct json *was = NULL, *is = NULL;
	AUTO(buf) struct buf answer = { .max = KUBE_FILE_MAX };
	int rc;

	if (look(w, &w->r, w->namespace, w->name, &was, err) ||
	    send_object(w, true, &answer, err))
		return -1;
	rc = json_parse(answer.data ? answer.data : "", answer.len, &is, err);
	buf_wipe(&answer);
	if (rc)
		return -1;
	w->it->now = !was ? KUBE_MADE
	             : strcmp(version_of(was), version_of(is)) == 0 &&
	                     (!w->o->dry_run || is_same(was, is))
	                 ? KUBE_UNCHANGED
	                 : KUBE_UPDATED;
	return 0;
}

/* What was there is on its way out: "object is being deleted", "because it is
 * being terminated". */
static bool
is_leaving(const struct err *why)
{
	return strstr(why->msg, "being deleted") ||
	       strstr(why->msg, "being terminated");
}

static int
make(struct work *w, struct err *err)
{
	if (send_object(w, false, NULL, err) == 0) {
		w->it->now = KUBE_MADE;
		return 0;
	}
	if (!err_is(err, ERR_EXISTS) || is_leaving(err))
		return -1;
	*err = (struct err){ 0 };
	w->it->now = KUBE_UNCHANGED;
	return 0;
}

/* A namespace that the set does not hold, and no profile makes. */
static int
make_namespace(struct work *w, struct err *err)
{
	AUTO(buf) struct buf body = { .max = 1024 };
	struct kube_call call = { .verb = "create",
		.resource = "namespaces",
		.method = "POST",
		.path = w->o->dry_run ? "/api/v1/namespaces?dryRun=All"
		                      : "/api/v1/namespaces",
		.type = "application/json" };
	const struct kube_resource *r =
	    kube_discovery_find(w->o->served, "kubeflow.org", "profiles");
	AUTO(json) struct json *profile = NULL;

	if (kube_spool_find(w->o->spool, NULL, "namespaces",
	        w->it->file.namespace) ||
	    kube_spool_find(w->o->spool, NULL, "profiles.kubeflow.org",
	        w->it->file.namespace))
		return 0;
	if ((r && look(w, r, NULL, w->namespace, &profile, err)))
		return -1;
	if (profile)
		return 0;
	if (buf_join(&body, err,
	        "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{"
	        "\"name\":\"",
	        w->namespace, "\"}}", NULL))
		return -1;
	call.body = body.data;
	call.body_len = body.len;
	return kube_do(w->o->kube, &call, NULL, err);
}

/* --- one object */

/* A person has to see to what is refused again and again. */
static int
put_off(struct work *w, const struct err *why, struct err *err)
{
	bool refused = err_is(why, ERR_USAGE) || err_is(why, ERR_DENIED) ||
	               err_is(why, ERR_REMOTE);
	struct err ignored = { 0 };
	AUTO(free) char *text = NULL;

	if (err_is(why, ERR_NOMEM))
		return err_nomem(err);
	if (err_is(why, ERR_NOTFOUND) && w->namespace &&
	    make_namespace(w, &ignored) && err_is(&ignored, ERR_NOMEM))
		return err_nomem(err);
	if (refused && !is_leaving(why))
		w->it->tries++;
	if (str_join(&text, err, w->it->moved ? w->it->moved : "",
	        w->it->moved ? ": " : "", why->msg, NULL))
		return -1;
	return conclude(w->it,
	    w->it->tries >= GIVE_UP ? KUBE_FAILED : KUBE_WAITS, text, err);
}

static int
wait_for_kind(struct work *w, struct err *err)
{
	AUTO(free) char *why = NULL;

	w->it->unserved = true;
	if (str_join(&why, err, tree_text(w->object, "kind"), " of ",
	        tree_text(w->object, "apiVersion"), " is not served here",
	        NULL))
		return -1;
	return conclude(w->it, KUBE_WAITS, why, err);
}

static int
apply(struct work *w, struct err *err)
{
	const struct kube_resource *r = find_kind(w, w->object);
	const char *no = why_not(w);
	AUTO(free) char *version = NULL;
	struct err why = { 0 };
	bool go_on;

	if (no)
		return conclude(w->it, KUBE_LEFT_OUT, no, err);
	if (!r)
		return wait_for_kind(w, err);
	if (choose_version(r, w->object, &version, &w->it->moved, err))
		return -1;
	w->r = *r;
	w->r.version = version;
	(void)tree_remove(w->object, "status");
	if (rename_all(w, err) || resolve_all(w, &go_on, err))
		return -1;
	if (!go_on ||
	    (w->o->choice->update ? update(w, &why) : make(w, &why)) == 0)
		return 0;
	return put_off(w, &why, err);
}

int
kube_apply(const struct kube_apply *o, struct kube_item *it, struct err *err)
{
	AUTO(tree) struct tree *object = NULL;
	struct work w = { .o = o, .it = it };

	free(TAKE(it->why));
	it->behind_owner = it->unserved = false;
	if (kube_spool_read(o->spool, it, &object, err))
		return -1;
	w.object = object;
	return apply(&w, err);
}
