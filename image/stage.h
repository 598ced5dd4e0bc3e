/*
 * stage.h - a layer's directory while it is being made, as overlayfs will want it.
 *
 * Used by berth-image.  Every path is relative, cleaned and resolved beneath the root without
 * following a symlink (openat2), so no entry reaches outside or through what an earlier one
 * planted.  A struct stage owns its descriptors and its memory; the files are the caller's.
 *
 * Directories that entries imply without being entries themselves are remembered, since
 * they must show what the layers below say of them; so are hard links to what only layers
 * below have, and whiteouts, which must not stand where nothing is below (overlayfs shows
 * such names in listings).  depend.h puts all three right when the layers below are there.
 */
#ifndef IMAGE_STAGE_H
#define IMAGE_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"
#include "base/idmap.h"
#include "base/str.h"

#define STAGE_PATH_MAX 4096	/* with NUL */

struct stage_xattr { const char *name; const void *value; size_t size; };

struct stage_meta {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec atime, mtime;
	const struct stage_xattr *xattrs;
	size_t nxattrs;
};

enum stage_dir_flags {
	STAGE_IMPLIED = 1, /* no entry of its own yet: mode, owner, times come from below */
	STAGE_FRESH = 2,   /* a whiteout hides what is below: nothing comes from there */
	STAGE_OPAQUE = 4,  /* what is below in it is hidden */
	STAGE_GONE = 8,
};

struct stage_dir {
	size_t path;		/* offset in names */
	unsigned flags;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
};

struct stage_link { char *path, *target; dev_t dev; ino_t ino; };

struct stage {
	int root;
	const struct idmap_pair *ids;	/* owners are ids of that user namespace, or NULL */
	int side;			/* AUFS's .wh..wh.plnk, or -1 */
	const char *opaque_key;		/* "trusted.overlay.opaque" or the user one */
	bool privileged;		/* may chown, mknod */
	bool xattrs_lost;		/* the file system takes no user xattrs: said once */
	struct strbuf names;
	struct stage_dir *dirs;		/* dirs[0] is the root */
	size_t ndirs, cap;
	uint32_t *hash;			/* of paths: index + 1, 0 empty */
	size_t hash_size;
	struct stage_link *links;	/* to what only a layer below has */
	size_t nlinks;
	size_t *whiteouts;		/* offsets in names */
	size_t nwhiteouts, whiteouts_cap;
	char parent_path[STAGE_PATH_MAX];	/* of parent_fd, the last directory used */
	int parent_fd;
};

/* root: the empty directory to fill; stays the caller's. */
void stage_init(struct stage *t, int root, bool user_xattrs);
void stage_cleanup(struct stage *t);	/* AUTO(stage) */

/* "./a//b/" -> "a/b", "." -> "".  Absolute names, "..", and what is too long are refused. */
int stage_clean(const char *name, char out[static STAGE_PATH_MAX], struct err *e);

/* Each replaces what stands at path, except a directory by a directory. */
int stage_add_dir(struct stage *t, const char *path, const struct stage_meta *m, struct err *e);
int stage_add_symlink(struct stage *t, const char *path, const char *target,
		     const struct stage_meta *m, struct err *e);
int stage_add_node(struct stage *t, const char *path, dev_t dev, const struct stage_meta *m,
		  struct err *e);
/* A new empty regular file for writing; stage_end_file sets the rest, last. */
int stage_add_file(struct stage *t, const char *path, const struct stage_meta *m, int *ret_fd,
		  struct err *e);
int stage_end_file(struct stage *t, int fd, const char *path, const struct stage_meta *m,
		  struct err *e);
int stage_add_link(struct stage *t, const char *path, const char *target, struct err *e);
/* What is below at path is to vanish. */
int stage_add_whiteout(struct stage *t, const char *path, struct err *e);
/* What is below in the directory is to vanish; "" is the root. */
int stage_add_opaque(struct stage *t, const char *path, struct err *e);

/* Opens beneath the root without following symlinks; -errno, no message. */
int stage_open(int root, const char *path, int flags);
struct stage_dir *stage_find_dir(const struct stage *t, const char *path);
static inline const char *stage_dir_path(const struct stage *t, const struct stage_dir *d)
{
	return t->names.s + d->path;
}
/* The directory that path lies in, made when it is not there, and the last component. */
int stage_parent(struct stage *t, const char *path, int *ret_fd, const char **ret_name,
		struct err *e);
/* Removes what stands at path, if anything. */
int stage_remove(struct stage *t, int parent, const char *name, const char *path, struct err *e);

bool stage_is_whiteout(const struct stat *st);
/* Sets one extended attribute of parent/name, not following it. */
int stage_set_xattr(struct stage *t, int parent, const char *name, const struct stage_xattr *x,
		   const char *path, struct err *e);

/* Modes and times of all directories; nothing is added after this. */
int stage_finish(struct stage *t, struct err *e);

#endif
