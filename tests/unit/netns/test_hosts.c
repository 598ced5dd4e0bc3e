/*
 * test_hosts.c - the texts of resolv.conf and hosts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "netns/hosts.h"

static void assert_resolv(const struct net_config *c, const char *host, bool keep,
			  const char *want, bool want_lost)
{
	static const char *const fallback[] = { "192.0.2.1", NULL };
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	bool lost;
	hosts_resolv(c, host, keep, fallback, &b, &lost);
	assert_string_equal(b.s ? b.s : "", want);
	assert_int_equal(lost, want_lost);
}

static void hosts_resolv__of_the_host__loopback_left_out(void **state)
{
	(void)state;
	struct net_config c = { 0 };
	assert_resolv(&c, "# x\nnameserver 10.0.0.1\nsearch a b\noptions ndots:2\n", false,
		      "nameserver 10.0.0.1\nsearch a b\noptions ndots:2\n", false);
	assert_resolv(&c, "nameserver 127.0.0.53\nnameserver 10.0.0.1 # y\r\n", false,
		      "nameserver 10.0.0.1\n", false);
	assert_resolv(&c, "nameserver 127.0.0.53\nnameserver ::1\nsearch a\n", false,
		      "nameserver 192.0.2.1\nsearch a\n", true);
	assert_resolv(&c, "nameserver 127.0.0.53\n", true, "nameserver 127.0.0.53\n", false);
	assert_resolv(&c, "", false, "", false);
	assert_resolv(&c, "nameservers 1.2.3.4\n\tnameserver\t10.0.0.1", false,
		      "nameserver 10.0.0.1\n", false);
}

static void hosts_resolv__asked_for__replaces(void **state)
{
	(void)state;
	char *dns[] = { "9.9.9.9", "fd00::1", NULL }, *search[] = { "x.org", NULL };
	char *none[] = { ".", NULL }, *opt[] = { "ndots:5", "rotate", NULL };
	struct net_config c = { .dns = dns };
	assert_resolv(&c, "nameserver 127.0.0.53\nsearch a\n", false,
		      "nameserver 9.9.9.9\nnameserver fd00::1\nsearch a\n", false);
	c = (struct net_config){ .dns_search = search, .dns_opt = opt };
	assert_resolv(&c, "nameserver 10.0.0.1\nsearch a\noptions b\n", false,
		      "nameserver 10.0.0.1\nsearch x.org\noptions ndots:5 rotate\n", false);
	c = (struct net_config){ .dns_search = none };
	assert_resolv(&c, "nameserver 10.0.0.1\nsearch a\n", false, "nameserver 10.0.0.1\n", false);
}

static void hosts_replace__section__is_rewritten_and_the_rest_stays(void **state)
{
	(void)state;
	struct hosts_name one[] = { { "10.0.0.2", "web www" } }, two[] = { { "10.0.0.3", "db" } };
	AUTO(strbuf) struct strbuf a = STRBUF_INIT, b = STRBUF_INIT, d = STRBUF_INIT;
	hosts_replace("127.0.0.1\tlocalhost", one, 1, &a);
	assert_non_null(strstr(a.s, "127.0.0.1\tlocalhost\n#"));
	assert_non_null(strstr(a.s, "\n10.0.0.2\tweb www\n"));
	strbuf_adds(&a, "192.0.2.1 own\n");
	hosts_replace(a.s, two, 1, &b);
	assert_null(strstr(b.s, "web"));
	assert_non_null(strstr(b.s, "\n10.0.0.3\tdb\n"));
	assert_non_null(strstr(b.s, "192.0.2.1 own\n"));
	hosts_replace(b.s, two, 1, &d);
	assert_string_equal(b.s, d.s);
}

static void hosts_static__extra_hosts__are_there(void **state)
{
	(void)state;
	char *extra[] = { "db:10.0.0.1", "six:fd00::1", "gw:host-gateway", NULL };
	AUTO(strbuf) struct strbuf b = STRBUF_INIT, n = STRBUF_INIT;
	hosts_static(extra, "10.9.0.1", &b);
	assert_non_null(strstr(b.s, "10.0.0.1\tdb\n"));
	assert_non_null(strstr(b.s, "fd00::1\tsix\n"));
	assert_non_null(strstr(b.s, "10.9.0.1\tgw\n"));
	hosts_static(extra, NULL, &n);
	assert_null(strstr(n.s, "gw"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_resolv__of_the_host__loopback_left_out),
		cmocka_unit_test(hosts_resolv__asked_for__replaces),
		cmocka_unit_test(hosts_replace__section__is_rewritten_and_the_rest_stays),
		cmocka_unit_test(hosts_static__extra_hosts__are_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
