/*
 * publish.c - published ports: what -p and EXPOSE say, to and from JSON.
 */
#include "netns/publish.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "netns/addr.h"

static const struct { const char *name; uint8_t proto; } protos[] = {
	{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP },
};

const char *publish_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		if (protos[i].proto == proto)
			return protos[i].name;
	return "?";
}

static int proto_parse(const char *s, uint8_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
		if (strcasecmp(protos[i].name, s) == 0) {
			*ret = protos[i].proto;
			return 0;
		}
	}
	return -EINVAL;
}

void publish_add(struct arena *a, struct net_port **list, size_t *n, const struct net_port *p)
{
	/* Doubling at powers of two; an arena does not shrink. */
	if ((*n & (*n - 1)) == 0) {
		struct net_port *grown = arena_array(a, *n ? *n * 2 : 1, sizeof(*grown));
		if (*n)
			memcpy(grown, *list, *n * sizeof(*grown));
		*list = grown;
	}
	(*list)[(*n)++] = *p;
}

/* "N" or "N-M", 1..65535. */
static int parse_range(const char *s, uint16_t *ret_first, uint16_t *ret_n)
{
	char first[8];
	const char *dash = strchr(s, '-');
	uint32_t lo, hi;
	if (dash) {
		if ((size_t)(dash - s) >= sizeof(first))
			return -EINVAL;
		memcpy(first, s, (size_t)(dash - s));
		first[dash - s] = 0;
		if (str_to_u32(first, &lo) < 0 || str_to_u32(dash + 1, &hi) < 0)
			return -EINVAL;
	} else {
		if (str_to_u32(s, &lo) < 0)
			return -EINVAL;
		hi = lo;
	}
	if (lo < 1 || hi > 65535 || hi < lo)
		return -EINVAL;
	*ret_first = (uint16_t)lo;
	*ret_n = (uint16_t)(hi - lo + 1);
	return 0;
}

static int bad(struct err *e, const char *flag, const char *text, const char *why)
{
	char shown[80];
	return err_say(e, EINVAL, "%s '%s': %s", flag, str_printable(text, strlen(text), shown,
								     sizeof(shown)), why);
}

/* Cuts "/proto" off the end of s. */
static int cut_proto(char *s, uint8_t *ret)
{
	char *slash = strchr(s, '/');
	*ret = IPPROTO_TCP;
	if (!slash)
		return 0;
	*slash = 0;
	return proto_parse(slash + 1, ret);
}

static int cut_ip(struct arena *a, char **s, const char **ret)
{
	char *p = *s;
	struct addr ip;
	*ret = NULL;
	if (*p == '[') {
		char *end = strchr(p, ']');
		if (!end || end[1] != ':')
			return -EINVAL;
		*end = 0;
		*s = end + 2;
		p++;
		if (addr_parse(p, AF_INET6, &ip) < 0)
			return -EINVAL;
	} else {
		char *colon = strchr(p, ':');
		if (!colon || !strchr(colon + 1, ':'))
			return 0; /* no address */
		*colon = 0;
		*s = colon + 1;
		if (!*p)
			return 0; /* ":8080:80" */
		if (addr_parse(p, AF_INET, &ip) < 0)
			return -EINVAL;
	}
	*ret = arena_strdup(a, p);
	return 0;
}

int net_parse_publish(struct arena *a, const char *text, struct net_config *c, struct err *e)
{
	static const char flag[] = "--publish";
	struct net_port p = { 0 };
	char buf[160];
	size_t len = strlen(text);
	if (len == 0 || len >= sizeof(buf))
		return bad(e, flag, text, "want [IP:][HOST:]CONTAINER[/PROTO]");
	memcpy(buf, text, len + 1);
	char *s = buf;
	if (cut_proto(s, &p.proto) < 0)
		return bad(e, flag, text, "the protocol is tcp, udp or sctp");
	if (cut_ip(a, &s, &p.ip) < 0)
		return bad(e, flag, text, "the address is not an IP address "
			   "(IPv6 goes in brackets: [::1]:8080:80)");
	char *colon = strchr(s, ':');
	char *ctr = colon ? colon + 1 : s;
	if (colon) {
		*colon = 0;
		if (strchr(ctr, ':'))
			return bad(e, flag, text, "too many colons (IPv6 goes in brackets)");
	}
	if (parse_range(ctr, &p.ctr, &p.n) < 0)
		return bad(e, flag, text, "the container's port is 1 to 65535, or a range");
	if (colon && *s && strcmp(s, "0") != 0) {
		if (parse_range(s, &p.host, &p.host_n) < 0)
			return bad(e, flag, text, "the host's port is 1 to 65535, or a range");
		if (p.host_n != p.n && p.n != 1)
			return bad(e, flag, text, "the two ranges differ in length");
	}
	if (c->nports >= PUBLISH_MAX)
		return err_say(e, E2BIG, "more than %d published ports", PUBLISH_MAX);
	publish_add(a, &c->ports, &c->nports, &p);
	return 0;
}

int net_parse_expose(struct arena *a, const char *text, struct net_config *c, struct err *e)
{
	struct net_port p = { 0 };
	char buf[32];
	size_t len = strlen(text);
	if (len >= sizeof(buf))
		return bad(e, "exposed port", text, "want PORT[-END][/PROTO]");
	memcpy(buf, text, len + 1);
	if (cut_proto(buf, &p.proto) < 0 || parse_range(buf, &p.ctr, &p.n) < 0)
		return bad(e, "exposed port", text, "want PORT[-END][/PROTO]");
	if (c->nports >= PUBLISH_MAX)
		return err_say(e, E2BIG, "more than %d published ports", PUBLISH_MAX);
	publish_add(a, &c->ports, &c->nports, &p);
	return 0;
}

static int read_proto(struct json_ctx *c, const struct json *v, void *field)
{
	const char *s = NULL;
	int r = json_read_str(c, v, &s);
	if (r < 0)
		return r;
	if (proto_parse(s, field) < 0)
		return json_fail(c, "not tcp, udp or sctp");
	return 0;
}

int publish_read(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		JSON_ROW(struct net_port, ip, json_read_str),
		JSON_ROW(struct net_port, host, json_read_u16),
		JSON_ROW(struct net_port, host_n, json_read_u16),
		{ "ctr", json_read_u16, offsetof(struct net_port, ctr), true },
		{ "n", json_read_u16, offsetof(struct net_port, n), true },
		{ "proto", read_proto, offsetof(struct net_port, proto), true },
	};
	struct net_port *p = field;
	*p = (struct net_port){ 0 };
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), p);
	if (r < 0)
		return r;
	if (!p->ctr || !p->n || p->ctr + p->n > 65536 || p->host + p->host_n > 65536 ||
	    (p->host && p->host_n != p->n && p->n != 1))
		return json_fail(c, "not a range of ports");
	return 0;
}

void publish_write(struct json_out *o, const struct net_port *p)
{
	json_out_obj(o, NULL);
	if (p->ip)
		json_out_str(o, "ip", p->ip);
	if (p->host) {
		json_out_u64(o, "host", p->host);
		json_out_u64(o, "host_n", p->host_n);
	}
	json_out_u64(o, "ctr", p->ctr);
	json_out_u64(o, "n", p->n);
	json_out_str(o, "proto", publish_proto_name(p->proto));
	json_out_end_obj(o);
}
