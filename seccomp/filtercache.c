/*
 * filtercache.c - compiled filters on disk.
 *
 * One file per filter, named by a hash of its key: a header, the key (all that the
 * filter depends on, byte by byte), the instructions.  A filter is used only when
 * the file is ours, nobody else can write it, the whole key is equal (so a
 * collision of the short hash harms nobody), the sum over all bytes agrees and the
 * instructions are sound.  Files appear by rename, so any number of writers may
 * race; all of them write the same.
 */
#include "seccomp/compile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"

enum { MAGIC = 0x31465362, MAX_KEY = 1 << 20, MAX_FILES = 256 };

struct header {
	uint32_t magic;
	uint32_t key_n;
	uint32_t n;		/* instructions */
	uint32_t zero;
	uint64_t sum;		/* over the header with sum 0, key and instructions */
};

static void name_of(const void *key, size_t key_n, char name[static 24])
{
	snprintf(name, 24, "%016llx.bpf", (unsigned long long)str_hash(key, key_n, 0));
}

static uint64_t sum_of(const struct header *h, const void *rest, size_t n)
{
	struct header copy = *h;

	copy.sum = 0;
	return str_hash(rest, n, str_hash(&copy, sizeof(copy), 0));
}

static bool is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & 022) == 0 &&
	       st->st_size >= (off_t)sizeof(struct header) &&
	       st->st_size <= (off_t)(sizeof(struct header) + MAX_KEY +
				      BPF_MAXINSNS * sizeof(struct sock_filter));
}

bool filtercache_load(int dirfd, const void *key, size_t key_n, struct arena *a,
		      struct sock_filter **ret_insns, uint32_t *ret_n)
{
	AUTO_FREE char *data = NULL;
	AUTO_CLOSE int fd = -1;
	char name[24];
	struct header h;
	struct stat st;
	struct sock_filter *insns;
	size_t rest;

	name_of(key, key_n, name);
	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !is_ours(&st))
		return false;
	if (fd_read_full(fd, &h, sizeof(h)) != (ssize_t)sizeof(h))
		return false;
	rest = (size_t)st.st_size - sizeof(h);
	if (h.magic != MAGIC || h.zero || h.key_n != key_n || h.n == 0 || h.n > BPF_MAXINSNS ||
	    rest != key_n + h.n * sizeof(*insns))
		return false;
	data = mem_alloc(rest);
	if (fd_read_full(fd, data, rest) != (ssize_t)rest)
		return false;
	if (memcmp(data, key, key_n) != 0 || sum_of(&h, data, rest) != h.sum)
		return false;
	insns = arena_array(a, h.n, sizeof(*insns));
	memcpy(insns, data + key_n, h.n * sizeof(*insns));
	if (!bpfcheck_sound(insns, h.n))
		return false;
	*ret_insns = insns;
	*ret_n = h.n;
	return true;
}

/* Profiles come and go (one per pod, say): beyond a bound all files go, and those in use come
 * back with their next use. */
static void bound_files(int dirfd)
{
	AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *d;
	size_t n = 0;
	DIR *dir;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return;
	(void)TAKE_FD(fd);
	while ((d = readdir(dir)))
		n++;
	if (n > MAX_FILES) {
		rewinddir(dir);
		while ((d = readdir(dir)))
			if (str_ends(d->d_name, ".bpf"))
				unlinkat(dirfd, d->d_name, 0);
	}
	closedir(dir);
}

void filtercache_save(int dirfd, const void *key, size_t key_n, const struct sock_filter *insns,
		      uint32_t n)
{
	size_t rest = key_n + n * sizeof(*insns);
	AUTO_FREE char *data = NULL;
	struct header h = { .magic = MAGIC, .key_n = (uint32_t)key_n, .n = n };
	struct err ignored = ERR_INIT;
	char name[24];

	if (key_n > MAX_KEY)
		return;
	data = mem_alloc(sizeof(h) + rest);
	memcpy(data + sizeof(h), key, key_n);
	memcpy(data + sizeof(h) + key_n, insns, n * sizeof(*insns));
	h.sum = sum_of(&h, data + sizeof(h), rest);
	memcpy(data, &h, sizeof(h));
	name_of(key, key_n, name);
	bound_files(dirfd);
	/* Nobody waits for the disk: a file lost in a power cut is made again. */
	(void)path_write_file(dirfd, name, data, sizeof(h) + rest, 0600, false, &ignored);
}

int filter_cache_open(const char *root, int *ret_dirfd)
{
	AUTO_FREE char *path = mem_printf("%s/cache/seccomp", root);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct err ignored = ERR_INIT;
	struct stat st;
	int rc;

	if (fd < 0 && errno == ENOENT) {
		/* ROOT itself is passed through by users of containers with user namespaces. */
		rc = path_mkdirs(root, 0711, &ignored);
		if (rc == 0)
			rc = path_mkdirs(path, 0700, &ignored);
		if (rc < 0)
			return rc;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return -EPERM;
	*ret_dirfd = TAKE_FD(fd);
	return 0;
}
