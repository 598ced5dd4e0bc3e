/*
 * image.h - images: names, the store, what an image says, its root file system.
 *
 * The door of image/; used by berth (light half: no bytes from outside are parsed
 * here) and by berth-image (which fills the store).  One store lies below ROOT:
 *
 *   store/index.json           an OCI image index: names -> manifests, one entry a line
 *   store/blobs/sha256/HEX     manifests, configs and layers as they came
 *   store/images/HEX           what a run needs of the image with that id, as small JSON
 *   store/layers/NAME/fs       unpacked layers; NAME is 64 hex digits (see layer.h)
 *   store/tmp/                 what is being made; removed when its maker is dead
 *   store/lock                 flock: shared to rely on what is there, exclusive to change it
 *
 * An image's id is the digest of its config ("sha256:" + 64 hex digits).  Every struct
 * image and list lives in an arena of its own.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- ref.c: names of images ---- */

#define REF_MAX 800	/* bytes of a reference with its NUL */
#define IMAGE_ID_LEN 71	/* "sha256:" and 64 hex digits */

struct ref {
	char domain[256];	/* "docker.io", "localhost", "host:5000" */
	char path[256];		/* "library/debian" */
	char tag[129];		/* "" when only a digest was given, else "latest" by default */
	char digest[72];	/* "sha256:..." or "" */
};

/* Normalises as Docker does: "debian" is docker.io/library/debian:latest.  -EINVAL with the rule
 * that is broken.  Pure. */
int ref_parse(const char *s, struct ref *ret, struct err *e);
/* Pure. */
bool ref_tag_valid(const char *s);
/* "docker.io/library/debian:12", with "@sha256:..." only when there is no tag; returns buf. */
const char *ref_full(const struct ref *r, char buf[static REF_MAX]);
/* As people write it: docker.io/ and library/ left out, the tag shown; returns buf. */
const char *ref_familiar(const struct ref *r, char buf[static REF_MAX]);
/* The same without tag and digest ("debian", "localhost/x"). */
const char *ref_repository(const struct ref *r, char buf[static REF_MAX]);

/* ---- store.c: the folder ---- */

struct store {
	int fd;			/* ROOT/store */
	char *path;
	bool user_xattrs;	/* rootless: user.overlay.* in place of trusted.overlay.* */
};

/* Opens ROOT/store, making it where it is not there yet. */
int store_open(const char *root, struct store **ret, struct err *e);
void store_free(struct store *s);
void store_cleanup(struct store **s);	/* AUTO(store) on a struct store * */

/*
 * Who resolves an image and then records that a container uses it holds the shared lock from
 * before image_load until the record is written (microseconds; close *ret to release).  Who
 * removes holds it exclusively: image_remove and the prunes do so themselves.
 */
int store_lock(const struct store *s, bool exclusive, int *ret, struct err *e);

/* ---- image.c: what an image says ---- */

struct image_health {
	bool set;
	char **test;		/* {"CMD", ...} {"CMD-SHELL", "..."} {"NONE"} */
	int64_t interval, timeout, start_period, start_interval;	/* ns, 0: not said */
	int32_t retries;	/* 0: not said */
};

/* Lists are NULL-terminated and never NULL. */
struct image_config {
	char **env, **cmd, **entrypoint, **onbuild, **shell;
	char **ports;		/* "80/tcp", "53/udp" */
	char **volumes;		/* absolute paths */
	const char *user;	/* "" when not said, as the other strings */
	const char *workdir;
	const char *stop_signal;
	struct json_map labels;
	struct image_health health;
};

struct image {
	struct arena *a;
	const char *id;		/* "sha256:..." of the config */
	const char *digest;	/* of the manifest, "" when asked for by id and none is known */
	const char *top;	/* digest of what the name stands for: an index, or the manifest */
	const char *name;	/* full name it was found by ("" when by id) */
	char **names; /* all full names of this id; only from image_load_names, image_list */
	const char *os, *arch, *variant, *author, *created;	/* created: RFC 3339 or "" */
	uint64_t size;		/* of all unpacked layers, bytes of file content */
	char **layers;		/* names of layer directories, bottom to top */
	size_t nlayers;
	struct image_config config;
};

/*
 * Resolves a name (with defaults; then below localhost/), an id or a unique prefix of one, or
 * name@digest.  -ENOENT when there is none (so that the caller pulls), -EEXIST when a prefix
 * is ambiguous.  Reads two small files.
 */
int image_load(const struct store *s, const char *name, struct image **ret, struct err *e);
/* The same for a platform ("arm64", "linux/arm/v7"; NULL: whatever the name stands for).  1: the
 * name's index has it, and all of it has come, but the name stands for another platform's image:
 * `berth-image pull --policy missing` needs no registry.  -ENOENT: it is to come. */
int image_load_for(const struct store *s, const char *name, const char *platform,
		   struct image **ret, struct err *e);
/* The same with names filled. */
int image_load_names(const struct store *s, const char *name, struct image **ret, struct err *e);
void image_free(struct image *i);
void image_cleanup(struct image **i);	/* AUTO(image) on a struct image * */

/* One row per name, and one per image without a name; newest first. */
struct image_row {
	const char *name;	/* full name, "" when it has none */
	const char *id, *digest, *top;
	const char *created;
	const char *os, *arch, *variant;
	uint64_t size;
	size_t nlayers;
	struct json_map labels;
};
struct image_list { struct arena *a; struct image_row *v; size_t n; };
int image_list(const struct store *s, struct image_list **ret, struct err *e);
void image_list_free(struct image_list *l);
void image_list_cleanup(struct image_list **l);

struct image_step {
	const char *created, *created_by, *comment, *author;
	bool empty;
	uint64_t size;
};
struct image_history { struct arena *a; struct image_step *v; size_t n; };	/* oldest first */
int image_load_history(const struct store *s, const struct image *i, struct image_history **ret,
		       struct err *e);
void image_history_free(struct image_history *h);
void image_history_cleanup(struct image_history **h);

/* Gives the image another name; the name leaves whatever image had it. */
int image_tag(const struct store *s, const char *name, const char *new_name, struct err *e);

/* Takes a name (NULL: all) from the image, which stays, nameless when it was the last. */
int image_untag(const struct store *s, const char *name, const char *which, struct err *e);

/*
 * rmi.  Takes a name away; when it was the last, or when asked for by id, the image, and the
 * layers and blobs that no other image has.  By id with several names is refused (-EBUSY)
 * unless force.  `used` is called under the store's exclusive lock and says whether a container
 * is made from that id ("sha256:...", puts the container's id into who, at most 64 bytes; "":
 * none, it is mounted) or stands on that layer name: then -EBUSY, unless force with only stopped
 * containers (the caller decides by what it answers); layers in use are kept in any case.  NULL:
 * nothing is in use.
 */
typedef bool image_used(void *ctx, const char *id_or_layer, char who[static 65]);
struct image_removed { struct strlist untagged, deleted; };	/* full names, ids */
void image_removed_cleanup(struct image_removed *r);
int image_remove(const struct store *s, const char *name, bool force, image_used *used, void *ctx,
		 struct image_removed *ret, struct err *e);

/*
 * Removes images that no container uses: without a name, or with all also those with one; and
 * what no image has any more.  filters: "until=TIME|DURATION", "label=K[=V]", "label!=K[=V]",
 * or NULL.  dry_run only says.
 */
struct image_pruned { struct strlist untagged, deleted; uint64_t bytes; };
void image_pruned_cleanup(struct image_pruned *r);
int image_prune(const struct store *s, bool all, bool dry_run, char *const *filters,
		image_used *used, void *ctx, struct image_pruned *ret, struct err *e);

/*
 * Runs berth-image on this store ("load", "-i", "x.tar", NULL) with our standard input and
 * error.  Its standard output goes into out, or to ours when out is NULL.  Returns its exit
 * status (it has said on stderr what was wrong), or -errno when it could not be started.
 */
int image_work(const char *root, char *const *args, struct strbuf *out, struct err *e);

/* ---- overlay.c: the root file system ---- */

struct overlay_opts {
	char *const *layers;	/* as in struct image: bottom to top */
	size_t nlayers;		/* 0 is allowed: an empty root */
	int below_fd;		/* with userns_fd: a directory in place of the layers, or -1 */
	int upper_fd, work_fd;	/* directories on one file system; both -1: read-only */
	int disk_fd;		/* the detached mount that they are in, when it is one, else -1 */
	bool throw_away;	/* "volatile": no sync; the same upper can never be mounted again */
	int userns_fd;		/* layers and upper appear id-mapped through this user namespace,
				   or -1 (Linux 5.19) */
	uid_t uid;		/* with it: the host's ids of its root, who makes what overlayfs */
	gid_t gid;		/* needs for itself beside the upper directory */
	unsigned attrs;		/* MOUNT_ATTR_RDONLY, _NODEV, ... */
};
#define OVERLAY_OPTS_INIT \
	{ .below_fd = -1, .upper_fd = -1, .work_fd = -1, .disk_fd = -1, .userns_fd = -1 }

/*
 * A detached mount of the layers with upper on top: an fd for move_mount or openat2.  It is
 * never attached to the host's mount namespace, so it ends with its last user.  Its "down" is
 * closing the fd (and leaving the namespace that it was attached in).
 */
int overlay_mount(const struct store *s, const struct overlay_opts *o, int *ret, struct err *e);

#endif
