/*
 * path.h - paths are descriptors: opening below a root, files that are whole or not there.
 *
 * Used by every program.  Whatever lies under a root that we do not own is reached
 * through path_open_in and its kin, which let the kernel resolve with openat2
 * (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS), so no symlink leads out.
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* Opens `path` (absolute or relative: both start at rootfd) inside rootfd's tree.  flags as
 * open(2), O_CLOEXEC added.  -EXDEV never escapes: an absolute symlink stays inside. */
int path_open_in(int rootfd, const char *path, int flags, mode_t mode, int *ret, struct err *e);
/* The same, without a message. */
int path_try_open_in(int rootfd, const char *path, int flags, mode_t mode);
/* As path_try_open_in, but the last component is not followed if it is a symlink. */
int path_try_open_nofollow_in(int rootfd, const char *path, int flags);

/* mkdir -p inside rootfd, following symlinks only inside it; new directories get mode
 * (not the umask) and the owner.  *ret is an O_PATH descriptor of the last (may be NULL). */
int path_mkdir_in(int rootfd, const char *path, mode_t mode, uid_t uid, gid_t gid, int *ret,
		  struct err *e);
/* Makes an empty file (0644) at path unless something is there, and its parents (0755).
 * *ret is an O_PATH descriptor. */
int path_touch_in(int rootfd, const char *path, int *ret, struct err *e);
/* Opens the parent directory of path inside rootfd (O_PATH) and points *ret_name at the last
 * component (in a static or given string: it lies within `path`).  ".." or "" is -EINVAL. */
int path_parent_in(int rootfd, const char *path, int *ret_fd, const char **ret_name,
		   struct err *e);

/* Our own folders: mkdir -p of an ordinary host path (symlinks followed). */
int path_mkdirs(const char *path, mode_t mode, struct err *e);
/* O_RDONLY|O_DIRECTORY */
int path_open_dir(int dirfd, const char *name, int *ret, struct err *e);

/* A file that is there whole or not at all: temporary name, write, [fsync,] rename[, fsync of
 * the folder].  durable: it must outlive a power cut.  The temporary name is ".tmp-NAME": a
 * writer that is killed leaves one at most, which the next writer takes; who lists the folder
 * skips names that begin with a dot. */
int path_write_file(int dirfd, const char *name, const void *data, size_t n, mode_t mode,
		    bool durable, struct err *e);
/* Several of one folder, in this order, with one wait for the disk: all are written before the
 * first is renamed. */
#define PATH_FILES_MAX 4
struct path_file { const char *name; const void *data; size_t n; };
int path_write_files(int dirfd, const struct path_file *v, size_t n, mode_t mode, bool durable,
		     struct err *e);
/* What writers that were killed left in a folder goes; one that lives has its file locked. */
void path_tidy(int dirfd);
/* Reads dirfd/name whole; -EFBIG above max.  *ret is NUL-terminated; caller frees. */
int path_read_file(int dirfd, const char *name, size_t max, char **ret, size_t *ret_n,
		   struct err *e);
/* Kernel files: one write(2) to an existing file; one line read, newline cut. */
int path_write_kernel(int dirfd, const char *name, const char *value, struct err *e);
int path_read_line(int dirfd, const char *name, char *buf, size_t n, struct err *e);

/* Removes dirfd/name and all below it, never following a symlink and never crossing into
 * another mount (-EXDEV there).  Absent is success.  Depth is not bounded by the stack. */
int path_remove_tree(int dirfd, const char *name, struct err *e);

/* Names in a folder of ours, sorted, without those that begin with a dot.  -errno, no message. */
int path_list(int dirfd, const char *name, struct strlist *ret);
/* All names in a folder, but "." and "..". */
int path_list_all(int dirfd, const char *name, struct strlist *ret);
bool path_exists(int dirfd, const char *name);
/* Lexical: removes "." and "//" and resolves ".." at the root ("/a/../.." is "/").  Result is
 * absolute; caller frees. */
char *path_clean(const char *path);
const char *path_base(const char *path);	/* what is behind the last slash */
/* Joins with exactly one slash; caller frees. */
char *path_join(const char *a, const char *b);
/* "/proc/self/fd/N" into buf; returns buf. */
const char *path_of_fd(int fd, char buf[static 32]);

#endif
