/*
 * compose_cdi.c - --device VENDOR/CLASS=NAME and --gpus: what files of the Container Device
 * Interface say of a device becomes part of the container.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "cli/run_opts.h"
#include "runtime/cdi.h"

#define GPUS_MAX 64
#define NAMES_SHOWN 12

struct file {
	const char *path;
	size_t dir;		/* the later folder wins */
	struct cdi_spec *spec;	/* NULL: it could not be read (e), or is YAML */
	bool yaml, used;
	struct err e;
};

struct files { size_t n, cap; struct file *v; };

/* ---- the files --------------------------------------------------------------------------- */

static int read_text(const char *path, char **ret, size_t *ret_n, struct err *e)
{
	return path_read_file(AT_FDCWD, path, CDI_MAX_BYTES, ret, ret_n, e);
}

static void add_file(struct compose *c, struct files *f, size_t dir, const char *path)
{
	AUTO_FREE char *text = NULL;
	struct file *v = f->v;
	size_t n;

	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 8;
		v = arena_array(c->a, f->cap, sizeof(*v));
		if (f->n)
			memcpy(v, f->v, f->n * sizeof(*v));
		f->v = v;
	}
	v = &f->v[f->n++];
	*v = (struct file){ .path = arena_strdup(c->a, path), .dir = dir,
			    .yaml = str_ends(path, ".yaml") };
	if (!v->yaml && read_text(path, &text, &n, &v->e) == 0 &&
	    cdi_read(c->a, text, n, path, &v->spec, &v->e) < 0)
		v->spec = NULL;
}

static int load_files(struct compose *c, const struct strlist *dirs, struct files *f,
		      struct err *e)
{
	for (size_t d = 0; d < dirs->n; d++) {
		AUTO(strlist) struct strlist names = STRLIST_INIT;
		int r = path_list(AT_FDCWD, dirs->v[d], &names);

		if (r < 0 && (r != -ENOENT || c->o->cdi_spec_dir.n))
			return err_set(e, -r, "%s", dirs->v[d]);
		for (size_t i = 0; r == 0 && i < names.n; i++) {
			AUTO_FREE char *path = path_join(dirs->v[d], names.v[i]);

			if (str_ends(path, ".json") || str_ends(path, ".yaml"))
				add_file(c, f, d, path);
		}
	}
	return 0;
}

/* ---- a name's file and device ------------------------------------------------------------ */

static const struct cdi_device *device_of(const struct file *f, const char *name)
{
	const char *device = f->spec ? str_after(name, f->spec->kind) : NULL;

	for (size_t i = 0; device && *device == '=' && i < f->spec->ndevices; i++)
		if (str_eq(f->spec->devices[i].name, device + 1))
			return &f->spec->devices[i];
	return NULL;
}

static bool names_kind(const struct file *f, const char *kind)
{
	AUTO_FREE char *text = NULL;
	struct err ignored = ERR_INIT;
	size_t n;

	return f->yaml && read_text(f->path, &text, &n, &ignored) == 0 &&
	       memmem(text, n, kind, strlen(kind));
}

/* A file that could not be read may be the one; so may one in YAML. */
static int not_found(struct compose *c, const struct files *f, const struct strlist *dirs,
		     const char *name, struct err *e)
{
	const char *kind = arena_strndup(c->a, name, strcspn(name, "="));
	AUTO(strbuf) struct strbuf have = STRBUF_INIT;
	size_t shown = 0;

	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].e.code) {
			*e = f->v[i].e;
			return err_wrap(e, "--device %s", name);
		}
	for (size_t i = 0; i < f->n; i++)
		for (size_t k = 0; f->v[i].spec && k < f->v[i].spec->ndevices; k++)
			if (str_eq(f->v[i].spec->kind, kind) && shown++ < NAMES_SHOWN)
				strbuf_addf(&have, "%s%s", have.len ? ", " : "; there is ",
					    f->v[i].spec->devices[k].name);
	for (size_t i = 0; !shown && i < f->n; i++)
		if (names_kind(&f->v[i], kind))
			return err_say(e, EINVAL, "--device %s: %s is YAML, and berth reads "
				       "JSON: %s", name, f->v[i].path,
				       str_starts(kind, "nvidia.com/")
					       ? "nvidia-ctk cdi generate --format=json "
						 "--output=/etc/cdi/nvidia.json"
					       : "write it as JSON beside it");
	return err_say(e, ENODEV, "--device %s: no such device in %s%s%s%s", name, dirs->v[0],
		       dirs->n > 1 ? " and " : "", dirs->n > 1 ? dirs->v[1] : "",
		       have.s ? have.s : "");
}

static int find(struct compose *c, struct files *f, const struct strlist *dirs, const char *name,
		struct file **ret, const struct cdi_device **ret_device, struct err *e)
{
	struct file *best = NULL;

	for (size_t i = 0; i < f->n; i++) {
		if (!device_of(&f->v[i], name))
			continue;
		if (best && best->dir == f->v[i].dir)
			return err_say(e, EEXIST, "--device %s: both %s and %s have it", name,
				       best->path, f->v[i].path);
		best = &f->v[i];
	}
	if (!best)
		return not_found(c, f, dirs, name, e);
	*ret = best;
	*ret_device = device_of(best, name);
	return 0;
}

/* ---- --gpus ------------------------------------------------------------------------------ */

/* Whose cards: those of which there is a file. */
static const char *gpu_kind(const struct files *f)
{
	static const char *const kinds[] = { "nvidia.com/gpu", "amd.com/gpu", "intel.com/gpu" };

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t i = 0; i < f->n; i++)
			if (f->v[i].spec && str_eq(f->v[i].spec->kind, kinds[k]))
				return kinds[k];
	return kinds[0];
}

/* all, N or count=N: the first N, or device=ID[,ID…]; Docker's people put quotes around the last */
static int gpus(const struct files *f, const char *text, struct strlist *names, struct err *e)
{
	AUTO_FREE char *plain = mem_strdup(text + (*text == '"'));
	AUTO(strlist) struct strlist ids = STRLIST_INIT;
	const char *kind = gpu_kind(f);
	size_t n = strlen(plain);
	uint32_t count;
	bool ok;

	if (*text == '"' && n && plain[n - 1] == '"')
		plain[n - 1] = 0;
	if (str_starts(plain, "device="))
		strlist_split(&ids, plain + strlen("device="), ',', false);
	else if (str_eq(plain, "all"))
		strlist_add(&ids, plain);
	else if (str_to_u32(str_starts(plain, "count=") ? plain + strlen("count=") : plain,
			    &count) == 0 && count > 0 && count <= GPUS_MAX)
		for (uint32_t i = 0; i < count; i++)
			strlist_addf(&ids, "%u", i);
	ok = ids.n > 0;
	for (size_t i = 0; ok && i < ids.n; i++) {
		strlist_addf(names, "%s=%s", kind, ids.v[i]);
		ok = cdi_is_name(names->v[names->n - 1]);
	}
	return ok ? 0 : err_say(e, EINVAL, "--gpus %s: expected all, a number, or device=ID[,ID]",
				text);
}

/* ---- what they change -------------------------------------------------------------------- */

static int add_node(struct compose *c, const char *file, const struct cdi_node *n, struct err *e)
{
	unsigned access = CGROUP_DEV_MKNOD | CGROUP_DEV_READ | CGROUP_DEV_WRITE;
	const char *host = n->host ? n->host : n->d.path;
	struct spec_device d = n->d;
	bool whole = d.type && (d.major || d.type == 'p');
	struct stat st = { 0 };
	char type = 0;

	if (stat(host, &st) == 0)
		type = S_ISCHR(st.st_mode) ? 'c' : S_ISBLK(st.st_mode) ? 'b'
		       : S_ISFIFO(st.st_mode) ? 'p' : 0;
	else if (!whole)
		return err_set(e, errno, "%s: device %s", file, host);
	if (!whole && (!type || (d.type && d.type != type)))
		return err_say(e, ENODEV, "%s: %s is not a device%s%.1s", file, host,
			       d.type ? " of type " : "", d.type ? &d.type : "");
	if (!whole) {
		d.type = type;
		d.major = major(st.st_rdev);
		d.minor = minor(st.st_rdev);
	}
	if (!d.mode_set) {
		d.mode_set = true;
		d.mode = type ? st.st_mode & 0777 : 0666;
	}
	d.uid = n->uid.set ? n->uid.v : st.st_uid;
	d.gid = n->gid.set ? n->gid.v : st.st_gid;
	if (str_eq(n->permissions, "none") || d.type == 'p')
		access = 0;
	else if (!str_empty(n->permissions))
		access = (strchr(n->permissions, 'r') ? CGROUP_DEV_READ : 0) |
			 (strchr(n->permissions, 'w') ? CGROUP_DEV_WRITE : 0) |
			 (strchr(n->permissions, 'm') ? CGROUP_DEV_MKNOD : 0);
	compose_add_device(c, &d, access);
	return 0;
}

static int add_hook(struct compose *c, const char *file, const struct cdi_hook *h, struct err *e)
{
	struct spec_hooks *list = &c->s->hooks[h->kind];
	struct spec_hook *v;

	if (h->kind == SPEC_HOOK_POSTSTOP)
		return err_say(e, EOPNOTSUPP, "%s: hook %s: the supervisor runs no poststop hooks",
			       file, h->hook.path);
	/* the mapped root reads neither the engine's folders nor the bundle in them */
	if (h->kind <= SPEC_HOOK_CREATE_CONTAINER && compose_has_userns(c))
		return err_say(e, EOPNOTSUPP, "%s: hook %s: a %s hook does not go with a user "
			       "namespace", file, h->hook.path,
			       spec_hook_name((enum spec_hook_kind)h->kind));
	v = arena_array(c->a, list->n + 1, sizeof(*v));
	if (list->n)
		memcpy(v, list->v, list->n * sizeof(*v));
	v[list->n++] = h->hook;
	list->v = v;
	return 0;
}

static void add_groups(struct compose *c, const struct cdi_edits *x)
{
	AUTO(strlist) struct strlist groups = STRLIST_INIT;

	for (char **g = c->r->groups; g && *g; g++)
		strlist_add(&groups, *g);
	for (size_t i = 0; i < x->ngids; i++)
		if (x->gids[i])		/* "Values of 0 are ignored" */
			strlist_addf(&groups, "%u", x->gids[i]);
	c->r->groups = compose_strv(c->a, &groups);
}

static void add_netdevs(struct compose *c, const struct cdi_edits *x)
{
	struct spec_netdev *v = arena_array(c->a, c->s->nnetdevs + x->nnetdevs, sizeof(*v));

	if (c->s->nnetdevs)
		memcpy(v, c->s->netdevs, c->s->nnetdevs * sizeof(*v));
	memcpy(v + c->s->nnetdevs, x->netdevs, x->nnetdevs * sizeof(*v));
	c->s->netdevs = v;
	c->s->nnetdevs += x->nnetdevs;
}

static int apply(struct compose *c, const char *file, const struct cdi_edits *x, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->nnodes; i++)
		r = add_node(c, file, &x->nodes[i], e);
	for (size_t i = 0; r == 0 && i < x->nhooks; i++)
		r = add_hook(c, file, &x->hooks[i], e);
	for (char **v = x->env; v && *v; v++)
		compose_env(c, *v);
	if (x->ngids)
		add_groups(c, x);
	if (x->nnetdevs)
		add_netdevs(c, x);
	if (x->rdt.set && !c->s->rdt.set)	/* --rdt-class is who typed it */
		c->s->rdt = x->rdt;
	if (r == 0 && x->nmounts)
		c->cdi[c->ncdi++] = (struct compose_cdi){ file, x };
	return r;
}

int compose_cdi_mounts(struct compose *c, size_t first, struct err *e)
{
	for (size_t i = 0; i < c->ncdi; i++)
		for (size_t k = 0; k < c->cdi[i].edits->nmounts; k++) {
			const struct cdi_mount *want = &c->cdi[i].edits->mounts[k];
			AUTO(strlist) struct strlist options = STRLIST_INIT;
			bool own = !str_empty(want->type) && !str_eq(want->type, "none") &&
				   !str_eq(want->type, "bind");
			struct spec_mount *m;

			for (char **o = want->options; *o; o++)
				strlist_add(&options, *o);
			if (strlist_has(&options, "bind") || strlist_has(&options, "rbind"))
				own = false;
			else if (!own)
				strlist_add(&options, "rbind");
			m = compose_add_mount(c, want->path, own ? want->type : "bind", want->host,
					      compose_strv(c->a, &options), e);
			if (!m)
				return err_wrap(e, "%s: mount %s", c->cdi[i].file, want->path);
			if (!own && m->data && m->data[0])
				return err_say(e, EINVAL, "%s: mount %s: unknown option %s",
					       c->cdi[i].file, want->path, m->data[0]);
			/* two cards have their driver's files in common */
			for (size_t n = first; n < c->s->nmounts - 1; n++)
				if (str_eq(c->s->mounts[n].destination, m->destination)) {
					c->s->mounts[n] = *m;
					c->s->nmounts--;
				}
		}
	return 0;
}

int compose_cdi(struct compose *c, struct err *e)
{
	AUTO(strlist) struct strlist dirs = STRLIST_INIT, names = STRLIST_INIT, had = STRLIST_INIT;
	struct files f = { 0 };
	int r = 0;

	for (size_t i = 0; i < c->o->device.n; i++)
		if (cdi_is_name(c->o->device.v[i]))
			strlist_add(&names, c->o->device.v[i]);
	if (!names.n && !c->o->gpus.n)
		return 0;
	for (size_t i = 0; i < c->o->cdi_spec_dir.n; i++)
		strlist_add(&dirs, c->o->cdi_spec_dir.v[i]);
	if (!dirs.n) {
		strlist_add(&dirs, "/etc/cdi");
		strlist_add(&dirs, "/var/run/cdi");
	}
	r = load_files(c, &dirs, &f, e);
	for (size_t i = 0; r == 0 && i < c->o->gpus.n; i++)
		r = gpus(&f, c->o->gpus.v[i], &names, e);
	c->cdi = arena_array(c->a, 2 * names.n, sizeof(*c->cdi));
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const struct cdi_device *d = NULL;
		struct file *file = NULL;

		if (strlist_has(&had, names.v[i]))
			continue;
		strlist_add(&had, names.v[i]);
		r = find(c, &f, &dirs, names.v[i], &file, &d, e);
		if (r == 0 && !file->used)
			r = apply(c, file->path, &file->spec->edits, e);
		if (r == 0)
			r = apply(c, file->path, &d->edits, e);
		if (r == 0)
			file->used = true;
	}
	for (size_t i = 0; r == 0 && i < f.n; i++)
		if (f.v[i].e.code)
			log_warn("left out: %s", f.v[i].e.msg);
	return r;
}
