/*
 * mem.h - memory: cleanup by attribute, allocation that cannot fail, arenas.
 *
 * Used by every program.  mem_* abort the process with one line when the kernel
 * gives no memory: every input has been bounded before.  An arena owns all the
 * bytes of one document (spec, record, manifest, profile); freeing it is one call.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* unused: clang does not take the cleaning up for a use, gcc does. */
#define AUTO(type) __attribute__((cleanup(type##_cleanup), unused))
#define AUTO_FREE __attribute__((cleanup(mem_free_cleanup), unused))
#define AUTO_CLOSE __attribute__((cleanup(fd_close_cleanup), unused))	/* int; see fd.h */

/* Hands a value over: returns it and leaves NULL (or -1 for TAKE_FD) behind. */
#define TAKE(p) ({ __typeof__(p) take_ = (p); (p) = NULL; take_; })
#define TAKE_FD(fd) ({ int take_ = (fd); (fd) = -1; take_; })

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

void mem_free_cleanup(void *pp);

void *mem_alloc(size_t size);			/* zeroed */
void *mem_array(size_t n, size_t size);		/* zeroed, overflow checked */
void *mem_resize(void *p, size_t n, size_t size);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * An arena.  Plain ones reserve address space only; what is not touched costs
 * nothing.  A shared one lives in a memfd at ARENA_SHARED_ADDR, so that another
 * program maps it at the same address and uses its pointers as they are.  The
 * struct itself lies at the start of the region.  Going over max aborts: callers
 * bound their input so that it cannot happen.
 */
#define ARENA_SHARED_ADDR ((uintptr_t)0x200000000000)

struct arena {
	size_t used;	/* bytes, this struct included */
	size_t max;	/* bytes reserved */
	int fd;		/* memfd of a shared arena, else -1; never valid in the other program */
	uint32_t magic;	/* ARENA_MAGIC: format of what a shared arena holds */
	void *root;	/* what the other program looks at first */
};

struct arena *arena_new(size_t max);
struct arena *arena_new_shared(size_t max, uint32_t magic);
/* Forgets all that lies in it; for a plain one that is filled again and again. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);
void arena_cleanup(struct arena **a);	/* AUTO(arena) on a struct arena * */

void *arena_alloc(struct arena *a, size_t size);		/* zeroed, 16-byte aligned */
void *arena_array(struct arena *a, size_t n, size_t size);
char *arena_strdup(struct arena *a, const char *s);		/* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Copies a NULL-terminated list and its strings.  NULL gives NULL. */
char **arena_strv(struct arena *a, char *const *v);

/* Maps a shared arena (private copy) in the other program.  NULL and errno on failure: EPROTO
 * when the magic, the bounds or root (which must lie inside) are not right. */
struct arena *arena_map(int fd, uint32_t magic);

#endif
