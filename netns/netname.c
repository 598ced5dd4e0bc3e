/*
 * netname.c - names: which are allowed, and how ours are derived.
 */
#include "netns/netname.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool is_word(const char *s, size_t max)
{
	size_t n = s ? strlen(s) : 0;
	if (n == 0 || n > max || !isalnum((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_.-", *s))
			return false;
	return true;
}

bool netname_is_network(const char *s)
{
	return is_word(s, 128);
}

bool netname_is_id(const char *s)
{
	return is_word(s, 200);
}

bool netname_is_host(const char *s)
{
	size_t n = s ? strlen(s) : 0;
	if (n == 0 || n > 253 || *s == '-' || *s == '.')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_.-", *s))
			return false;
	return true;
}

bool netname_is_ifname(const char *s)
{
	size_t n = s ? strlen(s) : 0;
	if (n == 0 || n >= IFNAMSIZ || str_eq(s, ".") || str_eq(s, ".."))
		return false;
	for (; *s; s++)
		if (*s == '/' || *s == ':' || *s == '%' || !isgraph((unsigned char)*s))
			return false;
	return true;
}

static bool is_default(const struct net_paths *p)
{
	return str_eq(p->root, NET_ROOT_DEFAULT);
}

void netname_table(const struct net_paths *p, char ret[static NFT_TABLE_MAX])
{
	uint64_t h = str_hash(p->root, strlen(p->root), 0);
	if (is_default(p))
		snprintf(ret, NFT_TABLE_MAX, "berth");
	else
		snprintf(ret, NFT_TABLE_MAX, "berth_%08x", (unsigned)(h ^ h >> 32));
}

void netname_bridge(const struct net_paths *p, const char *network, char ret[static IFNAMSIZ])
{
	uint64_t h = str_hash(p->root, strlen(p->root), 0);
	if (str_eq(network, NET_NAME_DEFAULT)) {
		if (p->bridge)
			snprintf(ret, IFNAMSIZ, "%s", p->bridge);
		else if (is_default(p))
			snprintf(ret, IFNAMSIZ, "berth0");
		else
			snprintf(ret, IFNAMSIZ, "bt%08x", (unsigned)(h ^ h >> 32));
		return;
	}
	h = str_hash(network, strlen(network), h);
	snprintf(ret, IFNAMSIZ, "bt%010llx", (unsigned long long)(h & 0xffffffffff));
}

void netname_veth(char ret[static IFNAMSIZ])
{
	ret[0] = 'b';
	ret[1] = 'v';
	str_random_hex(ret + 2, 11);
}
