#include "cmd/results.h"

#include <string.h>

#include "base/str.h"
#include "cmd/report.h"
#include "juju/hooktool.h"

enum { KEY_ROOM = 64, VALUE_MAX = HOOKTOOL_ARG_MAX - KEY_ROOM };

static const char white[] = " \t\r\n";

static size_t
trimmed(const char *text)
{
	size_t n = strlen(text);

	while (n > 0 && strchr(white, text[n - 1]))
		n--;
	return n;
}

int
results_set(const char *key, const char *text, struct err *err)
{
	AUTO(free) char *value = NULL;
	size_t n = trimmed(text);

	if (n > VALUE_MAX)
		return str_printf(&value, err,
		           "'%s' is left out: %zu bytes are more than Juju "
		           "takes",
		           key, n)
		           ? -1
		           : hooktool_action_set("note", value, err);
	value = strndup(text, n);
	if (!value)
		return err_nomem(err);
	return hooktool_action_set(key, value, err);
}

/* --- lists */

typedef int render_fn(const struct listing *, struct buf *, struct err *);

static int
render_table(const struct listing *l, struct buf *out, struct err *err)
{
	return report_list_table(l, false, out, err);
}

static int
render_json(const struct listing *l, struct buf *out, struct err *err)
{
	return report_list_json(l, out, err);
}

static struct listing
newest(const struct listing *l, size_t n)
{
	return (struct listing){
		.line = n ? l->line + (l->count - n) : l->line,
		.count = n,
	};
}

static int
try(const struct listing *l, render_fn *render, size_t n, struct buf *out,
    struct err *err)
{
	struct listing view = newest(l, n);

	buf_clear(out);
	return render(&view, out, err);
}

/* How many of the newest fit, found by halving; out holds those. */
static int
fit(const struct listing *l, render_fn *render, size_t *kept, struct buf *out,
    struct err *err)
{
	size_t fits = 0, too_many = l->count + 1, n = l->count;

	while (too_many - fits > 1) {
		if (try(l, render, n, out, err))
			return -1;
		if (trimmed(out->data) <= VALUE_MAX)
			fits = n;
		else
			too_many = n;
		n = fits + (too_many - fits) / 2;
	}
	*kept = fits;
	return try(l, render, fits, out, err);
}

static int
add_note(struct buf *note, const char *key, size_t left_out, struct err *err)
{
	if (left_out == 0)
		return 0;
	return buf_printf(note, err, "%s%zu older set%s left out of '%s'",
	    note->len ? "; " : "", left_out, left_out == 1 ? " is" : "s are",
	    key);
}

static int
set_fitting(const struct listing *l, const char *key, render_fn *render,
    size_t all, struct buf *note, struct err *err)
{
	AUTO(buf) struct buf text = { .max = REPORT_MAX };
	size_t kept;

	if (fit(l, render, &kept, &text, err) ||
	    results_set(key, text.data, err))
		return -1;
	return add_note(note, key, all - kept, err);
}

int
results_set_list(const struct listing *l, size_t limit, struct err *err)
{
	AUTO(buf) struct buf note = { .max = 1024 };
	struct listing view =
	    newest(l, limit > 0 && limit < l->count ? limit : l->count);

	if (set_fitting(&view, "backups", render_table, l->count, &note, err) ||
	    set_fitting(&view, "json", render_json, l->count, &note, err))
		return -1;
	return note.len > 0 ? hooktool_action_set("note", note.data, err) : 0;
}
