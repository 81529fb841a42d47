// SPDX-License-Identifier: Apache-2.0
#include "lib/daemon/file_watch.h"

#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/must.h"

#define SETTLE_MS 100u     /* editors write in several steps */
#define LOOK_MS   60000u   /* where no event comes: network file systems */
#define TICK_NS   50000000 /* longer than time stamps of files stand still */

struct file_watch {
	char *path;
	void (*look)(void *arg);
	void *arg;
	struct stat seen; /* when it was last looked at; zero when it was not there */
	bool fresh;       /* what was seen may be out of date and not look it */
	bool watching;    /* the directory is followed */
	uv_fs_event_t events;
	uv_timer_t settle, minute;
	unsigned handles_open;
};

/* So new that another write may yet leave it with the same time stamp. */
static bool is_fresh(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	int64_t age_s = now.tv_sec - st->st_ctim.tv_sec;
	int64_t age_ns = age_s * 1000000000 + now.tv_nsec - st->st_ctim.tv_nsec;
	return (age_s == 0 || age_s == 1) && age_ns >= 0 && age_ns < TICK_NS;
}

enum file_change file_watch_look(struct file_watch *w)
{
	enum file_change otherwise = w->fresh ? FILE_PERHAPS : FILE_SAME;
	struct stat now = { 0 };

	if (stat(w->path, &now) == -1)
		now = (struct stat){ 0 };
	bool changed = now.st_ino != w->seen.st_ino || now.st_dev != w->seen.st_dev ||
		       now.st_ctim.tv_sec != w->seen.st_ctim.tv_sec ||
		       now.st_ctim.tv_nsec != w->seen.st_ctim.tv_nsec;
	w->seen = now;
	w->fresh = is_fresh(&now);
	return changed ? FILE_CHANGED : otherwise;
}

static void on_settled(uv_timer_t *t)
{
	struct file_watch *w = t->data;

	w->look(w->arg);
}

static void on_directory(uv_fs_event_t *handle, const char *name, int events, int status)
{
	(void)name;
	(void)events;
	(void)status;
	struct file_watch *w = handle->data;

	/* Never later than it was to be: other files of the directory may change all the time. */
	if (!uv_is_active((const uv_handle_t *)&w->settle))
		uv_timer_start(&w->settle, on_settled, SETTLE_MS, 0);
}

/* Follow the file's directory; where that cannot be done now, the look of each minute tries again.
 */
static void directory_watch(struct file_watch *w)
{
	char *path = must(strdup(w->path));

	if (!w->watching)
		w->watching = uv_fs_event_start(&w->events, on_directory, dirname(path), 0) == 0;
	free(path);
}

static void on_minute(uv_timer_t *t)
{
	struct file_watch *w = t->data;

	directory_watch(w);
	w->look(w->arg);
}

struct file_watch *file_watch_open(uv_loop_t *loop, const char *path, void (*look)(void *arg),
				   void *arg)
{
	struct file_watch *w = must(calloc(1, sizeof(*w)));

	w->path = must(strdup(path));
	w->look = look;
	w->arg = arg;
	/* None of these can fail on a loop that lives. */
	uv_fs_event_init(loop, &w->events);
	uv_timer_init(loop, &w->settle);
	uv_timer_init(loop, &w->minute);
	w->events.data = w->settle.data = w->minute.data = w;
	w->handles_open = 3;
	directory_watch(w);
	uv_timer_start(&w->minute, on_minute, LOOK_MS, LOOK_MS);
	return w;
}

static void on_closed(uv_handle_t *handle)
{
	struct file_watch *w = handle->data;

	if (--w->handles_open > 0)
		return;
	free(w->path);
	free(w);
}

struct file_watch *file_watch_close(struct file_watch *w)
{
	if (w != NULL) {
		uv_close((uv_handle_t *)&w->events, on_closed);
		uv_close((uv_handle_t *)&w->settle, on_closed);
		uv_close((uv_handle_t *)&w->minute, on_closed);
	}
	return NULL;
}
