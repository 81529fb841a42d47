// SPDX-License-Identifier: Apache-2.0
#include "allocator/pool_status_io.h"

#include <stdlib.h>
#include <string.h>

#include "allocator/pool_status_book.h"
#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/base/rng.h"
#include "lib/kube/backoff.h"

#define API        "/apis/metallb.io/v1beta1"
#define PLURAL     "ipaddresspools"
#define WRITES_MAX 8 /* under way at once: Services come first */

struct pool_status_io {
	struct pool_status_io_cfg cfg;
	char *ns;
	struct pool_status_book *book;
	bool failing, vain; /* said already */
	bool closing;
	unsigned writes; /* under way */
	uint64_t due_ms; /* the loop's time; after a failure nothing is written before */
	struct backoff backoff;
	struct rng rng;
	uv_timer_t timer;
	unsigned holders; /* the timer and each write */
};

/* A write under way; its object may be gone by its end. */
struct status_write {
	struct pool_status_io *io;
	char *name;
};

static void io_unref(struct pool_status_io *p)
{
	if (--p->holders > 0)
		return;
	p->book = pool_status_book_free(p->book);
	free(p->ns);
	free(p);
}

/* --- writing ------------------------------------------------------------------------- */

static void look(struct pool_status_io *p);

/* Say it once. That the server cannot be reached is said by lib/kube, and that a pool is gone by
 * its watch. */
static void failed(struct pool_status_io *p, const char *name, int status, const char *error)
{
	if (status != 0 && status != 404 && !p->failing) {
		log_warn("allocator", "cannot write the status of a pool, retrying",
			 "pool=%s status=%d err=\"%s\"", name, status, error != NULL ? error : "");
		p->failing = true;
	}
	if (status != 404)
		p->due_ms = uv_now(p->cfg.loop) + backoff_next(&p->backoff, &p->rng);
}

static void on_written(void *arg, int status, const cJSON *json, const char *error)
{
	struct status_write *w = arg;
	struct pool_status_io *p = w->io;

	p->writes--;
	switch (pool_status_book_written(p->book, w->name, uv_now(p->cfg.loop), status, json)) {
	case POOL_STATUS_STANDS:
		p->failing = p->vain = false;
		backoff_reset(&p->backoff);
		break;
	case POOL_STATUS_VAIN:
		if (!p->vain)
			log_warn(
				"allocator",
				"the API does not keep the status of a pool; its definition may be "
				"an old one",
				"pool=%s", w->name);
		p->vain = true;
		break;
	case POOL_STATUS_FAILED:
		failed(p, w->name, status, error);
		break;
	}
	look(p);
	io_unref(p);
	free(w->name);
	free(w);
}

static void status_write(struct pool_status_io *p, const char *name, const struct pool_status *s)
{
	char *path = must(kube_path(API, p->ns, PLURAL, name, "status"));
	char *body = pool_status_patch(s);
	struct status_write *w = must(calloc(1, sizeof(*w)));

	w->io = p;
	w->name = must(strdup(name));
	p->holders++;
	p->writes++;
	int rc = gate_io_send(p->cfg.gate, "PATCH", path, KUBE_MERGE_PATCH, body, on_written, w);
	free(path);
	free(body);
	if (rc != 0)
		on_written(w, 0, NULL, strerror(-rc));
}

static void on_timer(uv_timer_t *t)
{
	look(t->data);
}

/* Write what may be written now. While the books do not count nothing is: when the engine has run
 * it tells. */
static void look(struct pool_status_io *p)
{
	uint64_t now_ms = uv_now(p->cfg.loop), wake_ms;
	struct pool_status s;
	const char *name;

	if (p->closing || !gate_io_is_open(p->cfg.gate) || !allocator_settled(p->cfg.engine))
		return;
	while (p->writes < WRITES_MAX && now_ms >= p->due_ms &&
	       (name = pool_status_book_next(p->book, now_ms, &s)) != NULL)
		status_write(p, name, &s);
	if (p->writes >= WRITES_MAX)
		return; /* the end of one leads here */
	wake_ms = pool_status_book_wake_ms(p->book);
	if (wake_ms < p->due_ms)
		wake_ms = p->due_ms;
	if (wake_ms != UINT64_MAX)
		uv_timer_start(&p->timer, on_timer, wake_ms > now_ms ? wake_ms - now_ms : 0, 0);
}

/* --- what is told ------------------------------------------------------------------------ */

void pool_status_io_told(struct pool_status_io *p, const char *name, const cJSON *object)
{
	pool_status_book_told(p->book, name, object);
	look(p);
}

static void want(void *arg, const struct allocator_pool_view *view)
{
	struct pool_status_io *p = arg;
	const struct pool_status s = pool_status_of(view);

	if (!view->pool->from_file)
		pool_status_book_want(p->book, view->pool->name, &s);
}

void pool_status_io_update(struct pool_status_io *p)
{
	if (!allocator_settled(p->cfg.engine))
		return;
	pool_status_book_begin(p->book);
	allocator_pools(p->cfg.engine, want, p);
	look(p);
}

/* --- life -------------------------------------------------------------------------------- */

struct pool_status_io *pool_status_io_open(const struct pool_status_io_cfg *cfg)
{
	struct pool_status_io *p = must(calloc(1, sizeof(*p)));

	p->cfg = *cfg;
	p->ns = must(strdup(cfg->ns));
	p->rng = rng_seeded(cfg->seed);
	p->book = pool_status_book_new(cfg->seed);
	uv_timer_init(cfg->loop, &p->timer);
	p->timer.data = p;
	p->holders = 1;
	return p;
}

static void on_closed(uv_handle_t *handle)
{
	io_unref(handle->data);
}

struct pool_status_io *pool_status_io_close(struct pool_status_io *p)
{
	if (p == NULL)
		return NULL;
	p->closing = true;
	uv_close((uv_handle_t *)&p->timer, on_closed);
	return NULL;
}
