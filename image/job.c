/* job.c - how the commands that change the store begin and end. */
#include <stdio.h>

#include "image/worker.h"

int worker_begin(const struct store *s, struct maker *m, int input_dir, struct err *e)
{
	int r = sandbox_enter(s->fd, input_dir, e);

	return r < 0 ? r : maker_begin(s, m, e);
}

int worker_end(struct maker *m, const char *verb, struct err *e)
{
	int r = maker_commit(m, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < m->nimages; i++) {
		const struct maker_image *im = &m->images[i];

		if (!verb) {
			printf("%s\n", im->id);
			continue;
		}
		if (!*im->names)
			printf("%s image: %s\n", verb, im->id);
		for (char **n = im->names; *n; n++) {
			char shown[REF_MAX];
			struct err lost = ERR_INIT;
			struct ref r2;

			printf("%s image: %s\n", verb,
			       ref_parse(*n, &r2, &lost) == 0 ? ref_familiar(&r2, shown) : *n);
		}
	}
	return 0;
}
