/*
 * flow.c - connections that the kernel tracks (linux/netfilter/nfnetlink_conntrack.h).
 */
#include "netns/flow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "netns/link.h"
#include "netns/nl.h"

/* What of a tuple a dump's filter compares (the kernel's nf_conntrack_netlink.c). */
enum { FILTER_PROTO_NUM = 1 << 3 };

#define PASS_MAX 20000	/* flows gathered in one pass: 8 MB */

struct tuple {
	struct addr src, dst;
	uint16_t dport;
	uint8_t proto;
};

struct flow {
	struct tuple orig, reply;
	struct nlattr *raw;	/* CTA_TUPLE_ORIG as it came */
	uint16_t zone;
	bool zoned;
};

struct flows {
	struct arena *a;
	struct flow *v;
	size_t n, cap;
	uint8_t family;
	uint8_t ports[65536 / 8];	/* a bit for each that changes hands */
};

static void set_addr(struct addr *to, const struct nlattr *attr, uint8_t family)
{
	*to = (struct addr){ .family = family };
	if (mnl_attr_get_payload_len(attr) >= addr_len(to))
		memcpy(to->b, mnl_attr_get_payload(attr), addr_len(to));
}

static int read_ip(const struct nlattr *attr, void *arg)
{
	struct tuple *t = arg;
	switch (mnl_attr_get_type(attr)) {
	case CTA_IP_V4_SRC:
		set_addr(&t->src, attr, AF_INET);
		break;
	case CTA_IP_V4_DST:
		set_addr(&t->dst, attr, AF_INET);
		break;
	case CTA_IP_V6_SRC:
		set_addr(&t->src, attr, AF_INET6);
		break;
	case CTA_IP_V6_DST:
		set_addr(&t->dst, attr, AF_INET6);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int read_proto(const struct nlattr *attr, void *arg)
{
	struct tuple *t = arg;
	if (mnl_attr_get_type(attr) == CTA_PROTO_NUM)
		t->proto = mnl_attr_get_u8(attr);
	else if (mnl_attr_get_type(attr) == CTA_PROTO_DST_PORT)
		t->dport = ntohs(mnl_attr_get_u16(attr));
	return MNL_CB_OK;
}

static int read_tuple(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == CTA_TUPLE_IP)
		mnl_attr_parse_nested(attr, read_ip, arg);
	else if (mnl_attr_get_type(attr) == CTA_TUPLE_PROTO)
		mnl_attr_parse_nested(attr, read_proto, arg);
	return MNL_CB_OK;
}

struct reading {
	struct flow f;
	const struct nlattr *raw;
};

static int read_flow(const struct nlattr *attr, void *arg)
{
	struct reading *r = arg;
	switch (mnl_attr_get_type(attr)) {
	case CTA_TUPLE_ORIG:
		r->raw = attr;
		mnl_attr_parse_nested(attr, read_tuple, &r->f.orig);
		break;
	case CTA_TUPLE_REPLY:
		mnl_attr_parse_nested(attr, read_tuple, &r->f.reply);
		break;
	case CTA_ZONE:
		r->f.zone = mnl_attr_get_u16(attr);
		r->f.zoned = true;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int take_flow(const struct nlmsghdr *h, void *arg)
{
	struct flows *s = arg;
	struct reading r = { 0 };
	mnl_attr_parse(h, sizeof(struct nfgenmsg), read_flow, &r);
	if (s->n == PASS_MAX || !r.raw || r.f.orig.proto != IPPROTO_UDP ||
	    !(s->ports[r.f.orig.dport / 8] & 1 << r.f.orig.dport % 8))
		return 0;
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		struct flow *v = arena_array(s->a, cap, sizeof(*v));
		if (s->n)
			memcpy(v, s->v, s->n * sizeof(*v));
		s->v = v;
		s->cap = cap;
	}
	r.f.raw = arena_alloc(s->a, r.raw->nla_len);
	memcpy(r.f.raw, r.raw, r.raw->nla_len);
	s->v[s->n++] = r.f;
	return 0;
}

static struct nlmsghdr *add(struct nl *n, uint16_t msg, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *h = nl_add(n, (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | msg), flags);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return h;
}

/* One walk for all ports.  The kernel compares the protocol itself (since 5.8), so that a host
 * with a million connections does not send them all. */
static int dump(struct nl *n, struct flows *s)
{
	struct nlmsghdr *h = add(n, IPCTNL_MSG_CT_GET, NLM_F_DUMP, s->family);
	struct nlattr *tuple = mnl_attr_nest_start(h, CTA_TUPLE_ORIG);
	struct nlattr *proto = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, IPPROTO_UDP);
	mnl_attr_nest_end(h, proto);
	mnl_attr_nest_end(h, tuple);
	struct nlattr *filter = mnl_attr_nest_start(h, CTA_FILTER);
	mnl_attr_put_u32(h, CTA_FILTER_ORIG_FLAGS, FILTER_PROTO_NUM);
	mnl_attr_put_u32(h, CTA_FILTER_REPLY_FLAGS, 0);
	mnl_attr_nest_end(h, filter);
	return nl_ask(n, take_flow, s);
}

static bool is_local(const struct link_prefixes *p, const struct addr *a)
{
	if (a->family == AF_INET && a->b[0] == 127)
		return true;
	for (size_t i = 0; i < p->n; i++)
		if (addr_cmp(&p->v[i].addr, a) == 0)
			return true;
	return false;
}

static const struct nft_port *row_of(const struct nft_port *rows, size_t n, const struct flow *f,
				     const struct link_prefixes *local)
{
	for (size_t i = 0; i < n; i++) {
		const struct nft_port *row = &rows[i];
		if (row->proto != IPPROTO_UDP || row->hport != f->orig.dport ||
		    row->ctr.family != f->orig.dst.family)
			continue;
		if (row->host.family && addr_cmp(&row->host, &f->orig.dst) != 0)
			continue;
		if (addr_cmp(&f->reply.src, &row->ctr) == 0 || is_local(local, &f->orig.dst))
			return row;
	}
	return NULL;
}

static void forget(struct nl *n, const struct flow *f, uint8_t family)
{
	struct nlmsghdr *h = add(n, IPCTNL_MSG_CT_DELETE, 0, family);
	mnl_attr_put(h, CTA_TUPLE_ORIG | NLA_F_NESTED, mnl_attr_get_payload_len(f->raw),
		     mnl_attr_get_payload(f->raw));
	if (f->zoned)
		mnl_attr_put_u16(h, CTA_ZONE, f->zone);
	nl_talk(n, NULL); /* it may have ended by itself */
}

static bool mark_ports(struct flows *s, const struct nft_port *rows, size_t n)
{
	bool any = false;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].proto != IPPROTO_UDP || rows[i].ctr.family != s->family)
			continue;
		s->ports[rows[i].hport / 8] |= (uint8_t)(1 << rows[i].hport % 8);
		any = true;
	}
	return any;
}

/* Returns whether there may be more. */
static bool pass(struct nl *ct, uint8_t family, const struct nft_port *rows, size_t n,
		 const struct link_prefixes *local)
{
	AUTO(arena) struct arena *a = arena_new(32u << 20);
	struct flows s = { .a = a, .family = family };
	size_t forgotten = 0;
	if (!mark_ports(&s, rows, n) || dump(ct, &s) < 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!row_of(rows, n, &s.v[i], local))
			continue;
		forget(ct, &s.v[i], family);
		forgotten++;
	}
	return s.n == PASS_MAX && forgotten;
}

static bool any_udp(const struct nft_port *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].proto == IPPROTO_UDP)
			return true;
	return false;
}

void flow_forget(const struct nft_port *rows, size_t n, struct arena *a)
{
	AUTO(nl) struct nl ct = NL_INIT, rt = NL_INIT;
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct err ignored = ERR_INIT;
	struct link_prefixes local = { 0 };
	if (!any_udp(rows, n) || nl_open(&ct, NETLINK_NETFILTER, -1, &ignored) < 0 ||
	    nl_open(&rt, NETLINK_ROUTE, -1, &ignored) < 0 ||
	    link_prefixes_load(&rt, a, false, &local, &ignored) < 0)
		return;
	for (size_t k = 0; k < ARRAY_SIZE(families); k++)
		for (int passes = 0; passes < 100; passes++)
			if (!pass(&ct, families[k], rows, n, &local))
				break;
}
