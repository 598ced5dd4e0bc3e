/* login.c - finding and keeping credentials. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "image/login.h"

#define AUTHFILE_MAX (1u << 20)
#define HELPER_MAX (64u << 10)
#define LOGIN_ARENA (256u << 20)

extern char **environ;

void login_cleanup(struct login *l)
{
	free(l->user);
	free(l->password);
	free(l->identity);
	*l = (struct login){ 0 };
}

/* ---- files ---- */

static void default_files(struct strlist *l)
{
	const char *v;

	if ((v = getenv("XDG_RUNTIME_DIR")) && *v)
		strlist_addf(l, "%s/containers/auth.json", v);
	strlist_addf(l, "/run/containers/%u/auth.json", (unsigned)geteuid());
	if ((v = getenv("XDG_CONFIG_HOME")) && *v)
		strlist_addf(l, "%s/containers/auth.json", v);
	else if ((v = getenv("HOME")) && *v)
		strlist_addf(l, "%s/.config/containers/auth.json", v);
	if ((v = getenv("DOCKER_CONFIG")) && *v)
		strlist_addf(l, "%s/config.json", v);
	else if ((v = getenv("HOME")) && *v)
		strlist_addf(l, "%s/.docker/config.json", v);
}

char *login_file(const char *authfile)
{
	const char *env = getenv("REGISTRY_AUTH_FILE");
	AUTO(strlist) struct strlist l = STRLIST_INIT;

	if (!str_empty(authfile))
		return mem_strdup(authfile);
	if (!str_empty(env))
		return mem_strdup(env);
	default_files(&l);
	return mem_strdup(l.v[0]);
}

/* 0 and *ret NULL when the file is not there. */
static int read_file(struct arena *a, const char *path, const struct json **ret, struct err *e)
{
	AUTO_FREE char *text = NULL;
	struct err why = ERR_INIT;
	size_t n;
	int r = path_read_file(AT_FDCWD, path, AUTHFILE_MAX, &text, &n, &why);

	*ret = NULL;
	if (r == -ENOENT || r == -ENOTDIR || r == -EACCES)
		return 0;
	if (r < 0) {
		*e = why;
		return r;
	}
	if (n == 0)
		return 0;
	return json_parse(a, text, n, (struct json_limits){ AUTHFILE_MAX, 16 }, path, ret, e);
}

/* ---- keys ---- */

/* Docker writes "https://index.docker.io/v1/" for its own hub. */
static char *normal_key(const char *key)
{
	const char *p = str_after(key, "https://");
	char *k;
	size_t n;

	if (!p)
		p = str_after(key, "http://");
	k = mem_strdup(p ? p : key);
	n = strlen(k);
	while (n > 0 && k[n - 1] == '/')
		k[--n] = '\0';
	for (size_t i = 0; i < 2; i++) {
		const char *const ends[] = { "/v1", "/v2" };

		if (str_ends(k, ends[i]))
			k[strlen(k) - 3] = '\0';
	}
	if (str_eq(k, "index.docker.io") || str_eq(k, "registry-1.docker.io")) {
		free(k);
		return mem_strdup("docker.io");
	}
	return k;
}

/* How much of host/repo the key covers; 0: nothing. */
static size_t key_fits(const char *key, const char *host, const char *repo)
{
	AUTO_FREE char *k = normal_key(key);
	AUTO_FREE char *full = mem_printf("%s/%s", host, repo);
	size_t n = strlen(k);

	if (strncmp(full, k, n) != 0 || (full[n] != '/' && full[n] != '\0'))
		return 0;
	return n;
}

static const struct json *best_member(const struct json *obj, const char *host, const char *repo)
{
	const struct json *best = NULL;
	size_t most = 0;

	if (!obj || obj->type != JSON_OBJECT)
		return NULL;
	for (const struct json *m = obj->child; m; m = m->next) {
		size_t n = key_fits(m->key, host, repo);

		if (n > most) {
			most = n;
			best = m;
		}
	}
	return best;
}

/* ---- helpers ---- */

static int run_helper(const char *program, const char *server, struct strbuf *out, struct err *e)
{
	char *argv[] = { (char *)(uintptr_t)program, (char *)"get", NULL };
	posix_spawn_file_actions_t act;
	int in[2], back[2], status, r;
	char buf[4096];
	ssize_t n;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	if (pipe2(back, O_CLOEXEC) < 0) {
		close(in[0]);
		close(in[1]);
		return err_set(e, errno, "make a pipe");
	}
	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_adddup2(&act, in[0], 0);
	posix_spawn_file_actions_adddup2(&act, back[1], 1);
	r = posix_spawnp(&pid, program, &act, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&act);
	close(in[0]);
	close(back[1]);
	if (r == 0)
		fd_write_all(in[1], server, strlen(server));
	close(in[1]);
	while (r == 0 && (n = read(back[0], buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || out->len + (size_t)n > HELPER_MAX)
			break;
		strbuf_add(out, buf, (size_t)n);
	}
	close(back[0]);
	if (r != 0)
		return err_set(e, r, "start credential helper %s", program);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		if (out->len && strstr(out->s, "credentials not found"))
			return 0;
		return err_say(e, EACCES, "credential helper %s failed", program);
	}
	return 1;
}

static int ask_helper(const char *helper, const char *server, struct login *ret, struct err *e)
{
	AUTO_FREE char *program = NULL;
	AUTO(strbuf) struct strbuf out = STRBUF_INIT;
	AUTO(arena) struct arena *a = NULL;
	const struct json *doc;
	const char *user, *secret;
	int r;

	if (!*helper ||
	    strspn(helper, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
		    strlen(helper))
		return err_say(e, EINVAL, "credential helper \"%.64s\" is no plain name", helper);
	program = mem_printf("docker-credential-%s", helper);
	r = run_helper(program, server, &out, e);
	if (r <= 0)
		return r;
	a = arena_new(LOGIN_ARENA);
	r = json_parse(a, out.s, out.len, (struct json_limits){ HELPER_MAX, 8 }, program, &doc, e);
	if (r < 0)
		return r;
	user = json_str(json_get(doc, "Username"));
	secret = json_str(json_get(doc, "Secret"));
	if (!user || !secret)
		return err_say(e, EINVAL,
			       "credential helper %s answers without Username and Secret", program);
	if (str_eq(user, "<token>")) {
		ret->identity = mem_strdup(secret);
	} else {
		ret->user = mem_strdup(user);
		ret->password = mem_strdup(secret);
	}
	return 1;
}

/* ---- finding ---- */

static int read_auth(const struct json *m, const char *path, struct login *ret, struct err *e)
{
	const char *auth = json_str(json_get(m, "auth"));
	const char *identity = json_str(json_get(m, "identitytoken"));
	AUTO_FREE char *plain = NULL;
	const char *colon;
	size_t n;

	if (!str_empty(identity)) {
		ret->identity = mem_strdup(identity);
		return 1;
	}
	if (str_empty(auth))
		return 0;
	plain = base64_decode(auth, &n);
	colon = plain ? memchr(plain, ':', n) : NULL;
	if (!colon || strlen(plain) != n)
		return err_say(e, EINVAL, "%s: the entry of %s is damaged", path, m->key);
	ret->user = mem_strndup(plain, (size_t)(colon - plain));
	ret->password = mem_strdup(colon + 1);
	return 1;
}

/* 1: found. */
static int find_in(const char *path, const char *host, const char *repo, struct login *ret,
		   struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(LOGIN_ARENA);
	const struct json *doc, *m;
	const char *helper;
	int r = read_file(a, path, &doc, e);

	if (r < 0 || !doc)
		return r;
	helper = json_str(best_member(json_get(doc, "credHelpers"), host, repo));
	if (!str_empty(helper))
		return ask_helper(helper, host, ret, e);
	m = best_member(json_get(doc, "auths"), host, repo);
	if (m) {
		r = read_auth(m, path, ret, e);
		if (r != 0)
			return r;
	}
	helper = json_str(json_get(doc, "credsStore"));
	if (!str_empty(helper))
		return ask_helper(helper,
				  str_eq(host, "docker.io") ? "https://index.docker.io/v1/" : host,
				  ret, e);
	return 0;
}

int login_find(const char *host, const char *repo, const char *authfile, struct login *ret,
	       struct err *e)
{
	const char *env = getenv("REGISTRY_AUTH_FILE");
	AUTO(strlist) struct strlist l = STRLIST_INIT;
	struct login found = { 0 };

	if (!str_empty(authfile))
		strlist_add(&l, authfile);
	else if (!str_empty(env))
		strlist_add(&l, env);
	else
		default_files(&l);
	for (size_t i = 0; i < l.n; i++) {
		int r = find_in(l.v[i], host, repo, &found, e);

		if (r < 0)
			return r;
		if (r > 0)
			break;
	}
	*ret = found;
	return 0;
}

int login_find_or(const char *creds, const char *own, const char *host, const char *repo,
		  const char *authfile, struct login *ret, struct err *e)
{
	const char *colon = creds ? strchr(creds, ':') : NULL;

	if (!creds || !str_eq(own, host))
		return login_find(host, repo, authfile, ret, e);
	if (!colon || colon == creds)
		return err_say(e, EINVAL, "--creds: expected USER:PASSWORD");
	*ret = (struct login){ .user = mem_strndup(creds, (size_t)(colon - creds)),
			       .password = mem_strdup(colon + 1) };
	return 0;
}

/* ---- keeping ---- */

static void write_others(struct json_out *o, const struct json *auths, const char *host, int *was)
{
	for (const struct json *m = auths ? auths->child : NULL; m; m = m->next) {
		AUTO_FREE char *k = normal_key(m->key);

		if (!host || str_eq(k, host))
			*was = 1;
		else
			json_out_value(o, m->key, m);
	}
}

/* Two that change the file take turns, by a lock on its folder.  Nobody else has a lock for it:
 * podman and skopeo just write. */
static int lock_folder(const char *path, bool make, int *ret, struct err *e)
{
	size_t n = (size_t)(path_base(path) - path);
	AUTO_FREE char *dir = n ? mem_strndup(path, n) : mem_strdup(".");
	AUTO_CLOSE int fd = -1;
	int r = make ? path_mkdirs(dir, 0700, e) : 0;

	if (r < 0)
		return r;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && !make && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (fd < 0 || fd_lock(fd, true, true) < 0)
		return err_set(e, errno, "lock %s", dir);
	*ret = TAKE_FD(fd);
	return 0;
}

int login_store(const char *host, const char *authfile, const char *user, const char *password,
		struct err *e)
{
	AUTO(arena) struct arena *a = arena_new(LOGIN_ARENA);
	AUTO_FREE char *path = login_file(authfile);
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	AUTO_CLOSE int lock = -1;
	const struct json *doc;
	struct json_out o;
	int was = 0, r = lock_folder(path, user != NULL, &lock, e);

	if (r == 0)
		r = read_file(a, path, &doc, e);
	if (r < 0)
		return r;
	json_out_init(&o, &b, 2);
	json_out_obj(&o, NULL);
	json_out_obj(&o, "auths");
	write_others(&o, json_get(doc, "auths"), host, &was);
	if (user) {
		AUTO_FREE char *both = mem_printf("%s:%s", user, password);
		AUTO_FREE char *auth = base64_encode(both, strlen(both));

		json_out_obj(&o, host);
		json_out_str(&o, "auth", auth);
		json_out_end_obj(&o);
	}
	json_out_end_obj(&o);
	for (const struct json *m = doc && doc->type == JSON_OBJECT ? doc->child : NULL; m;
	     m = m->next)
		if (!str_eq(m->key, "auths"))
			json_out_value(&o, m->key, m);
	json_out_end_obj(&o);
	strbuf_addc(&b, '\n');
	if (!user && !was)
		return 0;
	r = path_write_file(AT_FDCWD, path, b.s, b.len, 0600, true, e);
	return r < 0 ? r : was;
}
