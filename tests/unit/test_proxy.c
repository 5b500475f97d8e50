#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/proxy.h"

static void
hosts_domains_addresses_and_networks_are_known(void **state)
{
	static const struct {
		const char *rules, *host;
		bool skips;
	} t[] = {
		{ "", "example.org", false },
		{ "*", "anything", true },
		{ "example.org", "example.org", true },
		{ "example.org", "EXAMPLE.org", true },
		{ "example.org", "s3.example.org", true },
		{ "example.org", "badexample.org", false },
		{ ".example.org", "s3.example.org", true },
		{ ".example.org", "example.org", false },
		{ ".", "example.org", false },
		{ "a, b,example.org", "example.org", true },
		{ "a b  example.org ", "example.org", true },
		{ "127.0.0.1", "127.0.0.1", true },
		{ "127.0.0.1", "127.0.0.10", false },
		{ "10.0.0.0/8", "10.200.3.4", true },
		{ "10.0.0.0/8", "11.0.0.1", false },
		{ "10.0.0.0/8", "ten.example.org", false },
		{ "192.168.16.0/20", "192.168.31.255", true },
		{ "192.168.16.0/20", "192.168.32.0", false },
		{ "0.0.0.0/0", "8.8.8.8", true },
		{ "10.0.0.0/33", "10.0.0.1", false },
		{ "10.0.0.0/x", "10.0.0.1", false },
		{ "::1", "[::1]", true },
		{ "[::1]", "::1", true },
		{ "fd00::/8", "[fd12:3::4]", true },
		{ "fd00::/8", "[fe80::1]", false },
		{ "10.0.0.0/8", "[::1]", false },
		{ "0.1", "10.0.0.1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (proxy_skips(t[i].rules, t[i].host) != t[i].skips)
			fail_msg("'%s' and %s", t[i].rules, t[i].host);
}

static void
a_name_longer_than_any_host_matches_nothing(void **state)
{
	char host[400];

	(void)state;
	memset(host, 'a', sizeof host - 1);
	host[sizeof host - 1] = '\0';
	assert_false(proxy_skips(host, "example.org"));
	assert_false(proxy_skips("*", host));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    hosts_domains_addresses_and_networks_are_known),
		cmocka_unit_test(a_name_longer_than_any_host_matches_nothing),
	};

	return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
