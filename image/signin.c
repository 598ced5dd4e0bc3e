/* signin.c - asking for a name and a password, trying them, keeping them. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/registry.h"
#include "image/signin.h"

#define WORD_MAX 4096

static int read_line(int fd, char **ret, struct err *e)
{
	AUTO_FREE char *line = mem_alloc(WORD_MAX);
	size_t n = 0;

	for (;;) {
		ssize_t r = read(fd, line + n, 1);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_set(e, errno, "read");
		if (r == 0 || line[n] == '\n')
			break;
		if (++n == WORD_MAX - 1)
			return err_say(e, EINVAL, "a name or password has at most %d bytes",
				       WORD_MAX - 2);
	}
	if (n > 0 && line[n - 1] == '\r')
		n--;
	line[n] = '\0';
	*ret = TAKE(line);
	return 0;
}

/* On the terminal, whatever standard input is; what is secret is not shown. */
static int ask(const char *question, bool secret, char **ret, struct err *e)
{
	AUTO_CLOSE int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios was, now;
	bool hidden = false;
	int r;

	if (tty < 0)
		return err_say(
			e, EINVAL,
			"login: there is no terminal to ask on: give -u and --password-stdin");
	dprintf(tty, "%s: ", question);
	if (secret && tcgetattr(tty, &was) == 0) {
		now = was;
		now.c_lflag &= ~(tcflag_t)ECHO;
		hidden = tcsetattr(tty, TCSAFLUSH, &now) == 0;
	}
	r = read_line(tty, ret, e);
	if (hidden) {
		tcsetattr(tty, TCSAFLUSH, &was);
		dprintf(tty, "\n");
	}
	return r;
}

static int get_words(const struct signin_opts *o, struct login *l, struct err *e)
{
	int r = 0;

	if (o->user)
		l->user = mem_strdup(o->user);
	else if (o->password_stdin)
		return err_say(e, EINVAL, "login: --password-stdin needs the name with -u");
	else
		r = ask("Username", false, &l->user, e);
	if (r < 0)
		return r;
	if (o->password_stdin)
		r = read_line(0, &l->password, e);
	else if (o->password)
		l->password = mem_strdup(o->password);
	else
		r = ask("Password", true, &l->password, e);
	if (r == 0 && (!*l->user || strchr(l->user, ':')))
		r = err_say(e, EINVAL, "login: a user name is not empty and has no colon");
	return r;
}

/* A host is looked up as a repository on it would be. */
static int find_place(const char *host, const struct signin_opts *o, struct places *ret,
		      struct err *e)
{
	AUTO_FREE char *name = mem_printf("%s/login", host);
	struct ref r;
	int code = ref_parse(name, &r, e);

	if (code < 0 || !str_eq(r.domain, str_eq(host, "index.docker.io") ? "docker.io" : host))
		return err_say(e, EINVAL, "login: \"%.200s\" is no host[:port]", host);
	code = registries_find(&r, false, o->no_tls ? 0 : o->tls ? 1 : -1, ret, e);
	if (code == 0)
		*ret->v[0].repo = '\0';
	return code;
}

int signin_login(const struct store *s, const char *host, const struct signin_opts *o,
		 struct err *e)
{
	AUTO(places) struct places places = { .n = 0 };
	AUTO(login) struct login l = { 0 };
	AUTO(registry) struct registry g = { 0 };
	AUTO_FREE char *file = login_file(o->authfile);
	int r = find_place(host, o, &places, e);

	(void)s;
	if (r == 0)
		r = get_words(o, &l, e);
	if (r < 0)
		return r;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	r = registry_open(&g, &places.v[0], &l, "pull", NULL, e);
	if (r == -EACCES)
		return err_say(e, EACCES,
			       "login: registry %s does not accept the user name or the password",
			       host);
	if (r == 0)
		r = registry_prove(&g, e);
	if (r == 0)
		r = login_store(places.v[0].name, o->authfile, l.user, l.password, e);
	if (r < 0)
		return err_wrap(e, "login");
	printf("Login succeeded, kept in %s\n", file);
	return 0;
}

int signin_logout(const char *host, const char *authfile, struct err *e)
{
	AUTO_FREE char *file = login_file(authfile);
	int r = login_store(host, authfile, NULL, NULL, e);

	if (r < 0)
		return r;
	if (r == 0 && host)
		return err_say(e, ENOENT, "logout: %s has nothing for %.200s", file, host);
	printf("Removed the login of %s\n", host ? host : "all registries");
	return 0;
}

int signin_show(const char *host, const char *authfile, struct err *e)
{
	AUTO(login) struct login l = { 0 };
	int r = login_find(host, "", authfile, &l, e);

	if (r < 0)
		return r;
	if (!l.user)
		return err_say(e, ENOENT, "login: there is none for %.200s", host);
	printf("%s\n", l.user);
	return 0;
}
