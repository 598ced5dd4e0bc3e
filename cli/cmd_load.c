/* cmd_load.c - load, pull and their kin: handed to berth-image, which is built for it. */
#include <errno.h>

#include "cli/command.h"
#include "image/image.h"

/* berth-image parses these itself, by tables of its own, and explains them. */
static int run_image(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	char **args = mem_array((size_t)argc + 2, sizeof(*args));
	int r;

	(void)opts;
	args[0] = (char *)(uintptr_t)c->cmd->name;
	for (int i = 0; i < argc; i++)
		args[i + 1] = argv[i];
	r = image_work(c->en.root, args, NULL, e);
	mem_free_cleanup(&args);
	return r;
}

/* clang-format off */
const struct command command_load = {
	.name = "load", .args = "[-i FILE|DIR]", .summary = "Load images from an OCI layout or a docker archive",
	.min = 0, .max = -1, .flags = CMD_RAW, .complete = "file", .run = run_image,
};
/* clang-format on */
