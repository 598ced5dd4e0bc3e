/*
 * cmd_volume_tar.c - volume export, volume import: what is in a volume as a tar archive.
 *
 * The work is berth-image's, which opens the folder by its number and confines itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/command.h"
#include "cli/output.h"
#include "image/image.h"
#include "runtime/volume.h"

struct tar_opts { const char *output; };

static const struct opt export_rows[] = {
	{ "output", 'o', OPT_STR, offsetof(struct tar_opts, output), "FILE",
	  "Where to (standard output)", .complete = "file" },
	OPT_END,
};

static int open_volume(struct cli *c, const char *name, int *ret, struct err *e)
{
	AUTO(volume) struct volume *v = NULL;
	int r = volume_load(&c->en, name, &v, e);

	if (r < 0)
		return r;
	if (!volume_is_folder(v))
		return err_say(e, EINVAL, "volume %s is mounted for containers only; berth cp "
			       "reaches it through one that runs", name);
	r = path_open_dir(AT_FDCWD, v->mountpoint, ret, e);
	if (r == 0)
		fd_cloexec(*ret, false);
	return r;
}

static int run_export(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const char *output = ((struct tar_opts *)opts)->output;
	char path[32], *args[] = { (char *)(uintptr_t)"export", path, NULL };
	AUTO_CLOSE int dir = -1;
	int r = open_volume(c, argv[0], &dir, e);

	(void)argc;
	if (r < 0 || (r = output_to_file(output, e)) < 0)
		return r;
	path_of_fd(dir, path);
	return image_work(c->en.root, args, NULL, e);
}

static int run_import(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const char *from = argc > 1 ? argv[1] : "-";
	char path[32], *args[] = { (char *)(uintptr_t)"unpack", (char *)(uintptr_t)"--owners",
				   path, NULL };
	AUTO_CLOSE int dir = -1, in = -1;
	int r = open_volume(c, argv[0], &dir, e);

	(void)opts;
	if (r < 0)
		return r;
	if (!str_eq(from, "-")) {
		in = open(from, O_RDONLY | O_CLOEXEC);
		if (in < 0 || dup2(in, 0) < 0)
			return err_set(e, errno, "open %s", from);
	}
	path_of_fd(dir, path);
	return image_work(c->en.root, args, NULL, e);
}

/* clang-format off */
const struct command command_volume_export = {
	.name = "volume export", .args = "VOLUME", .summary = "Write what is in a volume as a tar archive",
	.opts = export_rows, .size = sizeof(struct tar_opts), .min = 1, .max = 1,
	.complete = "volume", .run = run_export,
};
const struct command command_volume_import = {
	.name = "volume import", .args = "VOLUME [FILE|-]", .summary = "Unpack a tar archive into a volume",
	.text = "Also compressed by gzip, zstd, bzip2 or xz; without FILE from standard input.",
	.min = 1, .max = 2, .complete = "volume", .run = run_import,
};
/* clang-format on */
