#include "cmd/action_prune.h"

#include "base/buf.h"
#include "base/date.h"
#include "cmd/report.h"
#include "cmd/report_prune.h"
#include "cmd/results.h"
#include "juju/hooktool.h"

static int
read_options(const struct session *s, const struct json *params,
    struct session_prune *p, struct err *err)
{
	const char *allow = json_opt_str(params, "allow");

	session_prune(s, p);
	p->o.dry_run = json_opt_bool(params, "dry-run");
	p->o.now = json_opt_bool(params, "now");
	return session_prune_allow(p, &allow, allow ? 1 : 0, err);
}

static int
read_id(const struct session *s, const struct json *params,
    char latest[LAYOUT_FOLDER_SIZE], const char **ret, struct err *err)
{
	*ret = json_opt_str(params, "backup-id");
	return *ret && **ret ? session_name(s, *ret, latest, ret, err)
	                     : err_set(err, ERR_USAGE, "'backup-id' is empty");
}

int
action_prune_run(const struct session *s, const struct json *params,
    struct err *err)
{
	AUTO(prune_result) struct prune_result r = { 0 };
	AUTO(buf) struct buf text = { .max = REPORT_MAX };
	AUTO(buf) struct buf json = { .max = REPORT_MAX };
	struct session_prune p;

	if (read_options(s, params, &p, err) || prune_run(&p.o, &r, err))
		return -1;
	if (report_prune_text(&r, p.o.dry_run, &text, err) ||
	    report_prune_json(&r, p.o.dry_run, &json, err) ||
	    hooktool_action_set("prune-status",
	        report_prune_status(p.o.dry_run), err) ||
	    results_set("sets", text.data, err))
		return -1;
	return results_set("result", json.data, err);
}

int
action_prune_delete(const struct session *s, const struct json *params,
    struct err *err)
{
	AUTO(buf) struct buf json = { .max = REPORT_MAX };
	char go[DATE_ISO_SIZE], latest[LAYOUT_FOLDER_SIZE];
	struct session_prune p;
	struct prune_deleted d;
	const char *id;

	if (read_id(s, params, latest, &id, err) ||
	    read_options(s, params, &p, err) || prune_delete(&p.o, id, &d, err))
		return -1;
	date_iso(d.files_go, go);
	if (hooktool_action_set("backup-id", d.id, err) ||
	    hooktool_action_set("delete-status",
	        report_prune_deleted_status(&d), err) ||
	    (d.files_go && hooktool_action_set("files-go", go, err)) ||
	    report_prune_deleted_json(&d, &json, err))
		return -1;
	return results_set("result", json.data, err);
}

int
action_prune_hold(const struct session *s, const struct json *params, bool hold,
    struct err *err)
{
	char done[LAYOUT_ID_SIZE], latest[LAYOUT_FOLDER_SIZE];
	struct session_prune p;
	const char *id;

	if (read_id(s, params, latest, &id, err))
		return -1;
	session_prune(s, &p);
	if (prune_hold(&p.o, id, hold, done, err) ||
	    hooktool_action_set("backup-id", done, err))
		return -1;
	return hooktool_action_set("held", hold ? "true" : "false", err);
}
