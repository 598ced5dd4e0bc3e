/*
 * oci_features.c - features (features.md of the runtime-spec) and info.
 *
 * Runs in: host
 */
#include <stdio.h>

#include "base/str.h"
#include "cli/oci.h"
#include "runtime/spec.h"

static const struct opt no_rows[] = { OPT_END };

/* Annotations of config.json that change what happens; a trailing dot means a prefix. */
static const char *const unsafe_annotations[] = {
	"org.criu.config", "org.systemd.property.", "run.oci.delegate-cgroup",
	"run.oci.hooks.stderr", "run.oci.hooks.stdout", "run.oci.keep_original_groups",
	"run.oci.mount_context_type", "run.oci.pidfd_receiver", "run.oci.seccomp.receiver",
	"run.oci.seccomp_bpf_data", "run.oci.seccomp_fail_unknown_syscall",
	"run.oci.systemd.subgroup", NULL,
};

static void out_names(struct json_out *o, const char *key, const char *const *v)
{
	json_out_arr(o, key);
	for (; *v; v++)
		json_out_str(o, NULL, *v);
	json_out_end_arr(o);
}

static void out_enabled(struct json_out *o, const char *key)
{
	json_out_obj(o, key);
	json_out_bool(o, "enabled", true);
	json_out_end_obj(o);
}

static void out_seccomp(struct json_out *o)
{
	uint32_t supported = filter_flags_supported();

	json_out_obj(o, "seccomp");
	json_out_bool(o, "enabled", true);
	out_names(o, "actions", filter_actions());
	out_names(o, "operators", filter_operators());
	json_out_arr(o, "archs");
	for (size_t i = 0; filter_arch(i); i++)
		json_out_str(o, NULL, filter_arch(i));
	json_out_end_arr(o);
	out_names(o, "knownFlags", filter_flags());
	json_out_arr(o, "supportedFlags");
	for (uint32_t bit = 1; bit; bit <<= 1)
		if (supported & bit && filter_flag_name(bit))
			json_out_str(o, NULL, filter_flag_name(bit));
	json_out_end_arr(o);
	json_out_end_obj(o);
}

static void out_memory_policy(struct json_out *o)
{
	AUTO(strlist) struct strlist modes = STRLIST_INIT, flags = STRLIST_INIT;

	spec_mempolicy_names(&modes, &flags);
	json_out_obj(o, "memoryPolicy");
	json_out_strs(o, "modes", modes.v);
	json_out_strs(o, "flags", flags.v);
	json_out_end_obj(o);
}

static void out_linux(struct json_out *o)
{
	const char *name;

	json_out_obj(o, "linux");
	json_out_arr(o, "namespaces");
	for (int ns = 0; ns < SPEC_NS_COUNT; ns++)
		json_out_str(o, NULL, spec_ns_name((enum spec_ns)ns));
	json_out_end_arr(o);
	json_out_arr(o, "capabilities");
	for (int bit = 0; (name = spec_cap_name(bit)); bit++)
		json_out_str(o, NULL, name);
	json_out_end_arr(o);
	json_out_obj(o, "cgroup");
	json_out_bool(o, "v1", false);
	json_out_bool(o, "v2", true);
	json_out_bool(o, "systemd", true);
	json_out_bool(o, "systemdUser", true);
	json_out_bool(o, "rdma", true);
	json_out_end_obj(o);
	out_seccomp(o);
	out_enabled(o, "apparmor");
	out_enabled(o, "selinux");
	out_memory_policy(o);
	json_out_obj(o, "intelRdt");
	json_out_bool(o, "enabled", true);
	json_out_bool(o, "schemata", true);
	json_out_bool(o, "monitoring", true);
	json_out_end_obj(o);
	json_out_obj(o, "mountExtensions");
	out_enabled(o, "idmap");
	json_out_end_obj(o);
	out_enabled(o, "netDevices");
	json_out_end_obj(o);
}

static void out_annotations(struct json_out *o)
{
	char text[40];

	json_out_obj(o, "annotations");
	json_out_str(o, "io.github.seccomp.libseccomp.version",
		     filter_library_version(text, sizeof(text)));
	json_out_str(o, "org.opencontainers.runc.checkpoint.enabled", "true");
	json_out_str(o, "run.oci.crun.checkpoint.enabled", "true");
	json_out_end_obj(o);
}

static int run_features(struct oci *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	AUTO(strlist) struct strlist options = STRLIST_INIT;
	struct json_out o;

	(void)c;
	(void)opts;
	(void)argc;
	(void)argv;
	(void)e;
	spec_mount_option_names(&options);
	json_out_init(&o, &b, 2);
	json_out_obj(&o, NULL);
	json_out_str(&o, "ociVersionMin", "1.0.0");
	json_out_str(&o, "ociVersionMax", SPEC_VERSION);
	json_out_arr(&o, "hooks");
	for (int k = 0; k < SPEC_HOOK_COUNT; k++)
		json_out_str(&o, NULL, spec_hook_name((enum spec_hook_kind)k));
	json_out_end_arr(&o);
	json_out_strs(&o, "mountOptions", options.v);
	out_linux(&o);
	out_annotations(&o);
	out_names(&o, "potentiallyUnsafeConfigAnnotations", unsafe_annotations);
	json_out_end_obj(&o);
	puts(b.s);
	return 0;
}

static int run_info(struct oci *c, void *opts, int argc, char **argv, struct err *e)
{
	AUTO(cgroup_host) struct cgroup_host host = CGROUP_HOST_INIT;
	AUTO(strbuf) struct strbuf names = STRBUF_INIT;
	struct err why = ERR_INIT;

	(void)opts;
	(void)argc;
	(void)argv;
	(void)e;
	printf("version       %s\nspec          %s\nroot          %s\nrootless      %s\n",
	       BERTH_VERSION, SPEC_VERSION, c->env.run_root, c->env.rootless ? "yes" : "no");
	printf("cgroup driver %s\n", cgroup_driver_name(c->env.driver));
	if (cgroup_host_open(&host, &why) < 0) {
		printf("cgroup2       %s\n", why.msg);
	} else {
		cgroup_controllers_show(host.controllers, &names);
		printf("cgroup2       %s%s\ncontrollers   %s\n", host.mount,
		       host.hybrid ? " (hybrid)" : "",
		       names.len ? names.s : "none");
	}
	printf("seccomp       %s\n", filter_supported() ? "yes" : "no");
	return 0;
}

const struct oci_command oci_features = {
	"features", "", "Print what this runtime knows, as JSON", no_rows, 0, 0, 0, false,
	run_features, .no_state = true,
};
const struct oci_command oci_info = {
	"info", "", "Print what this host offers", no_rows, 0, 0, 0, false, run_info,
};
