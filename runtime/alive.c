/* alive.c - see alive.h.  Runs in: supervisor (takes a slot), host (reads them all). */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "runtime/alive.h"

#define FILE_NAME ".alive"
#define SLOT_PAGE 4096
#define SLOT_PAGES_MOST 1024
#define ID_DIGITS 64

/*
 * The word:
 *
 *   0, OWNER_DIED (by the kernel) ──▶ TID|WAITERS (being filled) ──▶ TID (id counts)
 *                 ▲                               │                     │
 *                 └───────────────────────────────┴─────────────────────┘ end or execve
 *
 * The list that the kernel walks lies in the slot, too, since it takes private memory away from
 * who runs out of memory before it looks there.
 */
struct slot {
	struct robust_list_head head;
	struct robust_list node;
	_Atomic uint32_t word;
	char id[ID_DIGITS];
	char room[24];
};
_Static_assert(sizeof(struct slot) == 128, "slots lie in one page each");

static bool is_free(uint32_t word)
{
	return !word || (word & FUTEX_OWNER_DIED);
}

static bool counts(uint32_t word)
{
	return word && !(word & (FUTEX_OWNER_DIED | FUTEX_WAITERS));
}

/* The one word of the calling process is that of slot s. */
static bool enter(struct robust_list_head *head, struct robust_list *node, struct slot *s)
{
	*node = (struct robust_list){ &head->list };
	*head = (struct robust_list_head){ .list = { node } };
	head->futex_offset = (long)((uintptr_t)&s->word - (uintptr_t)node);
	return syscall(SYS_set_robust_list, head, sizeof(*head)) == 0;
}

/* Entered first and claimed then: killed in between, it has marked nobody else's word. */
static bool claim(struct slot *s, const char *id)
{
	static struct robust_list_head head;
	static struct robust_list node;
	uint32_t old = atomic_load(&s->word), tid = (uint32_t)syscall(SYS_gettid);

	if (!is_free(old) || !enter(&head, &node, s) ||
	    !atomic_compare_exchange_strong(&s->word, &old, tid | FUTEX_WAITERS))
		return false;
	memcpy(s->id, id, ID_DIGITS);
	enter(&s->head, &s->node, s);
	atomic_store(&s->word, tid);
	return true;
}

static int open_file(int run_fd, int flags)
{
	struct statfs fs;

	if (fstatfs(run_fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return -1;
	return openat(run_fd, FILE_NAME, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

void alive_take(int run_fd, const char *id)
{
	AUTO_CLOSE int fd = strlen(id) == ID_DIGITS ? open_file(run_fd, O_RDWR | O_CREAT) : -1;

	for (off_t page = 0; fd >= 0 && page < SLOT_PAGES_MOST; page++) {
		struct slot *s;

		/* a page for which there is no room would end us at the first touch */
		if (fallocate(fd, 0, page * SLOT_PAGE, SLOT_PAGE) < 0)
			return;
		s = mmap(NULL, SLOT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, page * SLOT_PAGE);
		if (s == MAP_FAILED)
			return;
		for (size_t i = 0; i < SLOT_PAGE / sizeof(*s); i++)
			if (claim(&s[i], id))
				return;
		munmap(s, SLOT_PAGE);
	}
}

static int compare(const void *a, const void *b)
{
	return memcmp(*(const char *const *)a, *(const char *const *)b, ID_DIGITS);
}

void alive_load(int run_fd, struct alive *ret)
{
	AUTO_CLOSE int fd = open_file(run_fd, O_RDONLY);
	size_t n = 0;

	*ret = (struct alive){ .n = 0 };
	if (fd < 0 || fd_read_all(fd, SLOT_PAGES_MOST * SLOT_PAGE, &ret->bytes, &n) < 0)
		return;
	n /= sizeof(struct slot);
	ret->ids = mem_array(n + 1, sizeof(*ret->ids));
	for (size_t i = 0; i < n; i++) {
		const char *s = ret->bytes + i * sizeof(struct slot);
		uint32_t word;

		memcpy(&word, s + offsetof(struct slot, word), sizeof(word));
		if (counts(word))
			ret->ids[ret->n++] = s + offsetof(struct slot, id);
	}
	if (ret->n)
		qsort(ret->ids, ret->n, sizeof(*ret->ids), compare);
}

bool alive_has(const struct alive *a, const char *id)
{
	return a->n && bsearch(&id, a->ids, a->n, sizeof(*a->ids), compare);
}

void alive_cleanup(struct alive *a)
{
	free(a->ids);
	free(a->bytes);
}
