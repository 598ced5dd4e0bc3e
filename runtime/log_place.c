/* log_place.c - see log_place.h.  Runs in: host. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "runtime/log_place.h"

int log_place_open(const struct engine *en, const struct record *r, int *ret_dir,
		   const char **ret_name, struct err *e)
{
	AUTO_FREE char *dir = NULL;
	int fd;

	if (!r->log.path) {
		*ret_name = "log";
		return path_open_dir(en->containers_fd, r->id, ret_dir, e);
	}
	dir = mem_strndup(r->log.path, (size_t)(path_base(r->log.path) - r->log.path));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "log %s: open its folder", r->log.path);
	*ret_dir = fd;
	*ret_name = path_base(r->log.path);
	return 0;
}

bool log_place_field(const char *key, struct strbuf *ret)
{
	static const char *const ours[] = { "MESSAGE", "PRIORITY", "SYSLOG_", "CONTAINER_" };

	strbuf_reset(ret);
	for (; *key; key++) {
		char c = *key >= 'a' && *key <= 'z' ? (char)(*key - 32) : *key;

		if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9'))
			c = '_';
		if (ret->len || c != '_')
			strbuf_addc(ret, c);
	}
	/* systemd's rules: at most 64 characters, the first no digit */
	if (!ret->len || ret->len > 64 || (ret->s[0] >= '0' && ret->s[0] <= '9'))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (str_starts(ret->s, ours[i]))
			return false;
	return true;
}

void log_place_attrs(const struct record *r, struct strbuf *ret)
{
	AUTO(strbuf) struct strbuf field = STRBUF_INIT;
	const struct json_map *m = &r->log.attrs;

	for (size_t i = 0; i < m->n; i++) {
		if (str_eq(r->log.driver, "journald")) {
			if (log_place_field(m->v[i].key, &field))
				strbuf_addf(ret, "%s=%s\n", field.s, m->v[i].value);
			continue;
		}
		if (i)
			strbuf_addc(ret, ',');
		json_quote(ret, m->v[i].key, strlen(m->v[i].key));
		strbuf_addc(ret, ':');
		json_quote(ret, m->v[i].value, strlen(m->v[i].value));
	}
}
