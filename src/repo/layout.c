#include "repo/layout.h"

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/str.h"

enum {
	ID_LEN = LAYOUT_ID_SIZE - 1,
	FOLDER_LEN = LAYOUT_FOLDER_SIZE - 1,
	NAME_MAX_LEN = 63
};

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool
layout_is_id(const char *text)
{
	char again[DATE_ISO_SIZE];
	struct err err;
	int64_t s;

	/* strptime is generous: what it read must come out the same. */
	if (strnlen(text, LAYOUT_ID_SIZE) != ID_LEN ||
	    date_parse_iso(text, &s, &err))
		return false;
	date_iso(s, again);
	return strcmp(text, again) == 0;
}

bool
layout_folder_id(const char *folder, char id[LAYOUT_ID_SIZE])
{
	char head[LAYOUT_ID_SIZE];

	if (strnlen(folder, LAYOUT_FOLDER_SIZE) != FOLDER_LEN ||
	    folder[ID_LEN] != '-' ||
	    strspn(folder + ID_LEN + 1, "0123456789abcdef") != 8)
		return false;
	memcpy(head, folder, ID_LEN);
	head[ID_LEN] = '\0';
	if (!layout_is_id(head))
		return false;
	memcpy(id, head, sizeof head);
	return true;
}

bool
layout_is_name(const char *name)
{
	size_t n = strnlen(name, NAME_MAX_LEN + 1);

	return n > 0 && n <= NAME_MAX_LEN && strspn(name, LOWER) > 0 &&
	       name[strspn(name, LOWER "._-")] == '\0';
}

bool
layout_is_run(const char *name)
{
	size_t n = strnlen(name, NAME_MAX_LEN + 1);

	return n > 0 && n <= NAME_MAX_LEN && strspn(name, LOWER UPPER) > 0 &&
	       name[strspn(name, LOWER UPPER "._-")] == '\0';
}

bool
layout_is_share(const char *text)
{
	return strnlen(text, LAYOUT_SHARE_SIZE) == LAYOUT_SHARE_SIZE - 1 &&
	       strspn(text, "0123456789") == 5 && text[5] == '-' &&
	       strspn(text + 6, "0123456789abcdef") == 8;
}

/* What may stand behind sets/<folder>/: one or two names. */
static bool
is_tail(const char *s)
{
	for (int parts = 0; parts < 2; parts++) {
		size_t n = strspn(s, LOWER UPPER "._-");

		if (n == 0 || s[0] == '.')
			return false;
		if (s[n] == '\0')
			return true;
		if (s[n] != '/')
			return false;
		s += n + 1;
	}
	return false;
}

bool
layout_is_file(const char *key)
{
	size_t n = sizeof LAYOUT_SETS - 1;
	char folder[LAYOUT_FOLDER_SIZE], id[LAYOUT_ID_SIZE];

	if (strnlen(key, LAYOUT_KEY_SIZE) == LAYOUT_KEY_SIZE ||
	    !str_starts(key, LAYOUT_SETS) || strlen(key) <= n + FOLDER_LEN ||
	    key[n + FOLDER_LEN] != '/')
		return false;
	memcpy(folder, key + n, FOLDER_LEN);
	folder[FOLDER_LEN] = '\0';
	return layout_folder_id(folder, id) &&
	       is_tail(key + n + FOLDER_LEN + 1);
}

bool
layout_in_folder(const char *key, const char *folder)
{
	return layout_is_file(key) &&
	       strncmp(key + sizeof LAYOUT_SETS - 1, folder, FOLDER_LEN) == 0;
}

bool
layout_is_age(const char *key)
{
	return str_ends(key, LAYOUT_AGE);
}

/* Its length without that ending, where it has it. */
static size_t
without(const char *key, size_t n, const char *ending)
{
	size_t k = strlen(ending);

	return n >= k && memcmp(key + n - k, ending, k) == 0 ? n - k : n;
}

bool
layout_is_zstd(const char *key)
{
	size_t n = without(key, strlen(key), LAYOUT_AGE);

	return without(key, n, LAYOUT_ZST) < n;
}

bool
layout_ends(const char *key, const char *suffix)
{
	size_t n = without(key, strlen(key), LAYOUT_AGE);

	n = without(key, n, LAYOUT_ZST);
	return without(key, n, suffix) < n;
}

int
layout_key(const char *folder, const char *file, char key[LAYOUT_KEY_SIZE],
    struct err *err)
{
	char made[LAYOUT_KEY_SIZE];
	int n = snprintf(made, sizeof made, LAYOUT_SETS "%s/%s", folder, file);

	if (n < 0 || (size_t)n >= sizeof made)
		return err_set(err, ERR_USAGE,
		    "the name of the file '%.80s…' is too long", file);
	if (!layout_is_file(made))
		return err_set(err, ERR_USAGE,
		    "'%.200s' is no name for a file of a backup set", made);
	memcpy(key, made, sizeof made);
	return 0;
}

/* --- notes */

/* One part of a name, of n bytes, up to what follows it. */
static bool
take_part(const char **p, size_t n, char *to, char behind)
{
	if (strnlen(*p, n + 1) <= n || (*p)[n] != behind)
		return false;
	memcpy(to, *p, n);
	to[n] = '\0';
	*p += n + 1;
	return true;
}

/* <kind>-<time>-<random>.json: all but the kind are of one length. */
static bool
parse_note_name(const char *p, struct layout_note *n)
{
	enum { BEHIND = 1 + ID_LEN + 1 + LAYOUT_RANDOM_SIZE - 1 + 5 };
	size_t len = strlen(p);

	return len > BEHIND && len - BEHIND < sizeof n->kind &&
	       take_part(&p, len - BEHIND, n->kind, '-') &&
	       n->kind[strspn(n->kind, "abcdefghijklmnopqrstuvwxyz-")] ==
	           '\0' &&
	       take_part(&p, ID_LEN, n->time, '-') && layout_is_id(n->time) &&
	       take_part(&p, LAYOUT_RANDOM_SIZE - 1, n->random, '.') &&
	       strspn(n->random, "0123456789abcdef") == strlen(n->random) &&
	       strcmp(p, "json") == 0;
}

bool
layout_note_parse(const char *key, struct layout_note *ret)
{
	struct layout_note n = { 0 };
	char id[LAYOUT_ID_SIZE];
	const char *p = key + sizeof LAYOUT_NOTES - 1;

	if (strnlen(key, LAYOUT_NOTE_SIZE) == LAYOUT_NOTE_SIZE ||
	    !str_starts(key, LAYOUT_NOTES) ||
	    !take_part(&p, FOLDER_LEN, n.folder, '/') ||
	    !layout_folder_id(n.folder, id) || !parse_note_name(p, &n))
		return false;
	*ret = n;
	return true;
}

int
layout_note_key(const struct layout_note *n, char key[LAYOUT_NOTE_SIZE],
    struct err *err)
{
	struct layout_note again;
	int len =
	    snprintf(key, LAYOUT_NOTE_SIZE, LAYOUT_NOTES "%s/%s-%s-%s.json",
	        n->folder, n->kind, n->time, n->random);

	if (len < 0 || len >= LAYOUT_NOTE_SIZE ||
	    !layout_note_parse(key, &again))
		return err_set(err, ERR_USAGE,
		    "'%.20s' of '%.40s' at '%.30s' is no name for a note",
		    n->kind, n->folder, n->time);
	return 0;
}
