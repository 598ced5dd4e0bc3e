/*
 * oci_mounts.c - mounts add, mounts remove: live mounts in a container that runs.
 *
 * Runs in: host.  The document is an array of mounts as in config.json.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/path.h"
#include "base/str.h"
#include "cli/oci.h"

static const struct opt no_rows[] = { OPT_END };

static int run_mounts(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(SPEC_ARENA_MAX);
	AUTO_FREE char *text = NULL;
	struct spec_mount *mounts;
	size_t n, nmounts;
	bool add = str_eq(argv[0], "add");
	int r;

	(void)opts;
	(void)argc;
	if (!add && !str_eq(argv[0], "remove"))
		return err_say(e, EINVAL, "mounts %s: expected add or remove", argv[0]);
	r = path_read_file(AT_FDCWD, argv[2], SPEC_MAX_BYTES, &text, &n, e);
	if (!r)
		r = spec_read_mount_list(a, text, n, &mounts, &nmounts, e);
	return r < 0 ? r : container_mounts(&o->env, argv[1], mounts, nmounts, add, e);
}

const struct oci_command oci_mounts = {
	"mounts", "add|remove ID FILE", "Add mounts to a running container, or remove them",
	no_rows, 0, 3, 3, false, run_mounts,
};
