/*
 * spec_write.c - struct spec → config.json, so that what was composed can be read by
 * us and by any other OCI runtime.
 *
 * Runs in: host.  Pure.  What spec_read reads and this writes is the same spec again.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "runtime/spec_part.h"

static void out_text(struct json_out *o, const char *key, const char *v)
{
	if (!str_empty(v))
		json_out_str(o, key, v);
}

static void out_list(struct json_out *o, const char *key, char *const *v)
{
	if (v && v[0])
		json_out_strs(o, key, v);
}

/* The words of all bits of `set` that the table has. */
static void out_words(struct json_out *o, const char *key, const struct spec_word *table,
		      uint64_t set)
{
	if (!set)
		return;
	json_out_arr(o, key);
	for (; table->word; table++)
		if (set & table->value)
			json_out_str(o, NULL, table->word);
	json_out_end_arr(o);
}

static void out_map(struct json_out *o, const char *key, const struct json_map *m)
{
	if (m->n)
		json_out_map(o, key, m);
}

static void out_caps(struct json_out *o, const char *key, uint64_t set)
{
	const char *name;

	json_out_arr(o, key);
	for (int bit = 0; (name = spec_cap_name(bit)); bit++)
		if (set & UINT64_C(1) << bit)
			json_out_str(o, NULL, name);
	json_out_end_arr(o);
}

static void out_user(struct json_out *o, const struct spec_user *u)
{
	json_out_obj(o, "user");
	json_out_u64(o, "uid", u->uid);
	json_out_u64(o, "gid", u->gid);
	if (u->umask.set)
		json_out_u64(o, "umask", u->umask.v);
	if (u->ngroups) {
		json_out_arr(o, "additionalGids");
		for (size_t i = 0; i < u->ngroups; i++)
			json_out_u64(o, NULL, u->groups[i]);
		json_out_end_arr(o);
	}
	json_out_end_obj(o);
}

static void out_scheduler(struct json_out *o, const struct spec_scheduler *s)
{
	if (!s->set)
		return;
	json_out_obj(o, "scheduler");
	json_out_str(o, "policy", spec_word_of(spec_words_policy, (uint64_t)s->policy));
	if (s->nice)
		json_out_i64(o, "nice", s->nice);
	if (s->priority)
		json_out_i64(o, "priority", s->priority);
	out_words(o, "flags", spec_words_sched_flag, s->flags);
	if (s->runtime)
		json_out_u64(o, "runtime", s->runtime);
	if (s->deadline)
		json_out_u64(o, "deadline", s->deadline);
	if (s->period)
		json_out_u64(o, "period", s->period);
	json_out_end_obj(o);
}

static void out_process_tuning(struct json_out *o, const struct spec_process *p)
{
	if (p->oom_score_adj.set)
		json_out_i64(o, "oomScoreAdj", p->oom_score_adj.v);
	out_text(o, "apparmorProfile", p->apparmor_profile);
	out_text(o, "selinuxLabel", p->selinux_label);
	out_scheduler(o, &p->scheduler);
	if (p->ioprio.set) {
		json_out_obj(o, "ioPriority");
		json_out_str(o, "class",
			     spec_word_of(spec_words_ioprio, (uint64_t)p->ioprio.class));
		json_out_i64(o, "priority", p->ioprio.level);
		json_out_end_obj(o);
	}
	if (!str_empty(p->affinity_initial) || !str_empty(p->affinity_final)) {
		json_out_obj(o, "execCPUAffinity");
		out_text(o, "initial", p->affinity_initial);
		out_text(o, "final", p->affinity_final);
		json_out_end_obj(o);
	}
}

static void write_process(const struct spec_process *p, struct json_out *o, const char *key)
{
	json_out_obj(o, key);
	if (p->terminal)
		json_out_bool(o, "terminal", true);
	if (p->console_height || p->console_width) {
		json_out_obj(o, "consoleSize");
		json_out_u64(o, "height", p->console_height);
		json_out_u64(o, "width", p->console_width);
		json_out_end_obj(o);
	}
	out_user(o, &p->user);
	json_out_strs(o, "args", p->args);
	out_list(o, "env", p->env);
	json_out_str(o, "cwd", p->cwd);
	if (p->caps.set) {
		json_out_obj(o, "capabilities");
		out_caps(o, "bounding", p->caps.bounding);
		out_caps(o, "effective", p->caps.effective);
		out_caps(o, "inheritable", p->caps.inheritable);
		out_caps(o, "permitted", p->caps.permitted);
		out_caps(o, "ambient", p->caps.ambient);
		json_out_end_obj(o);
	}
	if (p->nrlimits) {
		json_out_arr(o, "rlimits");
		for (size_t i = 0; i < p->nrlimits; i++) {
			json_out_obj(o, NULL);
			json_out_str(o, "type", spec_rlimit_name(p->rlimits[i].resource));
			json_out_u64(o, "hard", p->rlimits[i].hard);
			json_out_u64(o, "soft", p->rlimits[i].soft);
			json_out_end_obj(o);
		}
		json_out_end_arr(o);
	}
	if (p->no_new_privileges)
		json_out_bool(o, "noNewPrivileges", true);
	out_process_tuning(o, p);
	json_out_end_obj(o);
}

static void out_idmaps(struct json_out *o, const char *key, const struct spec_idmaps *m)
{
	if (!m->n)
		return;
	json_out_arr(o, key);
	for (size_t i = 0; i < m->n; i++) {
		json_out_obj(o, NULL);
		json_out_u64(o, "containerID", m->v[i].container_id);
		json_out_u64(o, "hostID", m->v[i].host_id);
		json_out_u64(o, "size", m->v[i].size);
		json_out_end_obj(o);
	}
	json_out_end_arr(o);
}

static void out_mounts(struct json_out *o, const struct spec *s)
{
	if (!s->nmounts)
		return;
	json_out_arr(o, "mounts");
	for (size_t i = 0; i < s->nmounts; i++) {
		const struct spec_mount *m = &s->mounts[i];

		json_out_obj(o, NULL);
		json_out_str(o, "destination", m->destination);
		json_out_str(o, "type", m->type);
		out_text(o, "source", m->source);
		out_list(o, "options", m->options);
		if (!m->maps_by_option) {	/* else the option says it */
			out_idmaps(o, "uidMappings", &m->uids);
			out_idmaps(o, "gidMappings", &m->gids);
		}
		json_out_end_obj(o);
	}
	json_out_end_arr(o);
}

static void out_hooks(struct json_out *o, const struct spec *s)
{
	size_t total = 0;

	for (int k = 0; k < SPEC_HOOK_COUNT; k++)
		total += s->hooks[k].n;
	if (!total)
		return;
	json_out_obj(o, "hooks");
	for (int k = 0; k < SPEC_HOOK_COUNT; k++) {
		if (!s->hooks[k].n)
			continue;
		json_out_arr(o, spec_hook_name((enum spec_hook_kind)k));
		for (size_t i = 0; i < s->hooks[k].n; i++) {
			const struct spec_hook *h = &s->hooks[k].v[i];

			json_out_obj(o, NULL);
			json_out_str(o, "path", h->path);
			out_list(o, "args", h->args);
			out_list(o, "env", h->env);
			if (h->timeout)
				json_out_i64(o, "timeout", h->timeout);
			json_out_end_obj(o);
		}
		json_out_end_arr(o);
	}
	json_out_end_obj(o);
}

static void out_namespaces(struct json_out *o, const struct spec *s)
{
	json_out_arr(o, "namespaces");
	for (int ns = 0; ns < SPEC_NS_COUNT; ns++) {
		if (!s->ns[ns].unshare && !s->ns[ns].path)
			continue;
		json_out_obj(o, NULL);
		json_out_str(o, "type", spec_ns_name((enum spec_ns)ns));
		out_text(o, "path", s->ns[ns].path);
		json_out_end_obj(o);
	}
	json_out_end_arr(o);
}

static void out_devices(struct json_out *o, const struct spec *s)
{
	if (!s->ndevices)
		return;
	json_out_arr(o, "devices");
	for (size_t i = 0; i < s->ndevices; i++) {
		const struct spec_device *d = &s->devices[i];

		json_out_obj(o, NULL);
		json_out_str(o, "path", d->path);
		json_out_strn(o, "type", &d->type, 1);
		json_out_u64(o, "major", d->major);
		json_out_u64(o, "minor", d->minor);
		if (d->mode_set)
			json_out_u64(o, "fileMode", d->mode);
		json_out_u64(o, "uid", d->uid);
		json_out_u64(o, "gid", d->gid);
		json_out_end_obj(o);
	}
	json_out_end_arr(o);
}

static void out_offset(struct json_out *o, const char *key, const struct spec_time_offset *t)
{
	if (!t->set)
		return;
	json_out_obj(o, key);
	json_out_i64(o, "secs", t->secs);
	json_out_u64(o, "nanosecs", t->nanosecs);
	json_out_end_obj(o);
}

static void out_rare(struct json_out *o, const struct spec *s)
{
	if (s->monotonic.set || s->boottime.set) {
		json_out_obj(o, "timeOffsets");
		out_offset(o, "monotonic", &s->monotonic);
		out_offset(o, "boottime", &s->boottime);
		json_out_end_obj(o);
	}
	if (s->personality_set) {
		json_out_obj(o, "personality");
		json_out_str(o, "domain", spec_word_of(spec_words_persona, s->personality));
		json_out_end_obj(o);
	}
	if (s->rdt.set) {
		json_out_obj(o, "intelRdt");
		out_text(o, "closID", s->rdt.clos_id);
		out_list(o, "schemata", s->rdt.schemata);
		out_text(o, "l3CacheSchema", s->rdt.l3);
		out_text(o, "memBwSchema", s->rdt.mem_bw);
		if (s->rdt.monitoring)
			json_out_bool(o, "enableMonitoring", true);
		json_out_end_obj(o);
	}
	if (s->mempolicy.set) {
		json_out_obj(o, "memoryPolicy");
		json_out_str(o, "mode", spec_word_of(spec_words_mpol, (uint64_t)s->mempolicy.mode));
		out_text(o, "nodes", s->mempolicy.nodes);
		out_words(o, "flags", spec_words_mpol_flag, s->mempolicy.flags);
		json_out_end_obj(o);
	}
	if (s->nnetdevs) {
		json_out_obj(o, "netDevices");
		for (size_t i = 0; i < s->nnetdevs; i++) {
			json_out_obj(o, s->netdevs[i].name);
			json_out_str(o, "name", s->netdevs[i].to);
			json_out_end_obj(o);
		}
		json_out_end_obj(o);
	}
}

static void out_linux(struct json_out *o, const struct spec *s)
{
	json_out_obj(o, "linux");
	out_namespaces(o, s);
	out_idmaps(o, "uidMappings", &s->uids);
	out_idmaps(o, "gidMappings", &s->gids);
	out_devices(o, s);
	out_text(o, "cgroupsPath", s->cgroups_path);
	cgroup_limits_write(o, "resources", &s->limits);
	if (s->rootfs_propagation)
		json_out_str(o, "rootfsPropagation",
			     spec_word_of(spec_words_propagation, s->rootfs_propagation));
	if (s->seccomp)
		filter_profile_write(o, "seccomp", s->seccomp, false);
	out_map(o, "sysctl", &s->sysctl);
	out_list(o, "maskedPaths", s->masked_paths);
	out_list(o, "readonlyPaths", s->readonly_paths);
	out_text(o, "mountLabel", s->mount_label);
	out_rare(o, s);
	json_out_end_obj(o);
}

void spec_write(const struct spec *s, struct strbuf *b)
{
	struct json_out o;

	json_out_init(&o, b, 0);
	json_out_obj(&o, NULL);
	json_out_str(&o, "ociVersion", s->version ? s->version : SPEC_VERSION);
	if (s->root_path || s->root_readonly) {
		json_out_obj(&o, "root");
		out_text(&o, "path", s->root_path);
		if (s->root_readonly)
			json_out_bool(&o, "readonly", true);
		json_out_end_obj(&o);
	}
	if (s->has_process)
		write_process(&s->process, &o, "process");
	out_text(&o, "hostname", s->hostname);
	out_text(&o, "domainname", s->domainname);
	out_mounts(&o, s);
	out_hooks(&o, s);
	out_map(&o, "annotations", &s->annotations);
	out_linux(&o, s);
	json_out_end_obj(&o);
}
