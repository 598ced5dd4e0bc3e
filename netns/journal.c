/*
 * journal.c - the journal of one container's network.
 */
#include "netns/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "netns/netname.h"

#define JOURNAL_MAX (16u << 20)

int journal_save(struct lease_dirs *d, const struct journal *j, struct err *e)
{
	AUTO(strbuf) struct strbuf b = STRBUF_INIT;
	struct json_out o;
	json_out_init(&o, &b, 0);
	json_out_obj(&o, NULL);
	if (j->name)
		json_out_str(&o, "name", j->name);
	if (j->hostname)
		json_out_str(&o, "hostname", j->hostname);
	if (j->domainname)
		json_out_str(&o, "domainname", j->domainname);
	if (j->extra_hosts && *j->extra_hosts)
		json_out_strs(&o, "extra_hosts", j->extra_hosts);
	net_result_write(&o, "net", &j->net);
	json_out_end_obj(&o);
	/* Not durable: after a power cut nothing of the network is left to take away but leases,
	 * and those are found without it. */
	return path_write_file(d->ids, j->id, b.s, b.len, 0600, false, e);
}

int journal_load(struct lease_dirs *d, const char *id, struct arena *a, struct journal *ret,
		 struct err *e)
{
	static const struct json_row rows[] = {
		JSON_ROW(struct journal, name, json_read_str),
		JSON_ROW(struct journal, hostname, json_read_str),
		JSON_ROW(struct journal, domainname, json_read_str),
		JSON_ROW(struct journal, extra_hosts, json_read_strs),
		{ "net", net_result_read, offsetof(struct journal, net), true },
	};
	AUTO_FREE char *text = NULL;
	size_t n = 0;
	if (!netname_is_id(id))
		return err_say(e, EINVAL, "'%s' is not the id of a container", id);
	AUTO_CLOSE int fd = openat(d->ids, id, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT :
					 err_set(e, errno, "open the network journal of %s", id);
	int r = fd_read_all(fd, JOURNAL_MAX, &text, &n);
	if (r < 0)
		return err_set(e, -r, "read the network journal of %s", id);
	if (n == 0)
		return 1;
	struct err why = ERR_INIT;
	const struct json *v;
	struct journal j = { .id = arena_strdup(a, id) };
	struct json_limits lim = { JOURNAL_MAX, 16 };
	struct json_ctx c = { .a = a, .e = &why, .what = "network journal", .strict = false };
	if (json_parse(a, text, n, lim, "network journal", &v, &why) < 0 ||
	    json_read_rows(&c, v, rows, ARRAY_SIZE(rows), &j) < 0)
		return 1;
	*ret = j;
	return 0;
}

void journal_remove(struct lease_dirs *d, const char *id)
{
	AUTO_FREE char *half = mem_printf(".tmp-%s", id);
	unlinkat(d->ids, id, 0);
	unlinkat(d->ids, half, 0);	/* of a writer that was killed */
}

int journal_list(struct lease_dirs *d, struct strlist *ret, struct err *e)
{
	int fd = openat(d->ids, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return err_set(e, errno, "list the network journals");
	for (struct dirent *de; (de = readdir(dir));)
		if (netname_is_id(de->d_name))
			strlist_add(ret, de->d_name);
	closedir(dir);
	return 0;
}
