#include "cmd/report_prune.h"

#include <inttypes.h>

#include "base/date.h"
#include "base/jsonw.h"
#include "base/str.h"

const char *
report_prune_status(bool dry_run)
{
	return dry_run ? "dry run" : "finished";
}

static int
end_json(struct jsonw *w, struct buf *out, struct err *err)
{
	jsonw_close(w);
	return jsonw_end(w, err) ? -1 : buf_puts(out, "\n", err);
}

/* --- what a sweep did */

static void
write_swept(struct jsonw *w, const struct sweep_result *s)
{
	jsonw_u64(w, "removed-sets", s->sets);
	jsonw_u64(w, "removed-runs", s->runs);
	jsonw_u64(w, "removed-files", s->files);
	jsonw_u64(w, "removed-bytes", s->bytes);
	jsonw_u64(w, "needed-files", s->needed);
	jsonw_u64(w, "retained-files", s->retained);
	jsonw_opt_str(w, "retained", s->why_retained);
	jsonw_u64(w, "waiting-sets", s->waiting);
	jsonw_opt_str(w, "waiting-for", s->run);
}

static int
swept_text(const struct sweep_result *s, struct buf *out, struct err *err)
{
	char size[16];

	str_bytes(s->bytes, size);
	if (buf_printf(out, err, "removed: %zu sets, %" PRIu64 " files, %s\n",
	        s->sets, s->files, size))
		return -1;
	if (s->runs && buf_printf(out, err,
	                   "removed: what %zu failed runs left\n", s->runs))
		return -1;
	if (s->needed &&
	    buf_printf(out, err,
	        "%" PRIu64 " files stay, as later sets need them\n", s->needed))
		return -1;
	if (s->waiting &&
	    buf_printf(out, err,
	        "%zu sets are kept for a run in progress (%s); the next prune "
	        "removes them\n",
	        s->waiting, s->run))
		return -1;
	if (s->held && buf_printf(out, err,
	                   "%zu sets were held meanwhile, and stay\n", s->held))
		return -1;
	return s->retained
	           ? buf_printf(out, err,
	                 "%" PRIu64 " files are retained by the store, for a "
	                 "later prune: %s\n",
	                 s->retained, s->why_retained)
	           : 0;
}

/* --- prune */

int
report_prune_json(const struct prune_result *r, bool dry_run, struct buf *out,
    struct err *err)
{
	struct jsonw w;

	jsonw_begin(&w, out, 2);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "prune-status", report_prune_status(dry_run));
	jsonw_opt_str(&w, "refused", r->refused);
	jsonw_array(&w, "sets");
	for (size_t i = 0; i < r->count; i++) {
		jsonw_object(&w, NULL);
		jsonw_str(&w, "backup-id", r->line[i].id);
		jsonw_str(&w, "decision", r->line[i].keep ? "keep" : "delete");
		jsonw_str(&w, "reason", r->line[i].reason);
		jsonw_close(&w);
	}
	jsonw_close(&w);
	jsonw_u64(&w, "marked", r->marked);
	write_swept(&w, &r->swept);
	jsonw_u64(&w, "removed-uploads", r->uploads);
	return end_json(&w, out, err);
}

int
report_prune_text(const struct prune_result *r, bool dry_run, struct buf *out,
    struct err *err)
{
	for (size_t i = 0; i < r->count; i++)
		if (buf_printf(out, err, "%-20s  %-6s  %s\n", r->line[i].id,
		        r->line[i].keep ? "keep" : "delete", r->line[i].reason))
			return -1;
	if (*r->refused &&
	    buf_printf(out, err, "would be refused: %s\n", r->refused))
		return -1;
	if (dry_run)
		return buf_printf(out, err,
		    "dry run, nothing was changed: %zu sets would be marked\n",
		    r->marked);
	if (buf_printf(out, err, "marked: %zu sets\n", r->marked) ||
	    swept_text(&r->swept, out, err))
		return -1;
	return r->uploads ? buf_printf(out, err,
	                        "removed: %u unfinished uploads\n", r->uploads)
	                  : 0;
}

/* --- delete */

const char *
report_prune_deleted_status(const struct prune_deleted *d)
{
	return d->files_go         ? "marked"
	       : d->swept.waiting  ? "waiting"
	       : d->swept.retained ? "retained"
	                           : "deleted";
}

int
report_prune_deleted_json(const struct prune_deleted *d, struct buf *out,
    struct err *err)
{
	char go[DATE_ISO_SIZE];
	struct jsonw w;

	date_iso(d->files_go, go);
	jsonw_begin(&w, out, 2);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "backup-id", d->id);
	jsonw_str(&w, "delete-status", report_prune_deleted_status(d));
	if (d->files_go)
		jsonw_str(&w, "files-go", go);
	write_swept(&w, &d->swept);
	return end_json(&w, out, err);
}

int
report_prune_deleted_text(const struct prune_deleted *d, struct buf *out,
    struct err *err)
{
	char go[DATE_ISO_SIZE];

	if (!d->files_go)
		return buf_printf(out, err, "%s  %s\n", d->id,
		           report_prune_deleted_status(d))
		           ? -1
		           : swept_text(&d->swept, out, err);
	date_iso(d->files_go, go);
	return buf_printf(out, err,
	    "%s  marked; the first 'prune' from %s on removes its files, until "
	    "then 'hold' takes this back\n",
	    d->id, go);
}

/* --- hold, release */

int
report_prune_held_json(const char *id, bool held, struct buf *out,
    struct err *err)
{
	struct jsonw w;

	jsonw_begin(&w, out, 2);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "backup-id", id);
	jsonw_bool(&w, "held", held);
	return end_json(&w, out, err);
}

int
report_prune_held_text(const char *id, bool held, struct buf *out,
    struct err *err)
{
	return buf_printf(out, err, "%s  %s\n", id, held ? "held" : "released");
}
