/*
 * cmd_delegate.c - delegate: a user gets a cgroup subtree of his own, so that the limits of his
 * OCI containers hold without systemd.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cgroup/cgroup.h"
#include "cli/command.h"

struct delegate_opts { bool remove; };

static const struct opt rows[] = {
	{ "remove", 0, OPT_BOOL, offsetof(struct delegate_opts, remove), NULL,
	  "Take it away again, when no process is in it" },
	OPT_END,
};

static int find_user(const char *text, uid_t *ret_uid, gid_t *ret_gid, struct err *e)
{
	const struct passwd *p = getpwnam(text);
	uint32_t uid;

	if (!p && str_to_u32(text, &uid) == 0) {
		p = getpwuid(uid);
		*ret_uid = uid;
		*ret_gid = p ? p->pw_gid : uid;
		return 0;
	}
	if (!p)
		return err_say(e, ENOENT, "no such user: %s", text);
	*ret_uid = p->pw_uid;
	*ret_gid = p->pw_gid;
	return 0;
}

static int run_delegate(struct cli *c, void *opts, int argc, char **argv, struct err *e)
{
	const struct delegate_opts *o = opts;
	AUTO_FREE char *path = NULL, *place = NULL;
	AUTO_CLOSE int fd = -1;
	uid_t uid = 0;
	gid_t gid = 0;
	int r = find_user(argv[0], &uid, &gid, e);

	(void)c;
	if (r < 0)
		return r;
	if (o->remove && argc > 1)
		return err_say(e, EINVAL, "delegate --remove takes a user alone");
	if (o->remove)
		return cgroup_delegate_remove(uid, e);
	if ((r = cgroup_delegate_make(uid, gid, &path, e)) < 0)
		return r;
	place = mem_printf("%s/" CGROUP_STEP_ASIDE, path);
	if ((r = cgroup_dir_open(place, &fd, e)) < 0)
		return r;
	for (int i = 1; i < argc; i++) {
		uint32_t pid;

		if (str_to_u32(argv[i], &pid) < 0 || pid == 0)
			return err_say(e, EINVAL, "delegate: %s is no PID", argv[i]);
		if ((r = cgroup_attach(fd, (pid_t)pid, e)) < 0)
			return err_wrap(e, "process %u", pid);
	}
	printf("%s\n", path);
	return 0;
}

/* clang-format off */
const struct command command_delegate = {
	.name = "delegate", .args = "USER [PID...]", .summary = "Give a user a cgroup subtree of his own",
	.text = "For berth-oci run by that user, where systemd does not give him one. The processes (his\n"
		"shell: sudo berth delegate USER $$) go into it, and with them what they start.",
	.opts = rows, .size = sizeof(struct delegate_opts), .min = 1, .max = -1,
	.flags = CMD_NO_ENGINE, .run = run_delegate,
};
/* clang-format on */
