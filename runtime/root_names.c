/* root_names.c - see root_names.h.  Runs in: host. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "runtime/root_names.h"

#define FILE_MAX_BYTES (4u << 20)

/* Field i of a line (up to its end or a newline). */
static const char *field(const char *line, unsigned i, size_t *ret_n)
{
	for (; i; i--) {
		line += strcspn(line, ":\n");
		if (*line == ':')
			line++;
	}
	*ret_n = strcspn(line, ":\n");
	return line;
}

static bool same_field(const char *a, const char *b, unsigned i)
{
	size_t n, m;
	const char *x = field(a, i, &n), *y = field(b, i, &m);

	return n == m && memcmp(x, y, n) == 0;
}

/* By name or by id. */
static bool has_line(const char *text, const char *line)
{
	while (*text) {
		if (same_field(text, line, 0) || same_field(text, line, 2))
			return true;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return false;
}

/* 1: it was added.  What is opened to be written to is a file, whatever the image has there. */
static int add_line(int root_fd, const char *path, const char *line, struct err *e)
{
	AUTO_CLOSE int at = path_try_open_in(root_fd, path, O_PATH, 0);
	AUTO_CLOSE int fd = -1;
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *all = NULL;
	struct stat st;
	char link[32];
	size_t n;
	int r;

	if (at < 0 || fstat(at, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	fd = open(path_of_fd(at, link), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open %s of the container", path);
	if ((r = fd_read_all(fd, FILE_MAX_BYTES, &text, &n)) < 0)
		return err_set(e, -r, "read %s of the container", path);
	if (has_line(text, line))
		return 0;
	fd_close(&fd);
	all = mem_printf("%s%s\n", n && text[n - 1] != '\n' ? "\n" : "", line);
	fd = open(path_of_fd(at, link), O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0 || fd_write_all(fd, all, strlen(all)) < 0)
		return err_set(e, errno, "write %s of the container", path);
	return 1;
}

int root_names_host(int root_fd, const struct record *r, struct err *e)
{
	for (char **p = r->host_users; *p; p++)
		if (add_line(root_fd, "etc/passwd", *p, e) < 0)
			return -e->code;
	return 0;
}

struct word { const char *name, *value; };

/* The longest name first: $UID is no beginning of $USERNAME, but $NAME could be of another. */
static void expand(const char *text, const struct word *words, size_t n, struct strbuf *b)
{
	while (*text) {
		size_t i = 0, len = 0;

		for (; i < n; i++) {
			len = strlen(words[i].name);
			if (strncmp(text, words[i].name, len) == 0)
				break;
		}
		if (i < n)
			strbuf_adds(b, words[i].value);
		else
			strbuf_addc(b, *text);
		text += i < n ? len : 1;
	}
}

/* What HOME will be: that of the environment, or the root as for everybody without a line. */
static const char *home_of(const struct record *r)
{
	const char *v;

	for (char **p = r->spec->process.env; p && *p; p++)
		if ((v = str_after(*p, "HOME=")) && !strpbrk(v, ":\n"))
			return v;
	return "/";
}

int root_names_user(int root_fd, const struct record *r, const struct spec_user *u, struct err *e)
{
	AUTO_FREE char *uid = mem_printf("%u", u->uid);
	AUTO_FREE char *gid = mem_printf("%u", u->gid);
	const char *user = r->user ? r->user : "", *colon = strchr(user, ':');
	AUTO_FREE char *name = mem_strndup(user, strcspn(user, ":"));
	const struct word words[] = {
		{ "$USERNAME", name }, { "$USERLIST", name }, { "$GROUPNAME", gid },
		{ "$UID", uid }, { "$GID", gid }, { "$NAME", "container user" },
		{ "$HOME", home_of(r) },
	};
	const struct {
		const char *file, *number, *text, *entry;
	} rows[] = {
		{ "etc/group", colon ? colon + 1 : "", gid,
		  r->group_entry ? r->group_entry : "$GROUPNAME:x:$GID:$USERLIST" },
		{ "etc/passwd", name, uid,
		  r->passwd_entry ? r->passwd_entry : "$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh" },
	};
	int added = 0;

	for (size_t i = 0; r->passwd && i < ARRAY_SIZE(rows); i++) {
		AUTO(strbuf) struct strbuf line = STRBUF_INIT;
		int got;

		/* a name was found, or the look has failed */
		if (!str_eq(rows[i].number, rows[i].text))
			continue;
		expand(rows[i].entry, words, ARRAY_SIZE(words), &line);
		got = add_line(root_fd, rows[i].file, line.s, e);
		if (got < 0)
			return got;
		added |= got;
	}
	return added;
}
