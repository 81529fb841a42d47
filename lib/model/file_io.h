// SPDX-License-Identifier: Apache-2.0
/*
 * Files that a user names, read whole: configuration, manifests, credentials.
 *
 * Only regular files, since a FIFO or a device would hold up a daemon for as long as somebody
 * likes; /dev/null is the one exception and is empty.
 */
#ifndef BELLMAN_MODEL_FILE_IO_H
#define BELLMAN_MODEL_FILE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/*
 * The whole of a file of @max bytes at most. A NUL stands behind the last byte; *ret is the
 * caller's. Returns 0 or a negative errno, for file_error(): -EFBIG, -EMEDIUMTYPE where it is no
 * regular file, and those of open(2).
 */
int file_read(const char *path, size_t max, char **ret, size_t *ret_len);

/* Could it be read? For files that a library will read. Returns as file_read(). */
int file_check(const char *path);

/* What tells one state of a file from another; all zero where there is none. */
struct file_mark {
	struct timespec changed;
	dev_t device;
	ino_t inode;
};

struct file_mark file_mark(const char *path);
bool file_mark_same(const struct file_mark *a, const struct file_mark *b);

/* What a result of these means, for a user. */
const char *file_error(int rc);

#endif
