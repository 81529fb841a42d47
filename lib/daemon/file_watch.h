// SPDX-License-Identifier: Apache-2.0
/*
 * Tells when a file may have changed: when its directory says that something happened (a mounted
 * ConfigMap changes by swapping the `..data` link, never by a write to the file), and once a
 * minute, where no event comes. The file need not be there.
 */
#ifndef BELLMAN_DAEMON_FILE_WATCH_H
#define BELLMAN_DAEMON_FILE_WATCH_H

#include <uv.h>

struct file_watch; /* opaque */

/* @path: copied. @look is called from the loop, when it is time for file_watch_look(). */
struct file_watch *file_watch_open(uv_loop_t *loop, const char *path, void (*look)(void *arg),
				   void *arg);

enum file_change {
	FILE_SAME,
	FILE_PERHAPS, /* when it was looked at before, a write could yet leave no trace */
	FILE_CHANGED, /* also when it only became readable, or is gone */
};

/* Has it changed since this was asked last? */
enum file_change file_watch_look(struct file_watch *w);

/* The loop must turn once more. NULL is fine; returns NULL. */
struct file_watch *file_watch_close(struct file_watch *w);

#endif
