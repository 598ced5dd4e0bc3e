/*
 * creds.c - the user: groups, gid, uid; no_new_privs; and the system call filter.
 *
 * Runs in: container.  Groups are exactly those asked for (CVE-2022-2989 and its kin).
 */
#include <errno.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/str.h"
#include "runtime/init.h"
#include "runtime/sync.h"

#define CAP_BIT_SYS_ADMIN ((uint64_t)1 << 21)

static int set_groups(struct init *in, struct err *e)
{
	const struct spec_user *u = &in->process->user;
	const struct spec *s = in->plan->spec;

	/* podman --group-add keep-groups; crun(1). */
	for (size_t i = 0; s && i < s->annotations.n; i++)
		if (str_eq(s->annotations.v[i].key, "run.oci.keep_original_groups") &&
		    !str_eq(s->annotations.v[i].value, "0"))
			return 0;
	if (setgroups(u->ngroups, u->groups) == 0)
		return 0;
	/* user_namespaces(7): a mapping that an unprivileged user wrote forbids setgroups; then
	 * there is nothing to drop that its owner has not anyway. */
	if (errno == EPERM && u->ngroups == 0 && in->plan->userns)
		return 0;
	return err_set(e, errno, "process.user.additionalGids");
}

int step_creds(struct init *in, struct err *e)
{
	const struct spec_user *u = &in->process->user;
	int r;

	/* All ones would mean "leave as it is": root. */
	if (u->uid == UINT32_MAX || u->gid == UINT32_MAX)
		return err_say(e, EINVAL, "process.user: %u is no id", UINT32_MAX);
	r = set_groups(in, e);
	if (r < 0)
		return r;
	if (setresgid(u->gid, u->gid, u->gid) < 0)
		return errno == EINVAL ?
			err_say(e, EINVAL, "process.user.gid %u is not mapped", u->gid) :
			err_set(e, errno, "process.user.gid %u", u->gid);
	if (setresuid(u->uid, u->uid, u->uid) < 0)
		return errno == EINVAL ?
			err_say(e, EINVAL, "process.user.uid %u is not mapped", u->uid) :
			err_set(e, errno, "process.user.uid %u", u->uid);
	/* A change of user makes us what the system says for set-ID programs. */
	prctl(PR_SET_DUMPABLE, 0);
	if (in->plan->pdeathsig && prctl(PR_SET_PDEATHSIG, in->plan->pdeathsig) < 0)
		return err_set(e, errno, "signal for the end of the supervisor");
	return 0;
}

static int install(struct init *in, struct err *e)
{
	const struct filter_program *f = &in->plan->filter;
	struct sock_fprog prog = {
		.len = (unsigned short)f->n,
		.filter = (struct sock_filter *)(uintptr_t)f->insns,
	};
	AUTO_CLOSE int listener = -1;
	int r;

	if (in->process->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "process.noNewPrivileges");
	if (f->n == 0 || in->filtered)
		return 0;
	r = sys_seccomp(SECCOMP_SET_MODE_FILTER, f->flags, &prog);
	if (r < 0)
		return err_set(e, errno, "linux.seccomp: install the filter");
	in->filtered = true;
	if (!(f->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return 0;
	listener = r;
	r = sync_send(in->sync, SYNC_FILTER, 0, listener);
	return r < 0 ? err_set(e, -r, "hand the filter's listener to the host") : 0;
}

/* seccomp(2) wants no_new_privs or CAP_SYS_ADMIN: where the process gets neither, the filter
 * must come before the capabilities go. */
int step_filter_early(struct init *in, struct err *e)
{
	if (in->plan->filter.n == 0 || in->process->no_new_privileges ||
	    (in->process->caps.effective & CAP_BIT_SYS_ADMIN))
		return 0;
	return install(in, e);
}

int step_filter_last(struct init *in, struct err *e)
{
	return install(in, e);
}

int filter_hook(void *in, struct err *e)
{
	return install(in, e);
}

int step_filter_listen(struct init *in, struct err *e)
{
	return in->plan->filter.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER ? install(in, e) : 0;
}
