#include "repo/repo_keys.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "crypto/age_keys.h"
#include "repo/names.h"
#include "store/store.h"

enum { OPEN_MAX = 64 << 10 };

/* "age1…, age1…" */
static int
list_recipients(const struct manifest *m, struct buf *b, struct err *err)
{
	for (size_t i = 0; i < m->nrecipients; i++)
		if (buf_printf(b, err, "%s%.80s", i ? ", " : "",
		        m->recipients[i]))
			return -1;
	return 0;
}

int
repo_keys_check(struct repo *r, const struct manifest *m, struct err *err)
{
	const struct age_keys *k = repo_keys(r);
	AUTO(buf) struct buf names = { .max = 1400 };
	struct err ignored = { 0 };

	if (m->nrecipients == 0)
		return 0;
	for (size_t i = 0; i < m->nrecipients; i++)
		if (age_keys_opens(k, m->recipients[i]))
			return 0;
	(void)!list_recipients(m, &names, &ignored); /* as many as fit */
	if (k->nidentities > 0)
		return err_set(err, ERR_USAGE,
		    "set %s is encrypted, and to none of the identities given: "
		    "it needs that of %s",
		    m->id, names.data ? names.data : "");
	return err_set(err, ERR_USAGE,
	    "set %s is encrypted: give 'identity-file' (or 'identity', "
	    "'identity-env') in 'encryption' of the repository, in the charm "
	    "the option 'encryption-identity', with the identity of %s",
	    m->id, names.data ? names.data : "");
}

static bool
names(const struct manifest *m, const char *recipient)
{
	for (size_t i = 0; i < m->nrecipients; i++)
		if (strcmp(m->recipients[i], recipient) == 0)
			return true;
	return false;
}

int
repo_keys_check_open(struct repo *r, const struct manifest *m, struct err *err)
{
	if (repo_keys_check(r, m, err))
		return -1;
	return m->hidden ? err_set(err, ERR_USAGE,
	                       "set %s: its names were not decrypted", m->id)
	                 : 0;
}

bool
repo_keys_same(const struct repo *r, const struct manifest *m)
{
	const struct age_keys *k = repo_keys(r);
	char text[AGE_KEYS_RECIPIENT_SIZE];

	for (size_t i = 0; i < k->nrecipients; i++) {
		age_keys_recipient_text(k->recipient[i], text);
		if (!names(m, text))
			return false;
	}
	return m->nrecipients == k->nrecipients;
}

/* What its open.json says; one that cannot be understood says nothing. */
static int
look_at_open(struct repo *r, const char *folder, bool *encrypted,
    struct err *err)
{
	AUTO(buf) struct buf b = { .max = OPEN_MAX };
	AUTO(json) struct json *j = NULL;
	char key[LAYOUT_KEY_SIZE];
	struct err why = { 0 };

	if (layout_key(folder, LAYOUT_OPEN, key, err))
		return -1;
	if (store_get_bytes(repo_store(r), key, &b, &why)) {
		if (err_is(&why, ERR_NOTFOUND) || err_is(&why, ERR_CORRUPT))
			return 0;
		*err = why;
		return -1;
	}
	if (json_parse(b.data ? b.data : "", b.len, &j, &why) == 0)
		*encrypted = json_opt(j, "encryption") != NULL;
	return err_is(&why, ERR_NOMEM) ? err_nomem(err) : 0;
}

int
repo_keys_newest(struct repo *r, const struct repo_sets *s,
    char id[LAYOUT_ID_SIZE], bool *encrypted, struct err *err)
{
	const struct repo_set *last;

	*encrypted = false;
	if (s->count == 0)
		return 0;
	last = &s->set[s->count - 1];
	memcpy(id, last->id, sizeof last->id);
	return look_at_open(r, last->folder, encrypted, err);
}

int
repo_keys_reveal(struct repo *r, struct manifest *m, struct err *err)
{
	const struct manifest_file *f = names_file(m);
	AUTO(sink) struct sink *mem = NULL;
	const char *text;
	size_t n;

	if (!m->hidden)
		return 0;
	if (repo_keys_check(r, m, err))
		return -1;
	if (!f)
		return err_set(err, ERR_CORRUPT,
		    "set %s has no file '" LAYOUT_NAMES
		    ".json" LAYOUT_ZST LAYOUT_AGE "'",
		    m->id);
	if (sink_mem_new(NAMES_MAX, &mem, err) || repo_read(r, f, mem, err))
		return -1;
	text = sink_mem_data(mem, &n);
	if (names_apply(m, text ? text : "", n, err))
		return err_wrap(err, "'%s'", f->path);
	return 0;
}

int
repo_keys_name(const struct repo *r, struct manifest *m, struct err *err)
{
	const struct age_keys *k = repo_keys(r);

	if (k->nrecipients == 0)
		return 0;
	m->recipients = calloc(k->nrecipients, sizeof *m->recipients);
	if (!m->recipients)
		return err_nomem(err);
	for (; m->nrecipients < k->nrecipients; m->nrecipients++) {
		char text[AGE_KEYS_RECIPIENT_SIZE];

		age_keys_recipient_text(k->recipient[m->nrecipients], text);
		if (str_dup(text, &m->recipients[m->nrecipients], err))
			return -1;
	}
	return 0;
}
