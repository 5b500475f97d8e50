#include "cmd/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/jsonw.h"
#include "base/str.h"

static int
end_json(struct jsonw *w, struct buf *out, struct err *err)
{
	return jsonw_end(w, err) ? -1 : buf_puts(out, "\n", err);
}

/* --- sets */

static void
write_date(struct jsonw *w, const char *name, int64_t s)
{
	char text[DATE_ISO_SIZE];

	date_iso(s, text);
	jsonw_str(w, name, text);
}

static void
write_component(struct jsonw *w, const struct manifest_component *c)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "name", c->name);
	jsonw_str(w, "type", c->type);
	jsonw_str(w, "status", manifest_status_name(c->status));
	jsonw_opt_str(w, "message", c->message);
	jsonw_u64(w, "objects", c->objects);
	jsonw_u64(w, "bytes", c->bytes);
	jsonw_u64(w, "stored-bytes", c->stored_bytes);
	jsonw_u64(w, "new-objects", c->new_objects);
	jsonw_u64(w, "gone", c->gone);
	jsonw_fixed(w, "seconds", c->seconds);
	jsonw_close(w);
}

static const char *
type_of(const struct manifest *m)
{
	return m->parent ? "incremental" : "full";
}

static void
write_references(struct jsonw *w, const struct manifest_references *r)
{
	if (!r->checked)
		return;
	jsonw_object(w, "references");
	jsonw_u64(w, "found", r->found);
	jsonw_u64(w, "external", r->external);
	jsonw_u64(w, "dangling", r->dangling);
	jsonw_u64(w, "unknown", r->unknown);
	jsonw_u64(w, "lost", r->lost);
	jsonw_close(w);
}

static void
write_opt_date(struct jsonw *w, const char *name, int64_t s)
{
	if (s > 0)
		write_date(w, name, s);
}

/* What was said of the set since it was stored. */
static void
write_notes(struct jsonw *w, const struct notes_state *n)
{
	write_opt_date(w, "verified", n->verified);
	write_opt_date(w, "verify-failed", n->verify_failed);
	write_opt_date(w, "drilled", n->drilled);
	write_opt_date(w, "drill-failed", n->drill_failed);
}

static const char *
status_of(const struct manifest *m, const struct notes_state *s)
{
	return s->deleted ? "deleted" : manifest_status(m);
}

static void
write_set(struct jsonw *w, const struct manifest *m,
    const struct notes_state *s)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "backup-id", m->id);
	jsonw_str(w, "backup-type", type_of(m));
	jsonw_str(w, "backup-status", status_of(m, s));
	if (s->held)
		jsonw_bool(w, "held", true);
	jsonw_opt_str(w, "label", m->label);
	jsonw_opt_str(w, "parent", m->parent);
	write_date(w, "started", m->started);
	write_date(w, "finished", m->finished);
	write_notes(w, s);
	manifest_encode_recipients(w, m);
	jsonw_array(w, "components");
	for (size_t i = 0; i < m->ncomponents; i++)
		write_component(w, &m->component[i]);
	jsonw_close(w);
	write_references(w, &m->references);
	jsonw_strs(w, "not-in-set", m->missing, m->nmissing);
	jsonw_close(w);
}

int
report_noted_json(const struct manifest *m, const struct notes_state *s,
    struct buf *out, struct err *err)
{
	struct jsonw w;

	jsonw_begin(&w, out, 2);
	write_set(&w, m, s);
	return end_json(&w, out, err);
}

int
report_set_json(const struct manifest *m, struct buf *out, struct err *err)
{
	return report_noted_json(m, &(struct notes_state){ 0 }, out, err);
}

int
report_noted_manifest(const struct buf *text, const struct notes_state *s,
    struct buf *out, struct err *err)
{
	static const char status[] = "\n  \"backup-status\": \"";
	const char *at = strstr(text->data, status);
	size_t n = at ? (size_t)(at - text->data) : text->len;
	size_t word = at ? strcspn(at + sizeof status - 1, "\"") : 0;

	if (!at || (!s->deleted && !s->held))
		return buf_add(out, text->data, text->len, err);
	at += sizeof status - 1;
	if (buf_add(out, text->data, n, err) ||
	    buf_printf(out, err, "%s%.*s\"", status,
	        s->deleted ? (int)strlen("deleted") : (int)word,
	        s->deleted ? "deleted" : at) ||
	    (s->held && buf_puts(out, ",\n  \"held\": true", err)))
		return -1;
	return buf_puts(out, at + word + 1, err);
}

static int
component_text(const struct manifest_component *c, struct buf *out,
    struct err *err)
{
	char size[16], stored[16];

	str_bytes(c->bytes, size);
	str_bytes(c->stored_bytes, stored);
	if (buf_printf(out, err,
	        "  %-20s %-8s %-9s %" PRIu64 " objects, %s, %s stored, "
	        "%.1f s\n",
	        c->name, c->type, manifest_status_name(c->status), c->objects,
	        size, stored, c->seconds))
		return -1;
	if (c->gone &&
	    buf_printf(out, err, "    %" PRIu64 " were deleted while it ran\n",
	        c->gone))
		return -1;
	return c->message ? buf_printf(out, err, "    %s\n", c->message) : 0;
}

/* Counts, and those that a person may want to look for. */
static int
references_text(const struct manifest_references *r, struct buf *out,
    struct err *err)
{
	if (!r->checked)
		return 0;
	if (buf_printf(out, err,
	        "  references: %" PRIu64 " found, %" PRIu64
	        " external, %" PRIu64 " dangling at the source, %" PRIu64
	        " unknown, %" PRIu64 " lost\n",
	        r->found, r->external, r->dangling, r->unknown, r->lost))
		return -1;
	for (size_t i = 0; i < r->nlost_uris; i++)
		if (buf_printf(out, err, "    lost: %s\n", r->lost_uris[i]))
			return -1;
	for (size_t i = 0; i < r->ndangling_uris; i++)
		if (buf_printf(out, err, "    dangling: %s\n",
		        r->dangling_uris[i]))
			return -1;
	return 0;
}

static int
encryption_text(const struct manifest *m, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < m->nrecipients; i++)
		if (buf_printf(out, err, "  encrypted to %s\n",
		        m->recipients[i]))
			return -1;
	return m->hidden ? buf_puts(out,
	                       "    messages, facts and names of objects are "
	                       "encrypted too: not shown without an identity\n",
	                       err)
	                 : 0;
}

int
report_noted_text(const struct manifest *m, const struct notes_state *s,
    struct buf *out, struct err *err)
{
	if (buf_printf(out, err, "%s  %s  %s%s%s%s\n", m->id, type_of(m),
	        status_of(m, s), s->held ? ", held" : "", m->label ? "  " : "",
	        m->label ? m->label : "") ||
	    encryption_text(m, out, err))
		return -1;
	for (size_t i = 0; i < m->ncomponents; i++)
		if (component_text(&m->component[i], out, err))
			return -1;
	if (references_text(&m->references, out, err))
		return -1;
	for (size_t i = 0; i < m->nmissing; i++)
		if (buf_printf(out, err, "  not in the set: %s\n",
		        m->missing[i]))
			return -1;
	return 0;
}

int
report_set_text(const struct manifest *m, struct buf *out, struct err *err)
{
	return report_noted_text(m, &(struct notes_state){ 0 }, out, err);
}

/* --- what was said since */

static void
ago(int64_t then, int64_t now, char *out, size_t size)
{
	int64_t s = now > then ? now - then : 0;

	if (s < 120)
		(void)snprintf(out, size, "%" PRId64 " s ago", s);
	else if (s < 7200)
		(void)snprintf(out, size, "%" PRId64 " min ago", s / 60);
	else if (s < 172800)
		(void)snprintf(out, size, "%" PRId64 " h ago", s / 3600);
	else
		(void)snprintf(out, size, "%" PRId64 " d ago", s / 86400);
}

struct outcome {
	const char *word;
	int64_t well, failed; /* when; the later of both counts */
};

static int
outcome(const char *begin, struct outcome o, int64_t now, struct buf *out,
    struct err *err)
{
	char when[32];

	if (o.well == 0 && o.failed == 0)
		return 0;
	ago(o.well > o.failed ? o.well : o.failed, now, when, sizeof when);
	return buf_printf(out, err, "%s%s%s %s", begin, o.word,
	    o.well > o.failed ? "" : " FAILED", when);
}

static int
outcomes(const char *begin, const struct notes_state *n, int64_t now,
    struct buf *out, struct err *err)
{
	const struct outcome v = { "verified", n->verified, n->verify_failed };
	const struct outcome d = { "drilled", n->drilled, n->drill_failed };
	size_t was = out->len;

	if (outcome(begin, v, now, out, err))
		return -1;
	return outcome(out->len > was ? ", " : begin, d, now, out, err);
}

int
report_notes_text(const struct notes_state *n, int64_t now, struct buf *out,
    struct err *err)
{
	size_t was = out->len;

	if (outcomes("  ", n, now, out, err))
		return -1;
	return out->len > was ? buf_puts(out, "\n", err) : 0;
}

/* --- lists */

static void
write_unfinished(struct jsonw *w, const struct listing_line *l)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "backup-id", l->id);
	jsonw_str(w, "backup-status", l->status);
	jsonw_opt_str(w, "message", l->message);
	jsonw_array(w, "components");
	jsonw_close(w);
	jsonw_close(w);
}

int
report_list_json(const struct listing *l, struct buf *out, struct err *err)
{
	struct jsonw w;

	jsonw_begin(&w, out, 2);
	jsonw_array(&w, NULL);
	for (size_t i = 0; i < l->count; i++) {
		if (l->line[i].manifest)
			write_set(&w, l->line[i].manifest, &l->line[i].notes);
		else
			write_unfinished(&w, &l->line[i]);
	}
	jsonw_close(&w);
	return end_json(&w, out, err);
}

static int
wide_text(const struct manifest *m, struct buf *out, struct err *err)
{
	uint64_t bytes = 0, stored = 0;
	char size[16], put[16];

	for (size_t i = 0; i < m->ncomponents; i++) {
		bytes += m->component[i].bytes;
		stored += m->component[i].stored_bytes;
	}
	str_bytes(bytes, size);
	str_bytes(stored, put);
	if (buf_printf(out, err, " | %10s | %10s | ", size, put))
		return -1;
	for (size_t i = 0; i < m->ncomponents; i++)
		if (buf_printf(out, err, "%s%s", i ? ", " : "",
		        m->component[i].name))
			return -1;
	return m->label ? buf_printf(out, err, " (%s)", m->label) : 0;
}

static int
list_line(const struct listing_line *l, int64_t now, bool wide, struct buf *out,
    struct err *err)
{
	const struct manifest *m = l->manifest;
	char status[32];

	(void)snprintf(status, sizeof status, "%s%s", l->status,
	    l->notes.held ? ", held" : "");
	if (buf_printf(out, err, "%-21s | %-12s | %-*s", l->id,
	        m ? type_of(m) : "-", wide ? 13 : 0, status))
		return -1;
	if (wide && m && wide_text(m, out, err))
		return -1;
	if (wide && outcomes(" | ", &l->notes, now, out, err))
		return -1;
	if (wide && l->message && buf_printf(out, err, " | %s", l->message))
		return -1;
	return buf_puts(out, "\n", err);
}

int
report_list_table(const struct listing *l, bool wide, struct buf *out,
    struct err *err)
{
	static const char dashes[] =
	    "----------------------------------------------------";

	if (buf_printf(out, err, "%-21s | %-12s | backup-status%s\n%s%s\n",
	        "backup-id", "backup-type",
	        wide ? " |       size |     stored | components" : "", dashes,
	        wide ? dashes : ""))
		return -1;
	for (size_t i = 0; i < l->count; i++)
		if (list_line(&l->line[i], l->now, wide, out, err))
			return -1;
	return 0;
}

/* --- restores */

static const char *
part_status(const struct restore_part *p)
{
	return p->done ? "ok" : p->begun ? "failed" : "not begun";
}

static void
write_part(struct jsonw *w, const struct restore_part *p)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "name", p->name);
	jsonw_str(w, "type", p->type);
	jsonw_str(w, "status", part_status(p));
	jsonw_u64(w, "objects", p->objects);
	jsonw_u64(w, "written", p->written);
	jsonw_u64(w, "bytes", p->written_bytes);
	jsonw_u64(w, "unchanged", p->unchanged);
	jsonw_u64(w, "removed", p->removed);
	jsonw_u64(w, "extra", p->extra);
	jsonw_fixed(w, "seconds", p->seconds);
	jsonw_strs(w, "notes", p->notes, p->nnotes);
	jsonw_close(w);
}

int
report_restore_json(const char *id, bool dry_run,
    const struct restore_result *r, const struct err *why, struct buf *out,
    struct err *err)
{
	struct jsonw w;

	jsonw_begin(&w, out, 2);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "backup-id", id);
	jsonw_str(&w, "restore-status",
	    why       ? "failed"
	    : dry_run ? "dry run"
	              : "finished");
	if (why)
		jsonw_str(&w, "message", why->msg);
	jsonw_array(&w, "components");
	for (size_t i = 0; i < r->count; i++)
		write_part(&w, &r->part[i]);
	jsonw_close(&w);
	jsonw_close(&w);
	return end_json(&w, out, err);
}

int
report_restore_text(const char *id, bool dry_run,
    const struct restore_result *r, struct buf *out, struct err *err)
{
	const char *would = dry_run ? "would be " : "";

	if (buf_printf(out, err, "%s  %s\n", id,
	        dry_run ? "dry run, nothing was changed" : "restored"))
		return -1;
	for (size_t i = 0; i < r->count; i++) {
		const struct restore_part *p = &r->part[i];
		char size[16];

		str_bytes(p->written_bytes, size);
		if (buf_printf(out, err,
		        "  %-20s %-8s %-9s %" PRIu64 " %swritten (%s), %" PRIu64
		        " unchanged, %" PRIu64 " %sremoved, %.1f s\n",
		        p->name, p->type, part_status(p), p->written, would,
		        size, p->unchanged, p->removed, would, p->seconds))
			return -1;
		for (size_t k = 0; k < p->nnotes; k++)
			if (buf_printf(out, err, "    %s\n", p->notes[k]))
				return -1;
	}
	return 0;
}

/* --- verifications */

static const char *
verify_status(uint64_t problems)
{
	return problems ? "damaged" : "ok";
}

static void
write_problem(struct jsonw *w, const struct verify_problem *p)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "file", p->file);
	if (p->component)
		jsonw_str(w, "component", p->component);
	else
		jsonw_null(w, "component");
	jsonw_str(w, "problem", p->problem);
	jsonw_close(w);
}

static void
write_verified(struct jsonw *w, const struct verify_set *s)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "backup-id", s->id);
	jsonw_str(w, "verify-status", verify_status(s->problems));
	jsonw_u64(w, "files", s->files);
	jsonw_u64(w, "bytes", s->bytes);
	jsonw_u64(w, "read-files", s->read_files);
	jsonw_u64(w, "read-bytes", s->read_bytes);
	jsonw_bool(w, "all-read", s->all_read);
	jsonw_u64(w, "problem-count", s->problems);
	jsonw_array(w, "problems");
	for (size_t i = 0; i < s->named; i++)
		write_problem(w, &s->problem[i]);
	jsonw_close(w);
	jsonw_close(w);
}

int
report_verify_json(const struct verify_result *r, struct buf *out,
    struct err *err)
{
	struct jsonw w;

	jsonw_begin(&w, out, 2);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "verify-status", verify_status(r->problems));
	jsonw_array(&w, "sets");
	for (size_t i = 0; i < r->count; i++)
		write_verified(&w, &r->set[i]);
	jsonw_close(&w);
	jsonw_close(&w);
	return end_json(&w, out, err);
}

static int
problems_text(const struct verify_set *s, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < s->named; i++)
		if (buf_printf(out, err, "  %s: %s\n",
		        s->problem[i].component ? s->problem[i].component
		                                : "the set",
		        s->problem[i].problem))
			return -1;
	if (s->problems == s->named)
		return 0;
	return buf_printf(out, err, "  and %" PRIu64 " more\n",
	    s->problems - s->named);
}

int
report_verify_text(const struct verify_result *r, struct buf *out,
    struct err *err)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct verify_set *s = &r->set[i];
		char size[16], read[16];

		str_bytes(s->bytes, size);
		str_bytes(s->read_bytes, read);
		if (buf_printf(out, err,
		        "%s  %-7s  %" PRIu64 " files (%s), %" PRIu64
		        " of them read (%s)\n",
		        s->id, s->problems ? "DAMAGED" : "ok", s->files, size,
		        s->read_files, read) ||
		    problems_text(s, out, err))
			return -1;
	}
	return 0;
}

/* --- drills */

static void
write_drilled(struct jsonw *w, const struct drill_part *p)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "name", p->name);
	jsonw_str(w, "type", p->type);
	jsonw_str(w, "status", drill_status_name(p->status));
	jsonw_str(w, "result", p->words);
	jsonw_fixed(w, "seconds", p->seconds);
	jsonw_close(w);
}

int
report_drill_json(const char *id, const struct drill_result *r, struct buf *out,
    struct err *err)
{
	struct jsonw w;

	jsonw_begin(&w, out, 2);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "backup-id", id);
	jsonw_str(&w, "drill-status", r->ok ? "ok" : "failed");
	jsonw_array(&w, "components");
	for (size_t i = 0; i < r->count; i++)
		write_drilled(&w, &r->part[i]);
	jsonw_close(&w);
	if (r->references_words) {
		jsonw_object(&w, "references");
		jsonw_str(&w, "status", drill_status_name(r->references));
		jsonw_str(&w, "result", r->references_words);
		jsonw_close(&w);
	}
	jsonw_close(&w);
	return end_json(&w, out, err);
}

int
report_drill_text(const char *id, const struct drill_result *r, struct buf *out,
    struct err *err)
{
	if (buf_printf(out, err, "%s  drill %s\n", id, r->ok ? "ok" : "FAILED"))
		return -1;
	for (size_t i = 0; i < r->count; i++)
		if (buf_printf(out, err, "  %-20s %-10s %-7s %s\n",
		        r->part[i].name, r->part[i].type,
		        drill_status_name(r->part[i].status), r->part[i].words))
			return -1;
	if (!r->references_words)
		return 0;
	return buf_printf(out, err, "  %-20s %-10s %-7s %s\n", "references", "",
	    drill_status_name(r->references), r->references_words);
}

/* --- checks */

int
report_check_json(const struct check_result *r, struct buf *out,
    struct err *err)
{
	struct jsonw w;

	jsonw_begin(&w, out, 2);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "check-status", r->ok ? "ok" : "failed");
	jsonw_array(&w, "checks");
	for (size_t i = 0; i < r->count; i++) {
		jsonw_object(&w, NULL);
		jsonw_str(&w, "name", r->line[i].name);
		jsonw_str(&w, "status", r->line[i].ok ? "ok" : "failed");
		jsonw_str(&w, "message", r->line[i].message);
		jsonw_close(&w);
	}
	jsonw_close(&w);
	jsonw_close(&w);
	return end_json(&w, out, err);
}

int
report_check_text(const struct check_result *r, struct buf *out,
    struct err *err)
{
	for (size_t i = 0; i < r->count; i++)
		if (buf_printf(out, err, "%-6s  %-20s %s\n",
		        r->line[i].ok ? "ok" : "FAILED", r->line[i].name,
		        r->line[i].message))
			return -1;
	return 0;
}

/* --- resume */

int
report_resume_json(const struct pause *p, struct buf *out, struct err *err)
{
	struct jsonw w;

	jsonw_begin(&w, out, 2);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "resume-status", "finished");
	jsonw_array(&w, "workloads");
	for (size_t i = 0; i < p->count; i++) {
		const struct pause_workload *it = &p->workload[i];

		jsonw_object(&w, NULL);
		jsonw_str(&w, "namespace", it->namespace);
		jsonw_str(&w, "name", it->name);
		jsonw_bool(&w, "resumed", it->resumed);
		jsonw_u64(&w, "replicas", kube_scale_wanted(&it->scale));
		jsonw_close(&w);
	}
	jsonw_close(&w);
	jsonw_close(&w);
	return end_json(&w, out, err);
}

int
report_resume_text(const struct pause *p, struct buf *out, struct err *err)
{
	if (p->count == 0)
		return buf_puts(out, "no component names a 'pause'\n", err);
	for (size_t i = 0; i < p->count; i++) {
		const struct pause_workload *it = &p->workload[i];

		if (buf_printf(out, err, "%-12s  %s/%s: %ju replicas\n",
		        it->resumed ? "scaled back" : "not paused",
		        it->namespace, it->name,
		        (uintmax_t)kube_scale_wanted(&it->scale)))
			return -1;
	}
	return 0;
}
