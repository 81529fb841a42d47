// SPDX-License-Identifier: Apache-2.0
/*
 * The state file: objects in SQLite, in WAL mode, synchronous=FULL.
 *
 * A write that was answered survives kill -9 and power loss alike, since it is
 * answered after the commit, and the commit after the fsync. Writes of one loop
 * turn share a commit, so a burst costs one fsync a turn and not one each. The file
 * is locked exclusively: a second server on it fails at start.
 */
#ifndef BELLMAN_APISERVER_DISK_H
#define BELLMAN_APISERVER_DISK_H

#include <stddef.h>
#include <stdint.h>

struct disk;

/* One stored object. Borrowed during the callback. */
typedef void (*disk_row)(void *arg, const char *resource, const char *body, size_t len);

/*
 * Open or make the file, mode 0600. Returns 0 or -EIO with the reason in @err;
 * *ret is the caller's (disk_close).
 */
int disk_open(const char *path, struct disk **ret, char *err, size_t err_size);
/* NULL is fine; returns NULL. An open transaction is rolled back. */
struct disk *disk_close(struct disk *d);

/* Every object, those of resource @first before all others; *ret_rv is the last version given. */
int disk_load(struct disk *d, const char *first, disk_row row, void *arg, uint64_t *ret_rv);

/* Within a transaction that the first of them begins. 0 or -EIO with nothing changed. */
int disk_put(struct disk *d, const char *resource, const char *ns, const char *name,
	     const char *body, size_t len);
int disk_delete(struct disk *d, const char *resource, const char *ns, const char *name);

/*
 * Make all since the last commit durable, with @rv as the last version given. 0, or -EIO: also when
 * a write that failed has undone the others before it.
 */
int disk_commit(struct disk *d, uint64_t rv);

/* Why the last call that failed did. */
const char *disk_error(const struct disk *d);

#endif
