#include "cmd/unit.h"

#include <stdio.h>

#include "base/date.h"
#include "base/str.h"
#include "base/tree.h"
#include "config/config.h"
#include "juju/hooktool.h"

/* Keys of Juju's state; the values are words for the status. */
static const char last_backup[] = "last-backup";
static const char last_failure[] = "last-failure";
static const char *const last_trouble[] = {
	[UNIT_VERIFY] = "last-verify-trouble",
	[UNIT_DRILL] = "last-drill-trouble",
};

static void
add_gap(struct unit *u, const struct relation_gap *gap)
{
	if (gap->state != RELATION_READY)
		relation_gap_set(&u->gap, gap->state, "%s", gap->text);
}

/* A mistake of a person, which only a person can put right. */
static int
blocked_by(struct unit *u, struct err *err)
{
	if (!err_is(err, ERR_USAGE))
		return -1;
	relation_gap_set(&u->gap, RELATION_BLOCKED, "%s", err->msg);
	return 0;
}

int
unit_read(const struct env *env, struct charm_asked *asked, struct unit *u,
    struct err *err)
{
	AUTO(charm) struct charm c = { 0 };

	*u = (struct unit){ 0 };
	if (charm_read(env, asked, &c, err))
		return blocked_by(u, err);
	if (!c.config)
		add_gap(u, &c.repository);
	else if (config_decode(TAKE(c.config), &u->config, err) &&
	         blocked_by(u, err))
		return -1;
	add_gap(u, &c.components);
	if (u->config)
		u->targets = TAKE(c.targets);
	return 0;
}

void
unit_done(struct unit *u)
{
	config_free(u->config);
	tree_free(u->targets);
	*u = (struct unit){ 0 };
}

static int
add_troubles(char **text, struct err *err)
{
	for (size_t i = 0; i < 2; i++) {
		AUTO(free) char *words = NULL, *before = *text;

		*text = NULL;
		if (hooktool_state_get(last_trouble[i], &words, err) ||
		    str_printf(text, err, "%s%s%s", before,
		        words && *words ? "; " : "", words ? words : ""))
			return -1;
	}
	return 0;
}

static int
show_backups(struct err *err)
{
	AUTO(free) char *backup = NULL, *failure = NULL, *text = NULL;

	if (hooktool_state_get(last_backup, &backup, err) ||
	    hooktool_state_get(last_failure, &failure, err))
		return -1;
	if (str_printf(&text, err, "%s%s%s",
	        backup && *backup ? backup : "ready, no backup yet",
	        failure && *failure ? "; " : "", failure ? failure : ""))
		return -1;
	if (add_troubles(&text, err))
		return -1;
	return hooktool_status_set(HOOKTOOL_ACTIVE, text, err);
}

int
unit_show(const struct unit *u, struct err *err)
{
	switch (u->gap.state) {
	case RELATION_WAITING:
		return hooktool_status_set(HOOKTOOL_WAITING, u->gap.text, err);
	case RELATION_BLOCKED:
		return hooktool_status_set(HOOKTOOL_BLOCKED, u->gap.text, err);
	case RELATION_READY:
		break;
	}
	return show_backups(err);
}

int
unit_remember(const struct unit_backups *b, struct err *err)
{
	AUTO(free) char *text = NULL;

	if (!b->id)
		return hooktool_state_set(last_backup, "", err);
	if (str_printf(&text, err, "last backup %s %s, %zu set%s", b->id,
	        b->status, b->count, b->count == 1 ? "" : "s"))
		return -1;
	return hooktool_state_set(last_backup, text, err);
}

int
unit_remember_failure(int64_t now, struct err *err)
{
	AUTO(free) char *text = NULL;
	char when[DATE_ISO_SIZE];

	if (now == 0)
		return hooktool_state_set(last_failure, "", err);
	date_iso(now, when);
	if (str_printf(&text, err, "a backup failed at %s", when))
		return -1;
	return hooktool_state_set(last_failure, text, err);
}

int
unit_remember_trouble(enum unit_trouble which, const char *words,
    struct err *err)
{
	return hooktool_state_set(last_trouble[which], words ? words : "", err);
}
