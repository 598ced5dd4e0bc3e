/*
 * inspect.h - everything there is to know of one object, as a value with Docker's names.
 *
 * Used by cli/ only.  Each finds the object by name, id or unambiguous prefix; -ENOENT when
 * there is none.  Values lie in a.
 */
#ifndef CLI_INSPECT_H
#define CLI_INSPECT_H

#include "cli/command.h"
#include "cli/value.h"
#include "cli/view.h"
#include "image/image.h"

int inspect_container(struct cli *c, const char *what, bool size, struct arena *a,
		      struct json **ret, struct err *e);
int inspect_image(struct cli *c, const char *what, bool size, struct arena *a,
		  struct json **ret, struct err *e);
int inspect_volume(struct cli *c, const char *what, bool size, struct arena *a,
		   struct json **ret, struct err *e);
int inspect_network(struct cli *c, const char *what, bool size, struct arena *a,
		    struct json **ret, struct err *e);
int inspect_secret(struct cli *c, const char *what, bool size, struct arena *a,
		   struct json **ret, struct err *e);

typedef int inspect_fn(struct cli *c, const char *what, bool size, struct arena *a,
		       struct json **ret, struct err *e);

/* ---- parts ---- */

struct inspect_part {
	const struct view *v;
	const struct record *r;
	const struct spec *s;
	const struct image *image;	/* NULL: --rootfs, or it is gone */
	struct arena *a;
	struct cli *c;
};
struct json *inspect_host_config(const struct inspect_part *p);
struct json *inspect_network_settings(const struct inspect_part *p);
/* {"80/tcp": {}} */
struct json *inspect_exposed(struct arena *a, char *const *ports);
struct json *inspect_health_config(struct arena *a, char *const *test, int64_t interval,
				   int64_t timeout, int64_t start_period, int64_t start_interval,
				   int64_t retries);
/* The last results of its health check, oldest first. */
struct json *inspect_health_log(const struct engine *en, const char *id, struct arena *a);

#endif
