/*
 * checkpoint_part.h - what checkpoint.c and restore.c share.
 *
 * Runs in: host.  Not for others: they include checkpoint.h.
 */
#ifndef RUNTIME_CHECKPOINT_PART_H
#define RUNTIME_CHECKPOINT_PART_H

#include "runtime/checkpoint.h"
#include "runtime/container_part.h"
#include "runtime/criu.h"

#define DESCRIPTORS "descriptors.json"

struct checkpoint_dirs { int images, work; };
#define CHECKPOINT_DIRS_INIT { -1, -1 }
void checkpoint_dirs_cleanup(struct checkpoint_dirs *d);	/* AUTO(checkpoint_dirs) */

/* Namespaces that the container may share with others, and criu's key for each. */
#define CHECKPOINT_JOINED 2
extern const struct checkpoint_joined { enum spec_ns ns; const char *name; }
	checkpoint_joined[CHECKPOINT_JOINED];

const char *checkpoint_images(const struct checkpoint_opts *o);
const char *checkpoint_work(const struct checkpoint_opts *o);
/* Other namespaces of others are an error. */
int checkpoint_check(const struct spec *s, struct err *e);
/* Options of dump or restore.  Opens both folders: criu finds them in our /proc/PID/fd. */
int checkpoint_args(const struct spec *s, const struct checkpoint_opts *o, bool dump,
		    struct checkpoint_dirs *d, struct strbuf *b, struct err *e);
void checkpoint_mount_args(const struct spec *s, const char *rootfs, bool dump, struct strbuf *b);
void checkpoint_namespace_args(const struct spec *s, struct strbuf *b);
/* The first error in criu's log becomes part of the message. */
void checkpoint_add_reason(const struct checkpoint_opts *o, const char *log, struct err *e);

#endif
