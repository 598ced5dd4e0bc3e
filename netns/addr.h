/*
 * addr.h - IP addresses, prefixes and MAC addresses as values: parse, print, compare.
 *
 * Used inside netns/ only.  Pure.  Bytes are in network order.
 */
#ifndef NETNS_ADDR_H
#define NETNS_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDR_TEXT 64	/* any address or prefix as text */

struct addr {
	uint8_t family;	/* AF_INET or AF_INET6; 0: none */
	uint8_t b[16];
};

struct cidr {
	struct addr addr;
	uint8_t prefix;
};

static inline unsigned addr_len(const struct addr *a)
{
	return a->family == 2 ? 4 : 16; /* AF_INET is 2 everywhere */
}

/* family 0: either.  -EINVAL. */
int addr_parse(const char *s, int family, struct addr *ret);
const char *addr_print(const struct addr *a, char buf[static ADDR_TEXT]);
int addr_cmp(const struct addr *a, const struct addr *b);
/* a + n; wraps round. */
struct addr addr_plus(const struct addr *a, uint64_t n);

/* "A/N"; -EINVAL.  Bits behind the prefix stay as they are. */
int cidr_parse(const char *s, int family, struct cidr *ret);
const char *cidr_print(const struct cidr *c, char buf[static ADDR_TEXT]);
struct addr cidr_first(const struct cidr *c);
struct addr cidr_last(const struct cidr *c);
bool cidr_has(const struct cidr *c, const struct addr *a);
bool cidr_overlap(const struct cidr *a, const struct cidr *b);
/* Number of addresses, at most 2^63. */
uint64_t cidr_size(const struct cidr *c);

/* "xx:xx:xx:xx:xx:xx", not multicast, not zero; -EINVAL. */
int mac_parse(const char *s, uint8_t ret[static 6]);
const char *mac_print(const uint8_t m[static 6], char buf[static ADDR_TEXT]);

#endif
