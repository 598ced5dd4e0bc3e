/*
 * tty.h - the terminal of a container in the host: handing its master over, and
 * passing bytes between it and the terminal of who typed the command.
 *
 * Runs in: host.  Used by create/exec (console sockets) and by `run` and `exec` in the
 * foreground.
 */
#ifndef RUNTIME_TTY_H
#define RUNTIME_TTY_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <termios.h>

#include "base/err.h"

/* Connects to the AF_UNIX stream socket at path and sends fd with `text` as its data. */
int tty_send(const char *path, int fd, const char *text, struct err *e);

/* A foreground process and the terminal or pipes of its caller.  Between tty_open and tty_close
 * the caller's terminal is raw; close puts it back, and so does every way out of the program
 * (atexit, fatal signals). */
struct tty {
	int master;		/* of the container's terminal, or -1: no terminal */
	int signals;		/* signalfd: what is passed on, SIGWINCH, SIGCHLD */
	sigset_t before;	/* mask to be restored */
	bool raw;
	/* inside LF stays LF (console_plain), and becomes CR LF at the caller's terminal */
	bool plain;
};
#define TTY_INIT { .master = -1, .signals = -1 }
/* Blocks the signals before the child is born, so that none is lost. */
int tty_signals(struct tty *t, struct err *e);
/* master may be -1.  Takes it over. */
int tty_open(struct tty *t, int master, struct err *e);
/* Until pid (pidfd) has ended: copies, resizes, passes signals on.  *ret_status as of waitpid.
 * exec: only this child is waited for; else every orphan of a subreaper is reaped, too. */
int tty_run(struct tty *t, pid_t pid, int pidfd, int *ret_status, struct err *e);
void tty_close(struct tty *t);

#endif
