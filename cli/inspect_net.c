/* inspect_net.c - NetworkSettings of a container, and networks themselves. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cli/inspect.h"

static const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "udp" : proto == IPPROTO_SCTP ? "sctp" : "tcp";
}

static struct json *binding(struct arena *a, const char *ip, uint16_t port)
{
	struct json *v = value_object(a);

	value_put_str(a, v, "HostIp", ip);
	value_put_str(a, v, "HostPort", arena_printf(a, "%u", port));
	return v;
}

static struct json *ports(const struct inspect_part *p, const struct net_result *net)
{
	struct json *v = value_map(p->a);

	for (size_t i = 0; i < net->nports; i++) {
		const struct net_port *port = &net->ports[i];
		char *key = arena_printf(p->a, "%u/%s", port->ctr, proto_name(port->proto));
		struct json *list = (struct json *)(uintptr_t)json_get(v, key);

		if (!list)
			list = value_put(v, key, value_array(p->a));
		for (unsigned k = 0; net_port_ip(net, port, k); k++)
			value_push(list, binding(p->a, net_port_ip(net, port, k), port->host));
	}
	for (char **s = p->image && view_runs(p->v) ? p->image->config.ports : NULL; s && *s; s++)
		if (!json_get(v, *s))
			value_put(v, arena_strdup(p->a, *s), value_null(p->a));
	return v;
}

static void put_address(struct arena *a, struct json *v, const struct net_iface *f)
{
	value_put_str(a, v, "Gateway", f ? f->gateway : "");
	value_put_str(a, v, "IPAddress", f ? f->ip : "");
	value_put_i64(a, v, "IPPrefixLen", f && f->ip ? f->prefix : 0);
	value_put_str(a, v, "IPv6Gateway", f ? f->gateway6 : "");
	value_put_str(a, v, "GlobalIPv6Address", f ? f->ip6 : "");
	value_put_i64(a, v, "GlobalIPv6PrefixLen", f && f->ip6 ? f->prefix6 : 0);
	value_put_str(a, v, "MacAddress", f ? f->mac : "");
}

static struct json *endpoint(const struct inspect_part *p, const char *network,
			     const struct net_iface *f, char *const *others)
{
	struct json *v = value_object(p->a), *names;
	struct net_paths paths = engine_net_paths(&p->c->en);
	struct net_network n = { .id = "" };
	struct err ignored = ERR_INIT;

	net_network_load(&paths, network, p->a, &n, &ignored);
	value_put(v, "IPAMConfig", value_null(p->a));
	value_put(v, "Links", value_null(p->a));
	value_put(v, "Aliases", others && *others ? value_strs(p->a, others) : value_null(p->a));
	value_put_str(p->a, v, "NetworkID", n.id);
	value_put_str(p->a, v, "EndpointID", f ? f->veth : "");
	put_address(p->a, v, f);
	names = value_put(v, "DNSNames", value_array(p->a));
	value_push(names, value_str(p->a, p->r->name));
	value_push(names, value_strn(p->a, p->v->id, 12));
	for (; others && *others; others++)
		value_push(names, value_str(p->a, *others));
	return v;
}

static struct json *networks(const struct inspect_part *p, const struct net_result *net)
{
	const struct net_config *c = &p->r->net;
	struct json *v = value_map(p->a);
	AUTO(strlist) struct strlist names = STRLIST_INIT;

	for (size_t i = 0; i < net->nifaces; i++)
		value_put(v, arena_strdup(p->a, net->ifaces[i].network),
			  endpoint(p, net->ifaces[i].network, &net->ifaces[i],
				   net->ifaces[i].aliases));
	if (net->nifaces || c->mode == NET_CONTAINER || c->mode == NET_NS)
		return v;
	view_networks(p->v, &names);
	for (size_t i = 0; i < names.n; i++)
		value_put(v, arena_strdup(p->a, names.v[i]),
			  endpoint(p, names.v[i], NULL,
				   i < c->nattach ? c->attach[i].aliases : NULL));
	return v;
}

struct json *inspect_network_settings(const struct inspect_part *p)
{
	struct net_paths paths = engine_net_paths(&p->c->en);
	struct net_result net = { .nifaces = 0 };
	struct err ignored = ERR_INIT;
	struct json *v = value_object(p->a);

	if (!view_runs(p->v) || net_load(&paths, p->v->id, p->a, &net, &ignored) < 0)
		net = (struct net_result){ .nifaces = 0 };
	value_put_str(p->a, v, "Bridge", "");
	value_put_str(p->a, v, "SandboxID", view_runs(p->v) ? p->v->id : "");
	value_put_str(p->a, v, "SandboxKey", view_runs(p->v) ?
		      arena_printf(p->a, "/proc/%d/ns/net", (int)p->v->s.pid) : "");
	value_put(v, "Ports", ports(p, &net));
	value_put_str(p->a, v, "EndpointID", net.nifaces ? net.ifaces[0].veth : "");
	put_address(p->a, v, net.nifaces ? &net.ifaces[0] : NULL);
	value_put(v, "Networks", networks(p, &net));
	return v;
}
