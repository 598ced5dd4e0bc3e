/*
 * caps.c - capabilities: the bounding set shrinks first, the others follow the change of
 * user, ambient ones come last.
 *
 * Runs in: container.  Sources: capabilities(7), prctl(2), capset(2).
 */
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "runtime/init.h"

unsigned caps_last(void)
{
	unsigned last = 40;	/* CAP_CHECKPOINT_RESTORE, Linux 5.9 */

	while (last < 63 && prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0)
		last++;
	return last;
}

/* Those that this kernel knows. */
static uint64_t known(uint64_t caps)
{
	unsigned last = caps_last();

	return last >= 63 ? caps : caps & (((uint64_t)1 << (last + 1)) - 1);
}

int step_caps_bounding(struct init *in, struct err *e)
{
	unsigned last = caps_last();

	for (unsigned cap = 0; cap <= last; cap++) {
		if (in->process->caps.bounding & ((uint64_t)1 << cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
		    prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			return err_set(e, errno, "drop capability %u from the bounding set", cap);
	}
	/* capabilities(7): without this a change of user from 0 clears the permitted set. */
	if (in->process->user.uid != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "keep capabilities");
	return 0;
}

static int set(const struct spec_caps *c, struct err *e)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	/* What cannot be granted the host has warned about: config.md, "capabilities". */
	uint64_t can = known(sys_caps_permitted());
	uint64_t eff = c->effective & can, perm = c->permitted & can, inh = c->inheritable & can;
	struct __user_cap_data_struct d[2] = {
		{ (uint32_t)eff, (uint32_t)perm, (uint32_t)inh },
		{ (uint32_t)(eff >> 32), (uint32_t)(perm >> 32), (uint32_t)(inh >> 32) },
	};

	if (syscall(SYS_capset, &h, d) < 0)
		return err_set(e, errno, "process.capabilities");
	return 0;
}

int step_caps(struct init *in, struct err *e)
{
	const struct spec_caps *c = &in->process->caps;
	/* The kernel's rule (capabilities(7)); specs of runc name more, and runc lets them pass. */
	uint64_t ambient = known(c->ambient & c->inheritable & c->permitted) & sys_caps_permitted();
	int r;

	r = set(c, e);
	if (r < 0)
		return r;
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_set(e, errno, "process.capabilities");
	for (unsigned cap = 0; ambient >> cap && cap < 64; cap++) {
		if ((ambient & ((uint64_t)1 << cap)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return err_set(e, errno, "process.capabilities.ambient: number %u", cap);
	}
	return 0;
}
