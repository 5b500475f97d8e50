#include "http/proxy.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

enum { RULE_SIZE = 256 };

struct address {
	int family; /* 0: a name */
	uint8_t bytes[16];
};

static struct address
address_of(const char *text)
{
	struct address a = { 0 };

	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.family = AF_INET6;
	return a;
}

/* One word into out, without brackets; false: too long to be a host. */
static bool
word(const char *s, size_t n, char out[RULE_SIZE])
{
	if (n >= 2 && s[0] == '[' && s[n - 1] == ']') {
		s++;
		n -= 2;
	}
	if (n >= RULE_SIZE)
		return false;
	memcpy(out, s, n);
	out[n] = '\0';
	return true;
}

static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static bool
in_network(char *rule, const struct address *host)
{
	char *slash = strchr(rule, '/');
	unsigned most = host->family == AF_INET ? 32 : 128;
	uint64_t bits = most;
	struct err ignored;
	struct address net;

	if (slash) {
		*slash = '\0';
		if (str_to_u64(slash + 1, 0, most, &bits, &ignored))
			return false;
	}
	net = address_of(rule);
	return net.family == host->family &&
	       same_bits(net.bytes, host->bytes, (unsigned)bits);
}

static bool
in_domain(const char *rule, const char *host)
{
	size_t n = strlen(host), k;

	if (strcasecmp(rule, host) == 0)
		return true;
	rule += *rule == '.';
	k = strlen(rule);
	return k > 0 && n > k && host[n - k - 1] == '.' &&
	       strcasecmp(host + n - k, rule) == 0;
}

bool
proxy_skips(const char *rules, const char *host)
{
	char name[RULE_SIZE], rule[RULE_SIZE];
	struct address a;

	if (!word(host, strlen(host), name))
		return false;
	a = address_of(name);
	for (const char *p = rules; *p;) {
		size_t n = strcspn(p, ", ");
		bool ok = n > 0 && word(p, n, rule);

		p += n;
		p += strspn(p, ", ");
		if (!ok)
			continue;
		if (strcmp(rule, "*") == 0 ||
		    (a.family ? in_network(rule, &a) : in_domain(rule, name)))
			return true;
	}
	return false;
}
