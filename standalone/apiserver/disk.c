// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "standalone/apiserver/buf.h"

struct disk {
	sqlite3 *db;
	sqlite3_stmt *put, *delete, *save_rv, *begin, *commit;
	bool in_transaction;
	bool written;    /* something is in it */
	bool lost;       /* SQLite rolled it back, and what was in it is gone */
	char error[256]; /* of what failed last */
};

static const char schema[] =
	"PRAGMA locking_mode = EXCLUSIVE;"
	"PRAGMA journal_mode = WAL;"
	"PRAGMA synchronous = FULL;"
	"PRAGMA journal_size_limit = 8388608;" /* one burst need not take its room for good */
	"CREATE TABLE IF NOT EXISTS objects (resource TEXT NOT NULL, ns TEXT NOT NULL,"
	" name TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (resource, ns, name)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value INTEGER NOT NULL)"
	" WITHOUT ROWID;";

const char *disk_error(const struct disk *d)
{
	return d->error;
}

/* Keep what SQLite says now: the next call has another error, or none. */
static int fail(struct disk *d)
{
	snprintf(d->error, sizeof(d->error), "%s", sqlite3_errmsg(d->db));
	return -EIO;
}

static int prepare(struct disk *d, const char *sql, sqlite3_stmt **ret)
{
	return sqlite3_prepare_v2(d->db, sql, -1, ret, NULL) == SQLITE_OK ? 0 : fail(d);
}

/* Made here and not by SQLite, which would follow the umask; its -wal takes the same mode. */
static int make_private(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd == -1)
		return -errno;
	close(fd);
	return 0;
}

int disk_open(const char *path, struct disk **ret, char *err, size_t err_size)
{
	struct disk *d = mem_zero(sizeof(*d));
	int rc = make_private(path);

	if (rc != 0) {
		snprintf(err, err_size, "%s", strerror(-rc));
		disk_close(d);
		return -EIO;
	}
	if (sqlite3_open_v2(path, &d->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
	    sqlite3_exec(d->db, schema, NULL, NULL, NULL) != SQLITE_OK) {
		fail(d);
		snprintf(err, err_size, "%s", disk_error(d));
		disk_close(d);
		return -EIO;
	}
	if (prepare(d,
		    "INSERT INTO objects VALUES (?1, ?2, ?3, ?4)"
		    " ON CONFLICT DO UPDATE SET body = ?4",
		    &d->put) != 0 ||
	    prepare(d, "DELETE FROM objects WHERE resource = ?1 AND ns = ?2 AND name = ?3",
		    &d->delete) != 0 ||
	    prepare(d, "INSERT INTO state VALUES ('rv', ?1) ON CONFLICT DO UPDATE SET value = ?1",
		    &d->save_rv) != 0 ||
	    prepare(d, "BEGIN IMMEDIATE", &d->begin) != 0 ||
	    prepare(d, "COMMIT", &d->commit) != 0) {
		snprintf(err, err_size, "%s", disk_error(d));
		disk_close(d);
		return -EIO;
	}
	*ret = d;
	return 0;
}

struct disk *disk_close(struct disk *d)
{
	if (d == NULL)
		return NULL;
	sqlite3_finalize(d->put);
	sqlite3_finalize(d->delete);
	sqlite3_finalize(d->save_rv);
	sqlite3_finalize(d->begin);
	sqlite3_finalize(d->commit);
	sqlite3_close(d->db);
	free(d);
	return NULL;
}

int disk_load(struct disk *d, const char *first, disk_row row, void *arg, uint64_t *ret_rv)
{
	sqlite3_stmt *s = NULL;
	int rc;

	if (prepare(d, "SELECT value FROM state WHERE key = 'rv'", &s) != 0)
		return -EIO;
	if (sqlite3_step(s) == SQLITE_ROW)
		*ret_rv = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);

	if (prepare(d, "SELECT resource, body FROM objects ORDER BY resource <> ?1", &s) != 0)
		return -EIO;
	sqlite3_bind_text(s, 1, first, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		const char *body = (const char *)sqlite3_column_text(s, 1);
		row(arg, (const char *)sqlite3_column_text(s, 0), body,
		    (size_t)sqlite3_column_bytes(s, 1));
	}
	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? 0 : fail(d);
}

static int run(struct disk *d, sqlite3_stmt *s)
{
	int rc = sqlite3_step(s) == SQLITE_DONE ? 0 : fail(d);

	sqlite3_reset(s);
	return rc;
}

static int begin(struct disk *d)
{
	if (d->in_transaction)
		return 0;
	if (run(d, d->begin) != 0)
		return -EIO;
	d->in_transaction = true;
	return 0;
}

static void bind_key(sqlite3_stmt *s, const char *resource, const char *ns, const char *name)
{
	sqlite3_bind_text(s, 1, resource, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, ns, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, name, -1, SQLITE_STATIC);
}

/* A write that fails may end the transaction, as a full disk does, and take along what was in it.
 */
static int write_one(struct disk *d, sqlite3_stmt *s)
{
	int rc = run(d, s);

	if (rc == 0) {
		d->written = true;
	} else if (sqlite3_get_autocommit(d->db)) {
		d->lost = d->lost || d->written;
		d->in_transaction = d->written = false;
	}
	return rc;
}

int disk_put(struct disk *d, const char *resource, const char *ns, const char *name,
	     const char *body, size_t len)
{
	if (begin(d) != 0)
		return -EIO;
	bind_key(d->put, resource, ns, name);
	sqlite3_bind_text(d->put, 4, body, (int)len, SQLITE_STATIC);
	return write_one(d, d->put);
}

int disk_delete(struct disk *d, const char *resource, const char *ns, const char *name)
{
	if (begin(d) != 0)
		return -EIO;
	bind_key(d->delete, resource, ns, name);
	return write_one(d, d->delete);
}

int disk_commit(struct disk *d, uint64_t rv)
{
	if (d->lost)
		return -EIO;
	if (!d->in_transaction)
		return 0;
	sqlite3_bind_int64(d->save_rv, 1, (sqlite3_int64)rv);
	if (run(d, d->save_rv) != 0 || run(d, d->commit) != 0)
		return -EIO;
	d->in_transaction = d->written = false;
	return 0;
}
