/*
 * volume.h - named and anonymous volumes: folders that outlive containers.
 *
 * Runs in: host.  ROOT/volumes/NAME/{_data,volume.json}.  An anonymous volume has a name
 * of 64 hex digits and goes with its container under --rm or rm -v.
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

/* -EEXIST only when it is there with other options (Docker: creating twice is fine). */
int volume_create(const struct engine *en, const char *name, bool anonymous,
		  const struct json_map *labels, const struct json_map *options, struct err *e);
int volume_load(const struct engine *en, const char *name, struct volume **ret, struct err *e);
void volume_free(struct volume *v);
void volume_cleanup(struct volume **v);		/* AUTO(volume) on a struct volume * */
int volume_list(const struct engine *en, struct strlist *ret, struct err *e);
/* -EBUSY is the caller's to find out: removes what is there.  -ENOENT: no such volume. */
int volume_remove(const struct engine *en, const char *name, struct err *e);
/* Opens _data (O_PATH). */
int volume_open(const struct engine *en, const char *name, int *ret, struct err *e);
/* :idmap, the owner of the folder `source` is seen as the container's user u in mount m, and the
 * other way round for what u makes; all others stay who they are.  In a. */
int volume_idmap(const char *source, const struct spec_user *u, struct arena *a,
		 struct spec_mount *m, struct err *e);
int volume_name_check(const char *name, struct err *e);
/* First use: when the volume is empty, copies what the image has at `path` (owner, mode, times,
 * links, xattrs) into it, and gives its top the owner and mode of that folder. */
int volume_copy_up(const struct engine *en, const char *name, int root_fd, const char *path,
		   struct err *e);

#endif
