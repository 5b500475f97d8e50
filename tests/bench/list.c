/*
 * list - the least that a LIST of a bucket takes: every page, nothing else.
 *
 *     list BUCKET      prints how many objects, and how many bytes they have
 *
 * Where: the environment's S3_ENDPOINT, S3_ACCESS, S3_SECRET, S3_CA.  The pages
 * are searched for three words and not parsed, so that this is the floor which
 * a backup that finds nothing new is measured against.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX = 8 << 20, TEXT_MAX = 4096 };

struct page {
	size_t n;
	char text[PAGE_MAX + 1];
};

static size_t
take(char *data, size_t one, size_t n, void *arg)
{
	struct page *p = arg;

	if (n > PAGE_MAX - p->n)
		return 0;
	memcpy(p->text + p->n, data, n * one);
	p->n += n;
	p->text[p->n] = '\0';
	return n;
}

static const char *
env(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

/* libcurl signs this header and does not make it: the hash of no body */
static struct curl_slist *
hash_of_nothing(void)
{
	return curl_slist_append(NULL,
	    "x-amz-content-sha256: "
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static CURL *
client(struct curl_slist *headers, struct page *page)
{
	CURL *c = curl_easy_init();
	char user[TEXT_MAX];

	if (!c || !headers)
		return NULL;
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	(void)snprintf(user, sizeof user, "%s:%s", env("S3_ACCESS"),
	    env("S3_SECRET"));
	(void)curl_easy_setopt(c, CURLOPT_USERPWD, user);
	(void)curl_easy_setopt(c, CURLOPT_AWS_SIGV4, "aws:amz:us-east-1:s3");
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, page);
	if (*env("S3_CA"))
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, env("S3_CA"));
	return c;
}

/* A key within an XML text may be escaped: the token goes into a URL. */
static bool
next_token(CURL *c, const struct page *p, char token[TEXT_MAX])
{
	static const char open[] = "<NextContinuationToken>";
	const char *from = strstr(p->text, open), *to;
	char *escaped;

	if (!from)
		return false;
	from += sizeof open - 1;
	to = strchr(from, '<');
	escaped = to ? curl_easy_escape(c, from, (int)(to - from)) : NULL;
	if (!escaped)
		return false;
	(void)snprintf(token, TEXT_MAX, "continuation-token=%s&", escaped);
	curl_free(escaped);
	return true;
}

static void
count(const struct page *p, unsigned long long *n, unsigned long long *bytes)
{
	static const char open[] = "<Size>";

	for (const char *at = p->text; (at = strstr(at, open)) != NULL;) {
		at += sizeof open - 1;
		*bytes += strtoull(at, NULL, 10);
		(*n)++;
	}
}

/* The query is in the order in which it is signed. */
static bool
fetch(CURL *c, const char *bucket, const char *token, struct page *p)
{
	char url[2 * TEXT_MAX];
	long status = 0;

	p->n = 0;
	(void)snprintf(url, sizeof url, "%s/%s?%sencoding-type=url&list-type=2",
	    env("S3_ENDPOINT"), bucket, token);
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	if (curl_easy_perform(c) != CURLE_OK)
		return false;
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	return status == 200;
}

int
main(int argc, char *argv[])
{
	static struct page page;
	char token[TEXT_MAX] = "";
	unsigned long long n = 0, bytes = 0;
	struct curl_slist *headers = hash_of_nothing();
	CURL *c = client(headers, &page);

	if (argc != 2 || !c) {
		(void)fputs("usage: list BUCKET\n", stderr);
		return 2;
	}
	do {
		if (!fetch(c, argv[1], token, &page)) {
			(void)fprintf(stderr, "list: no page: %.300s\n",
			    page.text);
			return 1;
		}
		count(&page, &n, &bytes);
	} while (next_token(c, &page, token));
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	(void)printf("%llu %llu\n", n, bytes);
	return 0;
}
