/*
 * hosts.c - the texts of resolv.conf(5) and hosts(5).
 */
#include "netns/hosts.h"

#include <string.h>
#include <sys/socket.h>

#include "netns/addr.h"

#define BEGIN "# berth: containers of its networks (this part is rewritten)\n"
#define END "# berth: end\n"

static bool is_loopback(const char *ip)
{
	struct addr a;
	if (addr_parse(ip, 0, &a) < 0)
		return false;
	static const uint8_t one[16] = { [15] = 1 };
	return a.family == AF_INET ? a.b[0] == 127 : memcmp(a.b, one, 16) == 0;
}

/* The words behind `key` on a line, or NULL. */
static const char *line_value(const char *line, const char *key)
{
	line += strspn(line, " \t");
	const char *rest = str_after(line, key);
	if (!rest || (*rest != ' ' && *rest != '\t'))
		return NULL;
	return rest + strspn(rest, " \t");
}

static void add_words(struct strbuf *b, const char *key, char *const *v)
{
	if (!v || !*v)
		return;
	strbuf_adds(b, key);
	for (; *v; v++) {
		strbuf_addc(b, ' ');
		strbuf_adds(b, *v);
	}
	strbuf_addc(b, '\n');
}

void hosts_resolv(const struct net_config *c, const char *host_text, bool keep_loopback,
		  const char *const *fallback, struct strbuf *ret, bool *ret_lost)
{
	AUTO(strlist) struct strlist lines = STRLIST_INIT;
	AUTO(strlist) struct strlist servers = STRLIST_INIT, rest = STRLIST_INIT;
	bool own = c->dns && *c->dns, lost = false;
	strlist_split(&lines, host_text, '\n', true);
	for (size_t i = 0; i < lines.n; i++) {
		const char *v;
		lines.v[i][strcspn(lines.v[i], "#;\r")] = 0;
		if ((v = line_value(lines.v[i], "nameserver"))) {
			AUTO_FREE char *ip = mem_strndup(v, strcspn(v, " \t"));
			if (own)
				continue;
			if (!keep_loopback && is_loopback(ip))
				lost = true;
			else
				strlist_addf(&servers, "nameserver %s", ip);
		} else if ((v = line_value(lines.v[i], "search")) ||
			   (v = line_value(lines.v[i], "domain"))) {
			if (!(c->dns_search && *c->dns_search))
				strlist_addf(&rest, "search %s", v);
		} else if ((v = line_value(lines.v[i], "options"))) {
			if (!(c->dns_opt && *c->dns_opt))
				strlist_addf(&rest, "options %s", v);
		}
	}
	for (char **d = own ? c->dns : NULL; d && *d; d++)
		strlist_addf(&servers, "nameserver %s", *d);
	lost = lost && servers.n == 0;
	for (size_t i = 0; lost && fallback && fallback[i]; i++)
		strlist_addf(&servers, "nameserver %s", fallback[i]);
	for (size_t i = 0; i < servers.n; i++)
		strbuf_addf(ret, "%s\n", servers.v[i]);
	for (size_t i = 0; i < rest.n; i++)
		strbuf_addf(ret, "%s\n", rest.v[i]);
	/* "--dns-search ." means none. */
	if (c->dns_search && *c->dns_search && !str_eq(*c->dns_search, "."))
		add_words(ret, "search", c->dns_search);
	add_words(ret, "options", c->dns_opt);
	*ret_lost = lost;
}

void hosts_static(char *const *extra, const char *gateway, struct strbuf *ret)
{
	strbuf_adds(ret, "127.0.0.1\tlocalhost\n"
		    "::1\tlocalhost ip6-localhost ip6-loopback\n"
		    "fe00::\tip6-localnet\n"
		    "ff00::\tip6-mcastprefix\n"
		    "ff02::1\tip6-allnodes\n"
		    "ff02::2\tip6-allrouters\n");
	for (; extra && *extra; extra++) {
		const char *colon = strchr(*extra, ':');
		if (!colon)
			continue;
		const char *ip = str_eq(colon + 1, "host-gateway") ? gateway : colon + 1;
		if (ip)
			strbuf_addf(ret, "%s\t%.*s\n", ip, (int)(colon - *extra), *extra);
	}
}

void hosts_replace(const char *old, const struct hosts_name *names, size_t n, struct strbuf *ret)
{
	const char *begin = strstr(old, BEGIN);
	const char *end = begin ? strstr(begin, END) : NULL;
	size_t head = begin ? (size_t)(begin - old) : strlen(old);
	strbuf_add(ret, old, head);
	if (head && old[head - 1] != '\n')
		strbuf_addc(ret, '\n');
	strbuf_adds(ret, BEGIN);
	for (size_t i = 0; i < n; i++)
		strbuf_addf(ret, "%s\t%s\n", names[i].ip, names[i].names);
	strbuf_adds(ret, END);
	if (end)
		strbuf_adds(ret, end + strlen(END));
}
