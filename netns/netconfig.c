/*
 * netconfig.c - what a container wants of the network: flags in, JSON in and out.  Pure.
 */
#include "netns/net.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "netns/addr.h"
#include "netns/netname.h"
#include "netns/publish.h"

int net_check_ip(const char *text, int family, const char *flag, struct err *e)
{
	struct addr a;
	char shown[64];
	if (addr_parse(text, family, &a) == 0)
		return 0;
	return err_say(e, EINVAL, "%s: '%s' is not an %s address", flag,
		       str_printable(text, strlen(text), shown, sizeof(shown)),
		       family == AF_INET ? "IPv4" : family == AF_INET6 ? "IPv6" : "IP");
}

int net_check_mac(const char *text, const char *flag, struct err *e)
{
	uint8_t m[6];
	char shown[64];
	if (mac_parse(text, m) == 0)
		return 0;
	return err_say(e, EINVAL, "%s: '%s' is not the MAC address of one interface", flag,
		       str_printable(text, strlen(text), shown, sizeof(shown)));
}

static struct net_attach *add_attach(struct arena *a, struct net_config *c, const char *network)
{
	struct net_attach *v = arena_array(a, c->nattach + 1, sizeof(*v));
	if (c->nattach)
		memcpy(v, c->attach, c->nattach * sizeof(*v));
	c->attach = v;
	v += c->nattach++;
	v->network = arena_strdup(a, network);
	return v;
}

struct net_attach *net_attach_first(struct arena *a, struct net_config *c)
{
	return c->nattach ? c->attach : add_attach(a, c, NET_NAME_DEFAULT);
}

static char **strv_plus(struct arena *a, char *const *v, const char *s)
{
	size_t n = 0;
	while (v && v[n])
		n++;
	char **r = arena_array(a, n + 2, sizeof(*r));
	if (n)
		memcpy(r, v, n * sizeof(*r));
	r[n] = arena_strdup(a, s);
	return r;
}

void net_attach_alias(struct arena *a, struct net_attach *at, const char *alias)
{
	at->aliases = strv_plus(a, at->aliases, alias);
}

static int set_attach_option(struct arena *a, struct net_attach *at, const char *key,
			     const char *value, struct err *e)
{
	if (str_eq(key, "ip")) {
		at->ip = arena_strdup(a, value);
		return net_check_ip(value, AF_INET, "--network ip=", e);
	}
	if (str_eq(key, "ip6")) {
		at->ip6 = arena_strdup(a, value);
		return net_check_ip(value, AF_INET6, "--network ip6=", e);
	}
	if (str_eq(key, "mac") || str_eq(key, "mac-address")) {
		at->mac = arena_strdup(a, value);
		return net_check_mac(value, "--network mac=", e);
	}
	if (str_eq(key, "alias")) {
		if (!netname_is_host(value))
			return err_say(e, EINVAL, "--network alias=: '%s' is not a host name",
				       value);
		net_attach_alias(a, at, value);
		return 0;
	}
	if (str_eq(key, "interface_name")) {
		if (!netname_is_ifname(value))
			return err_say(e, EINVAL,
				       "--network interface_name=: '%s' is not a name for "
				       "an interface",
				       value);
		at->ifname = arena_strdup(a, value);
		return 0;
	}
	static const char *const known[] = { "ip", "ip6", "mac", "alias", "interface_name", NULL };
	const char *near = str_nearest(key, known);
	err_say(e, EINVAL, "--network: no option '%s'", key);
	return near ? err_hint(e, "did you mean %s=", near) : -EINVAL;
}

static int parse_name(struct arena *a, const char *text, struct net_config *c, struct err *e)
{
	const char *colon = strchr(text, ':');
	AUTO_FREE char *name = colon ? mem_strndup(text, (size_t)(colon - text)) : mem_strdup(text);
	if (str_eq(name, "default") || str_eq(name, "private"))
		memcpy(name, "bridge", 7);
	if (!netname_is_network(name))
		return err_say(e, EINVAL, "--network: '%s' is not a network name", name);
	for (size_t i = 0; i < c->nattach; i++)
		if (str_eq(c->attach[i].network, name))
			return err_say(e, EINVAL, "--network: %s is given twice", name);
	struct net_attach *at = add_attach(a, c, name);
	if (!colon)
		return 0;
	AUTO(strlist) struct strlist parts = STRLIST_INIT;
	strlist_split(&parts, colon + 1, ',', true);
	for (size_t i = 0; i < parts.n; i++) {
		char *eq = strchr(parts.v[i], '=');
		if (!eq)
			return err_say(e, EINVAL, "--network %s: '%s' is not KEY=VALUE", name,
				       parts.v[i]);
		*eq = 0;
		int r = set_attach_option(a, at, parts.v[i], eq + 1, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int net_parse_network(struct arena *a, const char *text, struct net_config *c, struct err *e)
{
	static const struct { const char *word; enum net_mode mode; bool value; } modes[] = {
		{ "none", NET_NONE, false }, { "host", NET_HOST, false },
		{ "container:", NET_CONTAINER, true }, { "ns:", NET_NS, true },
	};
	const char *longer = str_after(text, "name=");	/* Docker's: name=NETWORK,KEY=VALUE… */
	if (strlen(text) > 4096)
		return err_say(e, EINVAL, "--network: the value is too long");
	if (longer) {
		char *plain = arena_strdup(a, longer), *comma = strchr(plain, ',');
		if (comma)
			*comma = ':';
		text = plain;
	}
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		const char *rest = modes[i].value ? str_after(text, modes[i].word) : NULL;
		if (!rest && !str_eq(text, modes[i].word))
			continue;
		if (c->nattach || c->mode != NET_BRIDGE)
			return err_say(e, EINVAL,
				       "--network %s cannot stand beside another network", text);
		if (modes[i].value && str_empty(rest))
			return err_say(e, EINVAL, "--network %s: what follows the colon is missing",
				       text);
		c->mode = modes[i].mode;
		c->target = arena_strdup(a, rest);
		return 0;
	}
	if (c->mode != NET_BRIDGE)
		return err_say(e, EINVAL, "--network %s cannot stand beside another network", text);
	return parse_name(a, text, c, e);
}

int net_parse_host(struct arena *a, const char *text, struct net_config *c, struct err *e)
{
	/* '=' or the first ':' divides, so that an IPv6 address may follow. */
	size_t n = strcspn(text, "=:");
	char shown[80];
	if (!text[n] || n == 0 || n > 253)
		return err_say(e, EINVAL, "--add-host '%s': want NAME:IP",
			       str_printable(text, strlen(text), shown, sizeof(shown)));
	AUTO_FREE char *name = mem_strndup(text, n);
	AUTO_FREE char *ip = mem_strdup(text + n + 1);
	size_t len = strlen(ip);
	if (len > 2 && ip[0] == '[' && ip[len - 1] == ']') {
		ip[len - 1] = 0;
		memmove(ip, ip + 1, len - 1);
	}
	struct addr addr;
	if (!netname_is_host(name))
		return err_say(e, EINVAL, "--add-host: '%s' is not a host name",
			       str_printable(name, n, shown, sizeof(shown)));
	if (!str_eq(ip, "host-gateway") && addr_parse(ip, 0, &addr) < 0)
		return err_say(e, EINVAL, "--add-host: '%s' is not an IP address or host-gateway",
			       str_printable(ip, strlen(ip), shown, sizeof(shown)));
	AUTO_FREE char *both = mem_printf("%s:%s", name, ip);
	c->extra_hosts = strv_plus(a, c->extra_hosts, both);
	return 0;
}

int net_config_check(const struct net_config *c, struct err *e)
{
	static const char *const words[] = {
		[NET_BRIDGE] = "bridge", [NET_NONE] = "none", [NET_HOST] = "host",
		[NET_CONTAINER] = "container:", [NET_NS] = "ns:",
	};
	if ((c->mode == NET_CONTAINER || c->mode == NET_NS) && str_empty(c->target))
		return err_say(e, EINVAL, "network mode %s has no target", words[c->mode]);
	if (c->mode != NET_BRIDGE && c->nports)
		return err_say(e, EINVAL, "--publish does not go with --network %s: there is no "
			       "bridge to publish from", words[c->mode]);
	if (c->mode != NET_BRIDGE && c->nattach)
		return err_say(e, EINVAL,
			       "--ip, --ip6, --mac-address and --network-alias do not go "
			       "with --network %s",
			       words[c->mode]);
	if (c->mode == NET_CONTAINER && (c->hostname || c->domainname))
		return err_say(e, EINVAL, "--hostname does not go with --network container:");
	if (c->hostname && !netname_is_host(c->hostname))
		return err_say(e, EINVAL, "'%s' is not a host name", c->hostname);
	for (size_t i = 0; i < c->nattach; i++) {
		const struct net_attach *at = &c->attach[i];
		if (!netname_is_network(at->network))
			return err_say(e, EINVAL, "'%s' is not a network name", at->network);
		for (size_t j = 0; j < i && at->ifname; j++)
			if (str_eq(at->ifname, c->attach[j].ifname))
				return err_say(e, EINVAL, "interface name %s is given twice",
					       at->ifname);
	}
	for (char **d = c->dns; d && *d; d++) {
		int r = net_check_ip(*d, 0, "--dns", e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- JSON ---- */

static const char *const mode_names[] = {
	[NET_BRIDGE] = "bridge", [NET_NONE] = "none", [NET_HOST] = "host",
	[NET_CONTAINER] = "container", [NET_NS] = "ns",
};

static int read_mode(struct json_ctx *c, const struct json *v, void *field)
{
	const char *s = NULL;
	int r = json_read_str(c, v, &s);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(mode_names); i++) {
		if (str_eq(s, mode_names[i])) {
			*(enum net_mode *)field = (enum net_mode)i;
			return 0;
		}
	}
	return json_fail(c, "not a network mode");
}

static int read_attach(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "network", json_read_str, offsetof(struct net_attach, network), true },
		JSON_ROW(struct net_attach, ip, json_read_str),
		JSON_ROW(struct net_attach, ip6, json_read_str),
		JSON_ROW(struct net_attach, mac, json_read_str),
		JSON_ROW(struct net_attach, ifname, json_read_str),
		JSON_ROW(struct net_attach, aliases, json_read_strs),
	};
	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

/* These two are given the whole struct: a list is two fields. */
static int read_attach_list(struct json_ctx *c, const struct json *v, void *field)
{
	struct net_config *n = field;
	return json_read_array(c, v, sizeof(*n->attach), read_attach, &n->attach, &n->nattach);
}

static int read_ports(struct json_ctx *c, const struct json *v, void *field)
{
	struct net_config *n = field;
	return json_read_array(c, v, sizeof(*n->ports), publish_read, &n->ports, &n->nports);
}

int net_config_read(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "mode", read_mode, offsetof(struct net_config, mode), true },
		JSON_ROW(struct net_config, target, json_read_str),
		{ "attach", read_attach_list, 0, false },
		{ "ports", read_ports, 0, false },
		JSON_ROW(struct net_config, hostname, json_read_str),
		JSON_ROW(struct net_config, domainname, json_read_str),
		JSON_ROW(struct net_config, dns, json_read_strs),
		JSON_ROW(struct net_config, dns_search, json_read_strs),
		JSON_ROW(struct net_config, dns_opt, json_read_strs),
		JSON_ROW(struct net_config, extra_hosts, json_read_strs),
	};
	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

static void write_str(struct json_out *o, const char *key, const char *v)
{
	if (v)
		json_out_str(o, key, v);
}

static void write_strs(struct json_out *o, const char *key, char *const *v)
{
	if (v && *v)
		json_out_strs(o, key, v);
}

void net_config_write(struct json_out *o, const char *key, const struct net_config *c)
{
	json_out_obj(o, key);
	json_out_str(o, "mode", mode_names[c->mode]);
	write_str(o, "target", c->target);
	if (c->nattach) {
		json_out_arr(o, "attach");
		for (size_t i = 0; i < c->nattach; i++) {
			const struct net_attach *at = &c->attach[i];
			json_out_obj(o, NULL);
			json_out_str(o, "network", at->network);
			write_str(o, "ip", at->ip);
			write_str(o, "ip6", at->ip6);
			write_str(o, "mac", at->mac);
			write_str(o, "ifname", at->ifname);
			write_strs(o, "aliases", at->aliases);
			json_out_end_obj(o);
		}
		json_out_end_arr(o);
	}
	if (c->nports) {
		json_out_arr(o, "ports");
		for (size_t i = 0; i < c->nports; i++)
			publish_write(o, &c->ports[i]);
		json_out_end_arr(o);
	}
	write_str(o, "hostname", c->hostname);
	write_str(o, "domainname", c->domainname);
	write_strs(o, "dns", c->dns);
	write_strs(o, "dns_search", c->dns_search);
	write_strs(o, "dns_opt", c->dns_opt);
	write_strs(o, "extra_hosts", c->extra_hosts);
	json_out_end_obj(o);
}

static int read_iface(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "network", json_read_str, offsetof(struct net_iface, network), true },
		{ "ifname", json_read_str, offsetof(struct net_iface, ifname), true },
		JSON_ROW(struct net_iface, veth, json_read_str),
		JSON_ROW(struct net_iface, ip, json_read_str),
		JSON_ROW(struct net_iface, prefix, json_read_u32),
		JSON_ROW(struct net_iface, gateway, json_read_str),
		JSON_ROW(struct net_iface, ip6, json_read_str),
		JSON_ROW(struct net_iface, prefix6, json_read_u32),
		JSON_ROW(struct net_iface, gateway6, json_read_str),
		JSON_ROW(struct net_iface, mac, json_read_str),
		{ "aliases", json_read_strs, offsetof(struct net_iface, aliases), true },
	};
	struct net_iface *f = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), f);
	if (r == 0 && (!netname_is_network(f->network) || f->prefix > 32 || f->prefix6 > 128))
		return json_fail(c, "not an interface of ours");
	return r;
}

static int read_ifaces(struct json_ctx *c, const struct json *v, void *field)
{
	struct net_result *n = field;
	return json_read_array(c, v, sizeof(*n->ifaces), read_iface, &n->ifaces, &n->nifaces);
}

static int read_result_ports(struct json_ctx *c, const struct json *v, void *field)
{
	struct net_result *n = field;
	return json_read_array(c, v, sizeof(*n->ports), publish_read, &n->ports, &n->nports);
}

int net_result_read(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		{ "ifaces", read_ifaces, 0, true },
		{ "ports", read_result_ports, 0, true },
	};
	return json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
}

void net_result_write(struct json_out *o, const char *key, const struct net_result *r)
{
	json_out_obj(o, key);
	json_out_arr(o, "ifaces");
	for (size_t i = 0; i < r->nifaces; i++) {
		const struct net_iface *f = &r->ifaces[i];
		json_out_obj(o, NULL);
		json_out_str(o, "network", f->network);
		json_out_str(o, "ifname", f->ifname);
		write_str(o, "veth", f->veth);
		write_str(o, "ip", f->ip);
		json_out_u64(o, "prefix", f->prefix);
		write_str(o, "gateway", f->gateway);
		write_str(o, "ip6", f->ip6);
		json_out_u64(o, "prefix6", f->prefix6);
		write_str(o, "gateway6", f->gateway6);
		write_str(o, "mac", f->mac);
		json_out_strs(o, "aliases", f->aliases);
		json_out_end_obj(o);
	}
	json_out_end_arr(o);
	json_out_arr(o, "ports");
	for (size_t i = 0; i < r->nports; i++)
		publish_write(o, &r->ports[i]);
	json_out_end_arr(o);
	json_out_end_obj(o);
}
