/*
 * test_net.c - net_up, net_down and net_tidy with real packets.
 */
#include "tests/unit/netns/netlab.h"

static void net_up__two_containers__reach_each_other_and_the_host(void **state)
{
	struct host *h = *state;
	struct net_config c = parse(h, NULL);
	int a = new_container(h), b = new_container(h);
	struct net_result ra = up(h, "aaaa", a, &c), rb = up(h, "bbbb", b, &c);
	assert_string_not_equal(ra.ifaces[0].ip, rb.ifaces[0].ip);
	int s = serve(h, b, SOCK_STREAM, "0.0.0.0", 80);
	int hs = serve(h, -1, SOCK_STREAM, "0.0.0.0", 81);
	assert_int_equal(call_tcp(h, a, rb.ifaces[0].ip, 80), 0);
	assert_int_equal(call_tcp(h, -1, rb.ifaces[0].ip, 80), 0);
	assert_int_equal(call_tcp(h, a, ra.ifaces[0].gateway, 81), 0);
	assert_int_equal(call_tcp(h, a, rb.ifaces[0].ip, 82), ECONNREFUSED);
	close(s);
	close(hs);
	OK(h, net_down(&h->p, "aaaa", &h->e));
	OK(h, net_down(&h->p, "aaaa", &h->e));
	OK(h, net_down(&h->p, "bbbb", &h->e));
	nothing_left(h);
}

static void net_up__outside__is_masqueraded_and_cannot_get_in(void **state)
{
	struct host *h = *state;
	struct net_config c = parse(h, NULL);
	int a = new_container(h), o = outside(h);
	struct net_result ra = up(h, "aaaa", a, &c);
	int os = serve(h, o, SOCK_STREAM, "0.0.0.0", 80);
	int as = serve(h, a, SOCK_STREAM, "0.0.0.0", 80);
	assert_int_equal(call_tcp(h, a, "198.51.100.2", 80), 0);
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	int got = accept(os, (void *)&peer, &len);
	assert_string_equal(inet_ntoa(peer.sin_addr), "198.51.100.1");
	/* Even with a route, an unpublished port is not reachable from outside. */
	AUTO(nl) struct nl in = NL_INIT;
	OK(h, nl_open(&in, NETLINK_ROUTE, o, &h->e));
	struct link_setup s = { .ifname = "eth0" };
	assert_int_equal(cidr_parse("198.51.100.2/24", 0, &s.addr), 0);
	assert_int_equal(addr_parse("198.51.100.1", 0, &s.gw), 0);
	OK(h, link_setup_inside(&in, &s, &h->e));
	assert_int_equal(call_tcp(h, o, ra.ifaces[0].ip, 80), ETIMEDOUT);
	close(got);
	close(os);
	close(as);
	OK(h, net_down(&h->p, "aaaa", &h->e));
}

static void net_up__published_port__works_from_everywhere(void **state)
{
	struct host *h = *state;
	static const char *const publish[] = { "8080:80", "5353:53/udp", "127.0.0.1:9090:80",
					       NULL };
	struct net_config c = parse(h, publish), none = parse(h, NULL);
	int a = new_container(h), b = new_container(h), o = outside(h);
	struct net_result ra = up(h, "aaaa", a, &c);
	up(h, "bbbb", b, &none);
	assert_int_equal(ra.nports, 3);
	assert_int_equal(ra.nhold, 3);
	int s = serve(h, a, SOCK_STREAM, "0.0.0.0", 80);
	int u = serve(h, a, SOCK_DGRAM, "0.0.0.0", 53);
	assert_int_equal(call_tcp(h, o, "198.51.100.1", 8080), 0);
	assert_int_equal(call_tcp(h, -1, "127.0.0.1", 8080), 0);
	assert_int_equal(call_tcp(h, -1, "198.51.100.1", 8080), 0);
	assert_int_equal(call_tcp(h, b, ra.ifaces[0].gateway, 8080), 0);
	assert_int_equal(call_tcp(h, b, "198.51.100.1", 8080), 0);
	assert_int_equal(call_tcp(h, a, ra.ifaces[0].gateway, 8080), 0);
	assert_int_equal(call_udp(h, o, "198.51.100.1", 5353, u), 0);
	assert_int_equal(call_udp(h, -1, "127.0.0.1", 5353, u), 0);
	assert_int_equal(call_udp(h, b, ra.ifaces[0].gateway, 5353, u), 0);
	/* Published on loopback only: for the host, for nobody else. */
	assert_int_equal(call_tcp(h, -1, "127.0.0.1", 9090), 0);
	assert_int_not_equal(call_tcp(h, o, "198.51.100.1", 9090), 0);
	assert_int_not_equal(call_tcp(h, b, ra.ifaces[0].gateway, 9090), 0);
	close(s);
	close(u);
	net_hold_close(&ra);
	OK(h, net_down(&h->p, "aaaa", &h->e));
	assert_int_not_equal(call_tcp(h, -1, "127.0.0.1", 8080), 0);
	OK(h, net_down(&h->p, "bbbb", &h->e));
}

static int pass_on(int client, int server)
{
	char buf[8];
	struct pollfd p = { .fd = server, .events = POLLIN };
	if (send(client, "ping", 4, 0) != 4)
		return errno;
	return poll(&p, 1, CALL_MS) == 1 && recv(server, buf, sizeof(buf), 0) == 4 ? 0 : ETIMEDOUT;
}

static void net_up__udp_client_that_goes_on_sending__is_translated_anew(void **state)
{
	struct host *h = *state;
	static const char *const publish[] = { "5353:53/udp", NULL };
	struct net_config c = parse(h, publish), none = parse(h, NULL);
	int a = new_container(h), b = new_container(h), o = outside(h);
	/* The table is there, and connections are tracked, before the port is published. */
	up(h, "zzzz", new_container(h), &none);
	AUTO_CLOSE int client = socket_in(h, o, AF_INET, SOCK_DGRAM);
	struct sockaddr_storage ss;
	socklen_t len = fill("198.51.100.1", 5353, &ss);
	assert_int_equal(connect(client, (void *)&ss, len), 0);
	send(client, "ping", 4, 0);
	int sa = serve(h, a, SOCK_DGRAM, "0.0.0.0", 53),
	    sb = serve(h, b, SOCK_DGRAM, "0.0.0.0", 53);
	struct net_result ra = up(h, "aaaa", a, &c);
	net_hold_close(&ra);
	send(client, "ping", 4, 0); /* gets the refusal of the first one */
	assert_int_equal(pass_on(client, sa), 0);
	OK(h, net_down(&h->p, "aaaa", &h->e));
	struct net_result rb = up(h, "bbbb", b, &c);
	net_hold_close(&rb);
	send(client, "ping", 4, 0);
	assert_int_equal(pass_on(client, sb), 0);
	close(sa);
	close(sb);
	OK(h, net_down(&h->p, "bbbb", &h->e));
	OK(h, net_down(&h->p, "zzzz", &h->e));
}

static void net_up__neighbour_sends_to_127__is_dropped(void **state)
{
	struct host *h = *state;
	struct net_config c = parse(h, NULL);
	int a = new_container(h);
	struct net_result ra = up(h, "aaaa", a, &c);
	int hs = serve(h, -1, SOCK_DGRAM, "127.0.0.1", 700);
	/* Inside, 127.0.0.1 is routed to the bridge: the attack of CVE-2020-8558. */
	assert_int_equal(setns(a, CLONE_NEWNET), 0);
	char cmd[300];
	snprintf(cmd, sizeof(cmd), "ip addr del 127.0.0.1/8 dev lo; ip route flush table local "
		 "127.0.0.0/8 2>/dev/null; ip route del local 127.0.0.0/8 dev lo table local "
		 "2>/dev/null; echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet;"
		 "ip route add 127.0.0.1/32 via %s dev eth0", ra.ifaces[0].gateway);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(setns(h->home, CLONE_NEWNET), 0);
	assert_int_equal(call_udp(h, a, "127.0.0.1", 700, hs), ETIMEDOUT);
	close(hs);
	OK(h, net_down(&h->p, "aaaa", &h->e));
}

static void net_up__port_of_another_container__names_it(void **state)
{
	struct host *h = *state;
	static const char *const first[] = { "8080:80", NULL }, *const second[] = {
		"127.0.0.1:8080:80", NULL
	};
	struct net_config c = parse(h, first), c2 = parse(h, second);
	int a = new_container(h), b = new_container(h);
	struct net_result ra = up(h, "aaaa", a, &c), rb;
	net_hold_close(&ra);
	assert_int_equal(net_up(&h->p, "bbbb", NULL, b, &c2, h->a, &rb, &h->e), -EADDRINUSE);
	assert_non_null(strstr(h->e.msg, "8080/tcp"));
	assert_non_null(strstr(h->e.msg, "aaaa"));
	OK(h, net_down(&h->p, "aaaa", &h->e));
	nothing_left(h);
}

static void net_up__port_of_a_program__names_it(void **state)
{
	struct host *h = *state;
	static const char *const publish[] = { "8080:80", NULL };
	struct net_config c = parse(h, publish);
	int a = new_container(h), s = serve(h, -1, SOCK_STREAM, "0.0.0.0", 8080);
	struct net_result r;
	char pid[32];
	assert_int_equal(net_up(&h->p, "aaaa", NULL, a, &c, h->a, &r, &h->e), -EADDRINUSE);
	snprintf(pid, sizeof(pid), "process %d", getpid());
	assert_non_null(strstr(h->e.msg, "8080/tcp"));
	assert_non_null(strstr(h->e.msg, pid));
	close(s);
	nothing_left(h);
}

static void net_up__no_host_port__a_free_one_is_picked_and_works(void **state)
{
	struct host *h = *state;
	static const char *const publish[] = { "80", "127.0.0.1::81", "100-102:80", NULL };
	struct net_config c = parse(h, publish);
	int a = new_container(h), b = new_container(h);
	struct net_result ra = up(h, "aaaa", a, &c);
	assert_true(ra.ports[0].host > 0);
	assert_int_equal(ra.ports[2].host, 100);
	int s = serve(h, a, SOCK_STREAM, "0.0.0.0", 80);
	assert_int_equal(call_tcp(h, -1, "127.0.0.1", ra.ports[0].host), 0);
	struct net_result rb = up(h, "bbbb", b, &c);
	assert_int_equal(rb.ports[2].host, 101);
	close(s);
	net_hold_close(&ra);
	net_hold_close(&rb);
	OK(h, net_down(&h->p, "aaaa", &h->e));
	OK(h, net_down(&h->p, "bbbb", &h->e));
	nothing_left(h);
}

static void net_up__range_of_a_thousand_ports__is_published_and_gone(void **state)
{
	struct host *h = *state;
	static const char *const publish[] = { "20000-20999:3000-3999", NULL };
	struct net_config c = parse(h, publish);
	int a = new_container(h);
	struct net_result ra = up(h, "aaaa", a, &c);
	assert_int_equal(ra.nports, 1000);
	int s = serve(h, a, SOCK_STREAM, "0.0.0.0", 3777);
	assert_int_equal(call_tcp(h, -1, "127.0.0.1", 20777), 0);
	close(s);
	net_hold_close(&ra);
	OK(h, net_down(&h->p, "aaaa", &h->e));
	nothing_left(h);
}

static void net_up__fifty_at_once__each_has_its_own_address(void **state)
{
	struct host *h = *state;
	pid_t pid[50];
	for (int i = 0; i < 50; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			char id[16];
			struct net_config c = { 0 };
			struct net_result r;
			snprintf(id, sizeof(id), "ct%d", i);
			int ns = new_netns(h->home);
			int x = net_up(&h->p, id, NULL, ns, &c, h->a, &r, &h->e);
			if (x < 0)
				fprintf(stderr, "%s\n", h->e.msg);
			_exit(x < 0);
		}
	}
	int bad = 0, st;
	for (int i = 0; i < 50; i++) {
		waitpid(pid[i], &st, 0);
		bad += st != 0;
	}
	assert_int_equal(bad, 0);
	assert_int_equal(count_leases(h), 50);
	assert_int_equal(count_journals(h), 50);
	for (int i = 0; i < 50; i++) {
		char id[16];
		snprintf(id, sizeof(id), "ct%d", i);
		OK(h, net_down(&h->p, id, &h->e));
	}
	nothing_left(h);
}

static void net_down__net_up_killed_anywhere__leaves_nothing(void **state)
{
	struct host *h = *state;
	static const char *const publish[] = { "8080:80", "8081:81/udp", NULL };
	struct net_config c = parse(h, publish);
	AUTO_FREE char *half = mem_printf("%s/leases/.id/.tmp-victim", h->root);
	for (int us = 0; us < 4000; us += 60) {
		int ns = new_netns(h->home);
		pid_t pid = fork();
		if (pid == 0) {
			struct net_result r;
			net_up(&h->p, "victim", NULL, ns, &c, h->a, &r, &h->e);
			pause();
		}
		usleep((useconds_t)us);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(ns);
		OK(h, net_down(&h->p, "victim", &h->e));
		OK(h, net_tidy(&h->p, &h->e));
		no_veth(h);
		assert_true(faccessat(AT_FDCWD, half, F_OK, AT_SYMLINK_NOFOLLOW) < 0);
		assert_int_equal(count_leases(h), 0);
		assert_int_equal(count_journals(h), 0);
	}
	nothing_left(h);
	/* And what survives works. */
	int a = new_container(h);
	struct net_result ra = up(h, "aaaa", a, &c);
	int s = serve(h, a, SOCK_STREAM, "0.0.0.0", 80);
	assert_int_equal(call_tcp(h, -1, "127.0.0.1", 8080), 0);
	close(s);
	net_hold_close(&ra);
	OK(h, net_down(&h->p, "aaaa", &h->e));
}

static void net_tidy__removing_child_was_killed__interface_goes_all_the_same(void **state)
{
	struct host *h = *state;
	struct net_config c = parse(h, NULL);
	struct net_result ra = up(h, "aaaa", new_container(h), &c);
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	OK(h, lease_open(&d, &h->p, &h->e));
	/* As net_down leaves it. */
	lease_drop_all(&d, "aaaa");
	journal_remove(&d, "aaaa");
	assert_int_equal(symlinkat("aaaa", d.gone, ra.ifaces[0].veth), 0);
	OK(h, net_tidy(&h->p, &h->e));
	assert_int_equal(count_links(h, "veth"), 1);
	struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	assert_int_equal(utimensat(d.gone, ra.ifaces[0].veth, old, AT_SYMLINK_NOFOLLOW), 0);
	OK(h, net_tidy(&h->p, &h->e));
	assert_int_equal(count_links(h, "veth"), 0);
	assert_int_not_equal(faccessat(d.gone, ra.ifaces[0].veth, F_OK, AT_SYMLINK_NOFOLLOW), 0);
	nothing_left(h);
}

static void net_down__namespace_kept_alive__interface_goes_all_the_same(void **state)
{
	struct host *h = *state;
	struct net_config c = parse(h, NULL);
	up(h, "aaaa", new_container(h), &c);
	OK(h, net_down(&h->p, "aaaa", &h->e));
	no_veth(h);
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	OK(h, lease_open(&d, &h->p, &h->e));
	size_t n = 1;
	for (int i = 0; n && i < 3000; i++) {
		usleep(10000);
		n = 0;
		DIR *dir = opendir(path_of_fd(d.gone, (char[32]){ 0 }));
		for (struct dirent *de; (de = readdir(dir));)
			n += de->d_name[0] != '.';
		closedir(dir);
	}
	assert_int_equal(n, 0);
}

static bool table_is_there(struct host *h)
{
	char table[NFT_TABLE_MAX];
	bool there;
	netname_table(&h->p, table);
	OK(h, nft_check(table, &there, &h->e));
	return there;
}

static void net_down__last_container__bridge_and_table_go_after_a_while(void **state)
{
	struct host *h = *state;
	struct net_config c = parse(h, NULL);
	up(h, "aaaa", new_container(h), &c);
	up(h, "bbbb", new_container(h), &c);
	OK(h, net_down(&h->p, "aaaa", &h->e));
	usleep(1300000);
	assert_true(table_is_there(h));
	OK(h, net_down(&h->p, "bbbb", &h->e));
	end_containers(h);
	for (int i = 0; i < 3000 && (count_links(h, "bridge") || table_is_there(h)); i++)
		usleep(10000);
	assert_int_equal(count_links(h, "bridge"), 0);
	assert_false(table_is_there(h));
	/* And when that child was killed, the next command does it. */
	up(h, "aaaa", new_container(h), &c);
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	OK(h, lease_open(&d, &h->p, &h->e));
	lease_drop_all(&d, "aaaa");
	journal_remove(&d, "aaaa");
	assert_int_equal(count_links(h, "bridge"), 1);
	OK(h, net_tidy(&h->p, &h->e));
	assert_int_equal(count_links(h, "bridge"), 0);
	assert_false(table_is_there(h));
}

static void net_up__after_a_reboot__old_leases_are_gone(void **state)
{
	struct host *h = *state;
	static const char *const publish[] = { "8080:80", NULL };
	struct net_config c = parse(h, publish);
	struct net_result ra = up(h, "aaaa", new_container(h), &c);
	net_hold_close(&ra);
	AUTO_FREE char *path = mem_printf("%s/leases/.boot", h->root);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "00000000-0000-0000-0000-000000000000", 36, 0), 36);
	close(fd);
	assert_int_equal(count_leases(h), 0);
	assert_int_equal(count_journals(h), 0);
	struct net_result rb = up(h, "bbbb", new_container(h), &c);
	net_hold_close(&rb);
	assert_int_equal(count_leases(h), 2);
	OK(h, net_down(&h->p, "bbbb", &h->e));
}

static void net_up__table_flushed_by_another__is_built_again(void **state)
{
	struct host *h = *state;
	static const char *const publish[] = { "8080:80", NULL };
	struct net_config c = parse(h, publish), none = parse(h, NULL);
	int a = new_container(h), b = new_container(h);
	struct net_result ra = up(h, "aaaa", a, &c);
	int s = serve(h, a, SOCK_STREAM, "0.0.0.0", 80);
	assert_int_equal(system("nft flush ruleset"), 0);
	assert_int_not_equal(call_tcp(h, -1, "198.51.100.9", 8080), 0);
	up(h, "bbbb", b, &none);
	assert_int_equal(call_tcp(h, -1, "127.0.0.1", 8080), 0);
	assert_int_equal(call_tcp(h, b, ra.ifaces[0].gateway, 8080), 0);
	close(s);
	net_hold_close(&ra);
	OK(h, net_down(&h->p, "aaaa", &h->e));
	OK(h, net_down(&h->p, "bbbb", &h->e));
	nothing_left(h);
}

static void net_files_make__bridge__resolv_hosts_and_hostname_are_right(void **state)
{
	struct host *h = *state;
	struct net_config c = parse(h, NULL);
	OK(h, net_parse_host(h->a, "db:10.9.8.7", &c, &h->e));
	OK(h, net_parse_host(h->a, "gw=host-gateway", &c, &h->e));
	c.hostname = "box";
	c.domainname = "example.org";
	int a = new_container(h);
	struct net_result ra = up(h, "aaaa", a, &c);
	AUTO_FREE char *path = mem_printf("%s/aaaa", h->run);
	AUTO_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *hosts = NULL, *resolv = NULL, *name = NULL;
	size_t n;
	OK(h, path_read_file(dir, "hosts", 65536, &hosts, &n, &h->e));
	OK(h, path_read_file(dir, "resolv.conf", 65536, &resolv, &n, &h->e));
	OK(h, path_read_file(dir, "hostname", 65536, &name, &n, &h->e));
	assert_string_equal(resolv, "nameserver 192.0.2.53\n");
	assert_string_equal(name, "box\n");
	AUTO_FREE char *own = mem_printf("\n%s\tbox.example.org box\n", ra.ifaces[0].ip);
	AUTO_FREE char *gw = mem_printf("\n%s\tgw\n", ra.ifaces[0].gateway);
	assert_non_null(strstr(hosts, own));
	assert_non_null(strstr(hosts, gw));
	assert_non_null(strstr(hosts, "\n10.9.8.7\tdb\n"));
	assert_non_null(strstr(hosts, "127.0.0.1\tlocalhost\n"));
	OK(h, net_down(&h->p, "aaaa", &h->e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(net_up__two_containers__reach_each_other_and_the_host),
		T(net_up__outside__is_masqueraded_and_cannot_get_in),
		T(net_up__published_port__works_from_everywhere),
		T(net_up__udp_client_that_goes_on_sending__is_translated_anew),
		T(net_up__neighbour_sends_to_127__is_dropped),
		T(net_up__port_of_another_container__names_it),
		T(net_up__port_of_a_program__names_it),
		T(net_up__no_host_port__a_free_one_is_picked_and_works),
		T(net_up__range_of_a_thousand_ports__is_published_and_gone),
		T(net_up__fifty_at_once__each_has_its_own_address),
		T(net_down__net_up_killed_anywhere__leaves_nothing),
		T(net_tidy__removing_child_was_killed__interface_goes_all_the_same),
		T(net_down__namespace_kept_alive__interface_goes_all_the_same),
		T(net_down__last_container__bridge_and_table_go_after_a_while),
		T(net_up__after_a_reboot__old_leases_are_gone),
		T(net_up__table_flushed_by_another__is_built_again),
		T(net_files_make__bridge__resolv_hosts_and_hostname_are_right),
	};
	int r = lab_open();
	return r ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
