/* attach.c - see attach.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "cli/attach.h"

static struct termios saved;
static int saved_fd = -1;

void attach_window(unsigned *ret_rows, unsigned *ret_cols)
{
	struct winsize ws = { 0, 0, 0, 0 };

	for (int fd = 0; fd < 3; fd++)
		if (ioctl(fd, TIOCGWINSZ, &ws) == 0)
			break;
	*ret_rows = ws.ws_row;
	*ret_cols = ws.ws_col;
}

static void restore_mode(void)
{
	if (saved_fd >= 0)
		tcsetattr(saved_fd, TCSADRAIN, &saved);
	saved_fd = -1;
}

/* Raw mode on fd until restored, also when a signal ends us. */
static int raw_mode(int fd, struct err *e)
{
	struct termios raw;

	if (tcgetattr(fd, &saved) < 0)
		return err_set(e, errno, "read the terminal's settings");
	raw = saved;
	cfmakeraw(&raw);
	if (tcsetattr(fd, TCSADRAIN, &raw) < 0)
		return err_set(e, errno, "set the terminal to raw mode");
	if (saved_fd < 0)
		atexit(restore_mode);
	saved_fd = fd;
	return 0;
}

/* ---- detach keys ---- */

#define KEYS_MAX 16

static int key(const char *word)
{
	const char *c = str_after(word, "ctrl-");

	if (!c)
		return word[0] && !word[1] ? (unsigned char)word[0] : -1;
	if (c[0] && !c[1]) {
		if (c[0] >= 'a' && c[0] <= 'z')
			return c[0] - 'a' + 1;
		if (c[0] >= 'A' && c[0] <= 'Z')
			return c[0] - 'A' + 1;
		if (strchr("@[\\]^_", c[0]))
			return c[0] - '@';
	}
	return -1;
}

/* "ctrl-p,ctrl-q" or "a,ctrl-]" → bytes; at most max.  Returns how many, or -EINVAL. */
static int keys_parse(const char *text, unsigned char *ret, size_t max, struct err *e)
{
	AUTO(strlist) struct strlist l = STRLIST_INIT;

	if (!text)
		text = "ctrl-p,ctrl-q";
	if (!*text)
		return 0;
	strlist_split(&l, text, ',', false);
	for (size_t i = 0; i < l.n; i++) {
		int k = key(l.v[i]);

		if (k < 0 || i >= max)
			return err_say(e, EINVAL,
				       "--detach-keys %s: expected keys as ctrl-p,ctrl-q or a,b",
				       text);
		ret[i] = (unsigned char)k;
	}
	return (int)l.n;
}

/* ---- the loop ---- */

struct session {
	const struct attach_opts *o;
	unsigned char keys[KEYS_MAX];
	int nkeys, matched;
	bool stdin_open, detached, eof;
	int gone;		/* errno with which who reads us went, or 0 */
	int sigfd;
	size_t typed_n;			/* input that the supervisor has not taken yet */
	char typed[SUP_DATA], data[SUP_DATA];
};

static const int never_passed[] = { SIGCHLD, SIGURG, SIGSTOP, SIGKILL, SIGPIPE, SIGSEGV, SIGBUS,
				    SIGFPE, SIGILL, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT };

static void block_signals(struct session *s)
{
	sigset_t set;

	sigemptyset(&set);
	if (s->o->sig_proxy) {
		sigfillset(&set);
		for (size_t i = 0; i < ARRAY_SIZE(never_passed); i++)
			sigdelset(&set, never_passed[i]);
	}
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_SETMASK, &set, NULL);
	s->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void send_size(struct session *s)
{
	unsigned rows, cols;

	attach_window(&rows, &cols);
	if (s->o->tty && rows && cols)
		control_send(s->o->sock, SUP_RESIZE, (int32_t)rows, (int32_t)cols, NULL, 0);
}

static void on_signals(struct session *s)
{
	struct signalfd_siginfo si;

	while (read(s->sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGWINCH)
			send_size(s);
		else if (s->o->sig_proxy)
			control_send(s->o->sock, SUP_KILL, (int32_t)si.ssi_signo, 0, NULL, 0);
	}
}

/* What goes to the container of n typed bytes; keys of the detach sequence are held back until
 * it is clear that they are none. */
static size_t filter_keys(struct session *s, const char *in, size_t n, char *out)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)in[i];

		if (c == s->keys[s->matched]) {
			if (++s->matched == s->nkeys) {
				s->detached = true;
				return k;
			}
			continue;
		}
		for (int m = 0; m < s->matched; m++)
			out[k++] = (char)s->keys[m];
		s->matched = c == s->keys[0];
		if (!s->matched)
			out[k++] = (char)c;
	}
	return k;
}

/* What could not go yet stays in s->typed, and nothing more is read meanwhile. */
static int send_typed(struct session *s)
{
	enum sup_type type = s->typed_n ? SUP_IN : SUP_EOF;
	int r;

	if (!s->typed_n && !s->eof)
		return 0;
	r = control_try_send(s->o->sock, type, s->typed, s->typed_n);
	if (r == -EAGAIN)
		return 0;
	s->typed_n = 0;
	if (type == SUP_EOF)
		s->eof = false;
	return r;
}

static int on_input(struct session *s)
{
	char in[sizeof(s->typed) - 64];
	ssize_t n = read(0, in, sizeof(in));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		s->stdin_open = false;
		s->eof = true;
	} else if (s->nkeys && s->o->tty) {
		s->typed_n = filter_keys(s, in, (size_t)n, s->typed);
	} else {
		memcpy(s->typed, in, (size_t)n);
		s->typed_n = (size_t)n;
	}
	if (send_typed(s) < 0)
		return -EPIPE;
	if (s->detached)
		control_send(s->o->sock, SUP_DETACH, 0, 0, NULL, 0);
	return 0;
}

/* Nobody reads us any more, or what we write has no room. */
static int end_unread(const struct session *s, int *ret_code, struct err *e)
{
	if (s->gone != EPIPE)
		return err_set(e, s->gone, "write what the container says");
	*ret_code = 128 + SIGPIPE;
	return 1;
}

/* 1: the end. */
static int on_message(struct session *s, int *ret_code, struct err *e)
{
	struct sup_head h;
	ssize_t n = control_recv(s->o->sock, &h, s->data);
	int r;

	if (n < 0)
		return (int)n;
	switch (h.type) {
	case SUP_OUT:
	case SUP_ERR:
		r = s->gone ? 0 : fd_write_all(h.type == SUP_OUT ? 1 : 2, s->data, (size_t)n);
		if (r == 0)
			return 0;
		s->gone = -r;
		if (!(s->o->flags & SUP_LOSSLESS))
			return end_unread(s, ret_code, e);
		/* as in a pipeline, that is its end, which may be on its way already */
		control_send(s->o->sock, SUP_STOP, SIGKILL, 0, NULL, 0);
		return 0;
	case SUP_END:
		if (s->gone)
			return end_unread(s, ret_code, e);
		*ret_code = h.a;
		return 1;
	case SUP_ERROR:
		return err_say(e, EPROTO, "%.*s", (int)n, s->data);
	default:
		return 0;
	}
}

static int lost(const struct attach_opts *o, struct err *e)
{
	return err_say(e, EPIPE, "the supervisor of container %s is gone", o->name);
}

static int loop(struct session *s, struct err *e)
{
	int code;

	for (;;) {
		struct pollfd p[3] = {
			{ .fd = s->o->sock, .events = POLLIN },
			{ .fd = s->sigfd, .events = POLLIN },
			{ .fd = s->stdin_open && !s->typed_n ? 0 : -1, .events = POLLIN },
		};
		int r;

		if (s->typed_n || s->eof)
			p[0].events |= POLLOUT;

		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return err_set(e, errno, "poll");
		if (p[1].revents)
			on_signals(s);
		if ((p[0].revents & POLLOUT) && send_typed(s) < 0)
			s->stdin_open = false;
		if (p[0].revents & (POLLIN | POLLHUP | POLLERR)) {
			r = on_message(s, &code, e);
			if (r == 1)
				return code;
			if (r < 0)
				return e->code ? r : lost(s->o, e);
		}
		if (p[2].revents && on_input(s) < 0)
			s->stdin_open = false;
		if (s->detached)
			return 0;
	}
}

int attach_check_keys(const char *text, struct err *e)
{
	unsigned char keys[KEYS_MAX];
	int n = keys_parse(text, keys, KEYS_MAX, e);

	return n < 0 ? n : 0;
}

int attach_run(const struct attach_opts *o, struct err *e)
{
	struct session s = { .o = o, .sigfd = -1, .stdin_open = o->flags & SUP_STDIN };
	sigset_t before;
	int r;

	s.nkeys = keys_parse(o->detach_keys, s.keys, sizeof(s.keys), e);
	if (s.nkeys < 0)
		return s.nkeys;
	sigprocmask(SIG_SETMASK, NULL, &before);
	block_signals(&s);
	if (!o->attached && control_send(o->sock, SUP_ATTACH, o->flags, 0, NULL, 0) < 0)
		return lost(o, e);
	if (o->tty && (o->flags & SUP_STDIN) && isatty(0)) {
		r = raw_mode(0, e);
		if (r < 0)
			return r;
		send_size(&s);
	}
	r = loop(&s, e);
	restore_mode();
	fd_close(&s.sigfd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
