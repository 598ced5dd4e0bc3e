/*
 * spec_mount.c - "mounts" of config.json, and what each mount option means.
 *
 * Runs in: host.  Pure, except that what means nothing is warned about.
 *
 * An option is a row of mount_options[]; what is no row goes to the file system.
 * The last of two contrary options wins, as with mount(8).  Source: mount(8),
 * mount_setattr(2), runtime-spec config.md "Linux mount options", crun(1) for
 * copy-symlink, src-nofollow, dest-nofollow and idmap=, and crun's features for rsync and its
 * like: what is the superblock's is no different for a whole tree.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "runtime/spec_part.h"

enum option_kind {
	OPTION_NONE,		/* known, means nothing */
	OPTION_SET, OPTION_CLR,	/* MOUNT_ATTR_* of this mount */
	OPTION_RSET, OPTION_RCLR,	/* of this mount and all below */
	OPTION_ATIME, OPTION_RATIME,	/* value replaces the field MOUNT_ATTR__ATIME */
	OPTION_NOATIME,		/* takes back an earlier value of that field, no more */
	OPTION_SB, OPTION_NOSB,	/* MS_* of the superblock */
	OPTION_RO, OPTION_RW,	/* attribute and superblock */
	OPTION_PROPAGATION,
	OPTION_FLAG,		/* enum spec_mount_flags */
	OPTION_NOFLAG,
};

struct mount_option { const char *name; enum option_kind kind; uint64_t value; };

/* clang-format off */
static const struct mount_option mount_options[] = {
	{ "acl",            OPTION_NONE,        0 },
	{ "async",          OPTION_NOSB,        MS_SYNCHRONOUS },
	{ "atime",          OPTION_NOATIME,     MOUNT_ATTR_NOATIME },
	{ "bind",           OPTION_FLAG,        SPEC_MOUNT_BIND },
	{ "copy-symlink",   OPTION_FLAG,        SPEC_MOUNT_COPY_SYMLINK },
	{ "defaults",       OPTION_NONE,        0 },
	{ "dest-nofollow",  OPTION_FLAG,        SPEC_MOUNT_DEST_NOFOLLOW },
	{ "dev",            OPTION_CLR,         MOUNT_ATTR_NODEV },
	{ "diratime",       OPTION_CLR,         MOUNT_ATTR_NODIRATIME },
	{ "dirsync",        OPTION_SB,          MS_DIRSYNC },
	{ "exec",           OPTION_CLR,         MOUNT_ATTR_NOEXEC },
	{ "idmap",          OPTION_FLAG,        SPEC_MOUNT_IDMAP },
	{ "iversion",       OPTION_SB,          MS_I_VERSION },
	{ "lazytime",       OPTION_SB,          MS_LAZYTIME },
	{ "loud",           OPTION_NOFLAG,      SPEC_MOUNT_SILENT },
	{ "mand",           OPTION_SB,          MS_MANDLOCK },
	{ "noacl",          OPTION_NONE,        0 },
	{ "noatime",        OPTION_ATIME,       MOUNT_ATTR_NOATIME },
	{ "nodev",          OPTION_SET,         MOUNT_ATTR_NODEV },
	{ "nodiratime",     OPTION_SET,         MOUNT_ATTR_NODIRATIME },
	{ "noexec",         OPTION_SET,         MOUNT_ATTR_NOEXEC },
	{ "noiversion",     OPTION_NOSB,        MS_I_VERSION },
	{ "nolazytime",     OPTION_NOSB,        MS_LAZYTIME },
	{ "nomand",         OPTION_NOSB,        MS_MANDLOCK },
	{ "norelatime",     OPTION_NOATIME,     MOUNT_ATTR_RELATIME },
	{ "nostrictatime",  OPTION_NOATIME,     MOUNT_ATTR_STRICTATIME },
	{ "nosuid",         OPTION_SET,         MOUNT_ATTR_NOSUID },
	{ "nosymfollow",    OPTION_SET,         MOUNT_ATTR_NOSYMFOLLOW },
	{ "private",        OPTION_PROPAGATION, MS_PRIVATE },
	{ "rasync",         OPTION_NOSB,        MS_SYNCHRONOUS },
	{ "ratime",         OPTION_RATIME,      MOUNT_ATTR_RELATIME },
	{ "rbind",          OPTION_FLAG,        SPEC_MOUNT_BIND | SPEC_MOUNT_REC },
	{ "rdev",           OPTION_RCLR,        MOUNT_ATTR_NODEV },
	{ "rdiratime",      OPTION_RCLR,        MOUNT_ATTR_NODIRATIME },
	{ "rdirsync",       OPTION_SB,          MS_DIRSYNC },
	{ "relatime",       OPTION_ATIME,       MOUNT_ATTR_RELATIME },
	{ "remount",        OPTION_FLAG,        SPEC_MOUNT_REMOUNT },
	{ "rexec",          OPTION_RCLR,        MOUNT_ATTR_NOEXEC },
	{ "ridmap",         OPTION_FLAG,        SPEC_MOUNT_IDMAP | SPEC_MOUNT_IDMAP_REC },
	{ "rmand",          OPTION_SB,          MS_MANDLOCK },
	{ "rnoatime",       OPTION_RATIME,      MOUNT_ATTR_NOATIME },
	{ "rnodev",         OPTION_RSET,        MOUNT_ATTR_NODEV },
	{ "rnodiratime",    OPTION_RSET,        MOUNT_ATTR_NODIRATIME },
	{ "rnoexec",        OPTION_RSET,        MOUNT_ATTR_NOEXEC },
	{ "rnomand",        OPTION_NOSB,        MS_MANDLOCK },
	{ "rnorelatime",    OPTION_RATIME,      MOUNT_ATTR_RELATIME },
	{ "rnostrictatime", OPTION_RATIME,      MOUNT_ATTR_RELATIME },
	{ "rnosuid",        OPTION_RSET,        MOUNT_ATTR_NOSUID },
	{ "rnosymfollow",   OPTION_RSET,        MOUNT_ATTR_NOSYMFOLLOW },
	{ "ro",             OPTION_RO,          MOUNT_ATTR_RDONLY },
	{ "rprivate",       OPTION_PROPAGATION, MS_PRIVATE | MS_REC },
	{ "rrelatime",      OPTION_RATIME,      MOUNT_ATTR_RELATIME },
	{ "rro",            OPTION_RSET,        MOUNT_ATTR_RDONLY },
	{ "rrw",            OPTION_RCLR,        MOUNT_ATTR_RDONLY },
	{ "rshared",        OPTION_PROPAGATION, MS_SHARED | MS_REC },
	{ "rslave",         OPTION_PROPAGATION, MS_SLAVE | MS_REC },
	{ "rstrictatime",   OPTION_RATIME,      MOUNT_ATTR_STRICTATIME },
	{ "rsuid",          OPTION_RCLR,        MOUNT_ATTR_NOSUID },
	{ "rsymfollow",     OPTION_RCLR,        MOUNT_ATTR_NOSYMFOLLOW },
	{ "rsync",          OPTION_SB,          MS_SYNCHRONOUS },
	{ "runbindable",    OPTION_PROPAGATION, MS_UNBINDABLE | MS_REC },
	{ "rw",             OPTION_RW,          MOUNT_ATTR_RDONLY },
	{ "shared",         OPTION_PROPAGATION, MS_SHARED },
	{ "silent",         OPTION_FLAG,        SPEC_MOUNT_SILENT },
	{ "slave",          OPTION_PROPAGATION, MS_SLAVE },
	{ "src-nofollow",   OPTION_FLAG,        SPEC_MOUNT_SRC_NOFOLLOW },
	{ "strictatime",    OPTION_ATIME,       MOUNT_ATTR_STRICTATIME },
	{ "suid",           OPTION_CLR,         MOUNT_ATTR_NOSUID },
	{ "symfollow",      OPTION_CLR,         MOUNT_ATTR_NOSYMFOLLOW },
	{ "sync",           OPTION_SB,          MS_SYNCHRONOUS },
	{ "tmpcopyup",      OPTION_FLAG,        SPEC_MOUNT_TMPCOPYUP },
	{ "unbindable",     OPTION_PROPAGATION, MS_UNBINDABLE },
	/* berth's own, between the engine and the birth */
	{ "x-berth.mkfile",   OPTION_FLAG,      SPEC_MOUNT_MKFILE },
	{ "x-berth.optional", OPTION_FLAG,      SPEC_MOUNT_OPTIONAL },
	/* mount(8) keeps these to itself */
	{ "_netdev",        OPTION_NONE,        0 },
	{ "auto",           OPTION_NONE,        0 },
	{ "noauto",         OPTION_NONE,        0 },
};
/* clang-format on */

static const struct mount_option *option_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount_options); i++)
		if (str_eq(name, mount_options[i].name))
			return &mount_options[i];
	return NULL;
}

void spec_mount_option_names(struct strlist *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount_options); i++)
		if (mount_options[i].name[0] != '_' && !strchr(mount_options[i].name, '.') &&
		    !strstr(mount_options[i].name, "auto"))
			strlist_add(ret, mount_options[i].name);
	strlist_sort(ret);
}

/* Sets `on` and clears `off` in a pair of masks that must stay apart. */
static void move_bits(uint64_t *into, uint64_t *from, uint64_t bits)
{
	*into |= bits;
	*from &= ~bits;
}

static void option_apply(struct spec_mount *m, const struct mount_option *o)
{
	if (o->kind != OPTION_NONE && o->kind != OPTION_PROPAGATION && o->kind != OPTION_FLAG &&
	    o->kind != OPTION_NOFLAG && o->kind != OPTION_RSET && o->kind != OPTION_RCLR &&
	    o->kind != OPTION_RATIME)
		m->flags |= SPEC_MOUNT_NAMED;
	switch (o->kind) {
	case OPTION_NONE:
		break;
	case OPTION_SET:
		move_bits(&m->attr_set, &m->attr_clr, o->value);
		break;
	case OPTION_CLR:
		move_bits(&m->attr_clr, &m->attr_set, o->value);
		break;
	case OPTION_RSET:
		move_bits(&m->rec_set, &m->rec_clr, o->value);
		break;
	case OPTION_RCLR:
		move_bits(&m->rec_clr, &m->rec_set, o->value);
		break;
	case OPTION_ATIME:	/* a field, not bits: mount_setattr(2) wants it cleared whole */
		m->attr_clr |= MOUNT_ATTR__ATIME;
		m->attr_set = (m->attr_set & ~(uint64_t)MOUNT_ATTR__ATIME) | o->value;
		break;
	case OPTION_NOATIME:
		if ((m->attr_clr & MOUNT_ATTR__ATIME) &&
		    (m->attr_set & MOUNT_ATTR__ATIME) == o->value) {
			m->attr_clr &= ~(uint64_t)MOUNT_ATTR__ATIME;
			m->attr_set &= ~(uint64_t)MOUNT_ATTR__ATIME;
		}
		break;
	case OPTION_RATIME:
		m->rec_clr |= MOUNT_ATTR__ATIME;
		m->rec_set = (m->rec_set & ~(uint64_t)MOUNT_ATTR__ATIME) | o->value;
		break;
	case OPTION_SB:
		m->sb_flags |= o->value;
		break;
	case OPTION_NOSB:
		m->sb_flags &= ~o->value;
		break;
	case OPTION_RO:
		move_bits(&m->attr_set, &m->attr_clr, o->value);
		m->sb_flags |= MS_RDONLY;
		break;
	case OPTION_RW:
		move_bits(&m->attr_clr, &m->attr_set, o->value);
		m->sb_flags &= ~(uint64_t)MS_RDONLY;
		break;
	case OPTION_PROPAGATION:
		m->propagation = o->value;
		break;
	case OPTION_FLAG:
		m->flags |= (unsigned)o->value;
		break;
	case OPTION_NOFLAG:
		m->flags &= ~(unsigned)o->value;
		break;
	}
}

/* "0-1000-1": from the file system's id, to the host's, how many. */
static int parse_triplet(const char *text, struct spec_idmap *ret)
{
	AUTO(strlist) struct strlist part = STRLIST_INIT;

	strlist_split(&part, text, '-', false);
	if (part.n != 3 || str_to_u32(part.v[0], &ret->container_id) ||
	    str_to_u32(part.v[1], &ret->host_id) || str_to_u32(part.v[2], &ret->size) ||
	    !ret->size)
		return -EINVAL;
	return 0;
}

static int parse_map(struct arena *a, const char *text, struct spec_idmaps *ret)
{
	AUTO(strlist) struct strlist ranges = STRLIST_INIT;

	strlist_split(&ranges, text, '#', true);
	if (!ranges.n || ranges.n > SPEC_MAX_IDMAPS)
		return -EINVAL;
	ret->v = arena_array(a, ranges.n, sizeof(*ret->v));
	ret->n = ranges.n;
	for (size_t i = 0; i < ranges.n; i++) {
		const char *range = ranges.v[i];

		ret->v[i].relative = *range == '@';
		if (parse_triplet(range + ret->v[i].relative, &ret->v[i]))
			return -EINVAL;
	}
	return 0;
}

/* crun's "idmap=uids=0-1-10#10-11-10;gids=0-100-10". */
static int option_idmap(struct arena *a, struct spec_mount *m, const char *value, struct err *e)
{
	AUTO(strlist) struct strlist kinds = STRLIST_INIT;

	m->flags |= SPEC_MOUNT_IDMAP;
	m->maps_by_option = true;
	strlist_split(&kinds, value, ';', true);
	for (size_t i = 0; i < kinds.n; i++) {
		const char *uids = str_after(kinds.v[i], "uids="), *gids;
		int r = -EINVAL;

		gids = str_after(kinds.v[i], "gids=");
		if (uids)
			r = parse_map(a, uids, &m->uids);
		else if (gids)
			r = parse_map(a, gids, &m->gids);
		if (r < 0)
			return err_say(e, EINVAL, "mount option idmap: \"%.100s\" is not of the "
				       "form uids=FROM-TO-SIZE[#…] or gids=FROM-TO-SIZE[#…]",
				       kinds.v[i]);
	}
	if (!m->uids.n || !m->gids.n)
		return err_say(e, EINVAL, "mount option idmap: needs both uids= and gids=");
	return 0;
}

int spec_mount_options(struct arena *a, struct spec_mount *m, char *const *options, struct err *e)
{
	size_t n = 0, ndata = 0;
	char **data;

	while (options && options[n])
		n++;
	data = arena_array(a, n + 1, sizeof(*data));
	for (size_t i = 0; i < n; i++) {
		const struct mount_option *o = option_find(options[i]);
		const char *map = str_after(options[i], "idmap=");

		if (!map)
			map = str_after(options[i], "ridmap=");
		if (o) {
			option_apply(m, o);
		} else if (map) {
			int r = option_idmap(a, m, map, e);

			if (r < 0)
				return r;
			if (options[i][0] == 'r')
				m->flags |= SPEC_MOUNT_IDMAP_REC;
		} else if (options[i][0] && !str_starts(options[i], "x-")) {
			data[ndata++] = options[i];
		}
	}
	m->data = data;
	return 0;
}

static int read_mount(struct json_ctx *c, const struct json *v, void *field)
{
	static const struct json_row rows[] = {
		SPEC_ROW("destination", struct spec_mount, destination, json_read_str, true),
		SPEC_ROW("type", struct spec_mount, type, json_read_str, false),
		SPEC_ROW("source", struct spec_mount, source, json_read_str, false),
		SPEC_ROW("options", struct spec_mount, options, spec_read_strs, false),
		SPEC_ROW("uidMappings", struct spec_mount, uids, spec_read_idmaps, false),
		SPEC_ROW("gidMappings", struct spec_mount, gids, spec_read_idmaps, false),
	};
	struct spec_mount *m = field;
	int r = json_read_rows(c, v, rows, ARRAY_SIZE(rows), field);
	struct err why = ERR_INIT;

	if (r < 0)
		return r;
	if (!m->destination[0])
		return spec_fail(c, "destination", "must not be empty");
	if (m->destination[0] != '/')
		m->destination = arena_printf(c->a, "/%s", m->destination);
	if (!m->options)
		m->options = arena_array(c->a, 1, sizeof(char *));
	if (spec_mount_options(c->a, m, m->options, &why) < 0)
		return spec_fail(c, "options", "%s", why.msg);
	if (m->type && str_eq(m->type, "bind"))
		m->flags |= SPEC_MOUNT_BIND;
	if (m->flags & SPEC_MOUNT_BIND) {
		/* A file system's own options, which mount(2) does not look at for a bind. */
		if (m->data[0])
			log_warn("mount %s: \"%.100s\" is no option of a bind, is ignored",
				 m->destination, m->data[0]);
		m->type = "bind";
	}
	if (str_empty(m->type))
		m->type = m->flags & SPEC_MOUNT_REMOUNT || m->propagation ? "none" : "";
	if (!m->type[0])
		return spec_fail(c, "type", "must be given unless the mount is a bind");
	if (!m->uids.n != !m->gids.n)
		return json_fail(c, "uidMappings and gidMappings must be given together");
	if (m->uids.n)
		m->flags |= SPEC_MOUNT_IDMAP;
	if (m->flags & SPEC_MOUNT_BIND && str_empty(m->source) && !(m->flags & SPEC_MOUNT_REMOUNT))
		return spec_fail(c, "source", "must be given for a bind");
	return 0;
}

int spec_read_mounts(struct json_ctx *c, const struct json *v, void *field)
{
	struct spec *s = field;
	int r = spec_read_bound(c, v, SPEC_MAX_MOUNTS);

	if (r < 0)
		return r;
	return json_read_array(c, v, sizeof(*s->mounts), read_mount, &s->mounts, &s->nmounts);
}

int spec_read_mount_list(struct arena *a, const char *text, size_t n, struct spec_mount **ret,
			 size_t *ret_n, struct err *e)
{
	AUTO(arena) struct arena *tree = arena_new(SPEC_ARENA_MAX);
	struct json_ctx c = { .a = a, .e = e, .what = "mounts" };
	struct json_limits lim = JSON_LIMITS_DEFAULT;
	struct spec *s = arena_alloc(a, sizeof(*s));
	const struct json *v;
	int r = json_parse(tree, text, n, lim, "mounts", &v, e);

	if (!r)
		r = spec_read_mounts(&c, v, s);
	if (r < 0)
		return r;
	*ret = s->mounts;
	*ret_n = s->nmounts;
	return 0;
}
