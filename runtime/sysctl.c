/*
 * sysctl.c - linux.sysctl, written through our own procfs.  Which ones a container may
 * set is check.c's rule.
 *
 * Runs in: container.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "runtime/init.h"

/* "net.ipv4.ip_forward" and "net/ipv4/ip_forward" both; as sysctl(8), the separator that
 * comes first is the separator and the other one is part of a name (eth0.1). */
static char *to_path(const char *key)
{
	char *path = mem_printf("sys/%s", key);
	bool dots = key[strcspn(key, "./")] == '.';

	for (char *c = path + 4; dots && *c; c++)
		*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	return path;
}

int step_sysctl(struct init *in, struct err *e)
{
	const struct json_map *map = &in->spec->sysctl;

	for (size_t i = 0; i < map->n; i++) {
		AUTO_FREE char *path = to_path(map->v[i].key);
		AUTO_CLOSE int fd = procfs_open(in, path, O_WRONLY);
		size_t n = strlen(map->v[i].value);

		if (fd < 0) {
			int r = -fd;

			fd = -1;
			return err_set(e, r, "sysctl %s", map->v[i].key);
		}
		if (write(fd, map->v[i].value, n) != (ssize_t)n)
			return err_set(e, errno, "sysctl %s=%s", map->v[i].key, map->v[i].value);
	}
	return 0;
}
