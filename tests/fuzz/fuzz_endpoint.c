/*
 * fuzz_endpoint.c - lines of text: endpoint, URI style, bucket, key, region,
 * the rules of no_proxy, a host, a date, a header of a range.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/str.h"
#include "http/proxy.h"
#include "s3/endpoint.h"

enum { ENDPOINT, STYLE, BUCKET, KEY, REGION, RULES, HOST, DATE, SIZE, LINES };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool right)
{
	if (!right)
		abort();
}

static void
split(char *text, const char *line[LINES])
{
	for (int i = 0; i < LINES; i++)
		line[i] = "";
	for (int i = 0; text && i < LINES; i++)
		line[i] = strsep(&text, "\n");
}

/* What is sent has nothing that ends a line or a path. */
static void
clean(const struct buf *b)
{
	if (b->data)
		must(b->data[strcspn(b->data, " \t\r\n?#")] == '\0');
}

static void
try_endpoint(const char *line[LINES])
{
	struct endpoint e = { 0 };
	AUTO(buf) struct buf path = { .max = 1 << 20 };
	AUTO(buf) struct buf host = { .max = 1 << 20 };
	struct err err = { 0 };
	char region[64];

	if (endpoint_parse(&e, line[ENDPOINT], line[STYLE], line[BUCKET],
	        &err)) {
		must(err.msg[0] != '\0');
	} else {
		endpoint_region(&e, region, sizeof region);
		must(endpoint_host(&e, "bucket", "us-east-1", &host, &err) ==
		     0);
		must(endpoint_path(&e, line[BUCKET], line[KEY], &path, &err) ==
		     0);
		clean(&host);
		clean(&path);
	}
	endpoint_done(&e);
}

/* Encoded and decoded, a text is what it was. */
static void
try_percent(const char *text)
{
	AUTO(buf) struct buf a = { .max = 1 << 20 };
	AUTO(buf) struct buf b = { .max = 1 << 20 };
	struct err err = { 0 };

	must(str_percent(&a, text, "/", &err) == 0);
	must(!a.data || str_unpercent(&b, a.data, &err) == 0);
	must(strcmp(b.data ? b.data : "", text) == 0);
	buf_clear(&b);
	(void)!str_unpercent(&b, text, &err);
}

static void
try_date(const char *text)
{
	char iso[DATE_ISO_SIZE];
	struct err err = { 0 };
	int64_t s, again;

	(void)!date_parse_http(text, &s, &err);
	if (date_parse_iso(text, &s, &err))
		return;
	date_iso(s, iso);
	must(date_parse_iso(iso, &again, &err) == 0 && again == s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(free) char *text = strndup((const char *)p, n);
	const char *line[LINES];
	struct err err = { 0 };
	uint64_t size;

	must(text != NULL);
	split(text, line);
	try_endpoint(line);
	try_percent(line[KEY]);
	try_date(line[DATE]);
	(void)proxy_skips(line[RULES], line[HOST]);
	(void)!str_to_size(line[SIZE], &size, &err);
	return 0;
}
