#include "cmd/report_worker.h"

#include <inttypes.h>

#include "base/jsonw.h"
#include "base/str.h"

static const char *
status_of(const struct workers_result *r)
{
	if (!r->share)
		return "joined";
	return r->was_there ? "was there" : "saved";
}

static void
write_component(struct jsonw *w, const struct manifest_component *c)
{
	jsonw_object(w, NULL);
	jsonw_str(w, "name", c->name);
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

static void
write_share(struct jsonw *w, const struct share *s)
{
	jsonw_str(w, "run", s->run);
	jsonw_u64(w, "worker", s->worker);
	jsonw_u64(w, "workers", s->workers);
	jsonw_array(w, "components");
	for (size_t i = 0; i < s->manifest->ncomponents; i++)
		write_component(w, &s->manifest->component[i]);
	jsonw_close(w);
}

int
report_worker_json(const struct workers_result *r, struct buf *out,
    struct err *err)
{
	struct jsonw w;

	jsonw_begin(&w, out, 2);
	jsonw_object(&w, NULL);
	jsonw_str(&w, "backup-id", r->id);
	jsonw_str(&w, "share-status", status_of(r));
	if (r->share)
		write_share(&w, r->share);
	jsonw_close(&w);
	return jsonw_end(&w, err) ? -1 : buf_puts(out, "\n", err);
}

static int
component_text(const struct manifest_component *c, struct buf *out,
    struct err *err)
{
	char size[16], stored[16];

	str_bytes(c->bytes, size);
	str_bytes(c->stored_bytes, stored);
	if (buf_printf(out, err,
	        "  %-20s %-9s %" PRIu64 " objects, %s, %" PRIu64 " new, %s "
	        "stored, %.1f s\n",
	        c->name, manifest_status_name(c->status), c->objects, size,
	        c->new_objects, stored, c->seconds))
		return -1;
	return c->message ? buf_printf(out, err, "    %s\n", c->message) : 0;
}

int
report_worker_text(const struct workers_result *r, struct buf *out,
    struct err *err)
{
	const struct share *s = r->share;

	if (!s)
		return buf_printf(out, err,
		    "set %s: has its manifest already\n", r->id);
	if (buf_printf(out, err, "set %s: share %u of %u %s\n", r->id,
	        s->worker, s->workers, status_of(r)))
		return -1;
	for (size_t i = 0; i < s->manifest->ncomponents; i++)
		if (component_text(&s->manifest->component[i], out, err))
			return -1;
	return 0;
}
