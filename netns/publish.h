/*
 * publish.h - published ports as text and JSON.
 *
 * Used inside netns/ only.  Pure.
 */
#ifndef NETNS_PUBLISH_H
#define NETNS_PUBLISH_H

#include "netns/net.h"

#define PUBLISH_MAX 65535	/* ports of one container */

const char *publish_proto_name(uint8_t proto);		/* "tcp" ... */
/* Appends one row to a list in the arena. */
void publish_add(struct arena *a, struct net_port **list, size_t *n, const struct net_port *p);

json_reader publish_read;	/* [struct net_port] */
void publish_write(struct json_out *o, const struct net_port *p);

#endif
