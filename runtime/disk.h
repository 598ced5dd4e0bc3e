/*
 * disk.h - a file as a disk: what is written into it has a bound, on whatever file system.
 *
 * Runs in: host.  DIR/disk is a file with holes and an ext4 in it, mounted through a loop device.
 * Neither is to be taken down: the mount is detached and ends with the last that was made of it,
 * the loop device with the mount, also when whoever made them is killed at any instant.
 */
#ifndef RUNTIME_DISK_H
#define RUNTIME_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct disk_size { uint64_t bytes, inodes; };	/* inodes 0: as ext4 has it, one for 16 KiB */

#define DISK_BYTES_MIN ((uint64_t)16 << 20)

/* "size=SIZE", "inodes=N", or both with a comma between them; added to what *ret has.  Pure. */
int disk_size_parse(const char *text, struct disk_size *ret, struct err *e);
/* Makes DIR/disk by mkfs.ext4.  durable: it is to outlive a power cut. */
int disk_make(int dir, const struct disk_size *s, bool durable, struct err *e);
/* A detached mount of DIR/disk.  Several at once are mounts of the same file system. */
int disk_mount(int dir, int *ret, struct err *e);

#endif
