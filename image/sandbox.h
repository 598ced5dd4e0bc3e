/*
 * sandbox.h - what berth-image gives up before it touches bytes from outside.
 *
 * Used by berth-image.  After sandbox_enter the process (before it has threads) can write
 * only below the store, read only there and in the given input, gain no privilege, keeps the
 * capabilities that writing files of any owner needs, and can call only what its work needs.
 */
#ifndef IMAGE_SANDBOX_H
#define IMAGE_SANDBOX_H

#include "base/err.h"

/* input_dir: a directory to read from, or -1.  Descriptors that are open already keep working. */
int sandbox_enter(int store_fd, int input_dir, struct err *e);

/* For who downloads: writes only below the store, reads what it may, has no capability. */
int sandbox_enter_network(int store_fd, struct err *e);

#endif
