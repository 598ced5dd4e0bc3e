/* base64.c - RFC 4648, with padding; white space at the end is tolerated. */
#include <string.h>

#include "image/login.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t n)
{
	const unsigned char *p = data;
	char *out = mem_alloc((n + 2) / 3 * 4 + 1), *o = out;

	for (; n > 0; p += 3) {
		unsigned v = (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0) |
			     (n > 2 ? p[2] : 0);

		*o++ = digits[v >> 18];
		*o++ = digits[v >> 12 & 63];
		*o++ = n > 1 ? digits[v >> 6 & 63] : '=';
		*o++ = n > 2 ? digits[v & 63] : '=';
		n = n > 3 ? n - 3 : 0;
	}
	return out;
}

static int value_of(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	if (c == '-')
		return 62;	/* RFC 4648, section 5: the alphabet for URLs */
	if (c == '_')
		return 63;
	return at ? (int)(at - digits) : -1;
}

char *base64_decode(const char *s, size_t *ret_n)
{
	AUTO_FREE char *out = mem_alloc(strlen(s) / 4 * 3 + 4);
	unsigned v = 0, bits = 0;
	size_t n = 0;

	for (; *s && *s != '='; s++) {
		int d;

		if (*s == '\n' || *s == '\r' || *s == ' ')
			continue;
		d = value_of(*s);
		if (d < 0)
			return NULL;
		v = v << 6 | (unsigned)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (char)(v >> bits & 255);
		}
	}
	if (strspn(s, "=\r\n ") != strlen(s))
		return NULL;
	out[n] = '\0';
	*ret_n = n;
	return TAKE(out);
}
