/*
 * cdi.h - the Container Device Interface: what a file says of a vendor's devices.
 *
 * Runs in: host.  Such a file is the administrator's, yet bytes from outside: it is read whole,
 * bounded and strictly (an unknown field is an error, as its specification has it).  All lies in
 * the caller's arena.  Source: SPEC.md of the Container Device Interface 1.1.0.
 */
#ifndef RUNTIME_CDI_H
#define RUNTIME_CDI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/spec.h"

#define CDI_MAX_BYTES (1u << 20)	/* of a file */

struct cdi_node {
	struct spec_device d;		/* type 0, or major 0: as the host's node is */
	struct json_opt_u32 uid, gid;	/* unset: the host's node's */
	const char *host;		/* NULL: the same path */
	const char *permissions;	/* some of rwm, "none"; NULL or "": all */
};

struct cdi_mount { const char *host, *path, *type; char **options; };
struct cdi_hook { uint64_t kind; struct spec_hook hook; };	/* enum spec_hook_kind */

struct cdi_edits {
	char **env;			/* NAME=VALUE; NULL: none */
	size_t nnodes, nmounts, nhooks, ngids, nnetdevs;
	struct cdi_node *nodes;
	struct cdi_mount *mounts;
	struct cdi_hook *hooks;
	uint32_t *gids;
	struct spec_netdev *netdevs;
	struct spec_rdt rdt;
};

struct cdi_device { const char *name; struct json_map annotations; struct cdi_edits edits; };

struct cdi_spec {
	const char *version, *kind;	/* kind: VENDOR/CLASS */
	struct json_map annotations;
	struct cdi_edits edits;		/* for whoever has any of the devices */
	size_t ndevices;
	struct cdi_device *devices;
};

/* Pure.  `what` is the file's path, for messages. */
int cdi_read(struct arena *a, const char *text, size_t n, const char *what, struct cdi_spec **ret,
	     struct err *e);
/* Is this VENDOR/CLASS=NAME, as a device is asked for? */
bool cdi_is_name(const char *text);

#endif
