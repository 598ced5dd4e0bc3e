/*
 * command.h - a command of berth as one row: name, options, help, function.
 *
 * Used by cli/ only.  main.c finds the row and parses the options; help, man pages and
 * completions are made from the same rows.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/opt.h"
#include "runtime/container.h"
#include "runtime/record.h"

struct cli {			/* one invocation */
	struct engine en;	/* open unless the command says CMD_NO_ENGINE */
	const char *root;	/* --root as given, or NULL */
	const struct command *cmd;
	struct container_env env;
};

enum command_flags {
	CMD_NO_ENGINE = 1,	/* needs no state */
	CMD_STOP_AT_ARG = 2,	/* options end at the first argument (run, exec) */
	CMD_HIDDEN = 4,		/* for berth itself */
	CMD_RAW = 8,		/* parses its own arguments */
	CMD_NO_SWEEP = 16,	/* does not clean up after others first */
	CMD_RUNS = 32,		/* its exit status is a command's: whatever fails of ours is 125 */
};

struct command {
	const char *name;	/* "run", or "volume ls" */
	const char *args;	/* "IMAGE [COMMAND] [ARG...]" */
	const char *summary;	/* one line, no full stop */
	const char *text;	/* paragraphs for `berth help` and the man page, or NULL */
	const struct opt *opts;	/* or */
	const struct opt *(*rows)(void);
	size_t size;		/* of the struct of options */
	int min, max;		/* arguments; max -1: any number */
	unsigned flags;
	unsigned pick;		/* options name containers too, see pick.h */
	const char *complete;	/* of the arguments: "container" "image" "running" "file"… */
	/* Exit status, or -errno with e set.  opts is zeroed before parsing. */
	int (*run)(struct cli *c, void *opts, int argc, char **argv, struct err *e);
};

/* Every command is one const struct in its cmd_*.c, listed in commands.c. */
extern const struct command *const commands[];		/* NULL at the end */
const struct command *command_find(const char *name);
/* Fails, and says which command may have been meant. */
int command_unknown(int argc, char **argv, struct err *e);
const struct opt *command_rows(const struct command *c);

struct alias { const char *name, *command; };		/* "container ls" → "ps" */
extern const struct alias aliases[];

/* Runs fn for each name; goes on after a failure, which it prints.  Returns the exit status. */
int command_each(struct cli *c, int argc, char **argv,
		 int (*fn)(struct cli *c, const char *id, const char *name, void *ctx,
			   struct err *e),
		 void *ctx);
/* Each argument in a child of its own, 16 at a time, so that one that takes long (a stop that
 * waits for its time-out) holds nobody up.  `one` says itself what failed; its result is an exit
 * status.  The last that is not 0 is returned. */
int command_spread(struct cli *c, int argc, char **argv,
		   int (*one)(struct cli *c, const char *name, void *ctx), void *ctx);

#endif
