/*
 * worker.c - berth-image: the command line by which berth calls it.
 *
 *	berth-image --root DIR COMMAND [OPTION...] [ARG...]
 *
 * Results are lines on standard output, their fields separated by tabs; an error is one line on
 * standard error and exit status 125.  Not for people: berth's own commands are.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/path.h"
#include "image/worker.h"

/* ---- load ---- */

struct load_args { const char *input, *platform, *name; bool quiet; };

static const struct opt load_rows[] = {
	{ "input", 'i', OPT_STR, offsetof(struct load_args, input), "FILE", "archive or directory" },
	{ "platform", 0, OPT_STR, offsetof(struct load_args, platform), "OS/ARCH", "which platform" },
	{ "name", 0, OPT_STR, offsetof(struct load_args, name), "NAME", "name to give it" },
	{ "quiet", 'q', OPT_BOOL, offsetof(struct load_args, quiet), NULL, "say less" },
	OPT_END
};

/* "dir/busybox.tar.gz" -> "busybox"; what is left must be good for a name, else "". */
static char *label_of(const char *path)
{
	static const char *const ends[] = { ".gz", ".zst", ".xz", ".bz2", ".tgz", ".tar", ".oci" };
	AUTO_FREE char *clean = path_clean(path);
	char *label = mem_strdup(path_base(clean));
	struct err lost = ERR_INIT;
	struct ref ref;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (str_ends(label, ends[i]))
			label[strlen(label) - strlen(ends[i])] = '\0';
	for (char *p = label; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	if (strpbrk(label, ":@/") || ref_parse(label, &ref, &lost) < 0)
		*label = '\0';
	return label;
}

static int load_open(const char *input, struct source *s, int *ret_fd, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (str_empty(input) || str_eq(input, "-")) {
		if (isatty(0))
			return err_say(e, EINVAL, "load reads an archive from standard input, which is a "
						  "terminal: give a file with -i");
		*ret_fd = 0;
		return 0;
	}
	fd = open(input, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open %s", input);
	if (S_ISDIR(st.st_mode))
		s->dir_fd = TAKE_FD(fd);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int cmd_load(const struct store *st, int argc, char **argv, struct err *e)
{
	struct load_args args = { 0 };
	AUTO(source) struct source s = { .dir_fd = -1 };
	AUTO(maker) struct maker m = { .fd = -1, .lock_fd = -1, .blobs_fd = -1 };
	AUTO_FREE char **rest = NULL;
	AUTO_FREE char *label = NULL;
	struct load_opts o;
	const char *shown;
	int n, fd = -1, r = opt_parse(load_rows, &args, argc, argv, false, &rest, &n, e);

	if (r < 0)
		return r;
	if (n > 0)
		return err_say(e, EINVAL, "load takes no argument: give the file with -i");
	r = load_open(args.input, &s, &fd, e);
	if (r == 0)
		r = worker_begin(st, &m, s.dir_fd, e);
	if (r < 0)
		return r;
	label = fd == 0 ? mem_strdup("") : label_of(args.input);
	shown = fd == 0 ? "standard input" : args.input;
	s.m = &m;
	s.label = label;
	o = (struct load_opts){ args.platform, args.name };
	if (s.dir_fd < 0)
		r = source_spool(&s, fd, e);
	if (r == 0)
		r = load_source(&s, &o, e);
	if (r < 0)
		return err_wrap(e, "load %s", shown);
	return worker_end(&m, "loaded", e);
}

/* ---- common to all ---- */

int worker_begin(const struct store *s, struct maker *m, int input_dir, struct err *e)
{
	int r = sandbox_enter(s->fd, input_dir, e);

	return r < 0 ? r : maker_begin(s, m, e);
}

int worker_end(struct maker *m, const char *verb, struct err *e)
{
	int r = maker_commit(m, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < m->nimages; i++) {
		const struct maker_image *im = &m->images[i];

		if (!*im->names)
			printf("%s\t%s\t\n", verb, im->id);
		for (char **n = im->names; *n; n++)
			printf("%s\t%s\t%s\n", verb, im->id, *n);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const struct store *s, int argc, char **argv, struct err *e);
} commands[] = {
	{ "load", cmd_load },
};

static int worker_run(int argc, char **argv, struct err *e)
{
	AUTO(store) struct store *s = NULL;
	int r;

	if (argc < 4 || !str_eq(argv[1], "--root"))
		return err_say(e, EINVAL, "berth-image is called by berth: berth-image --root DIR COMMAND");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!str_eq(commands[i].name, argv[3]))
			continue;
		r = store_open(argv[2], &s, e);
		return r < 0 ? r : commands[i].run(s, argc - 3, argv + 3, e);
	}
	return err_say(e, EINVAL, "berth-image has no command \"%s\"", argv[3]);
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;

	/* names of files in archives are bytes; this locale keeps libarchive from changing them */
	setlocale(LC_CTYPE, "C.UTF-8");
	umask(0);
	signal(SIGPIPE, SIG_IGN);
	fd_fill_std();
	if (worker_run(argc, argv, &e) < 0) {
		log_error(&e);
		return e.status ? e.status : ERR_STATUS_ENGINE;
	}
	if (fflush(stdout) != 0) {
		err_set(&e, errno, "write the result");
		log_error(&e);
		return ERR_STATUS_ENGINE;
	}
	return 0;
}
