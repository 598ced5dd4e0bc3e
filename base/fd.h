/*
 * fd.h - descriptors: close, whole reads and writes, passing, locks.
 *
 * Used by every program.  Every descriptor made here is close-on-exec.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

void fd_close(int *fd);				/* closes if >= 0, sets -1, keeps errno */
void fd_close_cleanup(int *fd);			/* AUTO_CLOSE int fd = -1; */

/* All of n bytes or -errno; EINTR is retried.  fd_read_full returns bytes read (short at EOF). */
int fd_write_all(int fd, const void *data, size_t n);
ssize_t fd_read_full(int fd, void *buf, size_t n);

/* Whole file from its offset, NUL added behind *ret_n bytes; -EFBIG above max.  Caller frees. */
int fd_read_all(int fd, size_t max, char **ret, size_t *ret_n);

/* One datagram with up to nfds descriptors.  fd_recv sets *nfds to what came (close-on-exec)
 * and returns bytes, 0 at EOF, -errno; -EMSGSIZE when something was cut off.  nfds is at most
 * 128; NULL for none. */
int fd_send(int sock, const void *data, size_t n, const int *fds, size_t nfds);
ssize_t fd_recv(int sock, void *buf, size_t n, int *fds, size_t *nfds);

/* What O_PATH descriptor `at` stands for, opened for its contents if that is a regular file: merely
 * opening a device does things (a watchdog's begins to count), and where a container may make
 * nodes it may not open them, while we may.  O_NONBLOCK is added: for a lease, too, nobody waits.
 * -EINVAL: it is something else. */
int fd_reopen_file(int at, int flags);
/* The mode of dirfd/name; -ELOOP when that has become a link meanwhile. */
int fd_chmod(int dirfd, const char *name, mode_t mode);

int fd_cloexec(int fd, bool on);
int fd_nonblock(int fd, bool on);
/* Opens /dev/null on those of 0, 1, 2 that are closed. */
int fd_fill_std(void);
/* Marks every descriptor >= from close-on-exec (close_range), in one call. */
int fd_cloexec_from(unsigned from);

/* Advisory lock on an open file: exclusive or shared; wait or -EWOULDBLOCK. */
int fd_lock(int fd, bool exclusive, bool wait);

/* AF_UNIX socket at `name` inside directory dirfd, whatever the length of the path (goes
 * through /proc/self/fd).  Bound with mode 0600, and listening unless it is SOCK_DGRAM. */
int fd_unix_listen(int dirfd, const char *name, int type, int *ret, struct err *e);
int fd_unix_connect(int dirfd, const char *name, int type, int *ret, struct err *e);

#endif
