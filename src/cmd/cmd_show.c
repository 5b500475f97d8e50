#include "cmd/cmd_show.h"

#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/session.h"

/* The file itself, or that with what is hidden in it. */
static int
print_json(struct session *s, const struct manifest *m,
    const struct notes_state *said, struct buf *out, struct err *err)
{
	AUTO(buf) struct buf text = { .max = MANIFEST_MAX };
	bool decrypted = m->nrecipients > 0 && !m->hidden;

	if (decrypted ? manifest_encode_bare(m, &text, err)
	              : repo_manifest_text(s->repo, m->folder, &text, err))
		return -1;
	return report_noted_manifest(&text, said, out, err);
}

static int
print_text(struct session *s, const struct manifest *m,
    const struct notes_state *said, struct buf *out, struct err *err)
{
	if (report_noted_text(m, said, out, err))
		return -1;
	return report_notes_text(said, session_now(s), out, err);
}

int
cmd_show(const struct args *a, struct console *console, enum cmd_status *status,
    struct err *err)
{
	AUTO(session) struct session s = { .clock = clock_real() };
	AUTO(manifest) struct manifest *m = NULL;
	AUTO(buf) struct buf out = { .max = MANIFEST_MAX + 64 };
	struct notes_state said;

	(void)console;
	(void)status;
	if (session_load(&s, a->config, false, err) ||
	    session_manifest(&s, a->id, &m, err) ||
	    session_notes(&s, m, &said, err))
		return -1;
	if (a->json ? print_json(&s, m, &said, &out, err)
	            : print_text(&s, m, &said, &out, err))
		return -1;
	return output_text(&out, err);
}
