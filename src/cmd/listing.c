#include "cmd/listing.h"

#include <string.h>

#include "base/str.h"
#include "store/store.h"

static int
fill(struct repo *repo, const struct repo_set *set, struct listing_line *l,
    struct err *err)
{
	struct err why = { 0 };

	memcpy(l->id, set->id, sizeof l->id);
	l->status = set->running   ? "in progress"
	            : set->deleted ? "deleted"
	                           : "failed";
	if (!set->committed)
		return 0;
	if (repo_manifest(repo, set->folder, &l->manifest, &why) == 0) {
		l->status =
		    set->deleted ? "deleted" : manifest_status(l->manifest);
		manifest_files_forget(l->manifest);
		return 0;
	}
	if (err_is(&why, ERR_NOMEM) || err_is(&why, ERR_TRANSIENT) ||
	    err_is(&why, ERR_DENIED)) {
		*err = why;
		return -1;
	}
	return str_dup(why.msg, &l->message, err);
}

static int
fill_all(struct repo *repo, const struct repo_sets *sets, struct listing *l,
    struct err *err)
{
	AUTO(notes) struct notes notes = { 0 };

	if (notes_list(repo, NULL, &notes, err))
		return -1;
	for (size_t i = 0; i < sets->count; i++) {
		const struct repo_set *s = &sets->set[i];
		struct listing_line *line = &l->line[l->count];

		if (s->deleted && !s->committed)
			continue;
		l->count++;
		notes_state(&notes, s->folder, &line->notes);
		if (fill(repo, s, line, err))
			return -1;
	}
	return 0;
}

int
listing_read(struct repo *repo, struct listing *ret, struct err *err)
{
	AUTO(repo_sets) struct repo_sets sets = { 0 };
	AUTO(listing) struct listing l = { 0 };

	if (repo_list(repo, &sets, err))
		return -1;
	l.line = calloc(sets.count + 1, sizeof *l.line);
	if (!l.line)
		return err_nomem(err);
	l.now = repo_store(repo)->ops->now(repo_store(repo));
	if (fill_all(repo, &sets, &l, err))
		return -1;
	*ret = l;
	l = (struct listing){ 0 };
	return 0;
}

void
listing_done(struct listing *l)
{
	for (size_t i = 0; l->line && i < l->count; i++) {
		manifest_free(l->line[i].manifest);
		free(l->line[i].message);
	}
	free(l->line);
	*l = (struct listing){ 0 };
}
