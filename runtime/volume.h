/*
 * volume.h - named and anonymous volumes: folders that outlive containers.
 *
 * Runs in: host.  ROOT/volumes/NAME/{_data,volume.json}, with a bound also disk.  An anonymous
 * volume has a name of 64 hex digits and goes with its container under --rm or rm -v.
 */
#ifndef RUNTIME_VOLUME_H
#define RUNTIME_VOLUME_H

#include "runtime/record.h"

struct volume {
	struct arena *arena;
	const char *name, *created, *mountpoint, *driver;
	bool anonymous;
	struct json_map labels, options;	/* options: type, device, o of the local driver */
};

/* The lock of all volumes.  Who makes one or takes one away has it, from looking at who uses it
 * until it is done: so nobody takes one that a container just got.  Close *ret to let it go. */
int volume_lock(const struct engine *en, int *ret, struct err *e);
/* Under the lock.  -EEXIST: there is one. */
int volume_create(const struct engine *en, const char *name, bool anonymous,
		  const struct json_map *labels, const struct json_map *options, struct err *e);
int volume_load(const struct engine *en, const char *name, struct volume **ret, struct err *e);
void volume_free(struct volume *v);
void volume_cleanup(struct volume **v);		/* AUTO(volume) on a struct volume * */
int volume_list(const struct engine *en, struct strlist *ret, struct err *e);
/* Under the lock.  Who uses it is the caller's to find out: removes what is there.  -ENOENT: no
 * such volume. */
int volume_remove(const struct engine *en, const char *name, struct err *e);
/* What a record names and is not there is made, under the lock, which is taken here. */
int volume_make_missing(const struct engine *en, const struct record *r, struct err *e);
/* The anonymous volumes of a container that goes, unless another one has them, too; the lock as
 * before. */
int volume_remove_own(const struct engine *en, const struct record *r, struct err *e);
/* :idmap, the owner of the folder `source` is seen as the container's user u in mount m, and the
 * other way round for what u makes; all others stay who they are.  In a. */
int volume_idmap(const char *source, const struct spec_user *u, struct arena *a,
		 struct spec_mount *m, struct err *e);
int volume_name_check(const char *name, struct err *e);
/* First use: when the volume is empty, copies what the image has at `path` (owner, mode, times,
 * links, xattrs) into it, and gives its top the owner and mode of that folder. */
int volume_copy_up(const struct engine *en, const char *name, int root_fd, const char *path,
		   struct err *e);

/* Options size, inodes: the volume is a disk (disk.h), VOLUME/disk.  bytes 0: it is a folder. */
int volume_disk_size(const struct json_map *options, struct disk_size *ret, struct err *e);
/* Its files are at v->mountpoint for the host, too: no disk, and not what --opt type= mounts. */
bool volume_is_folder(const struct volume *v);
bool volume_is_disk(const struct engine *en, const char *name);
/* A detached mount of such a one; at its first use it gets what the image has at `path` (NULL:
 * nothing). */
int volume_mount(const struct engine *en, const char *name, int root_fd, const char *path,
		 int *ret, struct err *e);

#endif
