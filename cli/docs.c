/* docs.c - see docs.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/docs.h"
#include "cli/oci.h"

const char *const docs_groups[] = { "container", "image", "volume", "network", "secret", "system",
				    "healthcheck", "oci", NULL };

/* roff: a backslash, a dash that is one, and a dot at the start of a line. */
static void text(FILE *f, const char *s)
{
	bool start = true;

	for (; s && *s; s++) {
		if (start && (*s == '.' || *s == '\''))
			fputs("\\&", f);
		if (*s == '\\')
			fputs("\\e", f);
		else if (*s == '-')
			fputs("\\-", f);
		else
			fputc(*s, f);
		start = *s == '\n';
	}
}

static void options(FILE *f, const struct opt *rows)
{
	for (; rows->name; rows++) {
		if (!rows->help || (rows->flags & OPT_HIDDEN))
			continue;
		fputs(".TP\n", f);
		if (rows->letter)
			fprintf(f, ".BR \\-%c \", \"", rows->letter);
		else
			fputs(".B ", f);
		fputs(rows->letter ? " \\-\\-" : "\\-\\-", f);
		text(f, rows->name);
		if (rows->arg) {
			fputs(rows->letter ? " \" \" " : " ", f);
			text(f, rows->arg);
		}
		fputc('\n', f);
		text(f, rows->help);
		fputs(".\n", f);
	}
}

static void page_name(const struct command *c, char *buf, size_t n)
{
	snprintf(buf, n, "berth-%s", c->name);
	for (char *p = buf; *p; p++)
		if (*p == ' ')
			*p = '-';
}

static int open_page(const char *dir, const char *name, const char *end, FILE **ret, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s%s", dir, name, end);

	*ret = fopen(path, "we");
	return *ret ? 0 : err_set(e, errno, "write %s", path);
}

static int close_page(FILE *f, const char *name, struct err *e)
{
	return fclose(f) ? err_set(e, errno, "write %s", name) : 0;
}

static int command_page(const char *dir, const struct command *c, struct err *e)
{
	char name[64];
	FILE *f;
	int r;

	page_name(c, name, sizeof(name));
	if ((r = open_page(dir, name, ".1", &f, e)) < 0)
		return r;
	fprintf(f, ".TH %s 1 \"\" \"berth %s\" \"berth\"\n.SH NAME\n", name, BERTH_VERSION);
	text(f, name);
	fputs(" \\- ", f);
	text(f, c->summary);
	fprintf(f, "\n.SH SYNOPSIS\n.B berth %s\n", c->name);
	if (command_rows(c)[0].name)
		fputs("[\\fIOPTION\\fR...] ", f);
	text(f, c->args);
	fputs("\n.SH DESCRIPTION\n", f);
	text(f, c->summary);
	fputs(".\n", f);
	if (c->text) {
		fputs(".PP\n", f);
		text(f, c->text);
		fputc('\n', f);
	}
	if (command_rows(c)[0].name)
		fputs(".SH OPTIONS\n", f);
	options(f, command_rows(c));
	fputs(".SH SEE ALSO\n.BR berth (1)\n", f);
	return close_page(f, name, e);
}

static int main_page(const char *dir, struct err *e)
{
	FILE *f;
	int r = open_page(dir, "berth", ".1", &f, e);

	if (r < 0)
		return r;
	fprintf(f, ".TH berth 1 \"\" \"berth %s\" \"berth\"\n.SH NAME\n"
		"berth \\- runs isolated containers, without a daemon\n.SH SYNOPSIS\n"
		".B berth\n[\\-\\-root DIR] [\\-\\-log\\-level LEVEL] COMMAND [ARG...]\n"
		".SH COMMANDS\n", BERTH_VERSION);
	for (size_t i = 0; commands[i]; i++) {
		if (commands[i]->flags & CMD_HIDDEN)
			continue;
		fprintf(f, ".TP\n.B %s\n", commands[i]->name);
		text(f, commands[i]->summary);
		fputs(".\n", f);
	}
	fputs(".SH EXIT STATUS\nOf run, exec and start: the command's own; 128+N when signal N\n"
	      "ended it; 125 when berth could not do it; 126 when the command cannot be run;\n"
	      "127 when it was not found.\n"
	      ".SH FILES\n.TP\n.I /var/lib/berth\n"
	      "Images, containers, volumes, networks (BERTH_ROOT).\n"
	      ".TP\n.I /run/berth\nWhat runs.\n"
	      ".SH SEE ALSO\n.BR berth-oci (1)\n",
	      f);
	return close_page(f, "berth.1", e);
}

/* One page for the OCI runtime with all its commands, as runc's and crun's callers know them. */
static int oci_page(const char *dir, struct err *e)
{
	FILE *f;
	int r = open_page(dir, "berth-oci", ".1", &f, e);

	if (r < 0)
		return r;
	fprintf(f, ".TH berth-oci 1 \"\" \"berth %s\" \"berth\"\n.SH NAME\n"
		"berth-oci \\- an OCI runtime with the commands and options of runc and crun\n"
		".SH SYNOPSIS\n.B berth-oci\n[\\fIOPTION\\fR...] COMMAND [ARG...]\n.br\n"
		".B berth oci\n[\\fIOPTION\\fR...] COMMAND [ARG...]\n.SH DESCRIPTION\n"
		"What podman, containerd, Docker and Kubernetes call to run a bundle: a folder\n"
		"with a config.json and a root file system.\nThe names\n.B runc\nand\n.B crun\n"
		"do the same, as links to berth.\n.SH OPTIONS\n", BERTH_VERSION);
	options(f, oci_rows);
	fputs(".SH COMMANDS\n", f);
	for (size_t i = 0; oci_commands[i]; i++) {
		const struct oci_command *c = oci_commands[i];

		fprintf(f, ".SS %s %s%s\n", c->name, c->rows[0].name ? "[OPTION...] " : "",
			c->args);
		text(f, c->help);
		fputs(".\n", f);
		options(f, c->rows);
	}
	fputs(".SH EXIT STATUS\nOf run and exec in the foreground: the command's own, and 128+N\n"
	      "when signal N ended it; 255 when exec could not do it; else 0, or 1 with one line\n"
	      "on standard error and in \\-\\-log.\n"
	      ".SH FILES\n.TP\n.I /run/berth\nWhere containers are known (\\-\\-root).\n"
	      ".SH SEE ALSO\n.BR berth (1)\n", f);
	return close_page(f, "berth-oci.1", e);
}

static const char bash_text[] =
	"# Completion of berth for bash.  All candidates come from berth itself.\n"
	"_berth() {\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} words last\n"
	"\tread -ra words <<<\"$line\"\n"
	"\t[[ $line != *[[:blank:]] ]] || words+=('')\n"
	"\tlocal IFS=$'\\n'\n"
	"\tCOMPREPLY=($(berth internal-complete \"${words[@]:1}\" 2>/dev/null))\n"
	"\t# bash ends a word at : and =, and puts in what comes behind\n"
	"\tlast=${words[-1]}\n"
	"\tlast=${last%\"${last##*[:=]}\"}\n"
	"\tCOMPREPLY=(\"${COMPREPLY[@]#\"$last\"}\")\n"
	"}\n"
	"complete -o default -F _berth berth\n";
static const char zsh_text[] =
	"#compdef berth\n"
	"# Completion of berth for zsh.  All candidates come from berth itself.\n"
	"local -a found\n"
	"found=(\"${(@f)$(berth internal-complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
	"found=(${found:#})\n"
	"(( $#found )) && compadd -a found || _files\n";
static const char fish_text[] =
	"# Completion of berth for fish.  All candidates come from berth itself.\n"
	"function __berth_complete\n"
	"\tset -l words (commandline -opc) (commandline -ct)\n"
	"\tberth internal-complete $words[2..-1] 2>/dev/null\n"
	"end\n"
	"complete -c berth -a '(__berth_complete)'\n";

static int completion(const char *dir, const char *name, const char *body, struct err *e)
{
	FILE *f;
	int r = open_page(dir, name, "", &f, e);

	if (r < 0)
		return r;
	fputs(body, f);
	return close_page(f, name, e);
}

/* DIR/man1, DIR/completions. */
static int run_docs(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO_FREE char *man = path_join(argv[0], "man1"), *comp = path_join(argv[0], "completions");
	int r;

	(void)c;
	(void)opts;
	(void)argc;
	if ((r = path_mkdirs(man, 0755, e)) < 0 || (r = path_mkdirs(comp, 0755, e)) < 0 ||
	    (r = main_page(man, e)) < 0 || (r = oci_page(man, e)) < 0)
		return r;
	for (size_t i = 0; commands[i]; i++)
		if (!(commands[i]->flags & CMD_HIDDEN) &&
		    (r = command_page(man, commands[i], e)) < 0)
			return r;
	if ((r = completion(comp, "berth.bash", bash_text, e)) < 0 ||
	    (r = completion(comp, "_berth", zsh_text, e)) < 0)
		return r;
	return completion(comp, "berth.fish", fish_text, e);
}

/* clang-format off */
const struct command command_internal_docs = {
	.name = "internal-docs", .args = "DIR", .summary = "Write man pages and completions",
	.min = 1, .max = 1, .flags = CMD_HIDDEN | CMD_NO_ENGINE, .run = run_docs,
};
/* clang-format on */
