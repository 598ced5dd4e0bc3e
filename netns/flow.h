/*
 * flow.h - connections that the kernel tracks, forgotten when their translation changes.
 *
 * Used inside netns/ only.
 */
#ifndef NETNS_FLOW_H
#define NETNS_FLOW_H

#include "base/mem.h"
#include "netns/nft.h"

/*
 * Forgets UDP flows from anywhere to the published ports of these rows: a client that goes on
 * sending would keep the flow, and with it the old translation (or none), for ever.  Flows that
 * only pass through the host are left alone.  Does its best; a kernel without ctnetlink has
 * nothing to forget by.
 */
void flow_forget(const struct nft_port *rows, size_t n, struct arena *a);

#endif
