/*
 * spec_part.h - what the files spec_*.c share among themselves: word tables (how the
 * specification spells a kernel constant) and readers of parts of config.json.
 *
 * Runs in: host.  Not for others: they include spec.h.
 */
#ifndef RUNTIME_SPEC_PART_H
#define RUNTIME_SPEC_PART_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/spec.h"

/* Stated maxima; a document over one of them is refused by name. */
#define SPEC_MAX_MOUNTS 100000u		/* fs.mount-max, too */
#define SPEC_MAX_DEVICES 65536u
#define SPEC_MAX_IDMAPS 340u		/* UID_GID_MAP_MAX_EXTENTS */
#define SPEC_MAX_GROUPS 65536u		/* NGROUPS_MAX */
#define SPEC_MAX_HOOKS 1024u
#define SPEC_MAX_STRINGS 100000u	/* env, args, paths, options of one list */
#define SPEC_MAX_NETDEVS 1024u

struct spec_word { const char *word; uint64_t value; };	/* a table ends with word NULL */
extern const struct spec_word spec_words_policy[], spec_words_sched_flag[], spec_words_ioprio[],
	spec_words_mpol[], spec_words_mpol_flag[], spec_words_persona[],
	spec_words_propagation[];
/* 0, or -ENOENT. */
int spec_word_find(const struct spec_word *table, const char *word, uint64_t *ret);
const char *spec_word_of(const struct spec_word *table, uint64_t value);	/* or NULL */

/* A row whose key is not the field's name; WHOLE hands the struct itself to the reader. */
#define SPEC_ROW(key_, type, field, reader, req) { key_, reader, offsetof(type, field), req }
#define SPEC_WHOLE(key_, reader, req) { key_, reader, 0, req }

/* json_fail for a member of the object that is being read. */
int spec_fail(struct json_ctx *c, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A string out of a table; the message lists the words. */
int spec_read_word(struct json_ctx *c, const struct json *v, const struct spec_word *table,
		   uint64_t *ret);
/* An array of such words, or-ed together. */
int spec_read_words(struct json_ctx *c, const struct json *v, const struct spec_word *table,
		    uint64_t *ret);
/* Refuses an array longer than max (and what is no array). */
int spec_read_bound(struct json_ctx *c, const struct json *v, unsigned max);
/* char **, bounded. */
json_reader spec_read_strs;
/* "0-3,7": a list of CPUs or nodes.  [const char *] */
json_reader spec_read_cpulist;

json_reader spec_read_process_part;	/* [struct spec_process] */
json_reader spec_read_mounts;		/* [struct spec] */
json_reader spec_read_linux;		/* [struct spec] */
json_reader spec_read_idmaps;		/* [struct spec_idmaps] */
json_reader spec_read_device_type;	/* [struct spec_device] */
json_reader spec_read_file_mode;	/* [struct spec_device] */
json_reader spec_read_device_number;	/* [uint32_t] */
json_reader spec_read_ifname;		/* [const char *] */
json_reader spec_read_rdt;		/* [struct spec_rdt] */
json_reader spec_read_timeout;		/* [int32_t] of a hook, seconds */
/* args and env of a hook that names none */
void spec_hook_complete(struct arena *a, struct spec_hook *h);

#endif
