/* secret.c - see secret.h.  Runs in: host. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

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
		return err_say(e, ENOENT, "no such secret: %s", name);
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
	struct dirent *de;
	DIR *d;
	int r = open_secrets(en, &dir, e);

	if (r < 0)
		return r;
	d = fdopendir(dir);
	if (!d)
		return err_set(e, errno, "read %s/secrets", en->root);
	TAKE_FD(dir);
	while ((de = readdir(d)))
		if (de->d_name[0] != '.')
			strlist_add(ret, de->d_name);
	closedir(d);
	strlist_sort(ret);
	return 0;
}

int secret_remove(const struct engine *en, const char *name, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	int r = open_secrets(en, &dir, e);

	if (r < 0)
		return r;
	if (check_name(name, e) < 0 || unlinkat(dir, name, 0) < 0)
		return err_say(e, ENOENT, "no such secret: %s", name);
	return 0;
}

static int give(int secrets, int to, const struct record_secret *s, struct err *e)
{
	AUTO_FREE char *data = NULL;
	AUTO_CLOSE int fd = -1;
	size_t n;
	int r = path_read_file(secrets, s->name, SECRET_MAX, &data, &n, e);

	if (r < 0)
		return err_say(e, -r, "no such secret: %s", s->name);
	unlinkat(to, s->name, 0);
	fd = openat(to, s->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fd_write_all(fd, data, n) < 0 || fchown(fd, s->uid, s->gid) < 0 ||
	    fchmod(fd, s->mode) < 0)
		r = err_set(e, errno, "give secret %s", s->name);
	explicit_bzero(data, n);
	return r;
}

int secret_give(const struct engine *en, const struct record *r, int run_dir,
		const struct spec_user *user, struct err *e)
{
	AUTO_CLOSE int secrets = -1, to = -1;
	int rc;

	(void)user;
	if (!r->nsecrets)
		return 0;
	if ((rc = open_secrets(en, &secrets, e)) < 0)
		return rc;
	if (mkdirat(run_dir, "secrets", 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "make a folder for secrets");
	if ((rc = path_open_dir(run_dir, "secrets", &to, e)) < 0)
		return rc;
	for (size_t i = 0; i < r->nsecrets; i++)
		if ((rc = give(secrets, to, &r->secrets[i], e)) < 0)
			return rc;
	return 0;
}
