/*
 * hostport.c - published ports of a container.
 */
#include "netns/hostport.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/publish.h"

/* The interface that published ports lead to: the first with that family on a bridge that is
 * not internal. */
static const struct net_iface *port_target(const struct net_result *r, int family)
{
	for (size_t i = 0; i < r->nifaces; i++) {
		const struct net_iface *f = &r->ifaces[i];
		if (f->veth && (family == AF_INET ? f->ip && f->gateway : f->ip6 && f->gateway6))
			return f;
	}
	return NULL;
}

const char *net_port_ip(const struct net_result *r, const struct net_port *port, unsigned k)
{
	if (port->ip)
		return k == 0 ? port->ip : NULL;
	if (port_target(r, AF_INET) && k-- == 0)
		return "0.0.0.0";
	return k == 0 && port_target(r, AF_INET6) ? "::" : NULL;
}

/* Registers and binds one port; with p->host 0 the kernel's choice may be another container's
 * that holds no socket, so it is tried again. */
static int take_port(struct netjob *t, struct net_port *p, bool six, struct err *e)
{
	char owner[256];
	uint16_t asked = p->host;
	for (int tries = 0;; tries++) {
		size_t before = t->bound.n;
		int r = 0;
		if (asked)
			r = lease_port_take(&t->dirs, p, t->j.id, owner, e);
		if (r < 0)
			return r;
		r = portbind_take(&t->bound, p, six, e);
		if (r < 0 && asked)
			lease_port_drop(&t->dirs, p, t->j.id);
		if (r == 0 && !asked)
			r = lease_port_take(&t->dirs, p, t->j.id, owner, e);
		if (r == 0)
			return 0;
		while (t->bound.n > before)
			close(t->bound.fds[--t->bound.n]);
		if (asked || r != -EADDRINUSE || tries == 50)
			return r;
		*e = (struct err)ERR_INIT;
		p->host = 0;
	}
}

static int take_any_of(struct netjob *t, const struct net_port *row, struct net_port *p, bool six,
		       struct err *e)
{
	for (uint32_t k = 0; k < row->host_n; k++) {
		p->host = (uint16_t)(row->host + k);
		int r = take_port(t, p, six, e);
		if (r != -EADDRINUSE)
			return r;
		*e = (struct err)ERR_INIT;
	}
	return err_say(e, EADDRINUSE, "no port of %u-%u/%s is free", row->host,
		       row->host + row->host_n - 1, publish_proto_name(row->proto));
}

static bool is_loopback6(const char *ip)
{
	static const uint8_t one[16] = { [15] = 1 };
	struct addr a;
	return addr_parse(ip, AF_INET6, &a) == 0 && memcmp(a.b, one, 16) == 0;
}

int hostport_take(struct netjob *t, const struct net_config *c, struct err *e)
{
	if (!c->nports)
		return 0;
	bool four = port_target(&t->j.net, AF_INET), six = port_target(&t->j.net, AF_INET6);
	if (!four && !six)
		return err_say(e, EINVAL, "--publish needs a bridge network that is not internal");
	for (size_t i = 0; i < c->nports; i++) {
		const struct net_port *row = &c->ports[i];
		bool is6 = row->ip && strchr(row->ip, ':');
		if (is6 ? !six : row->ip && !four)
			return err_say(e, EINVAL,
				       "published address %s: the container has no IPv%c "
				       "address",
				       row->ip, is6 ? '6' : '4');
		if (is6 && is_loopback6(row->ip))
			return err_say(e, EINVAL, "published address %s: the kernel does not route "
				       "from ::1; use 127.0.0.1", row->ip);
		for (uint32_t k = 0; k < row->n; k++) {
			struct net_port p = *row;
			p.n = 1;
			p.host_n = 1;
			p.ctr = (uint16_t)(row->ctr + k);
			p.host = row->host ? (uint16_t)(row->host + k) : 0;
			int r = row->host && row->n == 1 && row->host_n > 1 ?
				take_any_of(t, row, &p, six, e) : take_port(t, &p, six, e);
			if (r < 0)
				return r;
			publish_add(t->a, &t->j.net.ports, &t->j.net.nports, &p);
		}
	}
	return 0;
}

/* Elements of the table for all ports of a container: at most two a port. */
size_t hostport_rows(const struct journal *j, struct arena *a, struct nft_port **ret)
{
	const struct net_iface *f4 = port_target(&j->net, AF_INET);
	const struct net_iface *f6 = port_target(&j->net, AF_INET6);
	struct nft_port *v = arena_array(a, j->net.nports * 2 + 1, sizeof(*v));
	size_t n = 0;
	for (size_t i = 0; i < j->net.nports; i++) {
		const struct net_port *p = &j->net.ports[i];
		struct nft_port row = { .hport = p->host, .cport = p->ctr, .proto = p->proto,
					.owner = j->id };
		bool any4 = !p->ip || str_eq(p->ip, "0.0.0.0"),
		     any6 = !p->ip || str_eq(p->ip, "::");
		struct addr ip = { 0 };
		if (!any4 && !any6 && addr_parse(p->ip, 0, &ip) < 0)
			continue;
		row.host = ip;
		if (f4 && (any4 || ip.family == AF_INET) &&
		    addr_parse(f4->ip, AF_INET, &row.ctr) == 0)
			v[n++] = row;
		if (f6 && (any6 || ip.family == AF_INET6) &&
		    addr_parse(f6->ip6, AF_INET6, &row.ctr) == 0)
			v[n++] = row;
	}
	*ret = v;
	return n;
}
