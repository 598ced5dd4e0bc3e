/*
 * pick.h - the containers that a command is for: those that are named, and with options of
 * podman's all of them, the one made last, those of a filter, those whose ids are in files.
 *
 * Used by cli/ only.  A command with .pick has a struct pick as the first member of its options;
 * main.c puts what it picks in place of the arguments.
 */
#ifndef CLI_PICK_H
#define CLI_PICK_H

#include "cli/connect.h"

struct pick {
	bool latest, all, running, ignore;	/* running: all that run */
	struct strlist filter, cidfile;
};

/* For .pick: the states of those whom --all and --filter mean. */
#define PICK_RUNNING (1u << STATE_RUNNING)
#define PICK_PAUSED (1u << STATE_PAUSED)
#define PICK_LIVING (PICK_RUNNING | PICK_PAUSED | 1u << STATE_RESTARTING)
#define PICK_ENDED (1u << STATE_CREATED | 1u << STATE_EXITED)
#define PICK_ANY (PICK_LIVING | PICK_ENDED)

/* Rows; type has the struct pick as its member pick. */
#define PICK_LATEST(type) { "latest", 'l', OPT_BOOL, offsetof(struct type, pick.latest), NULL, \
	"The container made last" }
#define PICK_ALL(type, letter) { "all", letter, OPT_BOOL, offsetof(struct type, pick.all), NULL, \
	"All containers that this can be done to" }
#define PICK_FILTER(type, letter) { "filter", letter, OPT_LIST, \
	offsetof(struct type, pick.filter), "KEY=VALUE", "Those that ps --filter shows", \
	.flags = OPT_REPEAT }
#define PICK_CIDFILE(type) { "cidfile", 0, OPT_LIST, offsetof(struct type, pick.cidfile), "FILE", \
	"The one whose id is in FILE", .flags = OPT_REPEAT, .complete = "file" }
#define PICK_IGNORE(type, letter) { "ignore", letter, OPT_BOOL, \
	offsetof(struct type, pick.ignore), NULL, "A container that is not there is no error" }

/* An option says whom; the arguments may then be none. */
bool pick_any(const struct pick *p);
/* argv: what was typed.  → names and ids, in *ret. */
int pick_names(struct cli *c, const struct pick *p, int argc, char **argv, struct strlist *ret,
	       struct err *e);

#endif
