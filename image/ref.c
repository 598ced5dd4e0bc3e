/* ref.c - names of images, by the grammar of the distribution specification and Docker's
 * defaults. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/image.h"

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* [a-z0-9]+ ((. | _ | __ | -+) [a-z0-9]+)*, joined by slashes. */
static bool path_valid(const char *s)
{
	char prev = '/', prev2 = 0;

	for (; *s; prev2 = prev, prev = *s, s++) {
		if (is_lower_alnum(*s))
			continue;
		if (*s == '/' || *s == '.') {
			if (!is_lower_alnum(prev))
				return false;
		} else if (*s == '_') {
			if (!is_lower_alnum(prev) && !(prev == '_' && is_lower_alnum(prev2)))
				return false;
		} else if (*s == '-') {
			if (!is_lower_alnum(prev) && prev != '-')
				return false;
		} else {
			return false;
		}
	}
	return is_lower_alnum(prev);
}

static bool port_valid(const char *s)
{
	uint32_t port;

	return str_to_u32(s, &port) == 0 && port > 0 && port < 65536;
}

static bool domain_valid(const char *s)
{
	const char *p = s;
	char prev = '.';

	if (*s == '[') {	/* [IPv6] */
		p += 1 + strspn(s + 1, "0123456789abcdefABCDEF:.");
		if (*p != ']' || p == s + 1)
			return false;
		p++;
		return *p == '\0' || (*p == ':' && port_valid(p + 1));
	}
	for (; *p && *p != ':'; prev = *p++) {
		if (is_alnum(*p))
			continue;
		if (*p == '.' ? !is_alnum(prev) : *p != '-' || prev == '.')
			return false;
	}
	if (!is_alnum(prev))
		return false;
	return *p == '\0' || port_valid(p + 1);
}

bool ref_tag_valid(const char *s)
{
	size_t n = 0;

	for (; s[n]; n++)
		if (!is_alnum(s[n]) && s[n] != '_' && (n == 0 || (s[n] != '.' && s[n] != '-')))
			return false;
	return n > 0 && n <= 128;
}

/* The first component is a host when it could not be a part of a repository's name. */
static bool looks_like_host(const char *s, size_t n)
{
	if (n == 9 && memcmp(s, "localhost", 9) == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (s[i] == '.' || s[i] == ':' || isupper((unsigned char)s[i]))
			return true;
	return false;
}

static int ref_fail(const char *s, const char *rule, struct err *e)
{
	char shown[128];

	return err_say(e, EINVAL, "image name \"%s\": %s",
		       str_printable(s, strlen(s), shown, sizeof(shown) - 1), rule);
}

static int ref_split_digest(char *buf, const char *s, struct ref *r, struct err *e)
{
	char *at = strchr(buf, '@');

	if (!at)
		return 0;
	*at++ = '\0';
	if (!str_starts(at, "sha256:"))
		return ref_fail(s, "a digest begins with \"sha256:\"", e);
	if (!str_is_hex(at + 7, 64))
		return ref_fail(s, "a sha256 digest has 64 lower-case hex digits", e);
	memcpy(r->digest, at, 72);
	return 0;
}

static int ref_split_tag(char *buf, const char *s, struct ref *r, struct err *e)
{
	char *slash = strrchr(buf, '/');
	char *colon = strchr(slash ? slash : buf, ':');

	if (!colon)
		return 0;
	*colon++ = '\0';
	if (!ref_tag_valid(colon))
		return ref_fail(s, "a tag is 1 to 128 letters, digits, '_', '.' or '-', "
				   "and begins with none of the last two", e);
	memcpy(r->tag, colon, strlen(colon) + 1);
	return 0;
}

static int ref_split_domain(char *buf, const char *s, struct ref *r, struct err *e)
{
	char *slash = strchr(buf, '/');
	const char *path = buf;
	const char *domain = "docker.io";
	bool official = false;

	if (slash && looks_like_host(buf, (size_t)(slash - buf))) {
		*slash = '\0';
		domain = str_eq(buf, "index.docker.io") ? "docker.io" : buf;
		path = slash + 1;
		if (!domain_valid(domain) || strlen(domain) >= sizeof(r->domain))
			return ref_fail(s, "the part before the first slash is no host[:port]", e);
	}
	if (!*path)
		return ref_fail(s, "it is empty", e);
	if (str_eq(domain, "docker.io") && !strchr(path, '/'))
		official = true;
	if (!path_valid(path)) {
		for (const char *p = path; *p; p++)
			if (isupper((unsigned char)*p))
				return ref_fail(s, "a repository's name is in lower case", e);
		return ref_fail(s, "a repository's name is lower-case letters and digits, with "
				   "single '.', '_', '__' or '-' between them", e);
	}
	if (snprintf(r->path, sizeof(r->path), "%s%s", official ? "library/" : "", path) >=
	    (int)sizeof(r->path))
		return ref_fail(s, "a repository's name has at most 255 bytes", e);
	strcpy(r->domain, domain);
	return 0;
}

int ref_parse(const char *s, struct ref *ret, struct err *e)
{
	char buf[REF_MAX];
	struct ref r = { 0 };
	int ret_code;

	if (!*s)
		return ref_fail(s, "it is empty", e);
	if (strlen(s) >= sizeof(buf))
		return ref_fail(s, "it is too long", e);
	strcpy(buf, s);
	ret_code = ref_split_digest(buf, s, &r, e);
	if (ret_code < 0)
		return ret_code;
	ret_code = ref_split_tag(buf, s, &r, e);
	if (ret_code < 0)
		return ret_code;
	if (!strchr(buf, '/') && str_is_hex(buf, 64))
		return ref_fail(s, "64 hex digits are an image's id, not a name", e);
	ret_code = ref_split_domain(buf, s, &r, e);
	if (ret_code < 0)
		return ret_code;
	if (!r.tag[0] && !r.digest[0])
		strcpy(r.tag, "latest");
	*ret = r;
	return 0;
}

static const char *ref_show(const char *domain, const char *path, const struct ref *r,
			    bool version, char buf[static REF_MAX])
{
	const char *sep = "", *v = "";

	if (version && r->tag[0]) {
		sep = ":";
		v = r->tag;
	} else if (version && r->digest[0]) {
		sep = "@";
		v = r->digest;
	}
	snprintf(buf, REF_MAX, "%s%s%s%s%s", domain, *domain ? "/" : "", path, sep, v);
	return buf;
}

const char *ref_full(const struct ref *r, char buf[static REF_MAX])
{
	return ref_show(r->domain, r->path, r, true, buf);
}

static const char *ref_short(const struct ref *r, bool version, char buf[static REF_MAX])
{
	const char *library;

	if (!str_eq(r->domain, "docker.io"))
		return ref_show(r->domain, r->path, r, version, buf);
	library = str_after(r->path, "library/");
	/* docker.io/library/a/b and docker.io/localhost/a keep what tells them apart */
	if (library && !strchr(library, '/'))
		return ref_show("", library, r, version, buf);
	if (looks_like_host(r->path, strcspn(r->path, "/")))
		return ref_show(r->domain, r->path, r, version, buf);
	return ref_show("", r->path, r, version, buf);
}

const char *ref_familiar(const struct ref *r, char buf[static REF_MAX])
{
	return ref_short(r, true, buf);
}

const char *ref_repository(const struct ref *r, char buf[static REF_MAX])
{
	return ref_short(r, false, buf);
}
