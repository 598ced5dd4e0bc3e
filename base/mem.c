/* mem.c - see mem.h. */
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1U
#define MFD_ALLOW_SEALING 2U
#endif

_Noreturn static void die(const char *text)
{
	char line[160];
	int n = snprintf(line, sizeof(line), "berth: %s\n", text);

	if (n > 0)
		fd_write_all(STDERR_FILENO, line,
			     (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
	abort();
}

void mem_free_cleanup(void *pp)
{
	free(*(void **)pp);
}

void *mem_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		die("out of memory");
	return p;
}

void *mem_array(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		die("out of memory");
	return p;
}

void *mem_resize(void *p, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all))
		die("out of memory");
	p = realloc(p, all ? all : 1);
	if (!p)
		die("out of memory");
	return p;
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = mem_resize(NULL, len + 1, 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		die("a text cannot be formatted");
	p = mem_resize(NULL, (size_t)n + 1, 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

static size_t arena_pages(size_t max)
{
	if (max > SIZE_MAX / 4)
		die("an arena is too large");
	return round_up(max + sizeof(struct arena), 4096);
}

struct arena *arena_new(size_t max)
{
	struct arena *a;

	max = arena_pages(max);
	a = mmap(NULL, max, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		 0);
	if (a == MAP_FAILED)
		die("out of memory for an arena");
	a->used = round_up(sizeof(*a), 16);
	a->max = max;
	a->fd = -1;
	return a;
}

struct arena *arena_new_shared(size_t max, uint32_t magic)
{
	struct arena *a;
	int fd;

	max = arena_pages(max);
	fd = sys_memfd_create("berth-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)max) < 0)
		die("no memfd for a shared arena");
	a = mmap((void *)ARENA_SHARED_ADDR, max, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, fd, 0);
	if (a == MAP_FAILED)
		die(errno == EEXIST ? "a second shared arena while the first is mapped"
				    : "out of memory for a shared arena");
	if ((uintptr_t)a != ARENA_SHARED_ADDR)
		die("the address of shared arenas is not free");
	a->used = round_up(sizeof(*a), 16);
	a->max = max;
	a->fd = fd;
	a->magic = magic;
	return a;
}

void arena_reset(struct arena *a)
{
	size_t head = round_up(sizeof(*a), 16);

	memset((char *)a + head, 0, a->used - head);
	a->used = head;
}

void arena_free(struct arena *a)
{
	int fd;

	if (!a)
		return;
	fd = a->fd;
	munmap(a, a->max);
	fd_close(&fd);
}

void arena_cleanup(struct arena **a)
{
	arena_free(*a);
	*a = NULL;
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *p;

	if (size > a->max - a->used)
		die("an arena is full");
	p = (char *)a + a->used;
	/* max is a multiple of the page size, so rounding up stays within it. */
	a->used += round_up(size ? size : 1, 16);
	if (a->used > a->max)
		die("an arena is full");
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all))
		die("an arena is full");
	return arena_alloc(a, all);
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = arena_alloc(a, len + 1);

	memcpy(p, s, len);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		die("a text cannot be formatted");
	p = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

char **arena_strv(struct arena *a, char *const *v)
{
	char **copy;
	size_t n = 0;

	if (!v)
		return NULL;
	while (v[n])
		n++;
	copy = arena_array(a, n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = arena_strdup(a, v[i]);
	return copy;
}

/* What the other program made of the header is checked before anything is used. */
static bool header_ok(const struct arena *a, uint32_t magic, size_t size)
{
	uintptr_t root = (uintptr_t)a->root;

	return a->magic == magic && a->max == size && a->used >= sizeof(*a) && a->used <= a->max &&
	       root >= ARENA_SHARED_ADDR + sizeof(*a) && root < ARENA_SHARED_ADDR + a->used;
}

struct arena *arena_map(int fd, uint32_t magic)
{
	struct arena head, *a;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return NULL;
	if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    !header_ok(&head, magic, (size_t)st.st_size)) {
		errno = EPROTO;
		return NULL;
	}
	a = mmap((void *)ARENA_SHARED_ADDR, head.max, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED_NOREPLACE, fd, 0);
	if (a == MAP_FAILED)
		return NULL;
	if ((uintptr_t)a != ARENA_SHARED_ADDR) {
		munmap(a, head.max);
		errno = EADDRNOTAVAIL;
		return NULL;
	}
	a->fd = -1;	/* the write makes the page ours: the header cannot change any more */
	if (!header_ok(a, magic, head.max)) {
		munmap(a, head.max);
		errno = EPROTO;
		return NULL;
	}
	return a;
}
