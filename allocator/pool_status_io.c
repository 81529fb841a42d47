// SPDX-License-Identifier: Apache-2.0
#include "allocator/pool_status_io.h"

#include <stdlib.h>
#include <string.h>

#include "allocator/pool_status.h"
#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/base/rng.h"
#include "lib/base/tree.h"
#include "lib/kube/backoff.h"

#define API        "/apis/metallb.io/v1beta1"
#define PLURAL     "ipaddresspools"
#define GAP_MS     1000u
#define WRITES_MAX 8 /* under way at once: Services come first */

/* An IPAddressPool of the API. */
struct object {
	RB_ENTRY(object) node;
	char *name;
	cJSON *status; /* as known; NULL: none */
	bool busy;     /* a write is under way */
};

RB_HEAD(object_tree, object);

struct pool_status_io {
	struct pool_status_io_cfg cfg;
	char *ns;
	struct object_tree objects;
	bool failing; /* said already */
	bool closing;
	unsigned writes; /* under way */
	unsigned wrote;  /* by the look that runs */
	uint64_t due_ms; /* the loop's time of the next look */
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

static int object_cmp(const struct object *a, const struct object *b)
{
	return strcmp(a->name, b->name);
}

TREE_GENERATE(object_tree, object, node, object_cmp)

static struct object *object_find(struct pool_status_io *p, const char *name)
{
	struct object key = { .name = (char *)(uintptr_t)name };

	return RB_FIND(object_tree, &p->objects, &key);
}

static void object_drop(struct pool_status_io *p, struct object *o)
{
	RB_REMOVE(object_tree, &p->objects, o);
	cJSON_Delete(o->status);
	free(o->name);
	free(o);
}

/* Take the status out of what the API says. */
static void object_learn(struct object *o, const cJSON *object)
{
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(object, "status");

	cJSON_Delete(o->status);
	o->status = status == NULL ? NULL : must(cJSON_Duplicate(status, true));
}

static void io_unref(struct pool_status_io *p)
{
	if (--p->holders > 0)
		return;
	for (struct object *o; (o = RB_MIN(object_tree, &p->objects)) != NULL;)
		object_drop(p, o);
	free(p->ns);
	free(p);
}

/* --- writing ------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *t);

static void look_at(struct pool_status_io *p, uint64_t due_ms)
{
	uint64_t now_ms = uv_now(p->cfg.loop);

	if (!p->closing)
		uv_timer_start(&p->timer, on_timer, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

/* Say it once, and try again. That the server cannot be reached is said by lib/kube, and that a
 * pool is gone by its watch. */
static void write_failed(struct pool_status_io *p, const char *name, int status, const char *error)
{
	if (status != 0 && status != 404 && !p->failing) {
		log_warn("allocator", "cannot write the status of a pool, retrying",
			 "pool=%s status=%d err=\"%s\"", name, status, error != NULL ? error : "");
		p->failing = true;
	}
	p->due_ms = uv_now(p->cfg.loop) + GAP_MS + backoff_next(&p->backoff, &p->rng);
}

static void on_written(void *arg, int status, const cJSON *json, const char *error)
{
	struct status_write *w = arg;
	struct pool_status_io *p = w->io;
	struct object *o = object_find(p, w->name);

	p->writes--;
	if (o != NULL)
		o->busy = false;
	if (status >= 200 && status < 300) {
		p->failing = false;
		backoff_reset(&p->backoff);
		if (o != NULL)
			object_learn(o, json);
	} else if (!p->closing) {
		write_failed(p, w->name, status, error);
	}
	look_at(p, p->due_ms);
	io_unref(p);
	free(w->name);
	free(w);
}

static void status_write(struct pool_status_io *p, struct object *o, const struct pool_status *s)
{
	char *path = must(kube_path(API, p->ns, PLURAL, o->name, "status"));
	char *body = pool_status_patch(s);
	struct status_write *w = must(calloc(1, sizeof(*w)));

	w->io = p;
	w->name = must(strdup(o->name));
	o->busy = true;
	p->holders++;
	p->writes++;
	p->wrote++;
	int rc = gate_send(p->cfg.gate, "PATCH", path, KUBE_MERGE_PATCH, body, on_written, w);
	free(path);
	free(body);
	if (rc != 0)
		on_written(w, 0, NULL, strerror(-rc));
}

static void compare(void *arg, const struct allocator_pool_view *view)
{
	struct pool_status_io *p = arg;
	struct object *o = view->pool->from_file ? NULL : object_find(p, view->pool->name);
	const struct pool_status s = pool_status_of(view);

	if (o != NULL && !o->busy && p->writes < WRITES_MAX && !pool_status_is(o->status, &s))
		status_write(p, o, &s);
}

/* What a busy object or too many writes leave to do is seen again when a write has ended. */
static void on_timer(uv_timer_t *t)
{
	struct pool_status_io *p = t->data;

	if (!allocator_settled(p->cfg.engine) || !gate_is_open(p->cfg.gate))
		return; /* when it has run it tells */
	p->wrote = 0;
	allocator_pools(p->cfg.engine, compare, p);
	if (p->wrote > 0)
		p->due_ms = uv_now(p->cfg.loop) + GAP_MS;
}

/* --- what is told ------------------------------------------------------------------------ */

void pool_status_io_told(struct pool_status_io *p, const char *name, const cJSON *object)
{
	struct object *o = object_find(p, name);

	if (object == NULL) {
		if (o != NULL)
			object_drop(p, o);
		return;
	}
	if (o == NULL) {
		o = must(calloc(1, sizeof(*o)));
		o->name = must(strdup(name));
		RB_INSERT(object_tree, &p->objects, o);
	}
	object_learn(o, object);
	look_at(p, p->due_ms);
}

void pool_status_io_update(struct pool_status_io *p)
{
	look_at(p, p->due_ms);
}

/* --- life -------------------------------------------------------------------------------- */

struct pool_status_io *pool_status_io_open(const struct pool_status_io_cfg *cfg)
{
	struct pool_status_io *p = must(calloc(1, sizeof(*p)));

	p->cfg = *cfg;
	p->ns = must(strdup(cfg->ns));
	p->rng = rng_seeded(cfg->seed);
	RB_INIT(&p->objects);
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
