#include "engine/check.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "component/component.h"
#include "crypto/age_keys.h"
#include "crypto/rand.h"
#include "repo/repo_keys.h"
#include "store/store.h"

/* Room below which a backup is not worth beginning. */
enum { ROOM_MIN = 64 << 20, DETAIL_MAX = 4096 };

static int
add_line(struct check_result *r, const char *name, bool ok, const char *message,
    struct err *err)
{
	struct check_line *l = &r->line[r->count++];

	if (str_dup(name, &l->name, err) || str_dup(message, &l->message, err))
		return -1;
	l->ok = ok;
	r->ok = r->ok && ok;
	return 0;
}

/* Write a file, read it back, remove it. */
static int
try_store(struct store *st, struct buf *detail, struct err *err)
{
	static const char text[] = "platform-backup check\n";
	AUTO(buf) struct buf back = { .max = 1024 };
	char key[64], hex[17];
	uint8_t random[8];
	struct err why = { 0 };

	if (rand_bytes(random, sizeof random, err))
		return -1;
	str_hex(random, sizeof random, hex);
	(void)snprintf(key, sizeof key, "checks/%s.txt", hex);
	if (store_put_bytes(st, key, text, sizeof text - 1, err) ||
	    store_get_bytes(st, key, &back, err))
		return -1;
	/* no store of the tests gives back other bytes */
	if (back.len != sizeof text - 1 ||
	    memcmp(back.data, text, back.len) != 0)
		return err_set(err, ERR_CORRUPT,
		    "what was written is not what is read back");
	if (st->ops->remove(st, key, &why) == 0)
		return buf_puts(detail, ": may list, write, read and remove",
		    err);
	return buf_printf(detail, err,
	    ": may list, write and read, but not remove ('%s' stays): %s", key,
	    why.msg);
}

static int
look_at_store(struct store *st, struct buf *detail, struct err *err)
{
	char size[16];
	uint64_t room;

	if (buf_puts(detail, st->ops->where(st), err) ||
	    try_store(st, detail, err) || st->ops->room(st, &room, err))
		return -1;
	str_bytes(room, size);
	/* a disk that is nearly full is not to be had in a test */
	if (room < ROOM_MIN)
		return err_set(err, ERR_NOROOM, "%s has only %s left",
		    st->ops->where(st), size);
	return room != UINT64_MAX
	           ? buf_printf(detail, err, ", room for %s", size)
	           : 0;
}

static int
look_at(const struct check_repository *r, struct buf *detail, struct err *err)
{
	AUTO(repo_sets) struct repo_sets sets = { 0 };

	if (!r->repo)
		return look_at_store(r->store, detail, err) ||
		               buf_puts(detail,
		                   "; no repository yet, the first backup makes "
		                   "it",
		                   err)
		           ? -1
		           : 0;
	if (repo_list(r->repo, &sets, err) ||
	    look_at_store(repo_store(r->repo), detail, err))
		return -1;
	return buf_printf(detail, err, ", %zu sets", sets.count);
}

/* Would the next backup be encrypted, and could it be restored from here? */
static int
look_at_keys(const struct config *c, const struct check_repository *r,
    struct buf *detail, struct err *err)
{
	const struct age_keys *k = &c->repository.keys;
	AUTO(repo_sets) struct repo_sets sets = { 0 };
	char id[LAYOUT_ID_SIZE];
	bool encrypted = false;

	if (k->nrecipients > 0)
		return buf_printf(detail, err,
		    ", encrypted to %zu recipient%s, %s", k->nrecipients,
		    k->nrecipients == 1 ? "" : "s",
		    age_keys_opens_own(k) ? "with an identity of theirs here"
		                          : "whose identities are not here");
	if (k->nidentities > 0)
		return err_set(err, ERR_USAGE,
		    "'encryption' has an identity and no 'recipients': sets "
		    "can be restored, and none be made");
	if (c->repository.plain || !r->repo)
		return 0;
	if (repo_folders(r->repo, "", &sets, err) ||
	    repo_keys_newest(r->repo, &sets, id, &encrypted, err))
		return -1;
	return encrypted ? err_set(err, ERR_USAGE,
	                       "set %s is encrypted, and the configuration "
	                       "names no recipients: no set can be made",
	                       id)
	                 : 0;
}

static int
check_repo(const struct config *c, const struct check_repository *r,
    struct check_result *result, struct err *err)
{
	AUTO(buf) struct buf detail = { .max = DETAIL_MAX };
	struct err why = { 0 };

	if (!r->repo && !r->store) {
		bool made =
		    err_is(r->why_not, ERR_NOTFOUND) && c->repository.create;

		if (buf_printf(&detail, err, "%s%s", r->why_not->msg,
		        made ? "; the first backup makes it" : ""))
			return -1;
		return add_line(result, "repository", made, detail.data, err);
	}
	if (look_at(r, &detail, &why) || look_at_keys(c, r, &detail, &why))
		return add_line(result, "repository", false, why.msg, err);
	return add_line(result, "repository", true, detail.data, err);
}

static int
check_component(const struct config *c, const struct config_component *cc,
    struct check_result *r, struct err *err)
{
	AUTO(buf) struct buf detail = { .max = DETAIL_MAX };
	AUTO(component) struct component *comp = NULL;
	struct err why = { 0 };
	int rc = component_open(cc, NULL, c->scratch, &comp, &why);

	if (rc == 0)
		rc = comp->ops->check(comp, false, &detail, &why);
	if (rc == 0 && comp->ops->try_read)
		rc = comp->ops->try_read(comp, &detail, &why);
	return add_line(r, cc->name, rc == 0,
	    rc            ? why.msg
	    : detail.data ? detail.data
	                  : "",
	    err);
}

int
check_run(const struct config *c, const struct plan *plan,
    const struct check_repository *repository, struct check_result *r,
    struct err *err)
{
	*r = (struct check_result){
		.line = calloc(plan->count + 1, sizeof *r->line),
		.ok = true,
	};
	if (!r->line)
		return err_nomem(err);
	if (check_repo(c, repository, r, err))
		return -1;
	for (size_t i = 0; i < plan->count; i++)
		if (check_component(c, plan->job[i].component, r, err))
			return -1;
	return 0;
}

void
check_result_done(struct check_result *r)
{
	for (size_t i = 0; r->line && i < r->count; i++) {
		free(r->line[i].name);
		free(r->line[i].message);
	}
	free(r->line);
	*r = (struct check_result){ 0 };
}
