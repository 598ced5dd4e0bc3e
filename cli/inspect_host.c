/* inspect_host.c - HostConfig of a container: what the host gives it, in Docker's words. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cli/inspect.h"

static struct json *list_or_null(struct arena *a, char *const *v)
{
	return v && *v ? value_strs(a, v) : value_null(a);
}

static struct json *binds(const struct inspect_part *p)
{
	struct json *v = value_array(p->a);

	for (size_t i = 0; i < p->r->nvolumes; i++) {
		const struct record_volume *w = &p->r->volumes[i];
		AUTO(strbuf) struct strbuf b = STRBUF_INIT;
		bool first = true;

		if (w->anonymous || str_eq(w->type, "tmpfs") || str_eq(w->type, "image"))
			continue;
		strbuf_addf(&b, "%s:%s", w->name ? w->name : w->source, w->destination);
		for (char **o = w->options; o && *o; o++) {
			if (str_eq(*o, "bind") || str_eq(*o, "rbind") || str_eq(*o, "rprivate"))
				continue;
			strbuf_addf(&b, "%c%s", first ? ':' : ',', *o);
			first = false;
		}
		value_push(v, value_str(p->a, b.s));
	}
	return v->n ? v : value_null(p->a);
}

static struct json *log_config(const struct inspect_part *p)
{
	struct json *v = value_object(p->a), *config = value_map(p->a);
	const struct record_log *l = &p->r->log;

	if (l->max_size)
		value_put_str(p->a, config, "max-size",
			      arena_printf(p->a, "%llu", (unsigned long long)l->max_size));
	if (l->max_files)
		value_put_str(p->a, config, "max-file", arena_printf(p->a, "%u", l->max_files));
	if (l->compress)
		value_put_str(p->a, config, "compress", "true");
	if (l->tag)
		value_put_str(p->a, config, "tag", l->tag);
	for (size_t i = 0; i < l->more.n; i++)
		value_put_str(p->a, config, arena_strdup(p->a, l->more.v[i].key),
			      l->more.v[i].value);
	value_put_str(p->a, v, "Type", l->driver);
	value_put(v, "Config", config);
	return v;
}

static const char *network_mode(const struct inspect_part *p)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;

	view_networks(p->v, &l);
	return arena_strdup(p->a, l.n ? l.v[0] : "none");
}

static struct json *port_bindings(const struct inspect_part *p)
{
	struct json *v = value_map(p->a);

	for (size_t i = 0; i < p->r->net.nports; i++) {
		const struct net_port *port = &p->r->net.ports[i];

		for (unsigned k = 0; k < port->n; k++) {
			char *key = arena_printf(p->a, "%u/%s", port->ctr + k,
						 port->proto == IPPROTO_UDP ? "udp" :
						 port->proto == IPPROTO_SCTP ? "sctp" : "tcp");
			struct json *one = value_object(p->a);
			const struct json *have = json_get(v, key);

			value_put_str(p->a, one, "HostIp", port->ip);
			value_put_str(p->a, one, "HostPort", port->host ?
				      arena_printf(p->a, "%u", port->host + k) : "");
			if (!have)
				have = value_put(v, key, value_array(p->a));
			value_push((struct json *)(uintptr_t)have, one);
		}
	}
	return v;
}

static struct json *restart_policy(const struct inspect_part *p)
{
	struct json *v = value_object(p->a);

	value_put_str(p->a, v, "Name", record_restart_name(p->r->restart));
	value_put_i64(p->a, v, "MaximumRetryCount", p->r->restart_max);
	return v;
}

/* What is there and not here. */
static struct json *caps(const struct inspect_part *p, uint64_t there, uint64_t here)
{
	struct json *v = value_array(p->a);

	for (int bit = 0; bit < 64 && spec_cap_name(bit); bit++)
		if ((there & ~here) >> bit & 1)
			value_push(v, value_str(p->a, spec_cap_name(bit)));
	return v->n ? v : value_null(p->a);
}

static const char *ns_mode(const struct inspect_part *p, enum spec_ns ns, const char *own)
{
	const struct spec_namespace *n = &p->s->ns[ns];

	return n->unshare ? own : n->path ? arena_printf(p->a, "ns:%s", n->path) : "host";
}

static const char *userns_mode(const struct inspect_part *p)
{
	const struct spec_namespace *n = &p->s->ns[SPEC_NS_USER];

	for (size_t i = 0; i < p->r->joins.n; i++)
		if (str_eq(p->r->joins.v[i].key, "user"))
			return arena_printf(p->a, "container:%s", p->r->joins.v[i].value);
	return n->unshare ? "private" : n->path ? arena_printf(p->a, "ns:%s", n->path) : "";
}

static struct json *id_map(const struct inspect_part *p, const struct spec_idmaps *m)
{
	struct json *v = value_array(p->a);

	for (size_t i = 0; i < m->n; i++)
		value_push(v, value_str(p->a, arena_printf(p->a, "%u:%u:%u", m->v[i].container_id,
							   m->v[i].host_id, m->v[i].size)));
	return v;
}

static struct json *id_mappings(const struct inspect_part *p)
{
	struct json *v;

	if (!p->s->uids.n)
		return value_absent(p->a);
	v = value_object(p->a);
	value_put(v, "UidMap", id_map(p, &p->s->uids));
	value_put(v, "GidMap", id_map(p, &p->s->gids));
	return v;
}

static struct json *security(const struct inspect_part *p)
{
	struct json *v = value_array(p->a);

	if (p->s->process.no_new_privileges)
		value_push(v, value_str(p->a, "no-new-privileges"));
	if (!p->s->seccomp)
		value_push(v, value_str(p->a, "seccomp=unconfined"));
	return v->n ? v : value_null(p->a);
}

static struct json *ulimits(const struct inspect_part *p)
{
	struct json *v = value_array(p->a);

	for (size_t i = 0; i < p->s->process.nrlimits; i++) {
		const struct spec_rlimit *l = &p->s->process.rlimits[i];
		const char *name = spec_rlimit_name(l->resource);
		struct json *one = value_object(p->a);
		char *low = arena_strdup(p->a, str_after(name, "RLIMIT_") ? name + 7 : name);

		for (char *c = low; *c; c++)
			*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
		value_put_str(p->a, one, "Name", low);
		value_put(one, "Hard", value_i64(p->a, (int64_t)l->hard));
		value_put(one, "Soft", value_i64(p->a, (int64_t)l->soft));
		value_push(v, one);
	}
	return v;
}

static struct json *tmpfs(const struct inspect_part *p)
{
	struct json *v = value_map(p->a);

	for (size_t i = 0; i < p->r->nvolumes; i++) {
		const struct record_volume *w = &p->r->volumes[i];
		AUTO(strbuf) struct strbuf b = STRBUF_INIT;

		if (!str_eq(w->type, "tmpfs"))
			continue;
		for (char **o = w->options; o && *o; o++)
			strbuf_addf(&b, "%s%s", b.len ? "," : "", *o);
		value_put_str(p->a, v, arena_strdup(p->a, w->destination), b.s);
	}
	return v->n ? v : value_absent(p->a);
}

static int64_t nano_cpus(int64_t quota, int64_t period)
{
	const int64_t nano = 1000000000;

	if (quota / period > INT64_MAX / nano - 1)
		return INT64_MAX;
	return quota / period * nano + quota % period * nano / period;	/* a period is below 2^20 */
}

static void put_resources(const struct inspect_part *p, struct json *v)
{
	const struct cgroup_limits *l = &p->s->limits;
	int64_t quota = l->cpu.quota.set && l->cpu.quota.v > 0 ? l->cpu.quota.v : 0;
	int64_t period = l->cpu.period.set ? (int64_t)l->cpu.period.v : 0;
	struct arena *a = p->a;

	value_put_i64(a, v, "CpuShares", l->cpu.shares.set ? (int64_t)l->cpu.shares.v : 0);
	value_put_i64(a, v, "Memory", l->memory.limit.set ? l->memory.limit.v : 0);
	value_put_i64(a, v, "NanoCpus", nano_cpus(quota, period ? period : 100000));
	value_put_str(a, v, "CgroupParent", p->r->cgroup_parent);
	value_put_i64(a, v, "BlkioWeight", l->blkio.weight.set ? l->blkio.weight.v : 0);
	value_put_i64(a, v, "CpuPeriod", period);
	value_put_i64(a, v, "CpuQuota", quota);
	value_put_str(a, v, "CpusetCpus", l->cpu.cpus);
	value_put_str(a, v, "CpusetMems", l->cpu.mems);
	value_put_i64(a, v, "MemoryReservation",
		      l->memory.reservation.set ? l->memory.reservation.v : 0);
	value_put_i64(a, v, "MemorySwap", l->memory.swap.set ? l->memory.swap.v : 0);
	value_put(v, "MemorySwappiness", value_null(a));
	value_put_bool(a, v, "OomKillDisable", false);
	value_put(v, "PidsLimit",
		  l->pids.limit.set ? value_i64(a, l->pids.limit.v) : value_null(a));
	value_put(v, "Ulimits", ulimits(p));
}

static struct json *devices(const struct inspect_part *p)
{
	struct json *v = value_array(p->a);

	for (size_t i = 0; i < p->s->ndevices; i++) {
		struct json *one = value_object(p->a);

		value_put_str(p->a, one, "PathOnHost", p->s->devices[i].path);
		value_put_str(p->a, one, "PathInContainer", p->s->devices[i].path);
		value_put_str(p->a, one, "CgroupPermissions", "rwm");
		value_push(v, one);
	}
	return v;
}

static int64_t shm_size(const struct inspect_part *p)
{
	for (size_t i = 0; i < p->s->nmounts; i++)
		if (str_eq(p->s->mounts[i].destination, "/dev/shm"))
			for (char **o = p->s->mounts[i].options; o && *o; o++) {
				const char *size = str_after(*o, "size=");
				uint64_t n;

				if (size && str_to_bytes(size, &n) == 0)
					return (int64_t)n;
			}
	return 0;
}

static struct json *storage(const struct inspect_part *p)
{
	const struct disk_size *d = &p->r->disk;
	struct json *v = d->bytes ? value_object(p->a) : value_null(p->a);

	if (d->bytes)
		value_put_str(p->a, v, "size",
			      arena_printf(p->a, "%llu", (unsigned long long)d->bytes));
	if (d->inodes)
		value_put_str(p->a, v, "inodes",
			      arena_printf(p->a, "%llu", (unsigned long long)d->inodes));
	return v;
}

static void put_names(const struct inspect_part *p, struct json *v)
{
	const struct net_config *n = &p->r->net;
	struct arena *a = p->a;

	value_put(v, "Dns", value_strs(a, n->dns));
	value_put(v, "DnsOptions", value_strs(a, n->dns_opt));
	value_put(v, "DnsSearch", value_strs(a, n->dns_search));
	value_put(v, "ExtraHosts", list_or_null(a, n->extra_hosts));
	value_put(v, "GroupAdd", list_or_null(a, p->r->groups));
	value_put_str(a, v, "IpcMode", ns_mode(p, SPEC_NS_IPC, "private"));
	value_put(v, "Links", value_null(a));
	value_put_i64(a, v, "OomScoreAdj", p->s->process.oom_score_adj.set ?
		      p->s->process.oom_score_adj.v : 0);
	value_put_str(a, v, "PidMode", ns_mode(p, SPEC_NS_PID, ""));
	value_put_bool(a, v, "Privileged", p->r->privileged);
	value_put_bool(a, v, "PublishAllPorts", p->r->publish_all);
	value_put_bool(a, v, "ReadonlyRootfs", p->r->read_only);
	value_put(v, "SecurityOpt", security(p));
	value_put(v, "Tmpfs", tmpfs(p));
	value_put_str(a, v, "UTSMode", ns_mode(p, SPEC_NS_UTS, ""));
	value_put_str(a, v, "UsernsMode", userns_mode(p));
	value_put(v, "IDMappings", id_mappings(p));
	value_put_i64(a, v, "ShmSize", shm_size(p));
	value_put(v, "StorageOpt", storage(p));
	value_put(v, "Sysctls", p->s->sysctl.n ? value_of_map(a, &p->s->sysctl) : value_absent(a));
	value_put_str(a, v, "Runtime", "berth");
}

struct json *inspect_host_config(const struct inspect_part *p)
{
	const struct record *r = p->r;
	struct arena *a = p->a;
	struct json *v = value_object(a);
	uint64_t have = p->s->process.caps.bounding;

	value_put(v, "Binds", binds(p));
	value_put_str(a, v, "ContainerIDFile", "");
	value_put(v, "LogConfig", log_config(p));
	value_put_str(a, v, "NetworkMode", network_mode(p));
	value_put(v, "PortBindings", port_bindings(p));
	value_put(v, "RestartPolicy", restart_policy(p));
	value_put_bool(a, v, "AutoRemove", r->auto_remove);
	value_put_str(a, v, "VolumeDriver", "");
	value_put(v, "VolumesFrom", value_null(a));
	value_put(v, "CapAdd", r->privileged ? value_null(a) : caps(p, have, spec_default_caps));
	value_put(v, "CapDrop", r->privileged ? value_null(a) : caps(p, spec_default_caps, have));
	value_put_str(a, v, "CgroupnsMode", ns_mode(p, SPEC_NS_CGROUP, "private"));
	put_names(p, v);
	put_resources(p, v);
	value_put(v, "Devices", devices(p));
	value_put_bool(a, v, "Init", r->init);
	value_put(v, "MaskedPaths", list_or_null(a, p->s->masked_paths));
	value_put(v, "ReadonlyPaths", list_or_null(a, p->s->readonly_paths));
	return v;
}
