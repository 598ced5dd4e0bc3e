/* A layer's archive, unpacked for real into a folder that is thrown away. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "image/layer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char top[] = "/tmp/berth-fuzz-XXXXXX";
	struct archive *a = archive_read_new();
	struct below nothing = { .opaque_key = "trusted.overlay.opaque" };
	struct extract_stats stats;
	struct err e = ERR_INIT, lost = ERR_INIT;
	AUTO(stage) struct stage t = { .root = -1, .side = -1, .parent_fd = -1 };
	AUTO_CLOSE int root = -1;
	AUTO_CLOSE int fd = -1;
	struct stat st;

	umask(0);
	if (!mkdtemp(top))
		abort();
	root = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(root, "fs", 0755);
	mkdirat(root, "plnk", 0700);
	fd = openat(root, "fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stage_init(&t, fd, false);
	t.side = openat(root, "plnk", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	archive_read_support_format_tar(a);
	archive_read_support_format_empty(a);
	if (archive_read_open_memory(a, data, size) == ARCHIVE_OK &&
	    extract_run(a, &t, 0, &stats, &e) == 0 && depend_resolve(&t, &nothing, &e) == 0)
		stage_finish(&t, &e);
	archive_read_free(a);
	/* nothing came to lie beside the layer */
	if (fstat(root, &st) < 0 || st.st_nlink != 4)
		abort();
	path_remove_tree(AT_FDCWD, top, &lost);
	return 0;
}
