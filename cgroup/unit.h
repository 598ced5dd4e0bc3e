/*
 * unit.h - the inside of the systemd driver: unit properties as data, made without a bus.
 *
 * Private to cgroup/.  A property is a D-Bus type ("b", "t", "as", ...) and its value; lists and
 * strings live in the arena of the list.
 */
#ifndef CGROUP_UNIT_H
#define CGROUP_UNIT_H

#include "cgroup/place.h"

struct unit_pair { const char *a, *b; };	/* one of a(ss) */

struct unit_prop {
	const char *name;
	const char *sig;	/* one of b y n q i u x t d s o, a and one of these, or a(ss) */
	size_t n;		/* elements of an array */
	union {
		bool b;
		uint64_t u;	/* y q u t */
		int64_t i;	/* n i x */
		double d;
		const char *s;	/* s o */
		void *v;	/* an array; of b: of int, of a(ss): of struct unit_pair */
	};
};

struct unit_props {
	struct arena *a;
	unsigned version;	/* of systemd: what it knows; 0: take it for old */
	bool start;		/* the unit is being made (some properties can be set only then) */
	size_t n, cap;
	struct unit_prop *v;
};

struct unit_prop *unit_props_add(struct unit_props *p, const char *name, const char *sig);
/* What systemd knows of limits; the rest goes to cgroupfs alone.  Pure. */
void unit_props_limits(struct unit_props *p, const struct cgroup_limits *l);
/* A quota as systemd would write it, in whole hundredths of a CPU: what we write is not to change
 * with its next reload. */
void unit_round_quota(struct cgroup_limits *l);
/* DevicePolicy and DeviceAllow, as far as they can say it ("auto": our program alone).  Pure. */
void unit_props_devices(struct unit_props *p, const struct cgroup_limits *l);
/* Annotations org.systemd.property.NAME, values in GVariant text notation.  Pure. */
int unit_props_annotations(struct unit_props *p, const struct json_map *m, struct err *e);
/* "0-3,7" → the bytes of systemd's AllowedCPUs.  Pure. */
size_t unit_cpu_mask(struct arena *a, const char *list, uint8_t **ret);

/* gvariant.c: one value in GVariant text notation: booleans, numbers with or without a type
 * ("uint64 5", "@t 5"), strings, arrays of these.  -EINVAL for anything else.  Pure. */
int gvariant_parse(struct arena *a, const char *text, struct unit_prop *ret);

#endif
