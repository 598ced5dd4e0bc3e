/*
 * opt.h - command-line options by table: parsing, help, man page and completion
 * all come from the same rows.
 *
 * Used by berth and berth-image.
 */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

enum opt_kind {
	OPT_BOOL,	/* [bool]          --x, --x=false, --no-x */
	OPT_OFF,	/* [bool]          the same for what is on by default: true when off */
	OPT_STR,	/* [const char *]  points into argv */
	OPT_U32,	/* [uint32_t] */
	OPT_I64,	/* [int64_t] */
	OPT_LIST,	/* [struct strlist] appended; opt_values_cleanup clears */
	OPT_FUNC,	/* set() is called with the struct and the value */
	OPT_COUNT,	/* [int] --x --x */
	OPT_FLAGFUNC,	/* as OPT_FUNC, takes no value (NULL, or what follows "=") */
	OPT_REFUSED,	/* known elsewhere, an error here: help says why */
};

enum opt_flags {
	OPT_HIDDEN = 1,		/* works, but help and completion leave it out */
	OPT_REPEAT = 2,		/* documentation only: may be given more than once */
	OPT_OPTVALUE = 4,	/* the value may be left out: then set/STR gets "" */
};

struct opt {
	const char *name;	/* long name without dashes; aliases are rows of their own */
	char letter;		/* short name or 0 */
	enum opt_kind kind;
	size_t off;		/* of the field in the struct of options */
	const char *arg;	/* placeholder in help, NULL for flags */
	const char *help;	/* one line; NULL: an alias, not shown */
	int (*set)(void *opts, const char *value, struct err *e);
	unsigned flags;
	const char *complete;	/* what completes the value: "container" "image" "network"
				   "volume" "file" "dir" "signal", or "a|b|c", or NULL */
};

#define OPT_END { .name = NULL }

/*
 * Parses argv[1..argc) by the rows (ended by OPT_END) into opts.  Options end at "--", and,
 * when stop_at_arg, at the first argument that is none; else they may stand among arguments.
 * *ret_args points at a new NULL-terminated array (caller frees the array) of *ret_n arguments.
 * Errors name the option, the expected form, and the nearest known one.
 */
int opt_parse(const struct opt *rows, void *opts, int argc, char **argv, bool stop_at_arg,
	      char ***ret_args, int *ret_n, struct err *e);

/* A struct of options and the rows that fill it (NULL: none do): one owner of it and of the lists
 * inside. */
struct opt_values { const struct opt *rows; void *opts; };
struct opt_values opt_values_new(const struct opt *rows, size_t size);	/* zeroed */
void opt_values_cleanup(struct opt_values *v);				/* AUTO(opt_values) */

bool opt_wants_value(const struct opt *o);

/* The rows as they stand in --help: "  -d, --detach        text". */
void opt_help(const struct opt *rows, struct strbuf *b);

#endif
