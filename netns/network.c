/*
 * network.c - networks as documents, and the choice of a subnet that collides with nothing.
 */
#include "netns/network.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "netns/link.h"
#include "netns/netname.h"

#define DOC_MAX (256u << 10)

/* [struct net_network] */
static int read_document(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "name", json_read_str, offsetof(struct net_network, name), true },
		{ "id", json_read_str, offsetof(struct net_network, id), true },
		{ "driver", json_read_str, offsetof(struct net_network, driver), true },
		JSON_ROW(struct net_network, bridge, json_read_str),
		JSON_ROW(struct net_network, parent, json_read_str),
		JSON_ROW(struct net_network, mode, json_read_str),
		JSON_ROW(struct net_network, subnet, json_read_str),
		JSON_ROW(struct net_network, gateway, json_read_str),
		JSON_ROW(struct net_network, ip_range, json_read_str),
		JSON_ROW(struct net_network, subnet6, json_read_str),
		JSON_ROW(struct net_network, gateway6, json_read_str),
		JSON_ROW(struct net_network, created, json_read_str),
		JSON_ROW(struct net_network, internal, json_read_bool),
		JSON_ROW(struct net_network, ipv6, json_read_bool),
		JSON_ROW(struct net_network, mtu, json_read_u32),
		JSON_ROW(struct net_network, dns, json_read_strs),
		JSON_ROW(struct net_network, labels, json_read_map),
		JSON_ROW(struct net_network, options, json_read_map),
	};
	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static void write_str(struct json_out *o, const char *key, const char *v)
{
	if (v)
		json_out_str(o, key, v);
}

static void write_document(struct json_out *o, const char *key, const struct net_network *n)
{
	json_out_obj(o, key);
	json_out_str(o, "name", n->name);
	json_out_str(o, "id", n->id);
	json_out_str(o, "driver", n->driver);
	write_str(o, "bridge", n->bridge);
	write_str(o, "parent", n->parent);
	write_str(o, "mode", n->mode);
	write_str(o, "subnet", n->subnet);
	write_str(o, "gateway", n->gateway);
	write_str(o, "ip_range", n->ip_range);
	write_str(o, "subnet6", n->subnet6);
	write_str(o, "gateway6", n->gateway6);
	write_str(o, "created", n->created);
	json_out_bool(o, "internal", n->internal);
	json_out_bool(o, "ipv6", n->ipv6);
	if (n->mtu)
		json_out_u64(o, "mtu", n->mtu);
	if (n->dns && *n->dns)
		json_out_strs(o, "dns", n->dns);
	json_out_map(o, "labels", &n->labels);
	json_out_map(o, "options", &n->options);
	json_out_end_obj(o);
}

static const char *option(const struct net_network *n, const char *key)
{
	for (size_t i = 0; i < n->options.n; i++)
		if (str_eq(n->options.v[i].key, key))
			return n->options.v[i].value;
	return NULL;
}

static int bad(struct err *e, const struct net_network *n, const char *what, const char *value)
{
	return err_say(e, EINVAL, "network %s: %s '%s' makes no sense", n->name, what,
		       value ? value : "");
}

static int parse(const struct net_network *doc, struct network *ret, struct err *e)
{
	struct network n = { .doc = *doc, .masquerade = true };
	if (!netname_is_network(doc->name))
		return err_say(e, EINVAL, "'%s' is not a network name", doc->name ? doc->name : "");
	n.bridged = str_eq(doc->driver, "bridge");
	if (!n.bridged && !str_eq(doc->driver, "macvlan") && !str_eq(doc->driver, "ipvlan"))
		return bad(e, doc, "driver", doc->driver);
	if (n.bridged && !netname_is_ifname(doc->bridge))
		return bad(e, doc, "bridge", doc->bridge);
	if (!n.bridged && !netname_is_ifname(doc->parent))
		return bad(e, doc, "parent interface", doc->parent);
	if (doc->subnet && cidr_parse(doc->subnet, AF_INET, &n.subnet) < 0)
		return bad(e, doc, "subnet", doc->subnet);
	if (doc->gateway && addr_parse(doc->gateway, AF_INET, &n.gateway) < 0)
		return bad(e, doc, "gateway", doc->gateway);
	if (doc->ip_range && cidr_parse(doc->ip_range, AF_INET, &n.range) < 0)
		return bad(e, doc, "address range", doc->ip_range);
	if (doc->subnet6 && cidr_parse(doc->subnet6, AF_INET6, &n.subnet6) < 0)
		return bad(e, doc, "subnet", doc->subnet6);
	if (doc->gateway6 && addr_parse(doc->gateway6, AF_INET6, &n.gateway6) < 0)
		return bad(e, doc, "gateway", doc->gateway6);
	if (n.subnet.addr.family && (n.subnet.prefix < 8 || n.subnet.prefix > 30))
		return err_say(e, EINVAL, "network %s: subnet %s: the prefix is 8 to 30", doc->name,
			       doc->subnet);
	if (n.subnet6.addr.family && (n.subnet6.prefix < 16 || n.subnet6.prefix > 126))
		return err_say(e, EINVAL, "network %s: subnet %s: the prefix is 16 to 126",
			       doc->name, doc->subnet6);
	if (n.gateway.family && !cidr_has(&n.subnet, &n.gateway))
		return err_say(e, EINVAL, "network %s: gateway %s is outside of the subnet",
			       doc->name, doc->gateway);
	if (n.gateway6.family && !cidr_has(&n.subnet6, &n.gateway6))
		return err_say(e, EINVAL, "network %s: gateway %s is outside of the subnet",
			       doc->name, doc->gateway6);
	if (n.range.addr.family &&
	    (!cidr_has(&n.subnet, &n.range.addr) || n.range.prefix < n.subnet.prefix))
		return err_say(e, EINVAL, "network %s: address range %s is outside of the subnet",
			       doc->name, doc->ip_range);
	for (char **s = doc->dns; s && *s; s++) {
		struct addr server;
		if (addr_parse(*s, 0, &server) < 0)
			return bad(e, doc, "name server", *s);
	}
	const char *masq = option(doc, "com.docker.network.bridge.enable_ip_masquerade");
	if (masq && str_to_bool(masq, &n.masquerade) < 0)
		return bad(e, doc, "option enable_ip_masquerade", masq);
	const char *icc = option(doc, "com.docker.network.bridge.enable_icc");
	icc = icc ? icc : option(doc, "icc");
	bool talk = true;
	if (icc && str_to_bool(icc, &talk) < 0)
		return bad(e, doc, "option enable_icc", icc);
	n.isolated = !talk;
	*ret = n;
	return 0;
}

static int load_file(struct lease_dirs *d, const char *name, struct arena *a,
		     struct network *ret, struct err *e)
{
	AUTO_FREE char *file = mem_printf("%s.json", name);
	AUTO_FREE char *text = NULL;
	size_t n = 0;
	AUTO_CLOSE int fd = openat(d->networks, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : err_set(e, errno, "open network %s", name);
	int r = fd_read_all(fd, DOC_MAX, &text, &n);
	if (r < 0)
		return err_set(e, -r, "read network %s", name);
	const struct json *v;
	struct json_limits lim = { DOC_MAX, 8 };
	struct net_network doc = { 0 };
	struct json_ctx c = { .a = a, .e = e, .what = file };
	r = json_parse(a, text, n, lim, file, &v, e);
	if (r == 0)
		r = read_document(&c, v, &doc);
	if (r < 0)
		return r;
	return parse(&doc, ret, e);
}

int network_load(struct lease_dirs *d, const struct net_paths *p, const char *name,
		 struct arena *a, struct network *ret, struct err *e)
{
	if (!netname_is_network(name))
		return err_say(e, EINVAL, "'%s' is not a network name", name ? name : "");
	int r = load_file(d, name, a, ret, e);
	if (r != -ENOENT)
		return r;
	if (str_eq(name, NET_NAME_DEFAULT)) {
		if (d->lock < 0) {
			r = lease_lock(d, e);
			if (r < 0)
				return r;
			r = network_load(d, p, name, a, ret, e);
			lease_unlock(d);
			return r;
		}
		struct net_network want = { .name = NET_NAME_DEFAULT };
		return network_make(d, p, &want, a, ret, e);
	}
	struct network *all;
	size_t n, found = 0;
	r = network_list(d, a, &all, &n, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (str_starts(all[i].doc.id, name)) {
			*ret = all[i];
			found++;
		}
	}
	if (found == 1)
		return 0;
	if (found > 1)
		return err_say(e, ENOENT, "network id %s is ambiguous", name);
	return err_say(e, ENOENT, "no network has the name %s", name);
}

int network_list(struct lease_dirs *d, struct arena *a, struct network **ret, size_t *ret_n,
		 struct err *e)
{
	AUTO(strlist) struct strlist names = STRLIST_INIT;
	int fd = openat(d->networks, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return err_set(e, errno, "list networks");
	for (struct dirent *de; (de = readdir(dir));) {
		size_t len = strlen(de->d_name);
		if (de->d_name[0] == '.' || !str_ends(de->d_name, ".json"))
			continue;
		AUTO_FREE char *name = mem_strndup(de->d_name, len - 5);
		if (netname_is_network(name))
			strlist_add(&names, name);
	}
	closedir(dir);
	strlist_sort(&names);
	struct network *v = arena_array(a, names.n + 1, sizeof(*v));
	size_t n = 0;
	for (size_t i = 0; i < names.n; i++) {
		struct err ignored = ERR_INIT;
		if (load_file(d, names.v[i], a, &v[n], &ignored) == 0)
			n++;
	}
	*ret = v;
	*ret_n = n;
	return 0;
}

/* ---- choosing ---- */

struct taken {
	struct link_prefixes host;
	struct network *nets;
	size_t nnets;
};

#define CLASH_TEXT 256
/* What it collides with, or NULL. */
static const char *clash(const struct taken *t, const struct cidr *c, char buf[static CLASH_TEXT])
{
	for (size_t i = 0; i < t->nnets; i++) {
		const struct cidr *s = c->addr.family == AF_INET ? &t->nets[i].subnet :
								   &t->nets[i].subnet6;
		if (s->addr.family && cidr_overlap(s, c)) {
			char text[ADDR_TEXT];
			snprintf(buf, CLASH_TEXT, "network %s (%s)", t->nets[i].doc.name,
				 cidr_print(s, text));
			return buf;
		}
	}
	for (size_t i = 0; i < t->host.n; i++) {
		const struct cidr *h = &t->host.v[i];
		/* Wider than any site: a default route, perhaps in two halves as VPNs do. */
		if (h->prefix > 3 && cidr_overlap(h, c)) {
			char text[ADDR_TEXT];
			snprintf(buf, CLASH_TEXT,
				 "%s, which this host has an address in or a route to",
				 cidr_print(h, text));
			return buf;
		}
	}
	return NULL;
}

static int load_taken(struct lease_dirs *d, struct arena *a, struct taken *ret, struct err *e)
{
	AUTO(nl) struct nl nl = NL_INIT;
	int r = nl_open(&nl, NETLINK_ROUTE, -1, e);
	if (r == 0)
		r = link_prefixes_load(&nl, a, true, &ret->host, e);
	if (r == 0)
		r = network_list(d, a, &ret->nets, &ret->nnets, e);
	return r;
}

/* The i-th candidate: a /16 for the default network, else a /22, which has as many addresses as
 * a bridge has ports. */
static bool candidate(bool wide, uint64_t i, struct cidr *ret)
{
	struct cidr c = { .addr = { .family = AF_INET }, .prefix = wide ? 16 : 22 };
	if (i < 60) {
		c.addr.b[0] = 10;
		c.addr.b[1] = (uint8_t)(131 + (wide ? i : 60 + i % 60));
		c.addr.b[2] = 0;
	} else if (!wide && i < 60 * 64) {
		c.addr.b[0] = 10;
		c.addr.b[1] = (uint8_t)(191 + i % 60);
		c.addr.b[2] = (uint8_t)(i / 60 * 4);
	} else if (i < 60 * 64 + 12) {
		c.addr.b[0] = 172;
		c.addr.b[1] = (uint8_t)(20 + i % 12);
	} else if (i < 60 * 64 + 12 + 256) {
		c.addr.b[0] = 192;
		c.addr.b[1] = 168;
		c.addr.b[2] = (uint8_t)(255 - i % 256);
		c.prefix = 24;
	} else {
		return false;
	}
	*ret = c;
	return true;
}

static int choose_subnet(const struct taken *t, const struct net_paths *p, bool wide,
			 struct cidr *ret, struct err *e)
{
	char buf[CLASH_TEXT];
	/* Engines with other roots may choose at the same moment: they begin elsewhere. */
	uint64_t seed = str_eq(p->root, NET_ROOT_DEFAULT) ? 0 :
			str_hash(p->root, strlen(p->root), 0) % 60;
	for (uint64_t i = 0;; i++) {
		struct cidr c;
		uint64_t at = i < 60 ? (i + seed) % 60 : i;
		if (!candidate(wide, at, &c))
			break;
		if (!clash(t, &c, buf)) {
			*ret = c;
			return 0;
		}
	}
	err_say(e, EADDRNOTAVAIL, "every private subnet collides with a route of this host");
	return err_hint(e, "give one with --subnet");
}

/* A unique local prefix: random as RFC 4193 asks, drawn from the network's id. */
static void choose_subnet6(const char *id, struct cidr *ret)
{
	uint64_t h = str_hash(id, strlen(id), 0);
	*ret = (struct cidr){ .addr = { .family = AF_INET6, .b = { 0xfd } }, .prefix = 64 };
	memcpy(ret->addr.b + 1, &h, 7);
}

static int settle4(const struct taken *t, const struct net_paths *p, struct arena *a,
		   struct net_network *n, struct err *e)
{
	char buf[CLASH_TEXT];
	struct cidr c;
	if (n->subnet) {
		if (cidr_parse(n->subnet, AF_INET, &c) < 0)
			return bad(e, n, "subnet", n->subnet);
		const char *other = str_eq(n->driver, "bridge") ? clash(t, &c, buf) : NULL;
		if (other)
			return err_say(e, EADDRINUSE, "network %s: subnet %s overlaps with %s",
				       n->name, n->subnet, other);
	} else {
		int r = choose_subnet(t, p, str_eq(n->name, NET_NAME_DEFAULT), &c, e);
		if (r < 0)
			return r;
	}
	c.addr = cidr_first(&c);
	n->subnet = arena_strdup(a, cidr_print(&c, buf));
	if (!n->gateway) {
		struct addr gw = addr_plus(&c.addr, 1);
		n->gateway = arena_strdup(a, addr_print(&gw, buf));
	}
	return 0;
}

static int settle6(const struct taken *t, struct arena *a, struct net_network *n, struct err *e)
{
	char buf[CLASH_TEXT];
	struct cidr c;
	if (!n->subnet6 && !n->ipv6)
		return 0;
	n->ipv6 = true;
	if (n->subnet6) {
		if (cidr_parse(n->subnet6, AF_INET6, &c) < 0)
			return bad(e, n, "subnet", n->subnet6);
		const char *other = str_eq(n->driver, "bridge") ? clash(t, &c, buf) : NULL;
		if (other)
			return err_say(e, EADDRINUSE, "network %s: subnet %s overlaps with %s",
				       n->name, n->subnet6, other);
	} else {
		choose_subnet6(n->id, &c);
	}
	c.addr = cidr_first(&c);
	n->subnet6 = arena_strdup(a, cidr_print(&c, buf));
	if (!n->gateway6) {
		struct addr gw = addr_plus(&c.addr, 1);
		n->gateway6 = arena_strdup(a, addr_print(&gw, buf));
	}
	return 0;
}

static int settle_options(struct arena *a, struct net_network *n, struct err *e)
{
	for (size_t i = 0; i < n->options.n; i++) {
		const char *key = n->options.v[i].key, *value = n->options.v[i].value;
		if (str_eq(key, "mtu") || str_eq(key, "com.docker.network.driver.mtu")) {
			if (str_to_u32(value, &n->mtu) < 0 || n->mtu < 68 || n->mtu > 65535)
				return bad(e, n, "option mtu", value);
		} else if (str_eq(key, "com.docker.network.bridge.name") ||
			   str_eq(key, "bridge")) {
			n->bridge = arena_strdup(a, value);
		} else if (str_eq(key, "parent")) {
			n->parent = arena_strdup(a, value);
		} else if (str_eq(key, "mode") || str_eq(key, "macvlan_mode") ||
			   str_eq(key, "ipvlan_mode")) {
			n->mode = arena_strdup(a, value);
		} else if (str_eq(key, "isolate")) {
			/* podman's word for what is always so here */
			if (str_eq(value, "false"))
				return err_say(e, EINVAL, "network %s: option isolate=false: "
					       "networks do not reach each other here", n->name);
		} else if (!str_eq(key, "com.docker.network.bridge.enable_ip_masquerade") &&
			   !str_eq(key, "com.docker.network.bridge.enable_icc") &&
			   !str_eq(key, "icc")) {
			return err_say(e, EINVAL, "network %s: no option '%s'", n->name, key);
		}
	}
	return 0;
}

int network_save(struct lease_dirs *d, const struct net_network *n, struct err *e)
{
	struct network ignored;
	int r = parse(n, &ignored, e);
	if (r < 0)
		return r;
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	AUTO_FREE char *file = mem_printf("%s.json", n->name);
	struct json_out o;
	json_out_init(&o, &b, 2);
	write_document(&o, NULL, n);
	strbuf_addc(&b, '\n');
	path_tidy(d->networks);
	return path_write_file(d->networks, file, b.s, b.len, 0600, true, e);
}

int network_make(struct lease_dirs *d, const struct net_paths *p, const struct net_network *want,
		 struct arena *a, struct network *ret, struct err *e)
{
	/* A router's whole table may have a million routes. */
	AUTO(arena) struct arena *scratch = arena_new((size_t)1 << 30);
	struct taken t = { 0 };
	struct net_network n = *want;
	char id[65], bridge[IFNAMSIZ], now[40];
	if (!netname_is_network(n.name))
		return err_say(e, EINVAL, "'%s' is not a network name", n.name ? n.name : "");
	str_random_hex(id, 64);
	n.id = arena_strdup(a, id);
	if (!n.driver)
		n.driver = "bridge";
	int r = settle_options(a, &n, e);
	if (r == 0)
		r = load_taken(d, scratch, &t, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < t.nnets; i++)
		if (str_eq(t.nets[i].doc.name, n.name))
			return err_say(e, EEXIST, "a network %s exists", n.name);
	if (str_eq(n.driver, "bridge") && !n.bridge) {
		netname_bridge(p, n.name, bridge);
		n.bridge = arena_strdup(a, bridge);
	}
	r = settle4(&t, p, a, &n, e);
	if (r == 0)
		r = settle6(&t, a, &n, e);
	if (r < 0)
		return r;
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	n.created = arena_strdup(a, str_time(ts, now));
	struct network made;
	r = parse(&n, &made, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < t.nnets; i++)
		if (made.bridged && str_eq(t.nets[i].doc.bridge, n.bridge))
			return err_say(e, EEXIST, "network %s: bridge %s belongs to network %s",
				       n.name, n.bridge, t.nets[i].doc.name);
	r = network_save(d, &n, e);
	if (r < 0)
		return r;
	*ret = made;
	return 0;
}

void network_remove(struct lease_dirs *d, const char *name)
{
	AUTO_FREE char *file = mem_printf("%s.json", name);
	unlinkat(d->networks, file, 0);
	path_tidy(d->networks);
}

struct nft_net network_nft(const struct network *n)
{
	return (struct nft_net){ .bridge = n->doc.bridge, .subnet = n->subnet,
				 .subnet6 = n->subnet6, .internal = n->doc.internal,
				 .masquerade = n->masquerade, .isolated = n->isolated };
}

void network_bridge_mac(const struct network *n, uint8_t ret[static 6])
{
	uint64_t h = str_hash(n->doc.id, strlen(n->doc.id), 0);
	memcpy(ret, &h, 6);
	ret[0] = 0x02; /* unicast, locally administered */
	ret[1] = 0xbe;
}

int network_remove_bridge(struct nl *nl, const struct network *n, struct err *e)
{
	struct link_info l;
	uint8_t mac[6];
	int r = link_find(nl, n->doc.bridge, &l, e);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	network_bridge_mac(n, mac);
	return memcmp(mac, l.mac, 6) == 0 ? link_delete(nl, n->doc.bridge, e) : 0;
}
