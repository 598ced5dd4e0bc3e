/*
 * lsm.c - AppArmor profile and SELinux label of the next execve.
 *
 * Runs in: container.  Written through our own procfs: a forged /proc/self/attr would
 * leave the container unconfined (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/init.h"

static int write_attr(struct init *in, const char *path, const char *text)
{
	AUTO_CLOSE int fd = procfs_open(in, path, O_WRONLY);
	size_t n = strlen(text);
	int r = fd;

	if (fd < 0) {
		fd = -1;
		return r;
	}
	return write(fd, text, n) == (ssize_t)n ? 0 : -errno;
}

static int set_apparmor(struct init *in, const char *profile, struct err *e)
{
	AUTO_FREE char *text = mem_printf("exec %s", profile);
	int r;

	if (!in->plan->has_apparmor)
		return str_eq(profile, "unconfined") ?
			       0 :
			       err_say(e, EOPNOTSUPP,
				       "process.apparmorProfile %s: AppArmor is off on this host",
				       profile);
	r = write_attr(in, "self/attr/apparmor/exec", text);
	if (r == -ENOENT)	/* before Linux 5.8 */
		r = write_attr(in, "self/attr/exec", text);
	if (r < 0)
		return err_set(e, -r, "process.apparmorProfile %s", profile);
	return 0;
}

int step_lsm(struct init *in, struct err *e)
{
	const struct spec_process *p = in->process;
	int r;

	if (!str_empty(p->apparmor_profile)) {
		r = set_apparmor(in, p->apparmor_profile, e);
		if (r < 0)
			return r;
	}
	if (str_empty(p->selinux_label))
		return 0;
	if (!in->plan->has_selinux)
		return err_say(e, EOPNOTSUPP,
			       "process.selinuxLabel %s: SELinux is off on this host",
			       p->selinux_label);
	r = write_attr(in, "self/attr/exec", p->selinux_label);
	if (r < 0)
		return err_set(e, -r, "process.selinuxLabel %s", p->selinux_label);
	return 0;
}
