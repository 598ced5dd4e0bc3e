/*
 * oci_checkpoint.c - checkpoint and restore.
 *
 * Runs in: host
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/oci.h"
#include "runtime/checkpoint.h"
#include "runtime/plan.h"
#include "runtime/tty.h"

struct criu_opts {
	struct checkpoint_opts c;
	const char *bundle, *pid_file, *console_socket;
	struct strlist empty_ns;
	uint32_t status_fd;
	bool detach, no_pivot, no_subreaper;
};

#define R(field) offsetof(struct criu_opts, field)
/* clang-format off */
#define CRIU_ROWS \
	{ "image-path", 0, OPT_STR, R(c.image_path), "DIR", "Folder of the images", \
	  .complete = "dir" }, \
	{ "work-path", 0, OPT_STR, R(c.work_path), "DIR", "Folder of logs", .complete = "dir" }, \
	{ "tcp-established", 0, OPT_BOOL, R(c.tcp_established), NULL, "Open TCP connections, too" }, \
	{ "ext-unix-sk", 0, OPT_BOOL, R(c.ext_unix_sk), NULL, "External unix sockets, too" }, \
	{ "shell-job", 0, OPT_BOOL, R(c.shell_job), NULL, "Processes of a shell" }, \
	{ "file-locks", 0, OPT_BOOL, R(c.file_locks), NULL, "File locks, too" }, \
	{ "manage-cgroups-mode", 0, OPT_STR, R(c.manage_cgroups), "MODE", \
	  "What criu does of cgroups: soft, full, strict or ignore", \
	  .complete = "soft|full|strict|ignore" }, \
	{ "empty-ns", 0, OPT_LIST, R(empty_ns), "NAMESPACE", \
	  "Only make the namespace (network), restore nothing in it", .flags = OPT_REPEAT }, \
	{ "auto-dedup", 0, OPT_BOOL, R(c.auto_dedup), NULL, "Remove pages that parents have" }, \
	{ "lazy-pages", 0, OPT_BOOL, R(c.lazy_pages), NULL, "Bring memory on demand" }, \
	{ "network-lock", 0, OPT_STR, R(c.network_lock), "METHOD", "iptables, nftables or skip" }
static const struct opt checkpoint_rows[] = {
	CRIU_ROWS,
	{ "parent-path", 0, OPT_STR, R(c.parent_path), "DIR", "Images of an earlier pre-dump" },
	{ "leave-running", 0, OPT_BOOL, R(c.leave_running), NULL, "The container runs on" },
	{ "tcp-skip-in-flight", 0, OPT_BOOL, R(c.tcp_skip_in_flight), NULL,
	  "Not connections that are just being made" },
	{ "link-remap", 0, OPT_BOOL, R(c.link_remap), NULL, "Unlinked files, too" },
	{ "pre-dump", 0, OPT_BOOL, R(c.pre_dump), NULL, "Only memory; the container runs on" },
	{ "page-server", 0, OPT_STR, R(c.page_server), "ADDRESS:PORT", "Send the pages there" },
	{ "status-fd", 0, OPT_U32, R(status_fd), "FD", "Write a NUL there when ready" },
	OPT_END,
};
static const struct opt restore_rows[] = {
	CRIU_ROWS,
	{ "bundle", 'b', OPT_STR, R(bundle), "DIR", "Folder of config.json", .complete = "dir" },
	{ "detach", 'd', OPT_BOOL, R(detach), NULL, "Return once it runs" },
	{ "pid-file", 0, OPT_STR, R(pid_file), "FILE", "Write the PID to FILE" },
	{ "console-socket", 0, OPT_STR, R(console_socket), "SOCKET",
	  "Send the terminal's master to SOCKET", .complete = "file" },
	{ "tcp-close", 0, OPT_BOOL, R(c.tcp_close), NULL, "Close TCP connections" },
	{ "no-pivot", 0, OPT_BOOL, R(no_pivot), NULL, "Ignored" },
	{ "no-subreaper", 0, OPT_BOOL, R(no_subreaper), NULL, "Do not reap orphans" },
	{ "lsm-profile", 0, OPT_STR, R(c.lsm_profile), "PROFILE", "LSM profile, TYPE:NAME" },
	{ "lsm-mount-context", 0, OPT_STR, R(c.lsm_mount_context), "CONTEXT",
	  "SELinux context of mounts" },
	OPT_END,
};
/* clang-format on */

static int complete_opts(struct oci *o, struct criu_opts *p, struct err *e)
{
	static const char *const modes[] = { "soft", "full", "strict", "ignore", NULL };
	size_t i = 0;

	for (size_t k = 0; k < p->empty_ns.n; k++) {
		if (!str_eq(p->empty_ns.v[k], "network"))
			return err_say(e, EINVAL, "--empty-ns %s: only network is possible",
				       p->empty_ns.v[k]);
		p->c.empty_network = true;
	}
	while (p->c.manage_cgroups && modes[i] && !str_eq(p->c.manage_cgroups, modes[i]))
		i++;
	if (p->c.manage_cgroups && !modes[i])
		return err_say(e, EINVAL, "--manage-cgroups-mode %s: expected soft, full, strict "
			       "or ignore", p->c.manage_cgroups);
	/* parent_path stays: criu takes it relative to the images. */
	p->c.image_path = oci_absolute(o->arena,
				       p->c.image_path ? p->c.image_path : "checkpoint");
	p->c.work_path = oci_absolute(o->arena, p->c.work_path);
	p->c.status_fd = p->status_fd ? (int)p->status_fd : -1;
	return 0;
}

static int run_checkpoint(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	struct criu_opts *p = opts;
	int r = complete_opts(o, p, e);

	(void)argc;
	if (!r)
		r = checkpoint_dump(&o->env, argv[0], &p->c, e);
	return r;
}

static int restore_it(struct oci *o, struct criu_opts *p, const char *id, struct spec *s,
		      struct container_create_opts *co, struct err *e)
{
	struct tty t = TTY_INIT;
	struct launch l;
	int code = 0, r = 0;

	if (!p->detach && !p->no_subreaper)
		r = oci_subreaper(e);
	if (!r && !p->detach)
		r = tty_signals(&t, e);
	if (!r)
		r = checkpoint_restore(&o->env, id, s, co, &p->c, &l, e);
	if (!r && !p->detach) {
		struct err why = ERR_INIT;

		r = oci_foreground(&t, &l, &code, e);
		if (container_delete(&o->env, id, true, &why) < 0)
			log_warn("%s", why.msg);
	}
	tty_close(&t);
	return r < 0 ? r : code;
}

static int run_restore(struct oci *o, void *opts, int argc, char **argv, struct err *e)
{
	struct criu_opts *p = opts;
	AUTO(arena) struct arena *a = arena_new_shared(SPEC_ARENA_MAX, PLAN_MAGIC);
	AUTO_FREE char *bundle = NULL;
	struct container_create_opts co = {
		.root_fd = -1, .stdio = { -1, -1, -1 },
		.pid_file = oci_absolute(o->arena, p->pid_file),
		.console_socket = oci_absolute(o->arena, p->console_socket),
		.console_out = !p->detach && !p->console_socket,
	};
	struct spec *s;
	int r = container_id_check(argv[0], e);

	(void)argc;
	if (!r)
		r = complete_opts(o, p, e);
	if (!r)
		r = oci_load_bundle(p->bundle, NULL, a, &bundle, &s, e);
	co.bundle = bundle;
	if (!r)
		r = restore_it(o, p, argv[0], s, &co, e);
	return r;
}

const struct oci_command oci_checkpoint = {
	"checkpoint", "ID", "Freeze a container into files (criu)", checkpoint_rows,
	sizeof(struct criu_opts), 1, 1, false, run_checkpoint,
};
const struct oci_command oci_restore = {
	"restore", "ID", "Bring a container back from its files (criu)", restore_rows,
	sizeof(struct criu_opts), 1, 1, false, run_restore,
};
