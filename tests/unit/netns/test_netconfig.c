/*
 * test_netconfig.c - --network and its kin, and the record's JSON.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "netns/net.h"

static int setup(void **state)
{
	*state = arena_new(4u << 20);
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static int parse(struct arena *a, struct net_config *c, struct err *e, const char *const *v)
{
	int r = 0;
	*c = (struct net_config){ 0 };
	*e = (struct err)ERR_INIT;
	for (; r == 0 && *v; v++)
		r = net_parse_network(a, *v, c, e);
	return r;
}
#define P(...) parse(a, &c, &e, (const char *const[]){ __VA_ARGS__, NULL })

static void net_parse_network__modes(void **state)
{
	struct arena *a = *state;
	struct net_config c;
	struct err e;
	assert_int_equal(P("none"), 0);
	assert_int_equal(c.mode, NET_NONE);
	assert_int_equal(P("host"), 0);
	assert_int_equal(c.mode, NET_HOST);
	assert_int_equal(P("container:abc"), 0);
	assert_int_equal(c.mode, NET_CONTAINER);
	assert_string_equal(c.target, "abc");
	assert_int_equal(P("ns:/run/netns/x"), 0);
	assert_string_equal(c.target, "/run/netns/x");
	assert_int_equal(P("bridge"), 0);
	assert_string_equal(c.attach[0].network, "bridge");
	assert_int_equal(P("default"), 0);
	assert_string_equal(c.attach[0].network, "bridge");
	assert_int_equal(P("private"), 0);
	assert_string_equal(c.attach[0].network, "bridge");
	assert_int_equal(P("name=host"), 0);
	assert_int_equal(c.mode, NET_HOST);
	assert_int_equal(P("name=a,alias=x,mac-address=02:00:00:00:00:01"), 0);
	assert_string_equal(c.attach[0].network, "a");
	assert_string_equal(c.attach[0].aliases[0], "x");
	assert_int_equal(P("a:ip=10.0.0.2,mac=02:00:00:00:00:01,alias=x,alias=y,ip6=fd00::2", "b"),
			 0);
	assert_int_equal(c.nattach, 2);
	assert_string_equal(c.attach[0].ip, "10.0.0.2");
	assert_string_equal(c.attach[0].ip6, "fd00::2");
	assert_string_equal(c.attach[0].aliases[1], "y");
	assert_null(c.attach[0].aliases[2]);
	assert_string_equal(c.attach[1].network, "b");
}

static void net_parse_network__nonsense__is_refused(void **state)
{
	struct arena *a = *state;
	struct net_config c;
	struct err e;
	assert_int_equal(P("none", "host"), -EINVAL);
	assert_int_equal(P("a", "none"), -EINVAL);
	assert_int_equal(P("host", "a"), -EINVAL);
	assert_int_equal(P("a", "a"), -EINVAL);
	assert_int_equal(P("container:"), -EINVAL);
	assert_int_equal(P("ns:"), -EINVAL);
	assert_int_equal(P(""), -EINVAL);
	assert_int_equal(P("../etc"), -EINVAL);
	assert_int_equal(P(".hidden"), -EINVAL);
	assert_int_equal(P("a:ip=10.0.0"), -EINVAL);
	assert_int_equal(P("a:ip=fd00::1"), -EINVAL);
	assert_int_equal(P("a:mac=01:00:00:00:00:01"), -EINVAL);
	assert_int_equal(P("a:mac=00:00:00:00:00:00"), -EINVAL);
	assert_int_equal(P("a:interface_name=a/b"), -EINVAL);
	assert_int_equal(P("a:interface_name=averyveryverylongname"), -EINVAL);
	assert_int_equal(P("a:ip"), -EINVAL);
	assert_int_equal(P("a:alais=x"), -EINVAL);
	assert_non_null(strstr(e.msg, "did you mean alias="));
}

static void net_config_check__what_does_not_go_together(void **state)
{
	struct arena *a = *state;
	struct err e = ERR_INIT;
	struct net_config c = { .mode = NET_HOST };
	assert_int_equal(net_config_check(&c, &e), 0);
	assert_int_equal(net_parse_publish(a, "80:80", &c, &e), 0);
	assert_int_equal(net_config_check(&c, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "--publish"));
	c = (struct net_config){ .mode = NET_NONE };
	net_attach_first(a, &c)->ip = "10.0.0.2";
	assert_int_equal(net_config_check(&c, &e), -EINVAL);
	c = (struct net_config){ .hostname = "-x" };
	assert_int_equal(net_config_check(&c, &e), -EINVAL);
	char *dns[] = { "8.8.8.8", "nope", NULL };
	c = (struct net_config){ .dns = dns };
	assert_int_equal(net_config_check(&c, &e), -EINVAL);
	c = (struct net_config){ .mode = NET_CONTAINER };
	assert_int_equal(net_config_check(&c, &e), -EINVAL);
}

static void net_parse_host__forms(void **state)
{
	struct arena *a = *state;
	struct err e = ERR_INIT;
	struct net_config c = { 0 };
	assert_int_equal(net_parse_host(a, "db:10.0.0.1", &c, &e), 0);
	assert_int_equal(net_parse_host(a, "db6=fd00::1", &c, &e), 0);
	assert_int_equal(net_parse_host(a, "db6:[fd00::1]", &c, &e), 0);
	assert_int_equal(net_parse_host(a, "gw:host-gateway", &c, &e), 0);
	assert_string_equal(c.extra_hosts[1], "db6:fd00::1");
	assert_string_equal(c.extra_hosts[2], "db6:fd00::1");
	assert_string_equal(c.extra_hosts[3], "gw:host-gateway");
	assert_int_equal(net_parse_host(a, "db", &c, &e), -EINVAL);
	assert_int_equal(net_parse_host(a, ":1.2.3.4", &c, &e), -EINVAL);
	assert_int_equal(net_parse_host(a, "a b:1.2.3.4", &c, &e), -EINVAL);
	assert_int_equal(net_parse_host(a, "db:1.2.3", &c, &e), -EINVAL);
	assert_int_equal(net_parse_host(a, "db\n:1.2.3.4", &c, &e), -EINVAL);
}

static void net_config__json__comes_back_the_same(void **state)
{
	struct arena *a = *state;
	struct err e = ERR_INIT;
	struct net_config c = { 0 }, back = { 0 };
	assert_int_equal(net_parse_network(a, "app:ip=10.0.0.2,alias=x", &c, &e), 0);
	assert_int_equal(net_parse_publish(a, "127.0.0.1:1000-1001:2000-2001/udp", &c, &e), 0);
	assert_int_equal(net_parse_publish(a, "80", &c, &e), 0);
	assert_int_equal(net_parse_host(a, "db:10.0.0.1", &c, &e), 0);
	char *dns[] = { "9.9.9.9", NULL };
	c.dns = dns;
	c.hostname = "box";
	AUTO(strbuf) struct strbuf b = STRBUF_INIT, b2 = STRBUF_INIT;
	struct json_out o;
	json_out_init(&o, &b, 0);
	net_config_write(&o, NULL, &c);
	const struct json *v;
	struct json_limits lim = JSON_LIMITS_DEFAULT;
	assert_int_equal(json_parse(a, b.s, b.len, lim, "record", &v, &e), 0);
	struct json_ctx ctx = { .a = a, .e = &e, .what = "record", .strict = true };
	if (net_config_read(&ctx, v, &back) != 0)
		fail_msg("%s", e.msg);
	json_out_init(&o, &b2, 0);
	net_config_write(&o, NULL, &back);
	assert_string_equal(b.s, b2.s);
	assert_int_equal(back.nports, 2);
	assert_int_equal(back.ports[0].host_n, 2);
}

static void net_config__forged_json__is_refused(void **state)
{
	struct arena *a = *state;
	static const char *const bad[] = {
		"{}",
		"{\"mode\":\"x\"}",
		"{\"mode\":\"bridge\",\"ports\":[{}]}",
		"{\"mode\":\"bridge\",\"ports\":[{\"ctr\":0,\"n\":1,\"proto\":\"tcp\"}]}",
		"{\"mode\":\"bridge\",\"ports\":[{\"ctr\":65535,\"n\":9,\"proto\":\"tcp\"}]}",
		"{\"mode\":\"bridge\",\"ports\":[{\"ctr\":1,\"n\":9,\"host\":1,\"host_n\":3,"
		"\"proto\":\"tcp\"}]}",
		"{\"mode\":\"bridge\",\"ports\":[{\"ctr\":1,\"n\":1,\"proto\":\"icmp\"}]}",
		"{\"mode\":\"bridge\",\"ports\":{}}",
		"{\"mode\":\"bridge\",\"attach\":[{}]}",
		"[]",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;
		struct net_config c = { 0 };
		const struct json *v;
		struct json_limits lim = JSON_LIMITS_DEFAULT;
		struct json_ctx ctx = { .a = a, .e = &e, .what = "record" };
		assert_int_equal(json_parse(a, bad[i], strlen(bad[i]), lim, "record", &v, &e), 0);
		if (net_config_read(&ctx, v, &c) == 0)
			fail_msg("taken: %s", bad[i]);
		assert_true(e.msg[0]);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(net_parse_network__modes),
		T(net_parse_network__nonsense__is_refused),
		T(net_config_check__what_does_not_go_together),
		T(net_parse_host__forms),
		T(net_config__json__comes_back_the_same),
		T(net_config__forged_json__is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
