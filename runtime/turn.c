/*
 * turn.c - births and ends take turns: as many at once as there are processors.
 * Runs in: host, supervisor.
 *
 * A turn is a lock on one byte of RUN/.turns (fcntl_locking(2), of the open file), so it ends
 * with its holder, however that one ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/supervisor.h"

#define TURN_MOST_MS 1000	/* a birth may wait for somebody, even for another birth */
#define TURN_NAP_MS 3

static bool take(int fd, long turns)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

	for (; l.l_start < turns; l.l_start++)
		if (fcntl(fd, F_OFD_SETLK, &l) == 0)
			return true;
	return false;
}

int turn_take(int run_fd)
{
	AUTO_CLOSE int fd = openat(run_fd, ".turns", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cpu_set_t cpus;
	long turns = sched_getaffinity(0, sizeof(cpus), &cpus) < 0 ? 0 : CPU_COUNT(&cpus);

	if (turns < 2)
		turns = 2;
	for (unsigned ms = 0; fd >= 0 && ms < TURN_MOST_MS; ms += TURN_NAP_MS) {
		if (take(fd, turns))
			return TAKE_FD(fd);
		usleep(TURN_NAP_MS * 1000);
	}
	return -1;
}
