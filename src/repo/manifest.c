#include "repo/manifest.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "repo/layout.h"

static void
strings_free(char **s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(s[i]);
	free(s);
}

void
manifest_component_done(struct manifest_component *c)
{
	free(c->name);
	free(c->type);
	free(c->message);
	free(c->facts);
	strings_free(c->unread, c->nunread);
	manifest_files_done(&c->files);
	manifest_files_done(&c->needs);
	*c = (struct manifest_component){ 0 };
}

void
manifest_free(struct manifest *m)
{
	if (!m)
		return;
	free(m->id);
	free(m->folder);
	free(m->name);
	free(m->label);
	free(m->parent);
	free(m->tool);
	free(m->by);
	for (size_t i = 0; i < m->ncomponents; i++)
		manifest_component_done(&m->component[i]);
	free(m->component);
	strings_free(m->missing, m->nmissing);
	strings_free(m->recipients, m->nrecipients);
	strings_free(m->references.dangling_uris, m->references.ndangling_uris);
	strings_free(m->references.lost_uris, m->references.nlost_uris);
	manifest_files_done(&m->files);
	free(m);
}

struct manifest_component *
manifest_find(const struct manifest *m, const char *name)
{
	for (size_t i = 0; i < m->ncomponents; i++)
		if (strcmp(m->component[i].name, name) == 0)
			return &m->component[i];
	return NULL;
}

const char *
manifest_status(const struct manifest *m)
{
	for (size_t i = 0; i < m->ncomponents; i++)
		if (m->component[i].status != MANIFEST_OK)
			return "incomplete";
	return "finished";
}

const char *
manifest_status_name(enum manifest_status s)
{
	static const char *const name[] = {
		[MANIFEST_OK] = "ok",
		[MANIFEST_DEGRADED] = "degraded",
		[MANIFEST_FAILED] = "failed",
	};

	return name[s];
}

const struct manifest_file *
manifest_file_of(const struct manifest_component *c, const char *path)
{
	const struct manifest_file *f = manifest_files_find(&c->files, path);

	return f ? f : manifest_files_find(&c->needs, path);
}

bool
manifest_is_inventory(const struct manifest_component *c, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t n = strlen(c->name);

	return strncmp(name, c->name, n) == 0 &&
	       str_starts(name + n, ".inventory") &&
	       layout_ends(name, ".jsonl");
}

const struct manifest_file *
manifest_inventory_of(const struct manifest_component *c)
{
	for (size_t i = 0; i < c->files.count; i++)
		if (manifest_is_inventory(c, c->files.file[i].path))
			return &c->files.file[i];
	return NULL;
}

const struct manifest_file *
manifest_inventory_next(const struct manifest_component *c,
    const struct manifest_file *f)
{
	size_t i = (size_t)(f - c->files.file) + 1;

	return i < c->files.count &&
	               manifest_is_inventory(c, c->files.file[i].path)
	           ? &c->files.file[i]
	           : NULL;
}

const struct manifest_file *
manifest_stream_of(const struct manifest_component *c, const char *kind)
{
	char suffix[128];

	(void)snprintf(suffix, sizeof suffix, "/%s.%s", c->name, kind);
	for (size_t i = 0; i < c->files.count; i++)
		if (layout_ends(c->files.file[i].path, suffix))
			return &c->files.file[i];
	return NULL;
}

bool
manifest_is_type(const char *type)
{
	static const char *const member[] = { "name", "type", "status",
		"message", "started", "finished", "seconds", "objects", "bytes",
		"new-objects", "gone", "stored-bytes", "unread", "files",
		"needs" };

	for (size_t i = 0; i < sizeof member / sizeof *member; i++)
		if (strcmp(type, member[i]) == 0)
			return false;
	return layout_is_name(type);
}
