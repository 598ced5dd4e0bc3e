/*
 * netlab.h - a "host" and its "containers" for the tests of netns/: namespaces of the test's own.
 *
 * A container is a network namespace held by a descriptor; a program in it is a socket that was
 * made inside.  Needs root and nf_tables.
 */
#ifndef TESTS_UNIT_NETNS_NETLAB_H
#define TESTS_UNIT_NETNS_NETLAB_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/path.h"
#include "netns/journal.h"
#include "netns/link.h"
#include "netns/net.h"
#include "netns/netname.h"
#include "netns/nft.h"

struct host {
	char root[64], run[80];
	struct net_paths p;
	int home;		/* the "host" namespace */
	struct arena *a;
	struct err e;
	int ns[64];		/* of containers that still run */
	int nns;
};

static inline int new_netns(int home)
{
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	if (home >= 0)
		assert_int_equal(setns(home, CLONE_NEWNET), 0);
	return fd;
}

static inline int setup(void **state)
{
	struct host *h = calloc(1, sizeof(*h));
	strcpy(h->root, "/tmp/berth-net-XXXXXX");
	if (!mkdtemp(h->root))
		return -1;
	snprintf(h->run, sizeof(h->run), "%s/run", h->root);
	h->p = (struct net_paths){ .root = h->root, .run = h->run };
	h->home = new_netns(-1);
	h->a = arena_new(256u << 20);
	net_loopback(h->home, &h->e);
	*state = h;
	return 0;
}

static inline int teardown(void **state)
{
	struct host *h = *state;
	struct err e = ERR_INIT;
	path_remove_tree(AT_FDCWD, h->root, &e);
	while (h->nns > 0)
		close(h->ns[--h->nns]);
	close(h->home);
	arena_free(h->a);
	free(h);
	return 0;
}

static inline void ok_at(struct host *h, int r, int line)
{
	if (r < 0)
		fail_msg("line %d: %d: %s", line, r, h->e.msg);
}
#define OK(h, call) ok_at(h, call, __LINE__)

static inline struct net_config parse(struct host *h, const char *const *publish)
{
	struct net_config c = { 0 };
	for (; publish && *publish; publish++)
		OK(h, net_parse_publish(h->a, *publish, &c, &h->e));
	return c;
}

static inline struct net_result up(struct host *h, const char *id, int ns,
				   const struct net_config *c)
{
	struct net_result r = { 0 };
	OK(h, net_files_make(&h->p, id, id, c, "nameserver 192.0.2.53\n", &h->e));
	OK(h, net_up(&h->p, id, id, ns, c, h->a, &r, &h->e));
	return r;
}

/* ---- programs inside ---- */

static inline int socket_in(struct host *h, int ns, int family, int type)
{
	if (ns >= 0)
		assert_int_equal(setns(ns, CLONE_NEWNET), 0);
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(setns(h->home, CLONE_NEWNET), 0);
	return fd;
}

static inline socklen_t fill(const char *ip, int port, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (strchr(ip, ':')) {
		struct sockaddr_in6 *six = (void *)ss;
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		assert_int_equal(inet_pton(AF_INET6, ip, &six->sin6_addr), 1);
		return sizeof(*six);
	}
	struct sockaddr_in *four = (void *)ss;
	four->sin_family = AF_INET;
	four->sin_port = htons((uint16_t)port);
	assert_int_equal(inet_pton(AF_INET, ip, &four->sin_addr), 1);
	return sizeof(*four);
}

static inline int serve(struct host *h, int ns, int type, const char *ip, int port)
{
	struct sockaddr_storage ss;
	socklen_t len = fill(ip, port, &ss);
	int fd = socket_in(h, ns, ss.ss_family, type), one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (void *)&ss, len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 16), 0);
	return fd;
}

#define CALL_MS 3000	/* the first packet of a call may be sent again, after a second */

/* 0, or the error (ETIMEDOUT after CALL_MS). */
static inline int call_tcp(struct host *h, int ns, const char *ip, int port)
{
	struct sockaddr_storage ss;
	socklen_t len = fill(ip, port, &ss);
	AUTO_CLOSE int fd = socket_in(h, ns, ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK);
	if (connect(fd, (void *)&ss, len) < 0 && errno != EINPROGRESS)
		return errno;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	if (poll(&p, 1, CALL_MS) == 0)
		return ETIMEDOUT;
	int err = 0;
	socklen_t n = sizeof(err);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n);
	return err;
}

/* One datagram there and back. */
static inline int call_udp(struct host *h, int ns, const char *ip, int port, int server)
{
	struct sockaddr_storage ss, from;
	socklen_t len = fill(ip, port, &ss), flen = sizeof(from);
	AUTO_CLOSE int fd = socket_in(h, ns, ss.ss_family, SOCK_DGRAM);
	char buf[8];
	if (connect(fd, (void *)&ss, len) < 0 || send(fd, "ping", 4, 0) != 4)
		return errno;
	struct pollfd p = { .fd = server, .events = POLLIN };
	if (poll(&p, 1, CALL_MS) == 0)
		return ETIMEDOUT;
	assert_int_equal(recvfrom(server, buf, sizeof(buf), 0, (void *)&from, &flen), 4);
	assert_int_equal(sendto(server, "pong", 4, 0, (void *)&from, flen), 4);
	p.fd = fd;
	if (poll(&p, 1, CALL_MS) == 0)
		return ETIMEDOUT;
	return recv(fd, buf, sizeof(buf), 0) == 4 ? 0 : errno;
}

/* A machine outside: a veth pair 198.51.100.1 (host) - 198.51.100.2 (outside). */
static inline int new_container(struct host *h);
static inline int outside(struct host *h)
{
	int ns = new_container(h);
	AUTO(nl) struct nl nl = NL_INIT, in = NL_INIT;
	OK(h, nl_open(&nl, NETLINK_ROUTE, -1, &h->e));
	OK(h, nl_open(&in, NETLINK_ROUTE, ns, &h->e));
	struct link_bridge b = { .name = "up0", .mac = { 2, 0, 0, 0, 0, 9 } };
	uint32_t index;
	assert_int_equal(cidr_parse("198.51.100.1/24", 0, &b.addr), 0);
	assert_int_equal(cidr_parse("2001:db8::1/64", 0, &b.addr6), 0);
	OK(h, link_ensure_bridge(&nl, &b, &index, &h->e));
	struct link_veth v = { .host = "upv", .inside = "eth0", .bridge = index, .netns_fd = ns,
			       .mac = { 2, 0, 0, 0, 0, 8 } };
	OK(h, link_make_veth(&nl, &v, &h->e));
	struct link_setup s = { .ifname = "eth0" };
	assert_int_equal(cidr_parse("198.51.100.2/24", 0, &s.addr), 0);
	assert_int_equal(cidr_parse("2001:db8::2/64", 0, &s.addr6), 0);
	OK(h, link_setup_inside(&in, &s, &h->e));
	OK(h, link_loopback_up(&in, &h->e));
	OK(h, link_await_port(&nl, "upv", &h->e));
	return ns;
}

/* ---- what is left ---- */

static inline size_t count_links(struct host *h, const char *kind)
{
	AUTO(nl) struct nl nl = NL_INIT;
	struct link_info *v;
	size_t n, found = 0;
	OK(h, nl_open(&nl, NETLINK_ROUTE, -1, &h->e));
	OK(h, link_list(&nl, h->a, &v, &n, &h->e));
	for (size_t i = 0; i < n; i++)
		found += !strcmp(v[i].kind, kind);
	return found;
}

static inline void count_lease(const char *network, const char *name, const char *id, void *arg)
{
	(void)network, (void)name, (void)id;
	++*(size_t *)arg;
}

static inline size_t count_leases(struct host *h)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	size_t n = 0;
	OK(h, lease_open(&d, &h->p, &h->e));
	lease_walk(&d, NULL, count_lease, &n);
	return n;
}

static inline size_t count_journals(struct host *h)
{
	AUTO(lease_dirs) struct lease_dirs d = LEASE_DIRS_INIT;
	size_t n = 0;
	OK(h, lease_open(&d, &h->p, &h->e));
	DIR *dir = fdopendir(dup(d.ids));
	for (struct dirent *de; (de = readdir(dir));)
		n += strcmp(de->d_name, ".") && strcmp(de->d_name, "..");
	closedir(dir);
	return n;
}

/* Elements of the port maps, by nft(8). */
static inline size_t count_elements(struct host *h)
{
	char table[NFT_TABLE_MAX], cmd[128], line[4096];
	size_t n = 0;
	netname_table(&h->p, table);
	snprintf(cmd, sizeof(cmd), "nft list table inet %s 2>/dev/null", table);
	FILE *f = popen(cmd, "r");
	while (fgets(line, sizeof(line), f))
		for (char *s = line; !strstr(line, "type ") && (s = strstr(s, " : ")); s++)
			n++;
	pclose(f);
	return n;
}

static inline int new_container(struct host *h)
{
	assert_true(h->nns < 64);
	return h->ns[h->nns++] = new_netns(h->home);
}

static inline void end_containers(struct host *h)
{
	while (h->nns > 0)
		close(h->ns[--h->nns]);
}

/* A child of net_down removes the veth, a little later. */
static inline void no_veth(struct host *h)
{
	for (int i = 0; i < 3000 && count_links(h, "veth") > 0; i++)
		usleep(10000);
	assert_int_equal(count_links(h, "veth"), 0);
}

static inline void nothing_left(struct host *h)
{
	end_containers(h);
	no_veth(h);
	assert_int_equal(count_leases(h), 0);
	assert_int_equal(count_journals(h), 0);
	assert_int_equal(count_elements(h), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* 77 when there is no way to test here. */
static inline int lab_open(void)
{
	if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0)
		return 0;
	printf("skipped: root is needed to make network namespaces\n");
	return 77;
}

#endif
