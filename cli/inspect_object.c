/* inspect_object.c - images, volumes, networks and secrets in Docker's words, see inspect.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/inspect.h"
#include "cli/usage.h"
#include "runtime/secret.h"
#include "runtime/volume.h"

static struct json *list_or_null(struct arena *a, char *const *v)
{
	return v && *v ? value_strs(a, v) : value_null(a);
}

/* ---- images ---- */

static void put_names(struct arena *a, const struct image *i, struct json *v)
{
	struct json *tags = value_put(v, "RepoTags", value_array(a));
	struct json *digests = value_put(v, "RepoDigests", value_array(a));
	AUTO(strlist) struct strlist seen = STRLIST_INIT;
	char buf[REF_MAX];

	for (char **name = i->names; name && *name; name++) {
		struct err ignored = ERR_INIT;
		struct ref ref;

		if (ref_parse(*name, &ref, &ignored) < 0)
			continue;
		if (ref.tag[0])
			value_push(tags, value_str(a, ref_familiar(&ref, buf)));
		AUTO_FREE char *digest = mem_printf("%s@%s", ref_repository(&ref, buf), i->top);

		if (str_empty(i->top) || strlist_has(&seen, digest))
			continue;
		strlist_add(&seen, digest);
		value_push(digests, value_str(a, digest));
	}
}

static struct json *image_volumes(struct arena *a, char *const *paths)
{
	struct json *v = value_map(a);

	for (; paths && *paths; paths++)
		value_put(v, arena_strdup(a, *paths), value_map(a));
	return v->n ? v : value_null(a);
}

static struct json *image_config(struct arena *a, const struct image_config *c)
{
	struct json *v = value_object(a);
	const struct image_health *h = &c->health;

	value_put_str(a, v, "User", c->user);
	value_put(v, "ExposedPorts", *c->ports ? inspect_exposed(a, c->ports) : value_absent(a));
	value_put(v, "Env", value_strs(a, c->env));
	value_put(v, "Cmd", list_or_null(a, c->cmd));
	value_put(v, "Healthcheck", h->set ? inspect_health_config(a, h->test, h->interval,
		  h->timeout, h->start_period, h->start_interval, h->retries) : value_absent(a));
	value_put(v, "Volumes", image_volumes(a, c->volumes));
	value_put_str(a, v, "WorkingDir", c->workdir);
	value_put(v, "Entrypoint", list_or_null(a, c->entrypoint));
	value_put(v, "OnBuild", list_or_null(a, c->onbuild));
	value_put(v, "Labels", c->labels.n ? value_of_map(a, &c->labels) : value_null(a));
	value_put(v, "StopSignal",
		  *c->stop_signal ? value_str(a, c->stop_signal) : value_absent(a));
	value_put(v, "Shell", *c->shell ? value_strs(a, c->shell) : value_absent(a));
	return v;
}

static struct json *image_layers(struct cli *c, struct arena *a, const struct image *i)
{
	struct json *graph = value_object(a), *data = value_object(a);
	AUTO(strbuf) struct strbuf lower = STRBUF_INIT;

	for (size_t k = i->nlayers; k-- > 0;)
		strbuf_addf(&lower, "%s%s/store/layers/%s/fs", lower.len ? ":" : "", c->en.root,
			    i->layers[k]);
	value_put_str(a, graph, "Name", "overlay");
	value_put_str(a, data, "LowerDir", lower.s);
	value_put(graph, "Data", data);
	return graph;
}

/* What the image's config says of its layers: digests of what is in them. */
static struct json *diff_ids(const struct store *s, struct arena *a, const struct image *i)
{
	AUTO_FREE char *path = mem_printf("blobs/sha256/%s", i->id + strlen("sha256:"));
	AUTO_FREE char *text = NULL;
	struct json_limits lim = JSON_LIMITS_DEFAULT;
	struct err ignored = ERR_INIT;
	const struct json *doc, *ids = NULL;
	size_t n;

	if (path_read_file(s->fd, path, lim.bytes, &text, &n, &ignored) == 0 &&
	    json_parse(a, text, n, lim, "image config", &doc, &ignored) == 0)
		ids = json_get(json_get(doc, "rootfs"), "diff_ids");
	return ids && ids->type == JSON_ARRAY ? value_copy(a, ids) : value_array(a);
}

int inspect_image(struct cli *c, const char *what, bool size, struct arena *a,
		  struct json **ret, struct err *e)
{
	AUTO(store) struct store *store = NULL;
	AUTO(image) struct image *i = NULL;
	struct json *v, *rootfs;
	int r;

	(void)size;
	if ((r = store_open(c->en.root, &store, e)) < 0 ||
	    (r = image_load_names(store, what, &i, e)) < 0)
		return r;
	v = value_object(a);
	value_put_str(a, v, "Id", i->id);
	put_names(a, i, v);
	value_put_str(a, v, "Parent", "");
	value_put_str(a, v, "Comment", "");
	value_put_str(a, v, "Created", i->created);
	value_put_str(a, v, "Author", i->author);
	value_put(v, "Config", image_config(a, &i->config));
	value_put_str(a, v, "Architecture", i->arch);
	value_put(v, "Variant", str_empty(i->variant) ? value_absent(a) : value_str(a, i->variant));
	value_put_str(a, v, "Os", i->os);
	value_put(v, "Size", value_u64(a, i->size));
	value_put(v, "VirtualSize", value_u64(a, i->size));
	value_put_str(a, v, "Digest", i->digest);
	value_put(v, "GraphDriver", image_layers(c, a, i));
	rootfs = value_put(v, "RootFS", value_object(a));
	value_put_str(a, rootfs, "Type", "layers");
	value_put(rootfs, "Layers", diff_ids(store, a, i));
	*ret = v;
	return 0;
}

/* ---- volumes ---- */

int inspect_volume(struct cli *c, const char *what, bool size, struct arena *a,
		   struct json **ret, struct err *e)
{
	AUTO(volume) struct volume *vol = NULL;
	struct json *v, *usage;
	uint64_t bytes;
	int r = volume_load(&c->en, what, &vol, e);

	if (r < 0)
		return r;
	v = value_object(a);
	value_put_str(a, v, "CreatedAt", vol->created);
	value_put_str(a, v, "Driver", str_empty(vol->driver) ? "local" : vol->driver);
	value_put(v, "Labels", vol->labels.n ? value_of_map(a, &vol->labels) : value_null(a));
	value_put_str(a, v, "Mountpoint", vol->mountpoint);
	value_put_str(a, v, "Name", vol->name);
	value_put(v, "Options", vol->options.n ? value_of_map(a, &vol->options) : value_null(a));
	value_put_str(a, v, "Scope", "local");
	value_put_bool(a, v, "Anonymous", vol->anonymous);
	if (size) {
		AUTO_FREE char *data = mem_printf("volumes/%s/_data", vol->name);

		r = usage_of(c->en.root_fd, data, &bytes, e);
		if (r < 0)
			return r;
		usage = value_put(v, "UsageData", value_object(a));
		value_put(usage, "Size", value_u64(a, bytes));
	} else {
		value_put(v, "UsageData", value_absent(a));
	}
	*ret = v;
	return 0;
}

/* ---- networks ---- */

static struct json *subnet(struct arena *a, const char *cidr, const char *gateway,
			   const char *range)
{
	struct json *v = value_object(a);

	value_put_str(a, v, "Subnet", cidr);
	value_put(v, "IPRange", str_empty(range) ? value_absent(a) : value_str(a, range));
	value_put(v, "Gateway", str_empty(gateway) ? value_absent(a) : value_str(a, gateway));
	return v;
}

static struct json *ipam(struct arena *a, const struct net_network *n)
{
	struct json *v = value_object(a), *config;

	value_put_str(a, v, "Driver", "default");
	value_put(v, "Options", value_null(a));
	config = value_put(v, "Config", value_array(a));
	if (n->subnet)
		value_push(config, subnet(a, n->subnet, n->gateway, n->ip_range));
	if (n->subnet6)
		value_push(config, subnet(a, n->subnet6, n->gateway6, NULL));
	return v;
}

static struct json *member(struct cli *c, struct arena *a, const char *id, const char *network)
{
	struct net_paths paths = engine_net_paths(&c->en);
	AUTO(record) struct record *r = NULL;
	struct net_result net = { .nifaces = 0 };
	struct err ignored = ERR_INIT;
	struct json *v = value_object(a);
	const struct net_iface *f = NULL;

	if (net_load(&paths, id, a, &net, &ignored) == 0)
		for (size_t i = 0; i < net.nifaces; i++)
			if (str_eq(net.ifaces[i].network, network))
				f = &net.ifaces[i];
	value_put_str(a, v, "Name", record_load(&c->en, id, &r, &ignored) == 0 ? r->name : "");
	value_put_str(a, v, "EndpointID", f ? f->veth : "");
	value_put_str(a, v, "MacAddress", f ? f->mac : "");
	value_put_str(a, v, "IPv4Address",
		      f && f->ip ? arena_printf(a, "%s/%u", f->ip, f->prefix) : "");
	value_put_str(a, v, "IPv6Address",
		      f && f->ip6 ? arena_printf(a, "%s/%u", f->ip6, f->prefix6) : "");
	return v;
}

int inspect_network(struct cli *c, const char *what, bool size, struct arena *a,
		    struct json **ret, struct err *e)
{
	struct net_paths paths = engine_net_paths(&c->en);
	struct net_network n;
	struct json *v, *members;
	char **ids;
	int r;

	(void)size;
	if ((r = net_network_load(&paths, what, a, &n, e)) < 0 ||
	    (r = net_network_users(&paths, n.name, a, &ids, e)) < 0)
		return r;
	v = value_object(a);
	value_put_str(a, v, "Name", n.name);
	value_put_str(a, v, "Id", n.id);
	value_put_str(a, v, "Created", n.created);
	value_put_str(a, v, "Scope", "local");
	value_put_str(a, v, "Driver", n.driver);
	value_put_bool(a, v, "EnableIPv4", n.subnet != NULL);
	value_put_bool(a, v, "EnableIPv6", n.ipv6);
	value_put(v, "IPAM", ipam(a, &n));
	value_put_bool(a, v, "Internal", n.internal);
	value_put_bool(a, v, "Attachable", false);
	value_put_bool(a, v, "Ingress", false);
	value_put_bool(a, v, "ConfigOnly", false);
	members = value_put(v, "Containers", value_map(a));
	for (; ids && *ids; ids++)
		value_put(members, arena_strdup(a, *ids), member(c, a, *ids, n.name));
	value_put(v, "Options", value_of_map(a, &n.options));
	value_put(v, "Labels", value_of_map(a, &n.labels));
	value_put(v, "NetworkDNSServers",
		  n.dns && *n.dns ? value_strs(a, n.dns) : value_absent(a));
	value_put(v, "Interface", n.bridge ? value_str(a, n.bridge) : value_absent(a));
	value_put(v, "Parent", n.parent ? value_str(a, n.parent) : value_absent(a));
	*ret = v;
	return 0;
}

/* ---- secrets ---- */

int inspect_secret(struct cli *c, const char *what, bool size, struct arena *a,
		   struct json **ret, struct err *e)
{
	struct secret_info s;
	struct json *v, *spec, *driver;
	char when[40];
	int r = secret_load(&c->en, what, &s, e);

	(void)size;
	if (r < 0)
		return r;
	str_time((struct timespec){ s.created_ns / 1000000000, s.created_ns % 1000000000 }, when);
	v = value_object(a);
	value_put_str(a, v, "ID", s.id);
	value_put_str(a, v, "CreatedAt", when);
	value_put_str(a, v, "UpdatedAt", when);
	spec = value_put(v, "Spec", value_object(a));
	value_put_str(a, spec, "Name", s.name);
	driver = value_put(spec, "Driver", value_object(a));
	value_put_str(a, driver, "Name", "file");
	value_put(spec, "Labels", value_map(a));
	value_put(v, "Size", value_u64(a, s.size));
	*ret = v;
	return 0;
}
