/*
 * launch_seal.c - berth-init in a sealed memfd: what is visible inside a container as
 * /proc/PID/exe is nobody's file and cannot be written (CVE-2019-5736).
 *
 * Runs in: host.  Source: memfd_create(2), fcntl(2) F_ADD_SEALS.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/sys.h"
#include "runtime/birth.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u	/* Linux 6.3 */
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif
#define PROGRAM_MAX (4u << 20)

static int new_memfd(void)
{
	int fd = sys_memfd_create("berth-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = sys_memfd_create("berth-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

int seal_program(int *ret, struct err *e)
{
	AUTO_FREE char *path = proc_libexec("berth-init");
	AUTO_CLOSE int file = -1;
	AUTO_CLOSE int fd = -1;
	struct stat st;
	off_t at = 0;

	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || fstat(file, &st) < 0)
		return err_set(e, errno, "open %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > PROGRAM_MAX)
		return err_say(e, ENOEXEC, "%s is no program of berth", path);
	fd = new_memfd();
	if (fd < 0)
		return err_set(e, errno, "memfd for berth-init");
	while (at < st.st_size) {
		ssize_t n = sendfile(fd, file, &at, (size_t)(st.st_size - at));

		if (n == 0 || (n < 0 && errno != EINTR))
			return err_set(e, n == 0 ? EIO : errno, "copy %s", path);
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_set(e, errno, "seal berth-init");
	*ret = TAKE_FD(fd);
	return 0;
}
