/*
 * addr.c - IP addresses, prefixes and MAC addresses as values.
 */
#include "netns/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

int addr_parse(const char *s, int family, struct addr *ret)
{
	struct addr a = { 0 };
	if (!s)
		return -EINVAL;
	if (family != AF_INET6 && inet_pton(AF_INET, s, a.b) == 1)
		a.family = AF_INET;
	else if (family != AF_INET && inet_pton(AF_INET6, s, a.b) == 1)
		a.family = AF_INET6;
	else
		return -EINVAL;
	*ret = a;
	return 0;
}

const char *addr_print(const struct addr *a, char buf[static ADDR_TEXT])
{
	if (!a->family || !inet_ntop(a->family, a->b, buf, ADDR_TEXT))
		buf[0] = 0;
	return buf;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, addr_len(a));
}

struct addr addr_plus(const struct addr *a, uint64_t n)
{
	struct addr r = *a;
	uint64_t carry = 0;
	for (unsigned i = addr_len(a); i-- > 0;) {
		carry += r.b[i] + (n & 0xff);
		r.b[i] = (uint8_t)carry;
		carry >>= 8;
		n >>= 8;
	}
	return r;
}

int cidr_parse(const char *s, int family, struct cidr *ret)
{
	char host[ADDR_TEXT];
	const char *slash = s ? strchr(s, '/') : NULL;
	if (!slash || (size_t)(slash - s) >= sizeof(host))
		return -EINVAL;
	memcpy(host, s, (size_t)(slash - s));
	host[slash - s] = 0;
	struct cidr c;
	uint32_t prefix;
	if (addr_parse(host, family, &c.addr) < 0 || str_to_u32(slash + 1, &prefix) < 0 ||
	    prefix > addr_len(&c.addr) * 8)
		return -EINVAL;
	c.prefix = (uint8_t)prefix;
	*ret = c;
	return 0;
}

const char *cidr_print(const struct cidr *c, char buf[static ADDR_TEXT])
{
	addr_print(&c->addr, buf);
	size_t n = strlen(buf);
	snprintf(buf + n, ADDR_TEXT - n, "/%u", c->prefix);
	return buf;
}

static struct addr with_host_bits(const struct cidr *c, bool ones)
{
	struct addr r = c->addr;
	for (unsigned i = 0; i < addr_len(&r); i++) {
		unsigned fixed = c->prefix > i * 8 ? c->prefix - i * 8 : 0;
		unsigned mask = fixed >= 8 ? 0xff : (0xff00u >> fixed) & 0xff;
		r.b[i] = (uint8_t)((r.b[i] & mask) | (ones ? ~mask & 0xff : 0));
	}
	return r;
}

struct addr cidr_first(const struct cidr *c)
{
	return with_host_bits(c, false);
}

struct addr cidr_last(const struct cidr *c)
{
	return with_host_bits(c, true);
}

bool cidr_has(const struct cidr *c, const struct addr *a)
{
	if (c->addr.family != a->family)
		return false;
	struct cidr of = { *a, c->prefix };
	struct addr x = cidr_first(&of), y = cidr_first(c);
	return addr_cmp(&x, &y) == 0;
}

bool cidr_overlap(const struct cidr *a, const struct cidr *b)
{
	const struct cidr *wide = a->prefix < b->prefix ? a : b;
	return cidr_has(wide, wide == a ? &b->addr : &a->addr);
}

uint64_t cidr_size(const struct cidr *c)
{
	unsigned bits = addr_len(&c->addr) * 8 - c->prefix;
	return (uint64_t)1 << (bits > 63 ? 63 : bits);
}

int mac_parse(const char *s, uint8_t ret[static 6])
{
	uint8_t m[6];
	if (!s || strlen(s) != 17)
		return -EINVAL;
	for (int i = 0; i < 6; i++) {
		unsigned v = 0;
		for (int j = 0; j < 2; j++) {
			char c = s[i * 3 + j];
			v = v * 16;
			if (c >= '0' && c <= '9')
				v += (unsigned)(c - '0');
			else if (c >= 'a' && c <= 'f')
				v += (unsigned)(c - 'a') + 10;
			else if (c >= 'A' && c <= 'F')
				v += (unsigned)(c - 'A') + 10;
			else
				return -EINVAL;
		}
		if (i < 5 && s[i * 3 + 2] != ':' && s[i * 3 + 2] != '-')
			return -EINVAL;
		m[i] = (uint8_t)v;
	}
	static const uint8_t zero[6];
	if ((m[0] & 1) || memcmp(m, zero, 6) == 0)
		return -EINVAL;
	memcpy(ret, m, 6);
	return 0;
}

const char *mac_print(const uint8_t m[static 6], char buf[static ADDR_TEXT])
{
	snprintf(buf, ADDR_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
		 m[5]);
	return buf;
}
