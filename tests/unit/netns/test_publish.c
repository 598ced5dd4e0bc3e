/*
 * test_publish.c - what -p and EXPOSE say.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "netns/net.h"

struct good {
	const char *text, *ip;
	uint16_t host, host_n, ctr, n;
	uint8_t proto;
};

static void net_parse_publish__good__is_read(void **state)
{
	static const struct good rows[] = {
		{ "80", NULL, 0, 0, 80, 1, IPPROTO_TCP },
		{ "8080:80", NULL, 8080, 1, 80, 1, IPPROTO_TCP },
		{ "8080:80/udp", NULL, 8080, 1, 80, 1, IPPROTO_UDP },
		{ "8080:80/TCP", NULL, 8080, 1, 80, 1, IPPROTO_TCP },
		{ "9999:9/sctp", NULL, 9999, 1, 9, 1, IPPROTO_SCTP },
		{ "127.0.0.1:8080:80", "127.0.0.1", 8080, 1, 80, 1, IPPROTO_TCP },
		{ "127.0.0.1::80", "127.0.0.1", 0, 0, 80, 1, IPPROTO_TCP },
		{ ":80", NULL, 0, 0, 80, 1, IPPROTO_TCP },
		{ "0:80", NULL, 0, 0, 80, 1, IPPROTO_TCP },
		{ "[::1]:8080:80", "::1", 8080, 1, 80, 1, IPPROTO_TCP },
		{ "[2001:db8::5]::80/udp", "2001:db8::5", 0, 0, 80, 1, IPPROTO_UDP },
		{ "1000-1009:2000-2009", NULL, 1000, 10, 2000, 10, IPPROTO_TCP },
		{ "1000-1009:80", NULL, 1000, 10, 80, 1, IPPROTO_TCP },
		{ "3000-3003", NULL, 0, 0, 3000, 4, IPPROTO_TCP },
		{ "65535:65535", NULL, 65535, 1, 65535, 1, IPPROTO_TCP },
		{ "1-65535:1-65535", NULL, 1, 65535, 1, 65535, IPPROTO_TCP },
		{ "0.0.0.0:80:80", "0.0.0.0", 80, 1, 80, 1, IPPROTO_TCP },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(arena) struct arena *a = arena_new(1u << 20);
		struct net_config c = { 0 };
		struct err e = ERR_INIT;
		if (net_parse_publish(a, rows[i].text, &c, &e) != 0)
			fail_msg("%s: %s", rows[i].text, e.msg);
		assert_int_equal(c.nports, 1);
		const struct net_port *p = c.ports;
		assert_true(str_eq(p->ip, rows[i].ip));
		assert_int_equal(p->host, rows[i].host);
		assert_int_equal(p->host_n, rows[i].host_n);
		assert_int_equal(p->ctr, rows[i].ctr);
		assert_int_equal(p->n, rows[i].n);
		assert_int_equal(p->proto, rows[i].proto);
	}
}

static void net_parse_publish__bad__is_refused_and_quoted(void **state)
{
	static const char *const rows[] = {
		"",
		"x",
		"80:",
		"80:x",
		"-1:80",
		"65536:80",
		"80:65536",
		"80:0",
		"80/icmp",
		"80/",
		"1.2.3:80:80",
		"1.2.3.4.5:80:80",
		"::1:80:80",
		"[::1:80:80",
		"[::1]80:80",
		"[]:80:80",
		"1000-1009:2000-2008",
		"9-8:9-8",
		"80-:80",
		"-80:80",
		" 80",
		"80 ",
		"+80",
		"0x50",
		"1:2:3:4",
		"80:80:80:80",
		"[1.2.3.4]:80:80",
		"80:80/tcp/udp",
		"1.2.3.4:80:",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(arena) struct arena *a = arena_new(1u << 20);
		struct net_config c = { 0 };
		struct err e = ERR_INIT;
		if (net_parse_publish(a, rows[i], &c, &e) != -EINVAL)
			fail_msg("'%s' was taken", rows[i]);
		assert_int_equal(c.nports, 0);
		assert_non_null(strstr(e.msg, "--publish"));
		assert_null(strchr(e.msg, '\n'));
	}
}

static void net_parse_publish__many__all_are_kept_in_order(void **state)
{
	(void)state;
	AUTO(arena) struct arena *a = arena_new(1u << 20);
	struct net_config c = { 0 };
	struct err e = ERR_INIT;
	char text[32];
	for (int i = 1; i <= 100; i++) {
		snprintf(text, sizeof(text), "%d:%d", i, i);
		assert_int_equal(net_parse_publish(a, text, &c, &e), 0);
	}
	assert_int_equal(c.nports, 100);
	for (int i = 1; i <= 100; i++)
		assert_int_equal(c.ports[i - 1].host, i);
}

static void net_parse_expose__good_and_bad(void **state)
{
	(void)state;
	AUTO(arena) struct arena *a = arena_new(1u << 20);
	struct net_config c = { 0 };
	struct err e = ERR_INIT;
	assert_int_equal(net_parse_expose(a, "53/udp", &c, &e), 0);
	assert_int_equal(net_parse_expose(a, "80-82", &c, &e), 0);
	assert_int_equal(c.ports[0].proto, IPPROTO_UDP);
	assert_int_equal(c.ports[1].n, 3);
	assert_int_equal(c.ports[1].host, 0);
	assert_int_equal(net_parse_expose(a, "80:80", &c, &e), -EINVAL);
	assert_int_equal(net_parse_expose(a, "", &c, &e), -EINVAL);
	assert_int_equal(c.nports, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(net_parse_publish__good__is_read),
		cmocka_unit_test(net_parse_publish__bad__is_refused_and_quoted),
		cmocka_unit_test(net_parse_publish__many__all_are_kept_in_order),
		cmocka_unit_test(net_parse_expose__good_and_bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
