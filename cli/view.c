/* view.c - see view.h. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/path.h"
#include "cli/view.h"

#define NS 1000000000

int view_load_state(const struct engine *en, const char *id, int cgroups, struct view *ret,
		    struct err *e)
{
	struct view v = { .en = en };
	int r = connect_state_of(en, id, cgroups, &v.state, &v.s, e);

	if (r < 0)
		return r;
	snprintf(v.id, sizeof(v.id), "%s", id);
	*ret = v;
	return 0;
}

int view_load_record(struct view *v, struct arena *a, struct err *e)
{
	return record_load_in(v->en, v->id, a, &v->r, e);
}

int view_load(const struct engine *en, const char *id, struct view *ret, struct err *e)
{
	int r = view_load_state(en, id, -1, ret, e);

	return r < 0 ? r : record_load(en, id, &ret->r, e);
}

void view_clear(struct view *v)
{
	record_free(v->r);
	v->r = NULL;
}

void view_cleanup(struct view *v)
{
	view_clear(v);
}

/* ---- times, sizes, texts ---- */

int64_t view_now(void)
{
	return (int64_t)time(NULL);
}

int64_t view_seconds(const char *rfc3339)
{
	struct timespec t;

	return !str_empty(rfc3339) && str_to_time(rfc3339, &t) == 0 ? (int64_t)t.tv_sec : 0;
}

const char *view_date(const char *rfc3339, char buf[static 40])
{
	struct timespec t;

	buf[0] = 0;
	if (str_empty(rfc3339) || str_to_time(rfc3339, &t) < 0)
		return buf;
	t.tv_nsec = 0;
	str_time(t, buf);
	buf[10] = ' ';
	memcpy(buf + 19, " +0000 UTC", sizeof(" +0000 UTC"));
	return buf;
}

const char *view_ago(int64_t then, int64_t now, char buf[static 48])
{
	char ago[32];

	if (then)
		snprintf(buf, 48, "%s ago", str_ago(now - then, ago));
	else
		snprintf(buf, 48, "N/A");
	return buf;
}

void view_cut(struct strbuf *b, const char *s, size_t n)
{
	size_t len = strlen(s), at = 0, keep = 0;
	uint32_t c;

	for (size_t chars = 0; at < len; chars++) {
		size_t k = str_utf8(s + at, len - at, &c);

		if (chars + 1 == n)
			keep = at;
		if (chars == n) {
			strbuf_add(b, s, keep);
			strbuf_adds(b, "…");
			return;
		}
		at += k ? k : 1;
	}
	strbuf_adds(b, s);
}

/* "a=b,c=d" */
static void labels_text(const struct json_map *m, struct strbuf *b)
{
	for (size_t i = 0; i < m->n; i++)
		strbuf_addf(b, "%s%s=%s", i ? "," : "", m->v[i].key, m->v[i].value);
}

void view_put_labels(struct arena *a, struct json *row, const struct json_map *m)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;

	labels_text(m, &b);
	value_put_str(a, row, "Labels", b.s);
	value_put_method(row, "Label", value_of_map(a, m));
}

const char *view_size_text(uint64_t n, char buf[static 24])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double d = (double)n;
	size_t i = 0;

	for (; d >= 1000.0 && i + 1 < ARRAY_SIZE(units); i++)
		d /= 1000.0;
	snprintf(buf, 24, "%.3g%s", d, units[i]);
	if (d >= 999.5)		/* three digits would be 1e+03 */
		snprintf(buf, 24, "%.0f%s", d, units[i]);
	return buf;
}

/* ---- a container ---- */

const char *view_health(const struct view *v)
{
	if (!v->r->health.set)
		return "none";
	return v->s.health[0] && view_runs(v) ? v->s.health : "none";
}

/* "Up 3 minutes (healthy)", "Exited (0) 5 seconds ago"; now: seconds since the epoch. */
static void status_text(const struct view *v, int64_t now, struct strbuf *b)
{
	char ago[32];
	const char *health = view_health(v);
	int64_t ended = v->s.finished_ns / NS;

	switch (v->state) {
	case STATE_CREATED:
		strbuf_adds(b, "Created");
		return;
	case STATE_RUNNING:
	case STATE_PAUSED:
		strbuf_addf(b, "Up %s", str_ago(now - v->s.started_ns / NS, ago));
		if (v->state == STATE_PAUSED)
			strbuf_adds(b, " (Paused)");
		else if (str_eq(health, "starting"))
			strbuf_adds(b, " (health: starting)");
		else if (!str_eq(health, "none"))
			strbuf_addf(b, " (%s)", health);
		return;
	case STATE_RESTARTING:
	case STATE_EXITED:
		strbuf_addf(b, "%s (%d)", v->state == STATE_EXITED ? "Exited" : "Restarting",
			    v->s.exit_code);
		if (ended)
			strbuf_addf(b, " %s ago", str_ago(now - ended, ago));
		return;
	}
}

const char *view_proto(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "udp" : proto == IPPROTO_SCTP ? "sctp" : "tcp";
}

/* How many ports from p on follow one another on both sides. */
static uint16_t run_of(const struct net_port *p, size_t n)
{
	uint16_t k = 1;

	while (k < n && p[k].proto == p->proto && str_eq(p[k].ip, p->ip) &&
	       p[k].ctr == p->ctr + k && p[k].host == p->host + k)
		k++;
	return k;
}

static void put_range(struct strbuf *b, uint16_t from, uint16_t n)
{
	strbuf_addf(b, "%u", from);
	if (n > 1)
		strbuf_addf(b, "-%u", from + n - 1);
}

static void put_port(struct strbuf *b, const struct net_port *p, const char *ip, uint16_t n)
{
	strbuf_addf(b, strchr(ip, ':') ? "%s[%s]:" : "%s%s:", b->len ? ", " : "", ip);
	put_range(b, p->host, n);
	strbuf_adds(b, "->");
	put_range(b, p->ctr, n);
	strbuf_addf(b, "/%s", view_proto(p->proto));
}

static bool is_published(const struct net_result *net, const char *port)
{
	for (size_t i = 0; i < net->nports; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%u/%s", net->ports[i].ctr,
			 view_proto(net->ports[i].proto));
		if (str_eq(name, port))
			return true;
	}
	return false;
}

/* "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 443/tcp" */
static void ports_text(const struct view *v, struct strbuf *b)
{
	struct net_paths paths = engine_net_paths(v->en);
	AUTO(arena) struct arena *a = NULL;
	struct net_result net = { .nports = 0 };
	struct err ignored = ERR_INIT;

	if (!view_runs(v) || (v->r->net.nports == 0 && !*v->r->exposed))
		return;
	a = arena_new(16u << 20);
	if (v->r->net.nports && net_load(&paths, v->id, a, &net, &ignored) < 0)
		return;
	for (size_t i = 0; i < net.nports;) {
		const struct net_port *p = &net.ports[i];
		uint16_t n = run_of(p, net.nports - i);

		for (unsigned k = 0; net_port_ip(&net, p, k); k++)
			put_port(b, p, net_port_ip(&net, p, k), n);
		i += n;
	}
	for (char *const *s = v->r->exposed; *s && v->r->net.mode == NET_BRIDGE; s++)
		if (!is_published(&net, *s))
			strbuf_addf(b, "%s%s", b->len ? ", " : "", *s);
}

void view_networks(const struct view *v, struct strlist *ret)
{
	const struct net_config *n = &v->r->net;

	switch (n->mode) {
	case NET_BRIDGE:
		for (size_t i = 0; i < n->nattach; i++)
			strlist_add(ret, n->attach[i].network);
		if (n->nattach == 0)
			strlist_add(ret, NET_NAME_DEFAULT);
		return;
	case NET_NONE:
		strlist_add(ret, "none");
		return;
	case NET_HOST:
		strlist_add(ret, "host");
		return;
	case NET_CONTAINER:
		strlist_addf(ret, "container:%s", n->target);
		return;
	case NET_NS:
		strlist_addf(ret, "ns:%s", n->target);
		return;
	}
}

/* Entry point and command, with blanks between. */
static void command_text(const struct view *v, struct strbuf *b)
{
	for (char **s = v->r->entrypoint; s && *s; s++)
		strbuf_addf(b, "%s%s", b->len ? " " : "", *s);
	for (char **s = v->r->cmd; s && *s; s++)
		strbuf_addf(b, "%s%s", b->len ? " " : "", *s);
}

static const char *volume_label(const struct record_volume *w)
{
	return w->name ? w->name : w->source ? w->source : w->destination;
}

static void put_mounts(struct arena *a, struct json *row, const struct view *v, bool no_trunc)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	int64_t named = 0;

	for (size_t i = 0; i < v->r->nvolumes; i++) {
		const struct record_volume *w = &v->r->volumes[i];

		named += w->name != NULL;
		if (i)
			strbuf_addc(&b, ',');
		view_cut(&b, volume_label(w), no_trunc ? SIZE_MAX : 15);
	}
	value_put_str(a, row, "Mounts", b.s);
	value_put(row, "LocalVolumes", value_str(a, arena_printf(a, "%lld", (long long)named)));
}

static void put_command(struct arena *a, struct json *row, const struct view *v, bool no_trunc)
{
	AUTO(strbuf) struct strbuf full = STRBUF_INIT, cut = STRBUF_INIT, quoted = STRBUF_INIT;

	command_text(v, &full);
	view_cut(&cut, full.s ? full.s : "", no_trunc ? SIZE_MAX : 20);
	json_quote(&quoted, cut.s ? cut.s : "", cut.len);
	value_put_str(a, row, "Command", quoted.s);
}

struct json *view_row(struct arena *a, const struct view *v, bool no_trunc)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	AUTO(strlist) struct strlist nets = STRLIST_INIT;
	struct json *row = value_object(a);
	int64_t now = view_now();
	char date[40], ago[48];

	value_put(row, "ID", value_strn(a, v->id, no_trunc ? 64 : 12));
	value_put_str(a, row, "Names", v->r->name);
	value_put_str(a, row, "Image", str_empty(v->r->image) ? v->r->rootfs : v->r->image);
	value_put_str(a, row, "ImageID", v->r->image_id);
	put_command(a, row, v, no_trunc);
	value_put_str(a, row, "CreatedAt", view_date(v->r->created, date));
	value_put_str(a, row, "RunningFor", view_ago(view_seconds(v->r->created), now, ago));
	value_put_str(a, row, "State", connect_state_name(v->state));
	status_text(v, now, &b);
	value_put_str(a, row, "Status", b.s);
	strbuf_reset(&b);
	ports_text(v, &b);
	value_put_str(a, row, "Ports", b.s);
	view_networks(v, &nets);
	strbuf_reset(&b);
	for (size_t i = 0; i < nets.n; i++)
		strbuf_addf(&b, "%s%s", i ? "," : "", nets.v[i]);
	value_put_str(a, row, "Networks", b.s);
	put_mounts(a, row, v, no_trunc);
	view_put_labels(a, row, &v->r->labels);
	value_put_i64(a, row, "Pid", view_runs(v) ? v->s.pid : 0);
	value_put_i64(a, row, "ExitCode", v->s.exit_code);
	value_put_str(a, row, "Health", view_health(v));
	return row;
}
