/* err.c - see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* An error is one line wherever it is shown: log files, pipes, terminals. */
static void store(struct err *e, const char *text)
{
	size_t n = 0;

	for (; n < sizeof(e->msg) - 1 && text[n]; n++) {
		unsigned char c = (unsigned char)text[n];

		e->msg[n] = (c < 0x20 || c == 0x7f) ? ' ' : text[n];
	}
	/* A message that had to be cut is not cut within a character. */
	if (text[n])
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	while (n > 0 && e->msg[n - 1] == ' ')
		n--;
	e->msg[n] = '\0';
}

/* Appends ": more", or as much of it as fits. */
static void append(char *text, size_t size, const char *more)
{
	const char *parts[] = { ": ", more };
	size_t n = strlen(text);

	for (int i = 0; i < 2; i++) {
		size_t k = strnlen(parts[i], size - 1 - n);

		memcpy(text + n, parts[i], k);
		n += k;
	}
	text[n] = '\0';
}

static int code_of(int code)
{
	if (code < 0)
		code = -code;
	return code ? code : EIO;	/* "Success" explains nothing */
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	/* Not straight into e->msg: the arguments may point there.  Room for one byte more
	 * than fits, so that store() sees what was cut. */
	char text[sizeof(e->msg) + 1];
	va_list ap;

	code = code_of(code);
	if (!e)
		return -code;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	append(text, sizeof(text), strerror(code));
	e->code = code;
	e->status = 0;
	store(e, text);
	return -code;
}

int err_say(struct err *e, int code, const char *fmt, ...)
{
	char text[sizeof(e->msg) + 1];
	va_list ap;

	code = code_of(code);
	if (!e)
		return -code;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	e->code = code;
	e->status = 0;
	store(e, text);
	return -code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char text[sizeof(e->msg) + 1];
	va_list ap;

	if (!e)
		return -EIO;
	e->code = code_of(e->code);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	append(text, sizeof(text), e->msg);
	store(e, text);
	return -e->code;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	char text[sizeof(e->msg) + 1];
	size_t n;
	va_list ap;

	if (!e)
		return -EIO;
	e->code = code_of(e->code);
	n = strlen(e->msg);
	memcpy(text, e->msg, n);
	if (n + 2 < sizeof(text)) {
		memcpy(text + n, "; ", 2);
		va_start(ap, fmt);
		vsnprintf(text + n + 2, sizeof(text) - n - 2, fmt, ap);
		va_end(ap);
	} else {
		text[n] = '\0';
	}
	store(e, text);
	return -e->code;
}

int err_status(struct err *e, int status)
{
	if (!e)
		return -EIO;
	e->code = code_of(e->code);
	e->status = status;
	return -e->code;
}
