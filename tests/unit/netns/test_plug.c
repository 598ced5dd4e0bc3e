/*
 * test_plug.c - networks of the user's own: connect, disconnect, names, isolation, IPv6.
 */
#include "tests/unit/netns/netlab.h"

static struct net_network create(struct host *h, struct net_network want)
{
	struct net_network n = { 0 };
	OK(h, net_network_create(&h->p, &want, h->a, &n, &h->e));
	return n;
}

static struct net_config on(struct host *h, const char *const *networks)
{
	struct net_config c = { 0 };
	for (; *networks; networks++)
		OK(h, net_parse_network(h->a, *networks, &c, &h->e));
	return c;
}

static char *hosts_of(struct host *h, const char *id)
{
	AUTO_FREE char *path = mem_printf("%s/%s/hosts", h->run, id);
	char *text;
	size_t n;
	OK(h, path_read_file(AT_FDCWD, path, 65536, &text, &n, &h->e));
	return text;
}

static void assert_hosts(struct host *h, const char *id, const char *what, bool there)
{
	AUTO_FREE char *text = hosts_of(h, id);
	if ((strstr(text, what) != NULL) != there)
		fail_msg("hosts of %s: '%s' is %s:\n%s", id, what, there ? "missing" : "there",
			 text);
}

static void net_network_create__nothing_given__all_is_chosen(void **state)
{
	struct host *h = *state;
	struct net_network n = create(h, (struct net_network){ .name = "one" });
	struct net_network m = create(h, (struct net_network){ .name = "two", .ipv6 = true });
	struct net_network *all;
	size_t nall;
	assert_string_equal(n.driver, "bridge");
	assert_non_null(strstr(n.subnet, "/22"));
	assert_string_not_equal(n.subnet, m.subnet);
	assert_non_null(m.subnet6);
	assert_memory_equal(m.subnet6, "fd", 2);
	OK(h, net_network_list(&h->p, h->a, &all, &nall, &h->e));
	assert_int_equal(nall, 2);
	struct net_network found;
	char prefix[9] = { 0 };
	memcpy(prefix, m.id, 8);
	OK(h, net_network_load(&h->p, prefix, h->a, &found, &h->e));
	assert_string_equal(found.name, "two");
	OK(h, net_network_remove(&h->p, "one", &h->e));
	OK(h, net_network_remove(&h->p, prefix, &h->e));
	assert_int_equal(net_network_load(&h->p, "one", h->a, &found, &h->e), -ENOENT);
}

static void net_network_create__bad_wishes__are_refused(void **state)
{
	struct host *h = *state;
	struct net_network n;
	create(h, (struct net_network){ .name = "one", .subnet = "10.9.0.0/24" });
	static const struct { struct net_network want; int code; } bad[] = {
		{ { .name = "one" }, -EEXIST },
		{ { .name = "two", .subnet = "10.9.0.128/25" }, -EADDRINUSE },
		{ { .name = "two", .subnet = "10.0.0.0/9" }, -EADDRINUSE },
		{ { .name = "two", .subnet = "10.8.0.0" }, -EINVAL },
		{ { .name = "two", .subnet = "10.8.0.0/31" }, -EINVAL },
		{ { .name = "two", .subnet = "10.8.0.0/24", .gateway = "10.7.0.1" }, -EINVAL },
		{ { .name = "two", .subnet = "10.8.0.0/24", .ip_range = "10.7.0.0/25" }, -EINVAL },
		{ { .name = "../x" }, -EINVAL },
		{ { .name = "host" }, -EINVAL },
		{ { .name = "two", .driver = "overlay" }, -EINVAL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		h->e = (struct err)ERR_INIT;
		assert_int_equal(net_network_create(&h->p, &bad[i].want, h->a, &n, &h->e),
				 bad[i].code);
		assert_true(h->e.msg[0]);
	}
	assert_int_equal(net_network_remove(&h->p, "nope", &h->e), -ENOENT);
}

static void net_network_create__subnet_of_the_host__is_refused(void **state)
{
	struct host *h = *state;
	struct net_network n;
	outside(h);
	struct net_network want = { .name = "two", .subnet = "198.51.100.128/25" };
	assert_int_equal(net_network_create(&h->p, &want, h->a, &n, &h->e), -EADDRINUSE);
	assert_non_null(strstr(h->e.msg, "198.51.100."));
}

static void net_up__user_network__names_come_and_go(void **state)
{
	struct host *h = *state;
	create(h, (struct net_network){ .name = "app" });
	static const char *const app[] = { "app:alias=www", NULL };
	struct net_config c = on(h, app), d = on(h, (const char *const[]){ "app", NULL });
	c.hostname = "frontend";
	struct net_result ra = up(h, "aaaa", new_container(h), &c);
	struct net_result rb = up(h, "bbbb", new_container(h), &d);
	AUTO_FREE char *line = mem_printf("\n%s\tfrontend aaaa www\n", ra.ifaces[0].ip);
	AUTO_FREE char *back = mem_printf("\n%s\tbbbb\n", rb.ifaces[0].ip);
	assert_hosts(h, "bbbb", line, true);
	assert_hosts(h, "aaaa", back, true);
	/* What the container adds itself stays. */
	AUTO_FREE char *path = mem_printf("%s/aaaa/hosts", h->run);
	FILE *f = fopen(path, "a");
	fputs("192.0.2.7 mine\n", f);
	fclose(f);
	OK(h, net_down(&h->p, "bbbb", &h->e));
	assert_hosts(h, "aaaa", "bbbb", false);
	assert_hosts(h, "aaaa", "192.0.2.7 mine\n", true);
	assert_int_equal(net_network_remove(&h->p, "app", &h->e), -EBUSY);
	assert_non_null(strstr(h->e.msg, "aaaa"));
	OK(h, net_down(&h->p, "aaaa", &h->e));
	OK(h, net_network_remove(&h->p, "app", &h->e));
	nothing_left(h);
	assert_int_equal(count_links(h, "bridge"), 0);
}

static void net_up__two_networks__are_isolated_and_both_reachable_by_a_member(void **state)
{
	struct host *h = *state;
	create(h, (struct net_network){ .name = "one" });
	create(h, (struct net_network){ .name = "two" });
	struct net_config c1 = on(h, (const char *const[]){ "one", NULL });
	struct net_config c2 = on(h, (const char *const[]){ "two", NULL });
	struct net_config c12 = on(h, (const char *const[]){ "one", "two", NULL });
	int a = new_container(h), b = new_container(h), m = new_container(h);
	up(h, "aaaa", a, &c1);
	struct net_result rb = up(h, "bbbb", b, &c2), rm = up(h, "mmmm", m, &c12);
	assert_int_equal(rm.nifaces, 2);
	assert_string_equal(rm.ifaces[1].ifname, "eth1");
	int s = serve(h, b, SOCK_STREAM, "0.0.0.0", 80);
	assert_int_equal(call_tcp(h, a, rb.ifaces[0].ip, 80), ETIMEDOUT);
	assert_int_equal(call_tcp(h, m, rb.ifaces[0].ip, 80), 0);
	assert_int_equal(call_tcp(h, -1, rb.ifaces[0].ip, 80), 0);
	close(s);
	static const char *const ids[] = { "aaaa", "bbbb", "mmmm" };
	for (size_t i = 0; i < 3; i++)
		OK(h, net_down(&h->p, ids[i], &h->e));
	OK(h, net_network_remove(&h->p, "one", &h->e));
	OK(h, net_network_remove(&h->p, "two", &h->e));
	nothing_left(h);
}

static void net_up__internal_network__has_no_way_out(void **state)
{
	struct host *h = *state;
	create(h, (struct net_network){ .name = "in", .internal = true });
	struct net_config c = on(h, (const char *const[]){ "in", NULL });
	int a = new_container(h), b = new_container(h), o = outside(h);
	struct net_result ra = up(h, "aaaa", a, &c);
	up(h, "bbbb", b, &c);
	assert_null(ra.ifaces[0].gateway);
	int s = serve(h, a, SOCK_STREAM, "0.0.0.0", 80),
	    os = serve(h, o, SOCK_STREAM, "0.0.0.0", 80);
	assert_int_equal(call_tcp(h, b, ra.ifaces[0].ip, 80), 0);
	assert_int_equal(call_tcp(h, -1, ra.ifaces[0].ip, 80), 0);
	assert_int_equal(call_tcp(h, a, "198.51.100.2", 80), ENETUNREACH);
	/* Nor with a route that root in the container gives itself. */
	struct net_network n;
	OK(h, net_network_load(&h->p, "in", h->a, &n, &h->e));
	AUTO(nl) struct nl in = NL_INIT;
	OK(h, nl_open(&in, NETLINK_ROUTE, a, &h->e));
	struct link_setup su = { .ifname = "eth0" };
	assert_int_equal(addr_parse(n.gateway, AF_INET, &su.gw), 0);
	OK(h, link_setup_inside(&in, &su, &h->e));
	assert_int_equal(call_tcp(h, a, "198.51.100.2", 80), ETIMEDOUT);
	close(s);
	close(os);
}

static void net_up__icc_off__containers_do_not_see_each_other(void **state)
{
	struct host *h = *state;
	struct json_pair pair = { "com.docker.network.bridge.enable_icc", "false" };
	create(h, (struct net_network){ .name = "quiet", .options = { 1, &pair } });
	struct net_config c = on(h, (const char *const[]){ "quiet", NULL });
	OK(h, net_parse_publish(h->a, "8080:80", &c, &h->e));
	int a = new_container(h), b = new_container(h);
	struct net_result ra = up(h, "aaaa", a, &c);
	c.nports = 0;
	up(h, "bbbb", b, &c);
	int s = serve(h, a, SOCK_STREAM, "0.0.0.0", 80);
	assert_int_not_equal(call_tcp(h, b, ra.ifaces[0].ip, 80), 0);
	assert_int_equal(call_tcp(h, -1, ra.ifaces[0].ip, 80), 0);
	assert_int_equal(call_tcp(h, -1, "127.0.0.1", 8080), 0);
	net_hold_close(&ra);
	close(s);
}

static void net_up__ipv6_network__reaches_is_published_and_masqueraded(void **state)
{
	struct host *h = *state;
	create(h, (struct net_network){ .name = "six", .ipv6 = true });
	struct net_config c = on(h, (const char *const[]){ "six", NULL });
	struct net_config p = c;
	OK(h, net_parse_publish(h->a, "8080:80", &p, &h->e));
	OK(h, net_parse_publish(h->a, "[2001:db8::1]:9090:80/udp", &p, &h->e));
	int a = new_container(h), b = new_container(h), o = outside(h);
	struct net_result ra = up(h, "aaaa", a, &p), rb = up(h, "bbbb", b, &c);
	assert_non_null(ra.ifaces[0].ip6);
	int s = serve(h, a, SOCK_STREAM, "::", 80), os = serve(h, o, SOCK_STREAM, "::", 81);
	int u = serve(h, a, SOCK_DGRAM, "::", 80);
	assert_int_equal(call_tcp(h, b, ra.ifaces[0].ip6, 80), 0);
	assert_int_equal(call_tcp(h, -1, ra.ifaces[0].ip6, 80), 0);
	assert_int_equal(call_tcp(h, o, "2001:db8::1", 8080), 0);
	assert_int_equal(call_tcp(h, o, "198.51.100.1", 8080), 0);
	assert_int_equal(call_tcp(h, -1, "2001:db8::1", 8080), 0);
	assert_int_equal(call_tcp(h, b, ra.ifaces[0].gateway6, 8080), 0);
	assert_int_equal(call_tcp(h, a, ra.ifaces[0].gateway6, 8080), 0);
	assert_int_equal(call_tcp(h, a, "2001:db8::2", 81), 0);
	assert_int_equal(call_tcp(h, -1, "::1", 8080), ECONNREFUSED);
	assert_int_equal(call_udp(h, o, "2001:db8::1", 9090, u), 0);
	(void)rb;
	close(s);
	close(os);
	close(u);
	net_hold_close(&ra);
	OK(h, net_down(&h->p, "aaaa", &h->e));
	OK(h, net_down(&h->p, "bbbb", &h->e));
	nothing_left(h);
}

static void net_up__address_asked_for__is_given_or_refused(void **state)
{
	struct host *h = *state;
	create(h, (struct net_network){ .name = "app", .subnet = "10.77.5.0/24",
					.ip_range = "10.77.5.128/25", .ipv6 = true,
					.subnet6 = "fd77::/64" });
	struct net_config c = on(h, (const char *const[]){
		"app:ip=10.77.5.9,ip6=fd77::9,mac=02:11:22:33:44:55,interface_name=wan0", NULL });
	struct net_result ra = up(h, "aaaa", new_container(h), &c), rb;
	assert_string_equal(ra.ifaces[0].ip, "10.77.5.9");
	assert_string_equal(ra.ifaces[0].ip6, "fd77::9");
	assert_string_equal(ra.ifaces[0].mac, "02:11:22:33:44:55");
	assert_string_equal(ra.ifaces[0].ifname, "wan0");
	struct link_info l;
	AUTO(nl) struct nl in = NL_INIT;
	OK(h, nl_open(&in, NETLINK_ROUTE, h->ns[0], &h->e));
	OK(h, link_find(&in, "wan0", &l, &h->e));
	assert_int_equal(l.mac[5], 0x55);
	int b = new_container(h);
	assert_int_equal(net_up(&h->p, "bbbb", NULL, b, &c, h->a, &rb, &h->e), -EADDRINUSE);
	assert_non_null(strstr(h->e.msg, "10.77.5.9"));
	assert_non_null(strstr(h->e.msg, "aaaa"));
	static const char *const wrong[] = { "app:ip=10.78.0.1", "app:ip=10.77.5.255",
					     "app:ip=10.77.5.0" };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct net_config w = on(h, (const char *const[]){ wrong[i], NULL });
		assert_int_equal(net_up(&h->p, "bbbb", NULL, b, &w, h->a, &rb, &h->e), -EINVAL);
	}
	struct net_config gw = on(h, (const char *const[]){ "app:ip=10.77.5.1", NULL });
	assert_int_equal(net_up(&h->p, "bbbb", NULL, b, &gw, h->a, &rb, &h->e), -EADDRINUSE);
	struct net_config free_one = on(h, (const char *const[]){ "app", NULL });
	rb = up(h, "bbbb", b, &free_one);
	assert_string_equal(rb.ifaces[0].ip, "10.77.5.128");
	OK(h, net_down(&h->p, "aaaa", &h->e));
	OK(h, net_down(&h->p, "bbbb", &h->e));
	nothing_left(h);
}

static void net_up__small_network__is_exhausted_with_a_message(void **state)
{
	struct host *h = *state;
	create(h, (struct net_network){ .name = "tiny", .subnet = "10.77.5.0/29" });
	struct net_config c = on(h, (const char *const[]){ "tiny", NULL });
	char id[16];
	for (int i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "ct%d", i);
		up(h, id, new_container(h), &c);
	}
	struct net_result r;
	assert_int_equal(net_up(&h->p, "last", NULL, new_container(h), &c, h->a, &r, &h->e),
			 -ENOSPC);
	assert_non_null(strstr(h->e.msg, "tiny"));
	OK(h, net_down(&h->p, "ct3", &h->e));
	r = up(h, "last", new_container(h), &c);
	assert_string_equal(r.ifaces[0].ip, "10.77.5.5");
}

static void net_connect__running_container__reaches_both_and_leaves_again(void **state)
{
	struct host *h = *state;
	create(h, (struct net_network){ .name = "app" });
	struct net_config none = parse(h, NULL), c = on(h, (const char *const[]){ "app", NULL });
	int a = new_container(h), b = new_container(h);
	struct net_config pub = none;
	OK(h, net_parse_publish(h->a, "8080:80", &pub, &h->e));
	struct net_result ra = up(h, "aaaa", a, &pub), rb = up(h, "bbbb", b, &c);
	int s = serve(h, b, SOCK_STREAM, "0.0.0.0", 80),
	    as = serve(h, a, SOCK_STREAM, "0.0.0.0", 80);
	net_hold_close(&ra);
	assert_int_equal(call_tcp(h, a, rb.ifaces[0].ip, 80), ETIMEDOUT);
	struct net_attach at = { .network = "app" };
	OK(h, net_connect(&h->p, "aaaa", "aaaa", a, &at, h->a, &ra, &h->e));
	assert_int_equal(ra.nifaces, 2);
	assert_int_equal(call_tcp(h, a, rb.ifaces[0].ip, 80), 0);
	assert_hosts(h, "bbbb", "aaaa", true);
	assert_hosts(h, "aaaa", "bbbb", true);
	assert_int_equal(net_connect(&h->p, "aaaa", "aaaa", a, &at, h->a, &ra, &h->e), -EEXIST);
	struct net_result now;
	OK(h, net_load(&h->p, "aaaa", h->a, &now, &h->e));
	assert_int_equal(now.nifaces, 2);
	/* The default network is left: published ports and the default route move on. */
	assert_int_equal(call_tcp(h, -1, "127.0.0.1", 8080), 0);
	OK(h, net_disconnect(&h->p, "aaaa", a, "bridge", &h->e));
	assert_int_equal(call_tcp(h, -1, "127.0.0.1", 8080), 0);
	assert_int_equal(call_tcp(h, a, rb.ifaces[0].ip, 80), 0);
	OK(h, net_disconnect(&h->p, "aaaa", a, "app", &h->e));
	assert_int_equal(net_disconnect(&h->p, "aaaa", a, "app", &h->e), -ENOENT);
	assert_int_equal(call_tcp(h, a, rb.ifaces[0].ip, 80), ENETUNREACH);
	assert_hosts(h, "bbbb", "aaaa", false);
	/* And back. */
	at.network = "bridge";
	OK(h, net_connect(&h->p, "aaaa", "aaaa", a, &at, h->a, &ra, &h->e));
	assert_int_equal(call_tcp(h, -1, "127.0.0.1", 8080), 0);
	close(s);
	close(as);
	OK(h, net_down(&h->p, "aaaa", &h->e));
	OK(h, net_down(&h->p, "bbbb", &h->e));
	nothing_left(h);
}

static void net_connect__container_without_network__gets_its_first(void **state)
{
	struct host *h = *state;
	struct net_config none = { .mode = NET_NONE };
	int a = new_container(h);
	struct net_result ra = up(h, "aaaa", a, &none);
	assert_int_equal(ra.nifaces, 0);
	struct net_attach at = { .network = "bridge" };
	OK(h, net_connect(&h->p, "aaaa", "web", a, &at, h->a, &ra, &h->e));
	assert_int_equal(call_tcp(h, -1, ra.ifaces[0].ip, 80), ECONNREFUSED);
	OK(h, net_down(&h->p, "aaaa", &h->e));
	nothing_left(h);
}

static void net_up__macvlan__is_on_the_parents_wire(void **state)
{
	struct host *h = *state;
	int o = outside(h);
	struct json_pair pair = { "parent", "up0" };
	create(h, (struct net_network){ .name = "wire", .driver = "macvlan",
					.subnet = "198.51.100.0/24", .gateway = "198.51.100.1",
					.ip_range = "198.51.100.64/27", .options = { 1, &pair } });
	struct net_config c = on(h, (const char *const[]){ "wire", NULL });
	struct net_result r = { 0 };
	int a = new_container(h);
	int x = net_up(&h->p, "aaaa", NULL, a, &c, h->a, &r, &h->e);
	if (x == -EOPNOTSUPP)
		skip();
	OK(h, x);
	int s = serve(h, o, SOCK_STREAM, "0.0.0.0", 80);
	assert_int_equal(call_tcp(h, a, "198.51.100.2", 80), 0);
	close(s);
	OK(h, net_down(&h->p, "aaaa", &h->e));
}

static void net_move_device__named__keeps_its_address(void **state)
{
	struct host *h = *state;
	assert_int_equal(
		system("ip link add dev d0 type bridge && ip addr add 192.0.2.77/24 dev d0 && "
		       "ip addr add 2001:db8:7::7/64 dev d0 nodad && ip link set d0 up"),
		0);
	int a = new_container(h);
	/* A bridge cannot change namespace: one clear line, and it stays. */
	assert_true(net_move_device(a, "d0", "net7", &h->e) < 0);
	assert_non_null(strstr(h->e.msg, "d0"));
	assert_int_equal(
		system("ip link del d0; ip link add dev d0 type veth peer name d1 && ip addr "
		       "add 192.0.2.77/24 brd 192.0.2.70 dev d0 && "
		       "ip addr add 192.0.2.78/24 dev d0 && "
		       "ip addr add 2001:db8:7::7/64 dev d0 nodad && ip link set d0 up && "
		       "ip link set d1 up"),
		0);
	OK(h, net_move_device(a, "d0", "net7", &h->e));
	AUTO(nl) struct nl in = NL_INIT;
	struct link_prefixes p;
	struct cidr want4, want6;
	bool found4 = false, found6 = false;
	OK(h, nl_open(&in, NETLINK_ROUTE, a, &h->e));
	OK(h, link_prefixes_load(&in, h->a, true, &p, &h->e));
	assert_int_equal(cidr_parse("192.0.2.77/24", 0, &want4), 0);
	assert_int_equal(cidr_parse("2001:db8:7::7/64", 0, &want6), 0);
	for (size_t i = 0; i < p.n; i++) {
		found4 = found4 || memcmp(&p.v[i], &want4, sizeof(want4)) == 0;
		found6 = found6 || memcmp(&p.v[i], &want6, sizeof(want6)) == 0;
	}
	assert_true(found4 && found6);
	char look[200];
	snprintf(look, sizeof(look),
		 "nsenter --net=/proc/%d/fd/%d ip -4 -o addr show dev net7 | "
		 "grep -o 'brd [0-9.]*' | tr -d '\\n' | grep -qx 'brd 192.0.2.70'",
		 (int)getpid(), a);
	/* the broadcast address of one, none of the other */
	assert_int_equal(system(look), 0);
	assert_int_equal(net_move_device(a, "nope", NULL, &h->e), -ENODEV);
}

static void net_counters_load__traffic__is_counted(void **state)
{
	struct host *h = *state;
	struct net_config c = parse(h, NULL);
	int a = new_container(h);
	struct net_result ra = up(h, "aaaa", a, &c);
	assert_int_equal(call_tcp(h, -1, ra.ifaces[0].ip, 80), ECONNREFUSED);
	struct net_counters *v;
	size_t n;
	OK(h, net_counters_load(a, h->a, &v, &n, &h->e));
	assert_int_equal(n, 1);
	assert_string_equal(v[0].ifname, "eth0");
	assert_true(v[0].rx_packets > 0 && v[0].tx_bytes > 0);
	OK(h, net_down(&h->p, "aaaa", &h->e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(net_network_create__nothing_given__all_is_chosen),
		T(net_network_create__bad_wishes__are_refused),
		T(net_network_create__subnet_of_the_host__is_refused),
		T(net_up__user_network__names_come_and_go),
		T(net_up__two_networks__are_isolated_and_both_reachable_by_a_member),
		T(net_up__internal_network__has_no_way_out),
		T(net_up__icc_off__containers_do_not_see_each_other),
		T(net_up__ipv6_network__reaches_is_published_and_masqueraded),
		T(net_up__address_asked_for__is_given_or_refused),
		T(net_up__small_network__is_exhausted_with_a_message),
		T(net_connect__running_container__reaches_both_and_leaves_again),
		T(net_connect__container_without_network__gets_its_first),
		T(net_up__macvlan__is_on_the_parents_wire),
		T(net_move_device__named__keeps_its_address),
		T(net_counters_load__traffic__is_counted),
	};
	int r = lab_open();
	return r ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
