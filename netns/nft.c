/*
 * nft.c - our nftables table, through libnftnl.
 *
 * Chains and rules are rows below; a rule is a list of steps.  Registers are counted in units of
 * four bytes (R0..), as concatenations need them.
 */
#include "netns/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>

#include "base/mem.h"
#include "netns/nl.h"

#define FORM "berth 1"	/* changes whenever chains, rules or sets change */
#define REG(n) ((uint32_t)(NFT_REG32_00 + (n)))

/* nft(8)'s numbers of data types, so that it prints our sets; six bits each in a concat. */
enum { T_IP4 = 7, T_IP6 = 8, T_PROTO = 12, T_PORT = 13, T_IFNAME = 41 };
#define T2(a, b) ((uint32_t)(a) << 6 | (b))
#define T3(a, b, c) (T2(a, b) << 6 | (c))

enum set { BRIDGES, INTERNAL, SAME, NETS4, NETS6, PORTS4, ANY4, PORTS6, ANY6, NSETS };

/* clang-format off */
static const struct set_row {
	const char *name;
	uint32_t key_type, key_len, data_type, data_len, flags;
} sets[NSETS] = {
	[BRIDGES]  = { "bridges",  T_IFNAME, IFNAMSIZ, 0, 0, 0 },
	[INTERNAL] = { "internal", T_IFNAME, IFNAMSIZ, 0, 0, 0 },
	[SAME]     = { "same",     T2(T_IFNAME, T_IFNAME), 2 * IFNAMSIZ, 0, 0, 0 },
	[NETS4]    = { "nets4",    T_IP4, 4, 0, 0, NFT_SET_INTERVAL },
	[NETS6]    = { "nets6",    T_IP6, 16, 0, 0, NFT_SET_INTERVAL },
	[PORTS4]   = { "ports4",   T3(T_IP4, T_PROTO, T_PORT), 12, T2(T_IP4, T_PORT), 8, NFT_SET_MAP },
	[ANY4]     = { "any4",     T2(T_PROTO, T_PORT), 8, T2(T_IP4, T_PORT), 8, NFT_SET_MAP },
	[PORTS6]   = { "ports6",   T3(T_IP6, T_PROTO, T_PORT), 24, T2(T_IP6, T_PORT), 20, NFT_SET_MAP },
	[ANY6]     = { "any6",     T2(T_PROTO, T_PORT), 8, T2(T_IP6, T_PORT), 20, NFT_SET_MAP },
};

static const struct chain_row {
	const char *name, *type;	/* type NULL: jumped to */
	uint32_t hook;
	int32_t prio;
} chains[] = {
	{ "publish",  NULL,     0, 0 },
	{ "guard",    "filter", NF_INET_PRE_ROUTING,  -300 },
	{ "arrive",   "nat",    NF_INET_PRE_ROUTING,  -100 },
	{ "originate","nat",    NF_INET_LOCAL_OUT,    -100 },
	{ "pass",     "filter", NF_INET_FORWARD,      0 },
	{ "leave",    "nat",    NF_INET_POST_ROUTING, 100 },
};

enum step_kind {
	S_END,
	S_V4, S_V6,		/* the packet's protocol */
	S_SRC, S_NOT_SRC,	/* source address in set */
	S_IN, S_OUT, S_NOT_OUT,	/* interface in set */
	S_SAME,			/* both interfaces are the same bridge */
	S_SRC_LOOP, S_DST_LOOP,	/* 127/8 or ::1, after S_V4 or S_V6 */
	S_DST_LOCAL,		/* an address of the host */
	S_DNATED, S_REPLY,	/* conntrack: its address was translated; established or related */
	S_DNAT, S_DNAT_ANY,	/* translate by map, with and without the address in the key */
	S_MASQ, S_ACCEPT, S_DROP, S_JUMP_PUBLISH,
};

static const struct rule_row {
	const char *chain;
	struct { enum step_kind kind; enum set set; } step[6];
} rules[] = {
	/* Only the host itself may talk to 127/8, although the bridges route it. */
	{ "guard", { { S_IN, BRIDGES }, { S_V4 }, { S_DST_LOOP }, { S_DROP } } },
	{ "arrive", { { S_V4 }, { S_DST_LOOP }, { S_ACCEPT } } },
	{ "arrive", { { S_DST_LOCAL }, { S_JUMP_PUBLISH } } },
	/* The kernel does not route answers to ::1, so calls to it are refused, not lost. */
	{ "originate", { { S_V6 }, { S_DST_LOOP }, { S_ACCEPT } } },
	{ "originate", { { S_DST_LOCAL }, { S_JUMP_PUBLISH } } },
	{ "publish", { { S_V4 }, { S_DNAT, PORTS4 } } },
	{ "publish", { { S_V4 }, { S_DNAT_ANY, ANY4 } } },
	{ "publish", { { S_V6 }, { S_DNAT, PORTS6 } } },
	{ "publish", { { S_V6 }, { S_DNAT_ANY, ANY6 } } },
	{ "pass", { { S_REPLY }, { S_ACCEPT } } },
	{ "pass", { { S_SAME, SAME }, { S_ACCEPT } } },
	{ "pass", { { S_IN, INTERNAL }, { S_DROP } } },
	{ "pass", { { S_OUT, INTERNAL }, { S_DROP } } },
	{ "pass", { { S_OUT, BRIDGES }, { S_DNATED }, { S_ACCEPT } } },
	{ "pass", { { S_OUT, BRIDGES }, { S_DROP } } },
	/* A container, or the host by its loopback, calls a published port: the answer must
	 * come back through us, not straight over the bridge. */
	{ "leave", { { S_DNATED }, { S_V4 }, { S_SRC, NETS4 }, { S_OUT, BRIDGES }, { S_MASQ } } },
	{ "leave", { { S_DNATED }, { S_V4 }, { S_SRC_LOOP }, { S_OUT, BRIDGES }, { S_MASQ } } },
	{ "leave", { { S_V4 }, { S_SRC, NETS4 }, { S_NOT_OUT, BRIDGES }, { S_MASQ } } },
	{ "leave", { { S_DNATED }, { S_V6 }, { S_SRC, NETS6 }, { S_OUT, BRIDGES }, { S_MASQ } } },
	{ "leave", { { S_V6 }, { S_SRC, NETS6 }, { S_NOT_OUT, BRIDGES }, { S_MASQ } } },
};
/* clang-format on */

struct talk {
	struct nl nl;
	const char *table;
};

static struct nlmsghdr *add(struct nl *n, unsigned msg, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *h = nl_add(n, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | msg), flags);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return h;
}

static int commit(struct talk *t, struct err *e, const char *what)
{
	int r = nl_transact(&t->nl, NFNL_SUBSYS_NFTABLES, NULL);
	if (r == -EPERM)
		return err_say(e, EPERM, "%s: no permission (CAP_NET_ADMIN is needed)", what);
	if (r < 0)
		return err_set(e, -r, "nftables: %s in table %s", what, t->table);
	return 0;
}

/* ---- expressions ---- */

static struct nftnl_expr *expr(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *x = nftnl_expr_alloc(name);
	if (!x)
		abort(); /* out of memory, as mem_alloc does */
	nftnl_rule_add_expr(r, x);
	return x;
}

static void put_meta(struct nftnl_rule *r, uint32_t key, unsigned reg)
{
	struct nftnl_expr *x = expr(r, "meta");
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, REG(reg));
}

static void put_payload(struct nftnl_rule *r, uint32_t base, uint32_t off, uint32_t len,
			unsigned reg)
{
	struct nftnl_expr *x = expr(r, "payload");
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, off);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, REG(reg));
}

static void put_cmp(struct nftnl_rule *r, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *x = expr(r, "cmp");
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, REG(0));
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, data, len);
}

static void put_lookup(struct nftnl_rule *r, enum set set, bool invert, int dreg)
{
	struct nftnl_expr *x = expr(r, "lookup");
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, REG(0));
	nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, sets[set].name);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SET_ID, (uint32_t)set + 1);
	if (dreg >= 0)
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_DREG, REG(dreg));
	if (invert)
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

/* reg 0 &= mask, and the rule goes on if anything is left. */
static void put_ct_bits(struct nftnl_rule *r, uint32_t key, uint32_t mask)
{
	struct nftnl_expr *x = expr(r, "ct");
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, REG(0));
	uint32_t zero = 0;
	x = expr(r, "bitwise");
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, REG(0));
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, REG(0));
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, 4);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, &mask, 4);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, &zero, 4);
	put_cmp(r, NFT_CMP_NEQ, &zero, 4);
}

static void put_verdict(struct nftnl_rule *r, uint32_t verdict, const char *chain)
{
	struct nftnl_expr *x = expr(r, "immediate");
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, verdict);
	if (chain)
		nftnl_expr_set_str(x, NFTNL_EXPR_IMM_CHAIN, chain);
}

static void put_loop(struct nftnl_rule *r, bool six, bool source)
{
	static const uint8_t one6[16] = { [15] = 1 };
	static const uint8_t net4 = 127;
	if (six) {
		put_payload(r, NFT_PAYLOAD_NETWORK_HEADER, source ? 8 : 24, 16, 0);
		put_cmp(r, NFT_CMP_EQ, one6, 16);
	} else {
		put_payload(r, NFT_PAYLOAD_NETWORK_HEADER, source ? 12 : 16, 1, 0);
		put_cmp(r, NFT_CMP_EQ, &net4, 1);
	}
}

/* key [address .] protocol . port -> address . port */
static void put_dnat(struct nftnl_rule *r, enum set set, bool six, bool any)
{
	unsigned words = six ? 4 : 1, at = any ? 0 : words, to = 8;
	if (!any)
		put_payload(r, NFT_PAYLOAD_NETWORK_HEADER, six ? 24 : 16, words * 4, 0);
	put_meta(r, NFT_META_L4PROTO, at);
	put_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, at + 1);
	put_lookup(r, set, false, (int)to);
	struct nftnl_expr *x = expr(r, "nat");
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FAMILY, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MIN, REG(to));
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_PROTO_MIN, REG(to + words));
}

static void put_fib_local(struct nftnl_rule *r)
{
	uint32_t local = RTN_LOCAL;
	struct nftnl_expr *x = expr(r, "fib");
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_DREG, REG(0));
	put_cmp(r, NFT_CMP_EQ, &local, 4);
}

static void put_step(struct nftnl_rule *r, enum step_kind kind, enum set set, bool *six)
{
	uint8_t family = kind == S_V6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	switch (kind) {
	case S_V4:
	case S_V6:
		*six = kind == S_V6;
		put_meta(r, NFT_META_NFPROTO, 0);
		put_cmp(r, NFT_CMP_EQ, &family, 1);
		break;
	case S_SRC:
	case S_NOT_SRC:
		put_payload(r, NFT_PAYLOAD_NETWORK_HEADER, *six ? 8 : 12, *six ? 16 : 4, 0);
		put_lookup(r, set, kind == S_NOT_SRC, -1);
		break;
	case S_IN:
	case S_OUT:
	case S_NOT_OUT:
		put_meta(r, kind == S_IN ? NFT_META_IIFNAME : NFT_META_OIFNAME, 0);
		put_lookup(r, set, kind == S_NOT_OUT, -1);
		break;
	case S_SAME:
		put_meta(r, NFT_META_IIFNAME, 0);
		put_meta(r, NFT_META_OIFNAME, 4);
		put_lookup(r, set, false, -1);
		break;
	case S_SRC_LOOP:
	case S_DST_LOOP:
		put_loop(r, *six, kind == S_SRC_LOOP);
		break;
	case S_DST_LOCAL:
		put_fib_local(r);
		break;
	case S_DNATED:
		put_ct_bits(r, NFT_CT_STATUS, IPS_DST_NAT);
		break;
	case S_REPLY:
		put_ct_bits(r, NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_ESTABLISHED) |
			    NF_CT_STATE_BIT(IP_CT_RELATED));
		break;
	case S_DNAT:
	case S_DNAT_ANY:
		put_dnat(r, set, *six, kind == S_DNAT_ANY);
		break;
	case S_MASQ:
		expr(r, "masq");
		break;
	case S_ACCEPT:
	case S_DROP:
		put_verdict(r, kind == S_DROP ? NF_DROP : NF_ACCEPT, NULL);
		break;
	case S_JUMP_PUBLISH:
		put_verdict(r, (uint32_t)NFT_JUMP, "publish");
		break;
	case S_END:
		break;
	}
}

/* ---- table, sets, chains, rules ---- */

static void add_table(struct talk *t, unsigned msg)
{
	struct nftnl_table *o = nftnl_table_alloc();
	if (!o)
		abort();
	nftnl_table_set_str(o, NFTNL_TABLE_NAME, t->table);
	if (msg == NFT_MSG_NEWTABLE) {
		/* A comment as nft(8) writes it: type 0, length, text. */
		char udata[2 + sizeof(FORM)] = { 0, sizeof(FORM) };
		memcpy(udata + 2, FORM, sizeof(FORM));
		nftnl_table_set_data(o, NFTNL_TABLE_USERDATA, udata, sizeof(udata));
	}
	struct nlmsghdr *h = add(&t->nl, msg, msg == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0,
				 NFPROTO_INET);
	nftnl_table_nlmsg_build_payload(h, o);
	nftnl_table_free(o);
}

static struct nftnl_set *set_new(const char *table, enum set set)
{
	struct nftnl_set *o = nftnl_set_alloc();
	if (!o)
		abort();
	nftnl_set_set_str(o, NFTNL_SET_TABLE, table);
	nftnl_set_set_str(o, NFTNL_SET_NAME, sets[set].name);
	nftnl_set_set_u32(o, NFTNL_SET_ID, (uint32_t)set + 1);
	return o;
}

static void add_set(struct talk *t, enum set set)
{
	const struct set_row *row = &sets[set];
	struct nftnl_set *o = set_new(t->table, set);
	nftnl_set_set_u32(o, NFTNL_SET_FAMILY, NFPROTO_INET);
	nftnl_set_set_u32(o, NFTNL_SET_KEY_TYPE, row->key_type);
	nftnl_set_set_u32(o, NFTNL_SET_KEY_LEN, row->key_len);
	nftnl_set_set_u32(o, NFTNL_SET_FLAGS, row->flags);
	if (row->flags & NFT_SET_MAP) {
		nftnl_set_set_u32(o, NFTNL_SET_DATA_TYPE, row->data_type);
		nftnl_set_set_u32(o, NFTNL_SET_DATA_LEN, row->data_len);
	}
	if (row->key_type == T_IFNAME) {
		/* nft(8) prints a name only when told that it is in the host's byte order:
		 * type 0, length 4, value 1. */
		uint8_t order[2 + sizeof(uint32_t)] = { 0, sizeof(uint32_t) };
		memcpy(order + 2, &(uint32_t){ 1 }, sizeof(uint32_t));
		nftnl_set_set_data(o, NFTNL_SET_USERDATA, order, sizeof(order));
	}
	struct nlmsghdr *h = add(&t->nl, NFT_MSG_NEWSET, NLM_F_CREATE, NFPROTO_INET);
	nftnl_set_nlmsg_build_payload(h, o);
	nftnl_set_free(o);
}

static void add_chain(struct talk *t, const struct chain_row *row)
{
	struct nftnl_chain *o = nftnl_chain_alloc();
	if (!o)
		abort();
	nftnl_chain_set_str(o, NFTNL_CHAIN_TABLE, t->table);
	nftnl_chain_set_str(o, NFTNL_CHAIN_NAME, row->name);
	if (row->type) {
		nftnl_chain_set_str(o, NFTNL_CHAIN_TYPE, row->type);
		nftnl_chain_set_u32(o, NFTNL_CHAIN_HOOKNUM, row->hook);
		nftnl_chain_set_s32(o, NFTNL_CHAIN_PRIO, row->prio);
		nftnl_chain_set_u32(o, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	struct nlmsghdr *h = add(&t->nl, NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFPROTO_INET);
	nftnl_chain_nlmsg_build_payload(h, o);
	nftnl_chain_free(o);
}

static void add_rule(struct talk *t, const struct rule_row *row)
{
	struct nftnl_rule *o = nftnl_rule_alloc();
	if (!o)
		abort();
	nftnl_rule_set_str(o, NFTNL_RULE_TABLE, t->table);
	nftnl_rule_set_str(o, NFTNL_RULE_CHAIN, row->chain);
	nftnl_rule_set_u32(o, NFTNL_RULE_FAMILY, NFPROTO_INET);
	bool six = false;
	for (size_t i = 0; i < ARRAY_SIZE(row->step) && row->step[i].kind != S_END; i++)
		put_step(o, row->step[i].kind, row->step[i].set, &six);
	struct nlmsghdr *h = add(&t->nl, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
				 NFPROTO_INET);
	nftnl_rule_nlmsg_build_payload(h, o);
	nftnl_rule_free(o);
}

/* ---- elements ---- */

struct elem {
	uint8_t key[2 * IFNAMSIZ], data[20];
	uint32_t key_len, data_len, flags;
	const char *comment;
};

static void elem_put(struct nftnl_set *o, const struct elem *m)
{
	struct nftnl_set_elem *x = nftnl_set_elem_alloc();
	if (!x)
		abort();
	nftnl_set_elem_set(x, NFTNL_SET_ELEM_KEY, m->key, m->key_len);
	if (m->data_len)
		nftnl_set_elem_set(x, NFTNL_SET_ELEM_DATA, m->data, m->data_len);
	if (m->flags)
		nftnl_set_elem_set_u32(x, NFTNL_SET_ELEM_FLAGS, m->flags);
	if (m->comment) {
		uint8_t udata[2 + 65] = { 0 }; /* type 0: comment */
		int n = snprintf((char *)udata + 2, sizeof(udata) - 2, "%.12s", m->comment);
		udata[1] = (uint8_t)(n + 1);
		nftnl_set_elem_set(x, NFTNL_SET_ELEM_USERDATA, udata, (uint32_t)n + 3);
	}
	nftnl_set_elem_add(o, x);
}

static void send_elems(struct talk *t, unsigned msg, struct nftnl_set *o)
{
	struct nlmsghdr *h = add(&t->nl, msg, msg == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0,
				 NFPROTO_INET);
	nftnl_set_elems_nlmsg_build_payload(h, o);
	nftnl_set_free(o);
}

static void net_ifnames(struct talk *t, unsigned msg, const struct nft_net *net)
{
	struct elem m = { .key_len = IFNAMSIZ };
	snprintf((char *)m.key, IFNAMSIZ, "%s", net->bridge);
	struct nftnl_set *o = set_new(t->table, BRIDGES);
	elem_put(o, &m);
	send_elems(t, msg, o);
	if (net->internal) {
		o = set_new(t->table, INTERNAL);
		elem_put(o, &m);
		send_elems(t, msg, o);
	}
	if (net->isolated)
		return;
	m.key_len = 2 * IFNAMSIZ;
	snprintf((char *)m.key + IFNAMSIZ, IFNAMSIZ, "%s", net->bridge);
	o = set_new(t->table, SAME);
	elem_put(o, &m);
	send_elems(t, msg, o);
}

/* An interval is its first address and, marked as an end, the first one behind it. */
static void net_subnet(struct talk *t, unsigned msg, enum set set, const struct cidr *c)
{
	struct addr first = cidr_first(c), last = cidr_last(c), behind = addr_plus(&last, 1);
	struct elem m = { .key_len = addr_len(&first) };
	struct nftnl_set *o = set_new(t->table, set);
	memcpy(m.key, first.b, m.key_len);
	elem_put(o, &m);
	memcpy(m.key, behind.b, m.key_len);
	m.flags = NFT_SET_ELEM_INTERVAL_END;
	elem_put(o, &m);
	send_elems(t, msg, o);
}

static void put_net(struct talk *t, unsigned msg, const struct nft_net *net)
{
	net_ifnames(t, msg, net);
	if (net->internal || !net->masquerade)
		return;
	if (net->subnet.addr.family)
		net_subnet(t, msg, NETS4, &net->subnet);
	if (net->subnet6.addr.family)
		net_subnet(t, msg, NETS6, &net->subnet6);
}

static enum set port_set(const struct nft_port *p)
{
	bool six = p->ctr.family == AF_INET6;
	if (p->host.family)
		return six ? PORTS6 : PORTS4;
	return six ? ANY6 : ANY4;
}

static void port_elem(const struct nft_port *p, bool with_data, struct elem *m)
{
	uint32_t at = 0, len = addr_len(&p->ctr);
	uint16_t port = htons(p->hport);
	*m = (struct elem){ .comment = with_data ? p->owner : NULL };
	if (p->host.family) {
		memcpy(m->key, p->host.b, len);
		at = len;
	}
	m->key[at] = p->proto;
	memcpy(m->key + at + 4, &port, 2);
	m->key_len = at + 8;
	if (with_data) {
		port = htons(p->cport);
		memcpy(m->data, p->ctr.b, len);
		memcpy(m->data + len, &port, 2);
		m->data_len = len + 4;
	}
}

/* In messages of a size that fits an attribute's 64 KiB. */
static void put_ports(struct talk *t, unsigned msg, const struct nft_port *ports, size_t n)
{
	for (int set = PORTS4; set <= ANY6; set++) {
		struct nftnl_set *o = NULL;
		unsigned held = 0;
		for (size_t i = 0; i < n; i++) {
			struct elem m;
			if ((int)port_set(&ports[i]) != set)
				continue;
			if (!o)
				o = set_new(t->table, (enum set)set);
			port_elem(&ports[i], msg == NFT_MSG_NEWSETELEM, &m);
			elem_put(o, &m);
			if (++held == 300) {
				send_elems(t, msg, TAKE(o));
				held = 0;
			}
		}
		if (o)
			send_elems(t, msg, o);
	}
}

/* ---- what the door calls ---- */

static int open_talk(struct talk *t, const char *table, struct err *e)
{
	*t = (struct talk){ .nl = NL_INIT, .table = table };
	return nl_open(&t->nl, NETLINK_NETFILTER, -1, e);
}

static void talk_cleanup(struct talk *t)
{
	nl_close(&t->nl);
}

static int read_table(const struct nlmsghdr *h, void *arg)
{
	bool *same = arg;
	struct nftnl_table *o = nftnl_table_alloc();
	if (!o)
		abort();
	if (nftnl_table_nlmsg_parse(h, o) == 0 && nftnl_table_is_set(o, NFTNL_TABLE_USERDATA)) {
		uint32_t n = 0;
		const char *d = nftnl_table_get_data(o, NFTNL_TABLE_USERDATA, &n);
		*same = n == 2 + sizeof(FORM) && !memcmp(d + 2, FORM, sizeof(FORM));
	}
	nftnl_table_free(o);
	return 0;
}

static int ask_table(struct talk *t, bool *ret_exists, bool *ret_same, struct err *e)
{
	bool same = false;
	struct nlmsghdr *h = add(&t->nl, NFT_MSG_GETTABLE, 0, NFPROTO_INET);
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, t->table);
	int r = nl_ask(&t->nl, read_table, &same);
	if (r == -EPERM)
		return err_say(e, EPERM,
			       "look at nftables: no permission (CAP_NET_ADMIN is needed)");
	if (r < 0 && r != -ENOENT)
		return err_set(e, -r, "nftables: look for table %s (kernel without nf_tables?)",
			       t->table);
	*ret_exists = r == 0;
	*ret_same = r == 0 && same;
	return 0;
}

int nft_check(const char *table, bool *ret, struct err *e)
{
	AUTO(talk) struct talk t = { .nl = NL_INIT };
	bool exists;
	int r = open_talk(&t, table, e);
	return r < 0 ? r : ask_table(&t, &exists, ret, e);
}

int nft_build(const char *table, const struct nft_state *s, struct err *e)
{
	AUTO(talk) struct talk t = { .nl = NL_INIT };
	int r = open_talk(&t, table, e);
	if (r < 0)
		return r;
	bool exists, same;
	r = ask_table(&t, &exists, &same, e);
	if (r < 0)
		return r;
	/* Whatever was there before is gone with the same commit.  (Not without need: a socket
	 * that removed something waits for a grace period when it is closed.) */
	if (exists)
		add_table(&t, NFT_MSG_DELTABLE);
	add_table(&t, NFT_MSG_NEWTABLE);
	for (int i = 0; i < NSETS; i++)
		add_set(&t, (enum set)i);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		add_chain(&t, &chains[i]);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		add_rule(&t, &rules[i]);
	for (size_t i = 0; i < s->nnets; i++)
		put_net(&t, NFT_MSG_NEWSETELEM, &s->nets[i]);
	put_ports(&t, NFT_MSG_NEWSETELEM, s->ports, s->nports);
	return commit(&t, e, "build the rules");
}

int nft_remove(const char *table, struct err *e)
{
	AUTO(talk) struct talk t = { .nl = NL_INIT };
	int r = open_talk(&t, table, e);
	if (r < 0)
		return r;
	add_table(&t, NFT_MSG_NEWTABLE);
	add_table(&t, NFT_MSG_DELTABLE);
	return commit(&t, e, "remove the rules");
}

int nft_add_net(const char *table, const struct nft_net *net, struct err *e)
{
	AUTO(talk) struct talk t = { .nl = NL_INIT };
	int r = open_talk(&t, table, e);
	if (r < 0)
		return r;
	put_net(&t, NFT_MSG_NEWSETELEM, net);
	return commit(&t, e, "add a network");
}

int nft_remove_net(const char *table, const struct nft_net *net, struct err *e)
{
	AUTO(talk) struct talk t = { .nl = NL_INIT };
	int r = open_talk(&t, table, e);
	if (r < 0)
		return r;
	put_net(&t, NFT_MSG_DELSETELEM, net);
	r = nl_transact(&t.nl, NFNL_SUBSYS_NFTABLES, NULL);
	if (r < 0 && r != -ENOENT)
		return err_set(e, -r, "nftables: remove network from table %s", table);
	return 0;
}

int nft_add_ports(const char *table, const struct nft_port *ports, size_t n, struct err *e)
{
	AUTO(talk) struct talk t = { .nl = NL_INIT };
	if (!n)
		return 0;
	int r = open_talk(&t, table, e);
	if (r < 0)
		return r;
	put_ports(&t, NFT_MSG_NEWSETELEM, ports, n);
	return commit(&t, e, "publish ports");
}

/* All at once; if one of them is not there the kernel refuses the whole, so then one by one. */
int nft_remove_ports(const char *table, const struct nft_port *ports, size_t n, struct err *e)
{
	AUTO(talk) struct talk t = { .nl = NL_INIT };
	if (!n)
		return 0;
	int r = open_talk(&t, table, e);
	if (r < 0)
		return r;
	put_ports(&t, NFT_MSG_DELSETELEM, ports, n);
	r = nl_transact(&t.nl, NFNL_SUBSYS_NFTABLES, NULL);
	for (size_t i = 0; r == -ENOENT && n > 1 && i < n; i++) {
		put_ports(&t, NFT_MSG_DELSETELEM, &ports[i], 1);
		int one = nl_transact(&t.nl, NFNL_SUBSYS_NFTABLES, NULL);
		if (one < 0 && one != -ENOENT)
			r = one;
	}
	if (r < 0 && r != -ENOENT)
		return err_set(e, -r, "nftables: take back ports in table %s", table);
	return 0;
}
