/*
 * oci.h - the OCI runtime's command line: what oci.c and its commands (oci_*.c) share.
 *
 * Runs in: host.  Names berth-oci, runc, crun, and `berth oci`: the union of runc's and
 * crun's commands and options.  Errors end with status 1, on stderr and in --log.
 */
#ifndef CLI_OCI_H
#define CLI_OCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/opt.h"
#include "runtime/container.h"

struct oci {			/* one invocation */
	struct arena *arena;	/* paths that options name */
	struct container_env env;
	const char *program;	/* as called: "runc", "berth-oci" */
	bool root_given;	/* --root */
	bool syslog;		/* --log syslog:ID or journald:ID */
};

struct oci_command {
	const char *name, *args, *help;
	const struct opt *rows;
	size_t size;		/* of the struct that rows fill */
	int min, max;		/* arguments; max -1: any */
	bool stop_at_arg;	/* options end at the first argument */
	/* Exit status, or -errno with e. */
	int (*run)(struct oci *o, void *opts, int argc, char **argv, struct err *e);
	bool no_state;		/* works without a folder for the state */
};

extern const struct oci_command oci_create, oci_run, oci_start, oci_restore, oci_exec, oci_state,
	oci_list, oci_ps, oci_kill, oci_delete, oci_pause, oci_resume, oci_update, oci_events,
	oci_features, oci_info, oci_spec, oci_mounts, oci_checkpoint;

extern const struct oci_command *const oci_commands[];	/* NULL at the end */
extern const struct opt oci_rows[];			/* the global options */

/* The whole command line: argv[0] is the name.  Prints its own errors; returns the status. */
int oci_main(int argc, char **argv);

/* Whether the OCI runtime has this command, and it the first of these options that not_in has not;
 * for who called plain berth with them.  argc 0: whatever the options. */
bool oci_has(const char *command, const struct opt *not_in, int argc, char **argv);

/* oci_create.c: what exec and restore need, too. */
/* bundle (NULL: the current folder) made absolute, and config.json read from there or from
 * `config`.  a is shared. */
int oci_load_bundle(const char *bundle, const char *config, struct arena *a, char **ret_bundle,
		    struct spec **ret, struct err *e);
/* A path made absolute, since commands change to the bundle; NULL stays NULL. */
char *oci_absolute(struct arena *a, const char *path);
/* Descriptors above 2 and above the preserved ones are not inherited; one of those that is not
 * open is warned about. */
int oci_keep_fds(uint32_t asked, uint32_t listen, struct err *e);
/* Makes us the reaper of what the foreground process leaves. */
int oci_subreaper(struct err *e);
/* Foreground: passes the terminal and signals on until l has ended; its exit status. */
struct tty;
int oci_foreground(struct tty *t, struct launch *l, int *ret_code, struct err *e);
/* LISTEN_FDS of our own environment, 0 when none or when it was for another process. */
unsigned oci_listen_fds(void);

#endif
