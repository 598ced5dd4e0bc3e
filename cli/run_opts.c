/* run_opts.c - the option table of run and create. */
#include "cli/run_opts.h"

#define O(field) offsetof(struct run_opts, field)

/* What Docker's and podman's people may type, and berth has not: said in a line of its own. */
#define REFUSED(name, why) { name, 0, OPT_REFUSED, 0, NULL, why, .flags = OPT_HIDDEN }

/* clang-format off */
static const struct opt common_rows[] = {
	{ "name", 0, OPT_STR, O(name), "NAME", "Name of the container" },
	{ "interactive", 'i', OPT_BOOL, O(interactive), NULL, "Keep standard input open" },
	{ "tty", 't', OPT_BOOL, O(tty), NULL, "Give it a terminal" },
	{ "rm", 0, OPT_BOOL, O(rm), NULL, "Remove it when it has ended" },
	{ "env", 'e', OPT_LIST, O(env), "NAME[=VALUE]", "Set or pass on an environment variable", .flags = OPT_REPEAT },
	{ "env-file", 0, OPT_LIST, O(env_file), "FILE", "Read environment variables from FILE", .complete = "file" },
	{ "env-host", 0, OPT_BOOL, O(env_host), NULL, "Pass on all of our own environment" },
	{ "env-merge", 0, OPT_LIST, O(env_merge), "NAME=TEXT", "The same as --env, where ${NAME} is what the image has", .flags = OPT_REPEAT },
	{ "http-proxy", 0, OPT_BOOL, O(http_proxy), NULL, "Pass on http_proxy, https_proxy, ftp_proxy, no_proxy" },
	{ "unsetenv", 0, OPT_LIST, O(unsetenv), "NAME", "Leave out a variable of the image" },
	{ "unsetenv-all", 0, OPT_BOOL, O(unsetenv_all), NULL, "Leave out all variables of the image" },
	{ "publish", 'p', OPT_LIST, O(publish), "[[IP:]PORT:]PORT[/PROTO]", "Publish a port on the host", .flags = OPT_REPEAT },
	{ "publish-all", 'P', OPT_BOOL, O(publish_all), NULL, "Publish all exposed ports on free ones" },
	{ "expose", 0, OPT_LIST, O(expose), "PORT[/PROTO]", "Expose a port" },
	{ "volume", 'v', OPT_LIST, O(volume), "[SRC:]DST[:OPTIONS]", "Bind a folder or a volume", .flags = OPT_REPEAT },
	{ "mount", 0, OPT_LIST, O(mount), "type=TYPE,…", "Mount a bind, glob, volume, tmpfs, ramfs, devpts or image", .flags = OPT_REPEAT },
	{ "tmpfs", 0, OPT_LIST, O(tmpfs), "DST[:OPTIONS]", "Mount a tmpfs" },
	{ "volumes-from", 0, OPT_LIST, O(volumes_from), "CONTAINER[:ro]", "Take over another container's volumes", .complete = "container" },
	{ "image-volume", 0, OPT_STR, O(image_volume), "KIND", "What the image's volumes become: anonymous (default), tmpfs or ignore", .complete = "anonymous|tmpfs|ignore" },
	{ "network", 0, OPT_LIST, O(network), "NETWORK", "none, host, bridge, container:NAME, or a network's name", .complete = "network" },
	{ "net", 0, OPT_LIST, O(network), "NETWORK", NULL },
	{ "link", 0, OPT_LIST, O(link), "CONTAINER[:ALIAS]", "Name a running container in hosts and environment, as it is at the start", .complete = "running" },
	{ "network-alias", 0, OPT_LIST, O(network_alias), "NAME", "A further name on the network" },
	{ "ip", 0, OPT_STR, O(ip), "ADDRESS", "IPv4 address on the network" },
	{ "ip6", 0, OPT_STR, O(ip6), "ADDRESS", "IPv6 address on the network" },
	{ "mac-address", 0, OPT_STR, O(mac), "MAC", "Hardware address" },
	{ "hostname", 'h', OPT_STR, O(hostname), "NAME", "Host name" },
	{ "domainname", 0, OPT_STR, O(domainname), "NAME", "NIS domain name" },
	{ "dns", 0, OPT_LIST, O(dns), "ADDRESS", "Name server, or none: resolv.conf as the image has it" },
	{ "dns-search", 0, OPT_LIST, O(dns_search), "DOMAIN", "Search domain" },
	{ "dns-option", 0, OPT_LIST, O(dns_option), "OPTION", "Resolver option" },
	{ "dns-opt", 0, OPT_LIST, O(dns_option), "OPTION", NULL },
	{ "add-host", 0, OPT_LIST, O(add_host), "NAME:IP", "A line for /etc/hosts; IP may be host-gateway" },
	{ "no-hosts", 0, OPT_BOOL, O(no_hosts), NULL, "Leave /etc/hosts to the image" },
	{ "chrootdirs", 0, OPT_LIST, O(chrootdirs), "DIR", "Show resolv.conf, hosts and hostname below DIR as well" },
	{ "hosts-file", 0, OPT_STR, O(hosts_file), "FILE", "What /etc/hosts begins with: the lines of FILE, or none", .complete = "file" },
	{ "user", 'u', OPT_STR, O(user), "USER[:GROUP]", "Name or id of the user" },
	{ "group-add", 0, OPT_LIST, O(group_add), "GROUP", "A further group" },
	{ "passwd", 0, OPT_OFF, O(passwd_off), NULL, "A line in /etc/passwd for a user given by number (default)" },
	{ "passwd-entry", 0, OPT_STR, O(passwd_entry), "LINE", "That line; $USERNAME, $UID, $GID, $NAME, $HOME stand for what they say" },
	{ "group-entry", 0, OPT_STR, O(group_entry), "LINE", "The same in /etc/group; $GROUPNAME, $GID, $USERLIST" },
	{ "hostuser", 0, OPT_LIST, O(hostuser), "USER", "A line in /etc/passwd for a user of the host" },
	{ "umask", 0, OPT_STR, O(umask), "MODE", "File mode mask" },
	{ "workdir", 'w', OPT_STR, O(workdir), "DIR", "Working directory" },
	{ "entrypoint", 0, OPT_STR, O(entrypoint), "PROGRAM", "Replace the image's entry point" },
	{ "restart", 0, OPT_STR, O(restart), "POLICY", "no, on-failure[:N], always or unless-stopped", .complete = "no|on-failure|always|unless-stopped" },
	{ "requires", 0, OPT_LIST, O(requires), "CONTAINER", "Start that one first, if it does not run", .complete = "container" },
	{ "init", 0, OPT_BOOL, O(init), NULL, "Run a small init that reaps and passes signals on" },
	{ "init-path", 0, OPT_STR, O(init_path), "FILE", "With --init, a program of the host's in place of berth's own", .complete = "file" },
	{ "systemd", 0, OPT_STR, O(systemd), "WHEN", "What an init needs: true (default: for systemd and /sbin/init), always or false", .complete = "true|always|false" },
	{ "shm-size-systemd", 0, OPT_STR, O(shm_size_systemd), "BYTES", "Size of each tmpfs that --systemd mounts (0, the default: the kernel's)" },
	{ "read-only", 0, OPT_BOOL, O(read_only), NULL, "Make the root file system read-only" },
	{ "read-only-tmpfs", 0, OPT_OFF, O(read_only_tmpfs_off), NULL, "Writable /run, /tmp, /var/tmp with --read-only (default)" },
	{ "storage-opt", 0, OPT_LIST, O(storage_opt), "size=SIZE[,inodes=N]", "Bound what it may write in its root file system" },
	{ "shm-size", 0, OPT_STR, O(shm_size), "BYTES", "Size of /dev/shm (64m)" },
	{ "cap-add", 0, OPT_LIST, O(cap_add), "CAP", "Give a capability, or ALL" },
	{ "cap-drop", 0, OPT_LIST, O(cap_drop), "CAP", "Take a capability, or ALL" },
	{ "privileged", 0, OPT_BOOL, O(privileged), NULL, "Lift nearly all isolation" },
	{ "security-opt", 0, OPT_LIST, O(security_opt), "OPTION", "no-new-privileges, seccomp=FILE, apparmor=PROFILE, label=…, mask=…, unmask=…" },
	{ "seccomp-policy", 0, OPT_STR, O(seccomp_policy), "WHOSE", "default, or image: the profile in the image's label io.containers.seccomp.profile", .complete = "default|image" },
	{ "personality", 0, OPT_STR, O(personality), "NAME", "LINUX or LINUX32", .complete = "LINUX|LINUX32" },
	{ "rdt-class", 0, OPT_STR, O(rdt_class), "NAME", "Class of Intel's Resource Director" },
	{ "device", 0, OPT_LIST, O(device), "HOST[:CTR][:rwm]", "Give a device, all of a folder, or what a file of --cdi-spec-dir calls VENDOR/CLASS=NAME", .complete = "file" },
	{ "gpus", 0, OPT_LIST, O(gpus), "all|N|device=ID", "Give graphics cards, the same as --device nvidia.com/gpu=all (or 0 to N-1, or ID)" },
	{ "cdi-spec-dir", 0, OPT_LIST, O(cdi_spec_dir), "DIR", "Where devices' JSON files are (/etc/cdi, /var/run/cdi; the later wins)", .flags = OPT_REPEAT, .complete = "dir" },
	{ "device-cgroup-rule", 0, OPT_LIST, O(device_cgroup_rule), "RULE", "Allow devices, as \"c 10:200 rwm\"" },
	{ "ulimit", 0, OPT_LIST, O(ulimit), "NAME=SOFT[:HARD]", "A resource limit of the process; host: all as they are here and now" },
	{ "sysctl", 0, OPT_LIST, O(sysctl), "NAME=VALUE", "A kernel parameter of its namespaces" },
	{ "oom-score-adj", 0, OPT_STR, O(oom_score_adj), "N", "The OOM killer's preference, -1000 to 1000" },
	{ "pid", 0, OPT_STR, O(pid), "MODE", "host, private or container:NAME" },
	{ "ipc", 0, OPT_STR, O(ipc), "MODE", "host, private, none, shareable or container:NAME" },
	{ "uts", 0, OPT_STR, O(uts), "MODE", "host or private" },
	{ "cgroupns", 0, OPT_STR, O(cgroupns), "MODE", "host or private" },
	{ "userns", 0, OPT_STR, O(userns), "MODE", "host, auto[:size=N,uidmapping=…,gidmapping=…], private, container:NAME or ns:PATH" },
	{ "uidmap", 0, OPT_LIST, O(uidmap), "CTR:HOST[:LEN]", "A user namespace in which these are the host's user ids", .flags = OPT_REPEAT },
	{ "gidmap", 0, OPT_LIST, O(gidmap), "CTR:HOST[:LEN]", "The same for groups; one of both says the other", .flags = OPT_REPEAT },
	{ "subuidname", 0, OPT_STR, O(subuidname), "USER", "A user namespace with that user's ids of /etc/subuid" },
	{ "subgidname", 0, OPT_STR, O(subgidname), "USER", "The same for groups, of /etc/subgid" },
	{ "cgroups", 0, OPT_STR, O(cgroups), "MODE", "split: its cgroup is below the one that we are in, as that of a systemd service; enabled (default) and no-conmon: below berth", .complete = "enabled|no-conmon|split" },
	{ "cgroup-parent", 0, OPT_STR, O(cgroup_parent), "PATH", "Parent cgroup" },
	{ "label", 'l', OPT_LIST, O(label), "KEY[=VALUE]", "A label" },
	{ "label-file", 0, OPT_LIST, O(label_file), "FILE", "Read labels from FILE", .complete = "file" },
	{ "annotation", 0, OPT_LIST, O(annotation), "KEY=VALUE", "An OCI annotation" },
	{ "log-driver", 0, OPT_STR, O(log_driver), "DRIVER", "k8s-file, json-file, journald, none or passthrough", .complete = "k8s-file|json-file|journald|none|passthrough" },
	{ "log-opt", 0, OPT_LIST, O(log_opt), "KEY=VALUE", "max-size, max-file, compress; path with files; tag, labels, env, labels-regex, env-regex with journald and json-file; mode, max-buffer-size with journald" },
	{ "health-cmd", 0, OPT_STR, O(health_cmd), "COMMAND", "Health check" },
	{ "health-interval", 0, OPT_STR, O(health_interval), "TIME", "Time between checks (30s)" },
	{ "health-timeout", 0, OPT_STR, O(health_timeout), "TIME", "Time that a check may take (30s)" },
	{ "health-retries", 0, OPT_STR, O(health_retries), "N", "Failures in a row that count (3)" },
	{ "health-start-period", 0, OPT_STR, O(health_start_period), "TIME", "Failures do not count at first" },
	{ "health-start-interval", 0, OPT_STR, O(health_start_interval), "TIME", "Time between checks at first" },
	{ "health-on-failure", 0, OPT_STR, O(health_on_failure), "ACTION", "none, kill, restart or stop", .complete = "none|kill|restart|stop" },
	{ "health-log-destination", 0, OPT_STR, O(health_log_destination), "WHERE", "local: inspect shows results (default); a folder: also DIR/ID-healthcheck.log; events_logger: also events", .complete = "local|events_logger" },
	{ "health-max-log-count", 0, OPT_STR, O(health_max_log_count), "N", "Results that inspect shows (5)" },
	{ "health-max-log-size", 0, OPT_STR, O(health_max_log_size), "BYTES", "What is kept of the output of each (4096)" },
	{ "health-startup-cmd", 0, OPT_STR, O(health_startup_cmd), "COMMAND", "Check that must have passed once before the health check begins" },
	{ "health-startup-interval", 0, OPT_STR, O(health_startup_interval), "TIME", "Time between those checks (30s)" },
	{ "health-startup-timeout", 0, OPT_STR, O(health_startup_timeout), "TIME", "Time that one of them may take (30s)" },
	{ "health-startup-retries", 0, OPT_STR, O(health_startup_retries), "N", "Failures in a row that restart the container (0: none do)" },
	{ "health-startup-success", 0, OPT_STR, O(health_startup_success), "N", "Successes in a row that it takes (1)" },
	{ "no-healthcheck", 0, OPT_BOOL, O(no_healthcheck), NULL, "Ignore the image's health check" },
	{ "stop-signal", 0, OPT_STR, O(stop_signal), "SIGNAL", "Signal that asks it to stop", .complete = "signal" },
	{ "stop-timeout", 0, OPT_STR, O(stop_timeout), "SECONDS", "Time until it is killed (10; -1: never)" },
	{ "timeout", 0, OPT_STR, O(timeout), "TIME", "Stop it after that time" },
	{ "idle-timeout", 0, OPT_STR, O(idle_timeout), "TIME", "Stop it when it was silent for that long" },
	{ "cpu-time", 0, OPT_STR, O(cpu_time), "TIME", "Stop it when it has used that much CPU" },
	{ "boot-order", 0, OPT_STR, O(boot_order), "N", "Order at berth boot, lower first" },
	{ "boot-delay", 0, OPT_STR, O(boot_delay), "SECONDS", "Wait after starting it at berth boot" },
	{ "secret", 0, OPT_LIST, O(secret), "NAME[,target=…]", "Give a secret as a file in memory (or type=env)" },
	{ "pull", 0, OPT_STR, O(pull), "WHEN", "missing, always, newer or never", .complete = "missing|always|newer|never" },
	{ "platform", 0, OPT_STR, O(platform), "OS/ARCH", "Platform of the image" },
	{ "arch", 0, OPT_STR, O(arch), "ARCH", "The same, the architecture alone" },
	{ "os", 0, OPT_STR, O(os), "OS", NULL },
	{ "variant", 0, OPT_STR, O(variant), "VARIANT", NULL },
	{ "authfile", 0, OPT_STR, O(authfile), "FILE", "Credentials for a pull", .complete = "file" },
	{ "tls-verify", 0, OPT_STR, O(tls_verify), "BOOL", "Check certificates at a pull (default)", .flags = OPT_OPTVALUE, .complete = "true|false" },
	{ "quiet", 'q', OPT_BOOL, O(quiet), NULL, "Say nothing about pulling" },
	{ "rootfs", 0, OPT_STR, O(rootfs), "DIR", "Use a folder as the root instead of an image", .complete = "dir" },
	{ "replace", 0, OPT_BOOL, O(replace), NULL, "Remove a container of the same name first" },
	{ "cidfile", 0, OPT_STR, O(cidfile), "FILE", "Write the id to FILE", .complete = "file" },
	{ "pidfile", 0, OPT_STR, O(pidfile), "FILE", "Write the PID to FILE", .complete = "file" },
	{ "conmon-pidfile", 0, OPT_STR, O(conmon_pidfile), "FILE", "Write the supervisor's PID to FILE", .complete = "file" },
	{ "detach-keys", 0, OPT_STR, O(detach_keys), "KEYS", "Keys that leave it running (ctrl-p,ctrl-q; \"\": none)" },
	{ "tz", 0, OPT_STR, O(tz), "ZONE", "Time zone, or local" },
	{ "volume-driver", 0, OPT_STR, O(volume_driver), "DRIVER", "local, the only one", .complete = "local" },
	{ "sdnotify", 0, OPT_STR, O(sdnotify), "MODE", "When NOTIFY_SOCKET hears that it is ready: conmon (it runs), container (it says so), healthy, ignore (never)", .complete = "conmon|container|healthy|ignore" },
	{ "disable-content-trust", 0, OPT_BOOL, O(no_trust), NULL, NULL },
	REFUSED("runtime", "berth is the runtime itself"),
	REFUSED("isolation", "it is Windows'"),
	REFUSED("kernel-memory", "the kernel has no such limit any more (since 5.16); --memory counts the kernel's memory too"),
	REFUSED("link-local-ip", "not supported; --ip gives an address of the network's subnet"),
	REFUSED("use-api-socket", "there is no daemon whose socket could be given"),
	REFUSED("io-maxbandwidth", "it is Windows'; --device-read-bps and --device-write-bps"),
	REFUSED("io-maxiops", "it is Windows'; --device-read-iops and --device-write-iops"),
	REFUSED("cpu-count", "it is Windows'; --cpus"),
	REFUSED("cpu-percent", "it is Windows'; --cpus"),
	REFUSED("decryption-key", "images are not encrypted; skopeo copy --decryption-key makes a plain one"),
	REFUSED("pod-id-file", "there are no pods"),
	REFUSED("init-ctr", "there are no pods; --requires starts another container first"),
	REFUSED("pod", "there are no pods; --network, --ipc and --pid container:NAME share a container's namespaces"),
	OPT_END,
};

/* what `start --attach` shows is decided there */
static const struct opt create_only[] = {
	{ "attach", 'a', OPT_LIST, O(attach), "STREAM", NULL },
	REFUSED("preserve-fd", "they are of who starts it: berth run"),
	REFUSED("preserve-fds", "they are of who starts it: berth run"),
	OPT_END,
};

static const struct opt run_only[] = {
	{ "detach", 'd', OPT_BOOL, O(detach), NULL, "Leave it running and print its id" },
	{ "attach", 'a', OPT_LIST, O(attach), "STREAM", "stdin, stdout, stderr" },
	{ "sig-proxy", 0, OPT_OFF, O(sig_proxy_off), NULL, "Pass signals on (default; --sig-proxy=false)" },
	{ "preserve-fds", 0, OPT_U32, O(preserve_fds), "N", "Pass descriptors 3 to 2+N on, until it is started again" },
	{ "preserve-fd", 0, OPT_LIST, O(preserve_fd), "FD,…", "Pass these descriptors on", .flags = OPT_REPEAT },
	{ "rmi", 0, OPT_BOOL, O(rmi), NULL, "Remove it and then its image, unless others use that" },
	OPT_END,
};
/* clang-format on */

static size_t put(struct opt *to, size_t n, const struct opt *rows)
{
	for (; rows->name; rows++)
		to[n++] = *rows;
	return n;
}

#define ROWS_MAX (ARRAY_SIZE(common_rows) + ARRAY_SIZE(run_only) + LIMIT_OPTS + 1)

const struct opt *run_rows(void)
{
	static struct opt rows[ROWS_MAX];

	if (!rows[0].name)
		limit_opts_rows(rows, put(rows, put(rows, 0, run_only), common_rows), O(limit));
	return rows;
}

const struct opt *create_rows(void)
{
	static struct opt rows[ROWS_MAX];

	if (!rows[0].name)
		limit_opts_rows(rows, put(rows, put(rows, 0, create_only), common_rows),
				O(limit));
	return rows;
}
