/* cmd_help.c - help COMMAND, help all. */
#include <errno.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/help.h"

static int run_help(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct command *cmd;

	(void)c;
	(void)opts;
	if (argc == 0 || (argc == 1 && str_eq(argv[0], "all"))) {
		for (size_t i = 0; commands[i]; i++)
			if (!(commands[i]->flags & CMD_HIDDEN))
				printf("  %-22s %s\n", commands[i]->name, commands[i]->summary);
		return 0;
	}
	AUTO_FREE char *two = argc > 1 ? mem_printf("%s %s", argv[0], argv[1]) :
					 mem_strdup(argv[0]);

	cmd = command_find(two);
	if (cmd) {
		help_command(cmd, stdout);
		return 0;
	}
	if (argc > 1 && !help_is_group(argv[0]) && command_find(argv[0]))
		return err_say(e, EINVAL, "help %s %s: %s has no further commands", argv[0],
			       argv[1], argv[0]);
	if (argc == 1 && help_is_group(argv[0])) {
		help_group(argv[0], stdout);
		return 0;
	}
	return command_unknown(argc, argv, e);
}

/* clang-format off */
const struct command command_help = {
	.name = "help", .args = "[COMMAND]", .summary = "Explain a command, or list all",
	.min = 0, .max = 2, .flags = CMD_NO_ENGINE, .complete = "command", .run = run_help,
};
/* clang-format on */
