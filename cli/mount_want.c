/*
 * mount_want.c - see mount_want.h
 */
#include "cli/mount_want.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

void mount_want_cleanup(struct mount_want *w)
{
	strlist_cleanup(&w->options);
	strlist_cleanup(&w->volume_opts);
	strlist_cleanup(&w->volume_labels);
	strlist_cleanup(&w->text);
}

/* The option as typed stays with w. */
static void begin(struct mount_want *w, const char *type, const char *option, const char *text)
{
	strlist_addf(&w->text, "%s %s", option, text);
	w->option = w->text.v[0];
	w->type = type;
}

/* ---- -v ---- */

static void volume_options(struct mount_want *w, const char *text)
{
	AUTO(strlist) struct strlist parts = STRLIST_INIT;

	strlist_split(&parts, text, ',', true);
	for (size_t i = 0; i < parts.n; i++) {
		const char *p = parts.v[i];

		if (str_eq(p, "ro"))
			w->readonly = true;
		else if (str_eq(p, "nocopy"))
			w->nocopy = true;
		else if (str_eq(p, "copy") || str_eq(p, "rw") || str_eq(p, "z") || str_eq(p, "Z") ||
			 str_eq(p, "cached") || str_eq(p, "delegated") || str_eq(p, "consistent"))
			continue;	/* as it is anyway: no label of SELinux confines ours */
		else if (str_eq(p, "O"))
			w->overlay = true;
		else if (str_eq(p, "idmap"))
			w->idmap = true;
		else if (str_eq(p, "U"))
			w->chown = true;
		else
			strlist_add(&w->options, p);
	}
}

int mount_want_volume(struct mount_want *w, const char *text, struct err *e)
{
	char **p;
	size_t n;

	begin(w, "volume", "--volume", text);
	strlist_split(&w->text, text, ':', false);
	p = w->text.v + 1;
	n = w->text.n - 1;
	if (n > 3 || !*text)
		return err_say(e, EINVAL, "%s: expected [SOURCE:]DESTINATION[:OPTIONS]", w->option);
	w->destination = n == 1 ? p[0] : p[1];
	if (n > 1) {
		w->source = p[0];
		if (!*w->source)
			return err_say(e, EINVAL, "%s: the source is empty", w->option);
		if (w->source[0] == '/' || w->source[0] == '.' || w->source[0] == '~')
			w->type = "bind";
	}
	if (n == 3)
		volume_options(w, p[2]);
	return 0;
}

/* ---- --mount ---- */

/* KEY or KEY=true or KEY=false.  1: it was one of them. */
static int mount_flag(struct mount_want *w, const char *key, const char *value, struct err *e)
{
	bool top_only = false;
	const struct { const char *key; bool *on; } flags[] = {
		{ "readonly", &w->readonly }, { "ro", &w->readonly },
		{ "volume-nocopy", &w->nocopy }, { "U", &w->chown }, { "chown", &w->chown },
		{ "bind-nonrecursive", &top_only },
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		if (!str_eq(key, flags[i].key))
			continue;
		*flags[i].on = true;
		if (value && str_to_bool(value, flags[i].on) < 0)
			return err_say(e, EINVAL, "%s: %s=%s: expected true or false", w->option,
				       key, value);
		if (top_only)
			strlist_add(&w->options, "bind");
		return 1;
	}
	return 0;
}

static bool pts_key(const char *key)
{
	return str_eq(key, "uid") || str_eq(key, "gid") || str_eq(key, "mode") ||
	       str_eq(key, "max");
}

static int mount_key(struct mount_want *w, const char *key, const char *value, struct err *e)
{
	int r = mount_flag(w, key, value, e);

	if (r != 0)
		return r < 0 ? r : 0;
	if (str_eq(key, "source") || str_eq(key, "src"))
		w->source = value;
	else if (str_eq(key, "destination") || str_eq(key, "dst") || str_eq(key, "target") ||
		 str_eq(key, "dest"))
		w->destination = value;
	else if (str_eq(key, "subpath") || str_eq(key, "volume-subpath"))
		w->subpath = value;
	else if (str_eq(key, "bind-propagation"))
		strlist_add(&w->options, value ? value : "");
	else if (str_eq(key, "tmpfs-size"))
		strlist_addf(&w->options, "size=%s", value ? value : "");
	else if (str_eq(key, "tmpfs-mode"))
		strlist_addf(&w->options, "mode=%s", value ? value : "");
	else if (str_eq(w->type, "tmpfs") && !value && str_eq(key, "tmpcopyup"))
		strlist_add(&w->options, key);
	else if (str_eq(w->type, "tmpfs") && !value && str_eq(key, "notmpcopyup"))
		return 0;	/* so it is */
	else if (str_eq(w->type, "devpts") && value && pts_key(key))
		strlist_addf(&w->options, "%s=%s", key, value);
	else if (str_eq(key, "bind-recursive") && str_eq(value, "disabled"))
		strlist_add(&w->options, "bind");
	else if (str_eq(key, "bind-recursive") && str_eq(value, "readonly"))
		strlist_add(&w->options, "rro");
	else if (str_eq(key, "bind-recursive") &&
		 (str_eq(value, "enabled") || str_eq(value, "writable")))
		return 0;	/* so it is */
	else if (str_eq(key, "volume-driver") && str_eq(value, "local"))
		return 0;
	else if (str_eq(key, "volume-driver"))
		return err_say(e, EINVAL, "%s: volume driver local is the only one", w->option);
	else if (str_eq(key, "volume-opt") && value)
		strlist_add(&w->volume_opts, value);
	else if (str_eq(key, "volume-label") && value)
		strlist_add(&w->volume_labels, value);
	else if (str_eq(key, "idmap") && value)
		strlist_addf(&w->options, "idmap=%s", value);
	else if (str_eq(key, "idmap"))
		w->idmap = true;
	else if (str_eq(key, "noexec") || str_eq(key, "nosuid") ||
		 str_eq(key, "nodev") || str_eq(key, "exec") || str_eq(key, "suid") ||
		 str_eq(key, "dev"))
		strlist_add(&w->options, key);
	else if (!str_eq(key, "consistency") && !str_eq(key, "relabel"))
		return err_say(e, EINVAL, "%s: unknown key %s", w->option, key);
	return 0;
}

/* A part that begins with a double quote goes to the next one, whatever commas it has. */
static void split_quoted(struct strlist *to, const char *text)
{
	while (*text) {
		bool quoted = *text == '"';
		size_t n;

		text += quoted;
		n = strcspn(text, quoted ? "\"" : ",");
		if (n)
			strlist_addf(to, "%.*s", (int)n, text);
		text += n + (text[n] != 0);
	}
}

int mount_want_mount(struct mount_want *w, const char *text, struct err *e)
{
	begin(w, "volume", "--mount", text);
	split_quoted(&w->text, text);
	for (size_t i = 1; i < w->text.n; i++)	/* what others mean depends on it */
		if (str_starts(w->text.v[i], "type="))
			w->type = w->text.v[i] + strlen("type=");
	for (size_t i = 1; i < w->text.n; i++) {
		char *eq = strchr(w->text.v[i], '=');
		int r;

		if (str_starts(w->text.v[i], "type="))
			continue;
		if (eq)
			*eq++ = 0;
		if ((r = mount_key(w, w->text.v[i], eq, e)) < 0)
			return r;
	}
	return 0;
}

/* ---- --tmpfs ---- */

void mount_want_tmpfs(struct mount_want *w, const char *text)
{
	size_t n = strcspn(text, ":");

	begin(w, "tmpfs", "--tmpfs", text);
	strlist_addf(&w->text, "%.*s", (int)n, text);
	w->destination = w->text.v[1];
	if (text[n])
		strlist_split(&w->options, text + n + 1, ',', true);
}
