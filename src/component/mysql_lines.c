#include "component/mysql_lines.h"

#include <string.h>

/* Enough of a line for a user of 80 and a host of 255 characters in UTF-8. */
enum { LINE_HEAD = 2048 };

struct lines {
	struct sink sink;
	enum mysql_lines kind;
	char head[LINE_HEAD + 1]; /* of a line that is not decided yet */
	size_t n;
	bool inside; /* the rest of the line passes */
};

/* How mysqldump and mariadb-dump begin what has a definer; rows begin with
 * INSERT. */
static const char *const starts[] = {
	"/*!50013 DEFINER=",
	"/*!50003 CREATE*/ /*!50017 DEFINER=",
	"/*!50003 CREATE*/ /*!50020 DEFINER=",
	"/*!50106 CREATE*/ /*!50117 DEFINER=",
	"CREATE DEFINER=",
};

enum { STARTS = sizeof starts / sizeof *starts };

/* `...`, with doubled ones inside; NULL: it does not end here. */
static const char *
skip_quoted(const char *p)
{
	if (*p != '`')
		return NULL;
	for (p++; *p; p++) {
		if (*p != '`')
			continue;
		if (p[1] != '`')
			return p + 1;
		p++;
	}
	return NULL;
}

/* head[from..to) becomes text, which is not longer. */
static void
put(struct lines *d, size_t from, size_t to, const char *text)
{
	size_t n = strlen(text);

	(void)memcpy(d->head + from, text, n);
	(void)memmove(d->head + from + n, d->head + to, d->n - to + 1);
	d->n -= to - from - n;
}

static void
drop_definer(struct lines *d, size_t start_len)
{
	const char *p = skip_quoted(d->head + start_len);

	if (p && *p == '@')
		p = skip_quoted(p + 1);
	if (p)
		put(d, start_len - strlen("DEFINER="), (size_t)(p - d->head),
		    "");
}

/* In front of the body, which may have the same words. */
static void
enable_event(struct lines *d)
{
	static const char *const words[] = { " DISABLE ON SLAVE ",
		" DISABLE ON REPLICA " };
	const char *body = strstr(d->head, " DO ");

	for (size_t i = 0; i < 2; i++) {
		const char *at = strstr(d->head, words[i]);

		if (!at || (body && at > body))
			continue;
		put(d, (size_t)(at - d->head),
		    (size_t)(at - d->head) + strlen(words[i]), " ENABLE ");
		return;
	}
}

static void
change(struct lines *d)
{
	for (size_t i = 0; i < STARTS; i++) {
		size_t n = strlen(starts[i]);

		if (strncmp(d->head, starts[i], n) != 0)
			continue;
		if (d->kind == MYSQL_LINES_NO_DEFINER)
			drop_definer(d, n);
		else if (strstr(starts[i], "50106"))
			enable_event(d);
		return;
	}
}

/* May what is there become the beginning of one of them? */
static bool
undecided(const struct lines *d)
{
	for (size_t i = 0; i < STARTS; i++) {
		size_t n = strlen(starts[i]);

		if (strncmp(d->head, starts[i], d->n < n ? d->n : n) == 0)
			return d->n < LINE_HEAD;
	}
	return false;
}

static int
pass_head(struct lines *d, struct err *err)
{
	size_t n;

	d->head[d->n] = '\0';
	change(d);
	n = d->n;
	d->n = 0;
	d->inside = true;
	return sink_write(d->sink.next, d->head, n, err);
}

/* One line, or a part of one. */
static int
take(struct lines *d, const char *p, size_t n, struct err *err)
{
	bool ends = n > 0 && p[n - 1] == '\n';

	while (!d->inside && n > 0) {
		d->head[d->n++] = *p++;
		n--;
		d->head[d->n] = '\0';
		if ((!undecided(d) || d->head[d->n - 1] == '\n') &&
		    pass_head(d, err))
			return -1;
	}
	if (n > 0 && sink_write(d->sink.next, p, n, err))
		return -1;
	if (ends)
		d->inside = false;
	return 0;
}

static int
lines_write(struct sink *s, const void *data, size_t n, struct err *err)
{
	const char *p = data;

	while (n > 0) {
		const char *end = memchr(p, '\n', n);
		size_t part = end ? (size_t)(end - p) + 1 : n;

		if (take((struct lines *)s, p, part, err))
			return -1;
		p += part;
		n -= part;
	}
	return 0;
}

static int
lines_finish(struct sink *s, struct err *err)
{
	struct lines *d = (struct lines *)s;

	return d->n > 0 ? pass_head(d, err) : 0;
}

static void
lines_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops lines_ops = {
	.name = "dump",
	.write = lines_write,
	.finish = lines_finish,
	.free = lines_free,
};

int
mysql_lines_sink(enum mysql_lines kind, struct sink *next, struct sink **ret,
    struct err *err)
{
	struct lines *d = calloc(1, sizeof *d);

	if (!d) {
		sink_free(next);
		return err_nomem(err);
	}
	d->kind = kind;
	*ret = sink_init(&d->sink, &lines_ops, next);
	return 0;
}
