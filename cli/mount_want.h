/*
 * mount_want.h - -v, --mount and --tmpfs read into one form: what is to be mounted where, and how.
 */
#ifndef CLI_MOUNT_WANT_H
#define CLI_MOUNT_WANT_H

#include "base/err.h"
#include "base/str.h"

/* One mount of a person's, before it becomes a row of the record and one of the spec.  The strings
 * are its own or the caller's, who keeps them as long. */
struct mount_want {
	const char *type;	/* volume, bind, tmpfs, image, …; of --mount: not yet checked */
	const char *source, *destination, *subpath;	/* NULL: not given */
	struct strlist options, volume_opts, volume_labels;
	bool readonly, nocopy, chown, overlay, idmap;
	const char *option;	/* as typed, for messages */
	struct strlist text;	/* what the strings above point into */
};

void mount_want_cleanup(struct mount_want *w);

/* [SOURCE:]DESTINATION[:OPTIONS] of -v into w, which is empty.  → 0, or -EINVAL, e says why. */
int mount_want_volume(struct mount_want *w, const char *text, struct err *e);

/* KEY=VALUE,… of --mount; what keys mean depends on type=, wherever that stands. */
int mount_want_mount(struct mount_want *w, const char *text, struct err *e);

/* DESTINATION[:OPTIONS] of --tmpfs. */
void mount_want_tmpfs(struct mount_want *w, const char *text);

#endif
