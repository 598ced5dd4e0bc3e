/*
 * bridge.c - the table, the bridges and the forwarding of packets on the host.
 */
#include "netns/bridge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "netns/hostport.h"
#include "netns/journal.h"
#include "netns/link.h"
#include "netns/netname.h"
#include "netns/nft.h"

static int write_sysctl(const char *path, const char *value)
{
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	char now[16] = "";
	if (fd < 0)
		return -errno;
	ssize_t n = pread(fd, now, sizeof(now) - 1, 0);
	if (n > 0 && now[0] == value[0] && (n == 1 || now[1] == '\n'))
		return 0;
	return write(fd, value, 1) == 1 ? 0 : -errno;
}

/* A host that forwards IPv6 stops listening to router advertisements unless told "2", and would
 * lose its own default route. */
static void keep_router_advertisements(void)
{
	DIR *dir = opendir("/proc/sys/net/ipv6/conf");
	if (!dir)
		return;
	for (struct dirent *de; (de = readdir(dir));) {
		AUTO_FREE char *path =
			mem_printf("/proc/sys/net/ipv6/conf/%s/accept_ra", de->d_name);
		AUTO_CLOSE int fd = de->d_name[0] == '.' ? -1 : open(path, O_RDWR | O_CLOEXEC);
		char now = 0;
		if (fd >= 0 && pread(fd, &now, 1, 0) == 1 && now == '1' &&
		    pwrite(fd, "2", 1, 0) < 0)
			continue;
	}
	closedir(dir);
}

static int forward_packets(bool six, struct err *e)
{
	int r = write_sysctl("/proc/sys/net/ipv4/ip_forward", "1");
	if (r < 0)
		return err_set(e, -r, "switch on IP forwarding (net.ipv4.ip_forward)");
	if (six) {
		keep_router_advertisements();
		r = write_sysctl("/proc/sys/net/ipv6/conf/all/forwarding", "1");
		if (r < 0)
			return err_set(e, -r, "switch on IPv6 forwarding");
	}
	return 0;
}

int bridge_build_table(struct lease_dirs *d, const struct net_paths *p, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new((size_t)1 << 30);
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	char table[NFT_TABLE_MAX];
	struct network *nets;
	struct nft_state s = { 0 };
	size_t n, cap = 0;
	netname_table(p, table);
	int r = network_list(d, a, &nets, &n, e);
	if (r == 0)
		r = journal_list(d, &ids, e);
	if (r < 0)
		return r;
	s.nets = arena_array(a, n + 1, sizeof(*s.nets));
	for (size_t i = 0; i < n; i++)
		if (nets[i].bridged)
			s.nets[s.nnets++] = network_nft(&nets[i]);
	for (size_t i = 0; i < ids.n; i++) {
		struct err ignored = ERR_INIT;
		struct journal j;
		struct nft_port *rows;
		if (journal_load(d, ids.v[i], a, &j, &ignored) != 0)
			continue;
		size_t more = hostport_rows(&j, a, &rows);
		if (s.nports + more > cap) {
			cap = (s.nports + more) * 2;
			struct nft_port *v = arena_array(a, cap, sizeof(*v));
			if (s.nports)
				memcpy(v, s.ports, s.nports * sizeof(*v));
			s.ports = v;
		}
		if (more)
			memcpy(s.ports + s.nports, rows, more * sizeof(*rows));
		s.nports += more;
	}
	return nft_build(table, &s, e);
}

int bridge_ensure_table(struct lease_dirs *d, const struct net_paths *p, struct err *e)
{
	char table[NFT_TABLE_MAX];
	bool there;
	netname_table(p, table);
	int r = nft_check(table, &there, e);
	if (r == 0 && !there)
		r = bridge_build_table(d, p, e);
	return r;
}

int bridge_ensure(struct nl *nl, const struct network *n, const char *table,
		  uint32_t *ret_index, struct err *e)
{
	struct link_info l;
	int r = link_find(nl, n->doc.bridge, &l, e);
	if (r == 0 && (l.flags & IFF_UP) && str_eq(l.kind, "bridge")) {
		*ret_index = l.index;
		return 0;
	}
	if (r < 0 && r != -ENODEV)
		return r;
	/* The rules first: a bridge that is up is known to them. */
	struct nft_net row = network_nft(n);
	r = nft_add_net(table, &row, e);
	if (r == 0)
		r = forward_packets(n->subnet6.addr.family != 0, e);
	if (r < 0)
		return r;
	struct link_bridge b = {
		.name = n->doc.bridge,
		.mtu = n->doc.mtu,
		.addr = { n->gateway, n->subnet.prefix },
		.addr6 = { n->gateway6, n->subnet6.prefix },
	};
	network_bridge_mac(n, b.mac);
	return link_ensure_bridge(nl, &b, ret_index, e);
}
