/* secret.c - see secret.h.  Runs in: host. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/secret.h"

static int open_secrets(const struct engine *en, int *ret, struct err *e)
{
	if (mkdirat(en->root_fd, "secrets", 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "make %s/secrets", en->root);
	return path_open_dir(en->root_fd, "secrets", ret, e);
}

static int check_name(const char *name, struct err *e)
{
	if (record_name_check(name, e) < 0)
		return err_say(e, EINVAL,
			       "secret name '%s': only letters, digits, and then _.- are allowed",
			       name);
	return 0;
}

static int none_such(const char *name, struct err *e)
{
	err_say(e, ENOENT, "no such secret: %s", name);
	return err_status(e, ERR_STATUS_NONE);
}

/* The id is a hash of name and time: it says which one, and nothing of what is inside. */
static void make_id(const char *name, const struct stat *st, char ret[static 26])
{
	uint64_t a = str_hash(name, strlen(name), 0);
	uint64_t b = str_hash(&st->st_mtim, sizeof(st->st_mtim), a);
	AUTO_FREE char *text = mem_printf("%016llx%09llx", (unsigned long long)a,
					  (unsigned long long)(b & 0xfffffffff));

	memcpy(ret, text, 25);
	ret[25] = 0;
}

int secret_load(const struct engine *en, const char *name, struct secret_info *ret, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	struct stat st;
	int r = open_secrets(en, &dir, e);

	if (r < 0)
		return r;
	if (check_name(name, e) < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return none_such(name, e);
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->name, name, strlen(name) + 1);
	make_id(name, &st, ret->id);
	ret->created_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	ret->size = (uint64_t)st.st_size;
	return 0;
}

int secret_create(const struct engine *en, const char *name, const void *data, size_t n,
		  bool replace, char ret_id[static 26], struct err *e)
{
	AUTO_CLOSE int dir = -1;
	struct secret_info info;
	int r;

	if (n > SECRET_MAX)
		return err_say(e, EFBIG, "secret %s: more than %u bytes", name, SECRET_MAX);
	if ((r = check_name(name, e)) < 0 || (r = open_secrets(en, &dir, e)) < 0)
		return r;
	if ((r = fd_lock(dir, true, true)) < 0)
		return err_set(e, -r, "lock %s/secrets", en->root);
	if (!replace && path_exists(dir, name))
		return err_say(e, EEXIST, "secret %s exists already", name);
	if ((r = path_write_file(dir, name, data, n, 0600, true, e)) < 0 ||
	    (r = secret_load(en, name, &info, e)) < 0)
		return r;
	memcpy(ret_id, info.id, 26);
	return 0;
}

int secret_list(const struct engine *en, struct strlist *ret, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	int r = open_secrets(en, &dir, e);

	if (r == 0 && (r = path_list(dir, ".", ret)) < 0)
		return err_set(e, -r, "read %s/secrets", en->root);
	return r;
}

void secret_tidy(const struct engine *en)
{
	AUTO_CLOSE int dir = openat(en->root_fd, "secrets", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir >= 0)
		path_tidy(dir);
}

int secret_remove(const struct engine *en, const char *name, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	int r = open_secrets(en, &dir, e);

	if (r < 0)
		return r;
	if (check_name(name, e) < 0 || unlinkat(dir, name, 0) < 0)
		return none_such(name, e);
	return 0;
}

/* ---- at the birth ---- */

static int read_secret(int secrets, const char *name, char **ret, size_t *ret_n, struct err *e)
{
	struct err why = ERR_INIT;
	int r = path_read_file(secrets, name, SECRET_MAX, ret, ret_n, &why);

	return r < 0 ? err_say(e, -r, "no such secret: %s", name) : 0;
}

static uint32_t host_id(const struct spec_idmaps *m, uint32_t id)
{
	for (size_t i = 0; i < m->n; i++)
		if (id >= m->v[i].container_id && id - m->v[i].container_id < m->v[i].size)
			return m->v[i].host_id + (id - m->v[i].container_id);
	return id;
}

struct in_child { const struct engine *en; const struct record *r; const struct spec *s; };

/* One file of the tmpfs, as a mount of its own. */
static int make_file(int secrets, int tmpfs, size_t index, const struct in_child *in, int *ret,
		     struct err *e)
{
	const struct record_secret *w = &in->r->secrets[index];
	AUTO_FREE char *data = NULL;
	AUTO_FREE char *name = mem_printf("%zu", index);
	AUTO_CLOSE int fd = -1;
	size_t n;
	int r = read_secret(secrets, w->name, &data, &n, e);

	if (r < 0)
		return r;
	fd = openat(tmpfs, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || fd_write_all(fd, data, n) < 0 ||
	    fchown(fd, host_id(&in->s->uids, w->uid), host_id(&in->s->gids, w->gid)) < 0 ||
	    fchmod(fd, w->mode) < 0)
		r = err_set(e, errno, "give secret %s", w->name);
	explicit_bzero(data, n);
	if (r == 0 &&
	    (*ret = sys_open_tree(tmpfs, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)) < 0)
		r = err_set(e, errno, "give secret %s", w->name);
	return r;
}

/* Before Linux 6.15 only what is attached can be cloned: so it is, in a mount namespace that ends
 * with this child. */
static int make_in_child(void *ctx, int *fds, size_t *n, struct err *e)
{
	const struct in_child *in = ctx;
	AUTO_CLOSE int fs = -1, tmpfs = -1, secrets = -1;
	int rc = open_secrets(in->en, &secrets, e);

	if (rc < 0)
		return rc;
	if (sys_unshare(CLONE_NEWNS) < 0 ||
	    sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(e, errno, "make a mount namespace for secrets");
	fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0 || sys_fsconfig(fs, SYS_FSCONFIG_SET_STRING, "mode", "0700", 0) < 0)
		return err_set(e, errno, "make a tmpfs for secrets");
	sys_fsconfig(fs, SYS_FSCONFIG_SET_FLAG, "noswap", NULL, 0);	/* since 6.4 */
	if (sys_fsconfig(fs, SYS_FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ||
	    (tmpfs = sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				 MOUNT_ATTR_NOEXEC)) < 0 ||
	    sys_move_mount(tmpfs, "", AT_FDCWD, in->en->run, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "make a tmpfs for secrets");
	*n = 0;
	for (size_t i = 0; rc == 0 && i < in->r->nsecrets; i++)
		if (!in->r->secrets[i].env)
			rc = make_file(secrets, tmpfs, i, in, &fds[(*n)++], e);
	return rc;
}

static struct spec_mount *mount_of(struct spec *s, const char *target)
{
	for (size_t i = 0; i < s->nmounts; i++)
		if (str_eq(s->mounts[i].destination, target) &&
		    str_eq(s->mounts[i].source, SECRET_SOURCE))
			return &s->mounts[i];
	return NULL;
}

static int variable(int secrets, const struct record_secret *w, struct strlist *ret, struct err *e)
{
	AUTO_FREE char *data = NULL;
	size_t n;
	int r = read_secret(secrets, w->name, &data, &n, e);

	if (r < 0)
		return r;
	if (strlen(data) != n)
		return err_say(e, EINVAL, "secret %s: has a NUL byte: it cannot be a variable",
			       w->name);
	strlist_addf(ret, "%s=%s", w->target, data);
	explicit_bzero(data, n);
	return 0;
}

int secret_env(const struct engine *en, const struct record *r, bool ignore_gone,
	       struct arena *a, struct spec_process *p, struct err *e)
{
	AUTO(strlist) struct strlist env = STRLIST_INIT;
	AUTO_CLOSE int secrets = -1;
	int rc = r->nsecrets ? open_secrets(en, &secrets, e) : 0;

	for (size_t i = 0; rc == 0 && i < r->nsecrets; i++) {
		struct err one = ERR_INIT;

		if (r->secrets[i].env && variable(secrets, &r->secrets[i], &env, &one) < 0 &&
		    !ignore_gone) {
			*e = one;
			rc = -one.code;
		}
	}
	if (rc == 0 && env.n)
		p->secret_env = arena_strv(a, env.v);
	for (size_t i = 0; i < env.n; i++)
		explicit_bzero(env.v[i], strlen(env.v[i]));
	return rc;
}

int secret_give(const struct engine *en, const struct record *r, struct spec *s, struct err *e)
{
	struct in_child in = { en, r, s };
	int fds[SECRETS_MAX], rc;
	size_t n = SECRETS_MAX, files = 0, k = 0;

	for (size_t i = 0; i < r->nsecrets; i++)
		files += !r->secrets[i].env;
	if ((rc = secret_env(en, r, false, s->arena, &s->process, e)) < 0)
		return rc;
	if (files == 0)
		return 0;
	if ((rc = child_fds(make_in_child, &in, fds, &n, e)) < 0)
		return rc;
	if (n != files)
		return err_say(e, EPROTO, "give secrets: %zu of %zu came", n, files);
	for (size_t i = 0; i < r->nsecrets; i++) {
		struct spec_mount *m;

		if (r->secrets[i].env)
			continue;
		m = mount_of(s, r->secrets[i].target);
		if (!m)
			return err_say(e, EINVAL, "secret %s has no mount", r->secrets[i].name);
		m->source_fd = fds[k++];
	}
	return 0;
}
