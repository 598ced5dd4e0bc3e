/*
 * run_opts.h - the options of run and create, as parsed; compose.c turns them, with the
 * image's config, into a record.
 *
 * Used by cli/ only.
 */
#ifndef CLI_RUN_OPTS_H
#define CLI_RUN_OPTS_H

#include <stdbool.h>

#include "base/opt.h"
#include "base/str.h"
#include "cli/limit_opts.h"
#include "image/image.h"
#include "runtime/record.h"

struct run_opts {
	uint32_t preserve_fds;
	bool detach, interactive, tty, rm, init, privileged, read_only, publish_all, sig_proxy_off,
		quiet, replace, no_healthcheck, env_host, http_proxy, no_hosts,
		rmi, read_only_tmpfs_off, unsetenv_all, no_trust, passwd_off;
	const char *name, *hostname, *domainname, *user, *workdir, *entrypoint, *pid, *ipc, *uts,
		*cgroupns, *userns, *restart, *stop_signal, *stop_timeout, *shm_size, *pull,
		*cidfile, *pidfile, *log_driver, *detach_keys, *cgroup_parent, *platform,
		*health_cmd, *health_interval, *health_timeout, *health_retries,
		*health_start_period, *health_start_interval, *health_on_failure,
		*health_log_destination, *health_max_log_count, *health_max_log_size,
		*health_startup_cmd,
		*health_startup_interval, *health_startup_timeout, *health_startup_retries,
		*health_startup_success, *timeout,
		*idle_timeout, *cpu_time, *oom_score_adj, *umask, *rootfs, *ip, *ip6, *mac, *tz,
		*boot_order, *boot_delay, *volume_driver, *arch, *os, *variant, *authfile,
		*tls_verify, *image_volume, *personality, *rdt_class, *seccomp_policy, *cgroups,
		*hosts_file, *sdnotify, *subuidname, *subgidname, *systemd, *shm_size_systemd,
		*init_path, *conmon_pidfile, *passwd_entry, *group_entry;
	struct strlist env, env_file, publish, expose, volume, mount, tmpfs, volumes_from, network,
		network_alias, label, label_file, cap_add, cap_drop, security_opt, ulimit, sysctl,
		device, device_cgroup_rule, dns, dns_search, dns_option, add_host, group_add,
		log_opt, secret, annotation, attach, unsetenv, link, env_merge, requires,
		uidmap, gidmap, hostuser, chrootdirs, gpus, cdi_spec_dir, preserve_fd,
		storage_opt;
	struct limit_opts limit;
};

const struct opt *run_rows(void);
const struct opt *create_rows(void);

/* What composing needs to know besides: all of it looked up by the caller. */
struct compose_in {
	const struct run_opts *o;
	const struct image *image;	/* NULL with --rootfs */
	const char *image_name;		/* as typed */
	char **args;			/* COMMAND and ARGs, NULL-terminated */
	const struct engine *en;
	const char *id, *name;
	unsigned rows, cols;
	/* namespaces of another container (--pid container:X): compose looks them up by this */
	int (*find)(const struct engine *en, const char *what, pid_t *ret_pid,
		    char ret_id[static 65], struct err *e);
	int *ids_lock;		/* of idrange_take: to be kept until the record is written */
};

/* → a record with its spec, all in a.  Reads only files that options name (--env-file,
 * seccomp=FILE, --label-file, devices' numbers) and, for --userns, which ids are free. */
int compose_record(struct arena *a, const struct compose_in *in, struct record **ret,
		   struct err *e);

struct cdi_edits;

/* Parts of it. */
struct compose {
	const struct compose_in *in;
	const struct run_opts *o;
	const struct image_config *image;	/* never NULL */
	struct arena *a;
	struct record *r;
	struct spec *s;
	struct strlist env;
	size_t mounts_cap, volumes_cap, ncdi;
	struct compose_cdi { const char *file; const struct cdi_edits *edits; } *cdi;
};
int compose_mounts(struct compose *c, struct err *e);
int compose_own_first(struct compose *c, struct err *e);	/* proc, dev, shm and the like */
int compose_read_only_tmpfs(struct compose *c, struct err *e);
int compose_own_last(struct compose *c, struct err *e);	/* the engine's files, secrets */
int compose_init(struct compose *c, struct err *e);	/* behind the command */
int compose_init_mounts(struct compose *c, struct err *e);
int compose_names(struct compose *c, struct err *e);	/* behind the mounts */
bool compose_has_mount(const struct compose *c, const char *dst);
bool compose_no_dns(const struct compose *c);		/* resolv.conf stays the image's */
bool compose_has_volume(const struct compose *c, const char *dst);
int compose_security(struct compose *c, struct err *e);
int compose_namespaces(struct compose *c, struct err *e);
int compose_userns(struct compose *c, struct err *e);		/* behind the other namespaces */
bool compose_has_userns(const struct compose *c);		/* its ids are not the host's */
int compose_join(struct compose *c, enum spec_ns ns, const char *option, const char *what,
		 struct err *e);
int compose_cdi(struct compose *c, struct err *e);	/* all that its devices bring but mounts, */
/* which compose_mounts puts among its own, the first of which has that index. */
int compose_cdi_mounts(struct compose *c, size_t first, struct err *e);
/* In place of one of the same path; access: CGROUP_DEV_*, 0: allowed by a rule of its own. */
void compose_add_device(struct compose *c, const struct spec_device *d, unsigned access);
void compose_env(struct compose *c, const char *assignment);	/* the last word */
int compose_resources(struct compose *c, struct err *e);
int compose_engine(struct compose *c, struct err *e);	/* net, log, restart, health, timeouts */
int compose_log(struct compose *c, struct err *e);
int compose_health(struct compose *c, struct err *e);
/* --restart of run, create and update. */
int compose_restart(const char *text, struct record *r, struct err *e);
/* *ret stays as it is when text is NULL; option is for messages. */
int compose_duration(const char *option, const char *text, int64_t *ret, struct err *e);
/* The value of a variable whose name has n characters, or NULL. */
const char *compose_env_get(const struct strlist *env, const char *name, size_t n);
struct spec_mount *compose_add_mount(struct compose *c, const char *dst, const char *type,
				     const char *src, char *const *options, struct err *e);
/* 1: the named volume has options of its own, and is mounted; 0: it is a plain folder. */
int compose_volume(struct compose *c, struct record_volume *v, const struct strlist *more,
		   bool readonly, struct err *e);
/* What volume create --opt and --mount volume-opt= say, checked. */
int compose_volume_options(struct arena *a, const struct strlist *given, struct json_map *ret,
			   struct err *e);
char **compose_strv(struct arena *a, const struct strlist *l);

#endif
