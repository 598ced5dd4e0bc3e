/* help.c - see help.h. */
#include <string.h>

#include "base/str.h"
#include "cli/help.h"

/* The first page shows these; the rest are in `berth help all`. */
static const char *const common[] = {
	"run", "ps", "logs", "exec", "stop", "start", "rm", "inspect", "why", "stats", "pull",
	"load", "images", "rmi", NULL,
};

static void row(const struct command *c, FILE *to)
{
	fprintf(to, "  %-22s %s\n", c->name, c->summary);
}

void help_main(const struct opt *globals, FILE *to)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	fputs("berth runs isolated containers, without a daemon.\n\n"
	      "usage: berth [OPTION...] COMMAND [ARG...]\n\nEvery day:\n", to);
	for (size_t i = 0; common[i]; i++)
		if (command_find(common[i]))
			row(command_find(common[i]), to);
	opt_help(globals, &b);
	fprintf(to, "\nOptions before the command:\n%s\n"
		"`berth help all` lists all commands, `berth help COMMAND` explains one.\n"
		"Called as berth-oci (or `berth oci`) it is an OCI runtime.\n", b.s);
}

void help_usage(const struct command *c, struct strbuf *b)
{
	AUTO(strbuf) struct strbuf options = STRBUF_INIT;

	opt_help(command_rows(c), &options);
	strbuf_addf(b, "berth %s%s%s%s", c->name, options.len ? " [OPTION...]" : "",
		    str_empty(c->args) ? "" : " ", c->args ? c->args : "");
}

void help_command(const struct command *c, FILE *to)
{
	AUTO(strbuf) struct strbuf usage = STRBUF_INIT, options = STRBUF_INIT;

	help_usage(c, &usage);
	opt_help(command_rows(c), &options);
	fprintf(to, "usage: %s\n\n%s.\n", usage.s, c->summary);
	if (c->text)
		fprintf(to, "\n%s\n", c->text);
	if (options.len)
		fprintf(to, "\nOptions:\n%s", options.s);
}

static bool in_group(const char *name, const char *word)
{
	const char *rest = str_after(name, word);

	return rest && *rest == ' ';
}

bool help_is_group(const char *word)
{
	for (size_t i = 0; commands[i]; i++)
		if (in_group(commands[i]->name, word))
			return true;
	for (size_t i = 0; aliases[i].name; i++)
		if (in_group(aliases[i].name, word))
			return true;
	return false;
}

void help_group(const char *word, FILE *to)
{
	fprintf(to, "usage: berth %s COMMAND [ARG...]\n\n", word);
	for (size_t i = 0; commands[i]; i++)
		if (in_group(commands[i]->name, word) && !(commands[i]->flags & CMD_HIDDEN))
			row(commands[i], to);
	for (size_t i = 0; aliases[i].name; i++)
		if (in_group(aliases[i].name, word) && command_find(aliases[i].command))
			fprintf(to, "  %-22s %s\n", aliases[i].name,
				command_find(aliases[i].command)->summary);
}
