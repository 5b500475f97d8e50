#include "juju/hooktool.h"

#include <string.h>

#include "base/json.h"
#include "base/jsonw.h"
#include "base/proc.h"
#include "base/str.h"

enum { ERRORS_MAX = 64 << 10, TIMEOUT_S = 300 };

static inline void
scope_wipe(struct buf *b)
{
	buf_wipe(b);
}

/* Juju writes "ERROR what\n", now and then with other lines in front. */
static const char *
words_of(struct buf *errors)
{
	static const char none[] = "no reason given";
	char *last;

	while (errors->len > 0 && errors->data[errors->len - 1] == '\n')
		errors->data[--errors->len] = '\0';
	if (errors->len == 0)
		return none;
	last = strrchr(errors->data, '\n');
	last = last ? last + 1 : errors->data;
	return str_starts(last, "ERROR ") ? last + strlen("ERROR ") : last;
}

/*
 * Juju has no codes for these.  "permission denied": Juju 3; "is not allowed
 * to": Juju 4; "cannot write relation settings": not the leader.
 */
static enum err_code
code_of(const char *words)
{
	static const char *const denied[] = { "permission denied",
		"is not allowed to", "cannot write relation settings" };

	for (size_t i = 0; i < sizeof denied / sizeof denied[0]; i++)
		if (strstr(words, denied[i]))
			return ERR_DENIED;
	return strstr(words, "not found") ? ERR_NOTFOUND : ERR_REMOTE;
}

static int
run_in(const char *const *argv, const struct buf *in, struct buf *out,
    struct err *err)
{
	struct proc proc = { .argv = argv, .timeout_s = TIMEOUT_S };
	AUTO(buf) struct buf errors = { .max = ERRORS_MAX };
	const char *words;

	if (in) {
		proc.in = in->data;
		proc.in_len = in->len;
	}
	if (proc_run(&proc, out, &errors, err)) {
		if (!err_is(err, ERR_NOTFOUND))
			return -1;
		return err_set(err, ERR_USAGE,
		    "no '%s' in PATH: only Juju can run this", argv[0]);
	}
	if (proc.status == 0)
		return 0;
	words = words_of(&errors);
	return err_set(err, code_of(words), "%s: %s", argv[0], words);
}

static int
run(const char *const *argv, struct err *err)
{
	return run_in(argv, NULL, NULL, err);
}

/* The answer may be a secret: nothing of it reaches a message. */
static int
ask(const char *const *argv, struct json **ret, struct err *err)
{
	AUTO(wipe) struct buf out = { .max = HOOKTOOL_ANSWER_MAX };

	if (run_in(argv, NULL, &out, err))
		return -1;
	if (out.len == 0)
		return err_set(err, ERR_REMOTE, "%s: no answer", argv[0]);
	if (json_parse(out.data, out.len, ret, err) == 0)
		return 0;
	if (err_is(err, ERR_NOMEM))
		return -1;
	return err_set(err, ERR_REMOTE, "%s: the answer is not JSON", argv[0]);
}

/* *ret NULL where the answer is no string, such as null. */
static int
ask_text(const char *const *argv, char **ret, struct err *err)
{
	AUTO(json) struct json *j = NULL;
	char *copy = NULL;

	if (ask(argv, &j, err))
		return -1;
	if (json_text(j) && str_dup(json_text(j), &copy, err))
		return -1;
	*ret = copy;
	return 0;
}

int
hooktool_config(struct json **ret, struct err *err)
{
	const char *argv[] = { "config-get", "--format=json", NULL };

	return ask(argv, ret, err);
}

int
hooktool_is_leader(bool *ret, struct err *err)
{
	const char *argv[] = { "is-leader", "--format=json", NULL };
	AUTO(json) struct json *j = NULL;

	if (ask(argv, &j, err))
		return -1;
	*ret = json_is_true(j);
	return 0;
}

int
hooktool_relation_ids(const char *endpoint, struct json **ret, struct err *err)
{
	const char *argv[] = { "relation-ids", endpoint, "--format=json",
		NULL };

	return ask(argv, ret, err);
}

int
hooktool_relation_units(const char *id, struct json **ret, struct err *err)
{
	const char *argv[] = { "relation-list", "--format=json", "-r", id,
		NULL };

	return ask(argv, ret, err);
}

int
hooktool_relation_app(const char *id, char **ret, struct err *err)
{
	const char *argv[] = { "relation-list", "--format=json", "--app", "-r",
		id, NULL };
	char *app = NULL;

	if (ask_text(argv, &app, err))
		return -1;
	if (!app)
		return err_set(err, ERR_NOTFOUND,
		    "relation %s has no application on its other side", id);
	*ret = app;
	return 0;
}

int
hooktool_relation_get(const char *id, const char *who, struct json **ret,
    struct err *err)
{
	const char *unit[] = { "relation-get", "--format=json", "-r", id, "-",
		who, NULL };
	const char *app[] = { "relation-get", "--format=json", "-r", id,
		"--app", "-", who, NULL };

	return ask(strchr(who, '/') ? unit : app, ret, err);
}

int
hooktool_secret_get(const char *uri, const char *label, struct json **ret,
    struct err *err)
{
	const char *words[] = { "secret-get", "--format=json", uri, "--label",
		label, "--refresh", NULL };

	return ask(words, ret, err);
}

int
hooktool_action_get(struct json **ret, struct err *err)
{
	const char *argv[] = { "action-get", "--format=json", NULL };

	return ask(argv, ret, err);
}

int
hooktool_state_get(const char *key, char **ret, struct err *err)
{
	const char *argv[] = { "state-get", "--format=json", key, NULL };

	return ask_text(argv, ret, err);
}

/* Juju 4 mounts elsewhere than Juju 3: never guess the folder. */
static int
location_of(const char *id, char **path, struct err *err)
{
	const char *argv[] = { "storage-get", "--format=json", "-s", id, NULL };
	AUTO(json) struct json *j = NULL;
	const char *location;

	if (ask(argv, &j, err))
		return -1;
	if (json_str(j, "location", &location, err))
		return err_wrap(err, "storage-get");
	return str_dup(location, path, err);
}

int
hooktool_storage(const char *name, char **path, struct err *err)
{
	const char *argv[] = { "storage-list", "--format=json", name, NULL };
	AUTO(json) struct json *ids = NULL;
	const char *id;

	if (ask(argv, &ids, err))
		return -1;
	id = json_text(json_first(ids));
	if (id)
		return location_of(id, path, err);
	*path = NULL;
	return 0;
}

/* By stdin, as JSON: no value passes through the list of processes. */
static int
write_pairs(const char *const *argv, const struct hooktool_pair *pair, size_t n,
    struct err *err)
{
	AUTO(buf) struct buf in = { .max = HOOKTOOL_ANSWER_MAX };
	struct jsonw w;

	jsonw_begin(&w, &in, 0);
	jsonw_object(&w, NULL);
	for (size_t i = 0; i < n; i++)
		jsonw_str(&w, pair[i].name, pair[i].value);
	jsonw_close(&w);
	if (jsonw_end(&w, err))
		return -1;
	return run_in(argv, &in, NULL, err);
}

int
hooktool_relation_set(const char *id, bool app,
    const struct hooktool_pair *pair, size_t n, struct err *err)
{
	const char *for_app[] = { "relation-set", "-r", id, "--app", "--file",
		"-", NULL };
	const char *for_unit[] = { "relation-set", "-r", id, "--file", "-",
		NULL };

	return write_pairs(app ? for_app : for_unit, pair, n, err);
}

int
hooktool_state_set(const char *key, const char *value, struct err *err)
{
	const char *argv[] = { "state-set", "--file", "-", NULL };
	const struct hooktool_pair pair = { key, value };

	return write_pairs(argv, &pair, 1, err);
}

static const char *
status_name(enum hooktool_status status)
{
	switch (status) {
	case HOOKTOOL_ACTIVE:
		return "active";
	case HOOKTOOL_WAITING:
		return "waiting";
	case HOOKTOOL_BLOCKED:
		return "blocked";
	case HOOKTOOL_MAINTENANCE:
		break;
	}
	return "maintenance";
}

static const char *
level_name(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
		return "ERROR";
	case LOG_WARNING:
		return "WARNING";
	case LOG_INFO:
		return "INFO";
	case LOG_DEBUG:
		break;
	}
	return "DEBUG";
}

/* How much of it is one argument: whole UTF-8 characters. */
static size_t
piece_of(const char *text)
{
	size_t n = strnlen(text, HOOKTOOL_ARG_MAX), least = n - (n > 3 ? 3 : n);

	if (text[n] == '\0')
		return n;
	while (n > least && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Run with text as the argument at place; *next: what did not fit. */
static int
run_text(const char **argv, size_t place, const char *text, const char **next,
    struct err *err)
{
	size_t n = piece_of(text);
	AUTO(free) char *piece = strndup(text, n);

	if (!piece)
		return err_nomem(err);
	argv[place] = piece;
	if (next)
		*next = text + n;
	return run(argv, err);
}

int
hooktool_status_set(enum hooktool_status status, const char *text,
    struct err *err)
{
	const char *argv[] = { "status-set", "--application=False",
		status_name(status), "--", NULL, NULL };

	return run_text(argv, 4, text, NULL, err);
}

int
hooktool_version_set(const char *version, struct err *err)
{
	const char *argv[] = { "application-version-set", "--", version, NULL };

	return run(argv, err);
}

int
hooktool_log(enum log_level level, const char *line, struct err *err)
{
	const char *argv[] = { "juju-log", "--log-level", level_name(level),
		"--", NULL, NULL };

	do {
		if (run_text(argv, 4, line, &line, err))
			return -1;
	} while (*line);
	return 0;
}

int
hooktool_action_log(const char *text, struct err *err)
{
	const char *argv[] = { "action-log", "--", NULL, NULL };

	return run_text(argv, 2, text, NULL, err);
}

int
hooktool_action_fail(const char *text, struct err *err)
{
	const char *argv[] = { "action-fail", "--", NULL, NULL };

	return run_text(argv, 2, text, NULL, err);
}

int
hooktool_action_set(const char *key, const char *value, struct err *err)
{
	AUTO(free) char *pair = NULL;
	const char *argv[] = { "action-set", NULL, NULL };

	if (strlen(key) + 1 + strlen(value) > HOOKTOOL_ARG_MAX)
		return err_set(err, ERR_USAGE,
		    "result '%s' is longer than %d bytes", key,
		    HOOKTOOL_ARG_MAX);
	if (str_printf(&pair, err, "%s=%s", key, value))
		return -1;
	argv[1] = pair;
	return run(argv, err);
}
