/*
 * test_addr.c - addresses and prefixes as values.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "netns/addr.h"

static struct cidr c(const char *s)
{
	struct cidr r;
	if (cidr_parse(s, 0, &r) < 0)
		fail_msg("%s", s);
	return r;
}

static void cidr_overlap__pairs(void **state)
{
	static const struct { const char *a, *b; bool yes; } rows[] = {
		{ "10.0.0.0/8", "10.200.3.0/24", true },
		{ "10.200.3.0/24", "10.0.0.0/8", true },
		{ "10.0.0.0/24", "10.0.1.0/24", false },
		{ "10.0.0.0/23", "10.0.1.0/24", true },
		{ "0.0.0.0/0", "192.168.0.0/16", true },
		{ "172.16.0.0/12", "172.32.0.0/16", false },
		{ "192.0.2.1/32", "192.0.2.0/31", true },
		{ "192.0.2.2/32", "192.0.2.0/31", false },
		{ "fd00::/8", "fd12:3456::/64", true },
		{ "fd00::/64", "fd00:0:0:1::/64", false },
		{ "10.0.0.0/8", "fd00::/8", false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cidr a = c(rows[i].a), b = c(rows[i].b);
		assert_int_equal(cidr_overlap(&a, &b), rows[i].yes);
		assert_int_equal(cidr_overlap(&b, &a), rows[i].yes);
	}
}

static void cidr_first_last_plus__edges(void **state)
{
	char text[ADDR_TEXT];
	(void)state;
	struct cidr n = c("10.1.2.77/22");
	struct addr first = cidr_first(&n), last = cidr_last(&n), next = addr_plus(&last, 1);
	assert_string_equal(addr_print(&first, text), "10.1.0.0");
	assert_string_equal(addr_print(&last, text), "10.1.3.255");
	assert_string_equal(addr_print(&next, text), "10.1.4.0");
	assert_int_equal(cidr_size(&n), 1024);
	n = c("fd00::ffff/126");
	first = cidr_first(&n);
	next = addr_plus(&first, 0x10005);
	assert_string_equal(addr_print(&next, text), "fd00::2:1");
	n = c("255.255.255.255/32");
	next = addr_plus(&n.addr, 1);
	assert_string_equal(addr_print(&next, text), "0.0.0.0");
	n = c("::/0");
	assert_true(cidr_size(&n) == (uint64_t)1 << 63);
}

static void parsers__nonsense__is_refused(void **state)
{
	static const char *const bad[] = {
		"",	    "10.0.0.0",	  "10.0.0.0/", "10.0.0.0/33",  "10.0.0.0/-1",
		"10.0.0/8", "fd00::/129", "/8",	       "10.0.0.0/8/8", "x/8"
	};
	struct cidr r;
	struct addr a;
	uint8_t m[6];
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cidr_parse(bad[i], 0, &r), -EINVAL);
	assert_int_equal(addr_parse("1.2.3.4", AF_INET6, &a), -EINVAL);
	assert_int_equal(addr_parse("::1", AF_INET, &a), -EINVAL);
	assert_int_equal(addr_parse("010.0.0.1", 0, &a), -EINVAL);
	assert_int_equal(mac_parse("02:00:00:00:00:0g", m), -EINVAL);
	assert_int_equal(mac_parse("02:00:00:00:00", m), -EINVAL);
	assert_int_equal(mac_parse("ff:ff:ff:ff:ff:ff", m), -EINVAL);
	assert_int_equal(mac_parse("02-00-00-00-aB-0C", m), 0);
	assert_int_equal(m[5], 0x0c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cidr_overlap__pairs),
		cmocka_unit_test(cidr_first_last_plus__edges),
		cmocka_unit_test(parsers__nonsense__is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
