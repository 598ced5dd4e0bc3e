/* pairs.c - see pairs.h. */
#include <errno.h>
#include <string.h>

#include "cli/pairs.h"

int pairs_parse(struct arena *a, const struct strlist *given, const char *flag,
		struct json_map *ret, struct err *e)
{
	struct json_map m = { 0, arena_array(a, given->n + 1, sizeof(*m.v)) };

	for (size_t i = 0; i < given->n; i++) {
		size_t n = strcspn(given->v[i], "="), k;
		const char *value = given->v[i][n] ? given->v[i] + n + 1 : "";
		const char *key = arena_strndup(a, given->v[i], n);

		if (n == 0)
			return err_say(e, EINVAL, "%s %s: expected KEY=VALUE", flag, given->v[i]);
		for (k = 0; k < m.n && !str_eq(m.v[k].key, key); k++)
			;
		m.v[k] = (struct json_pair){ key, arena_strdup(a, value) };
		m.n += k == m.n;
	}
	*ret = m;
	return 0;
}

const char *pairs_get(const struct json_map *m, const char *key)
{
	for (size_t i = 0; i < m->n; i++)
		if (str_eq(m->v[i].key, key))
			return m->v[i].value;
	return NULL;
}

bool pairs_same(const struct json_map *a, const struct json_map *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = str_eq(pairs_get(b, a->v[i].key), a->v[i].value);
	return same;
}
