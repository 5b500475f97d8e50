/*
 * fuzz_headers.c - any lines as the headers of an object that a server sends:
 * what was understood can be sent again, and is then read as the same.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "s3/headers.h"

enum { HEADERS_MAX = 256 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool right)
{
	if (!right)
		abort();
}

static void
add(struct http_response *r, const char *name, size_t len, const char *value)
{
	struct err err = { 0 };

	must(buf_add(&r->headers, name, len, &err) == 0 &&
	     buf_puts(&r->headers, ": ", &err) == 0 &&
	     buf_add(&r->headers, value, strlen(value) + 1, &err) == 0);
}

/* As http/ hands them on: names in lower case, values without white space at
 * their ends. */
static void
add_line(struct http_response *r, char *line)
{
	size_t name = strcspn(line, ":");
	size_t n = strlen(line);
	const char *value = line + name;

	if (name == 0 || name == n)
		return;
	for (size_t i = 0; i < name; i++)
		line[i] = (char)tolower((unsigned char)line[i]);
	do
		value++;
	while (isspace((unsigned char)*value));
	while (n > 0 && isspace((unsigned char)line[n - 1]))
		line[--n] = '\0';
	add(r, line, name, value);
}

static void
round_trip(const struct object *o)
{
	AUTO(headers) struct headers h = { 0 };
	AUTO(object) struct object again = { 0 };
	AUTO(http_response)
	struct http_response r = { .headers = { .max = 4 * HEADERS_MAX } };
	struct s3 s = { 0 };
	struct err err = { 0 };

	/* a name that HTTP cannot carry came by no HTTP either */
	if (headers_write(&s, o, NULL, &h, &err)) {
		must(err_is(&err, ERR_USAGE));
		return;
	}
	for (const struct http_header *at = h.list; at->name; at++)
		add(&r, at->name, strlen(at->name), at->value);
	must(headers_read(&r, &again, NULL, &err) == 0);
	must(object_same_headers(o, &again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(free) char *text = strndup((const char *)p, n);
	AUTO(http_response)
	struct http_response r = { .headers = { .max = HEADERS_MAX } };
	AUTO(object) struct object o = { 0 };
	struct err err = { 0 };
	unsigned tags = 0;

	must(text != NULL);
	for (char *rest = text; rest;)
		add_line(&r, strsep(&rest, "\n"));
	if (headers_read(&r, &o, &tags, &err)) {
		must(err_is(&err, ERR_REMOTE));
		return 0;
	}
	must(tags <= 1000);
	round_trip(&o);
	return 0;
}
