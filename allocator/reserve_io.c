// SPDX-License-Identifier: Apache-2.0
#include "allocator/reserve_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/reserve_map.h"
#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/daemon/loop.h"
#include "lib/kube/backoff.h"
#include "lib/model/version.h"

struct reserve_io {
	struct reserve_io_cfg cfg;
	char *ns;
	char *version; /* of the ConfigMap as last seen; NULL: there is none */
	struct backoff backoff;
	struct rng rng;
	uv_timer_t timer; /* until it is read again */
	struct metric_family *kept;
	int64_t *refused;
	bool reading, conflict; /* a read is under way; a write waits for it */
	bool failing;           /* that was said */
	bool closing;
	unsigned holders; /* who opened it and each request under way; at 0 the memory goes */
};

static void io_unref(struct reserve_io *v)
{
	if (--v->holders > 0)
		return;
	free(v->ns);
	free(v->version);
	free(v);
}

static struct reserve_now now(void)
{
	return (struct reserve_now){ daemon_now_ns(), time(NULL) };
}

static char *map_path(const struct reserve_io *v, const char *name)
{
	return must(kube_path("/api/v1", v->ns, "configmaps", name, NULL));
}

static void learn_version(struct reserve_io *v, const cJSON *map)
{
	const char *version = version_of(map);

	free(v->version);
	v->version = must_copy(version);
}

/* Say it once. That the server cannot be reached is said by lib/kube. */
static void failed(struct reserve_io *v, const char *what, int status, const char *error)
{
	if (status != 0 && !v->failing) {
		log_warn("allocator", what, "configmap=%s/%s status=%d err=\"%s\"", v->ns,
			 RESERVE_MAP_NAME, status, error != NULL ? error : "");
		v->failing = true;
	}
}

/* A write of the engine's has ended. */
static void written(struct reserve_io *v, enum allocator_outcome outcome)
{
	if (v->closing)
		return;
	allocator_reservations_written(v->cfg.engine, outcome, daemon_now_ns());
	v->cfg.changed(v->cfg.arg);
}

/* --- reading --------------------------------------------------------------------------- */

static void tell(struct reserve_io *v, const cJSON *map)
{
	struct reserve_list list = { 0 };
	size_t bad = reserve_map_decode(map, now(), &list);

	if (bad > 0)
		log_warn("allocator", "reservations that are not understood are dropped",
			 "configmap=%s/%s entries=%zu", v->ns, RESERVE_MAP_NAME, bad);
	learn_version(v, map);
	allocator_reservations_told(v->cfg.engine, list.items, list.count);
	reserve_list_done(&list);
	v->cfg.changed(v->cfg.arg);
}

static void on_timer(uv_timer_t *t)
{
	reserve_io_look(t->data);
}

static void on_read(void *arg, int status, const cJSON *json, const char *error)
{
	struct reserve_io *v = arg;
	bool conflict = v->conflict;
	bool ok = status == 404 || (status == 200 && json != NULL);

	v->reading = v->conflict = false;
	if (!v->closing && ok) {
		v->failing = false;
		backoff_reset(&v->backoff);
		tell(v, status == 200 ? json : NULL);
	} else if (!v->closing) {
		failed(v, "cannot read what is reserved; nothing new is given out until then",
		       status, error);
		uv_timer_start(&v->timer, on_timer, backoff_next(&v->backoff, &v->rng), 0);
	}
	if (conflict)
		written(v, ok ? ALLOCATOR_CONFLICT : ALLOCATOR_FAILED);
	io_unref(v);
}

static int read_map(struct reserve_io *v)
{
	char *path = map_path(v, RESERVE_MAP_NAME);
	int rc = kube_request(v->cfg.kube, "GET", path, NULL, NULL, on_read, v);

	free(path);
	if (rc != 0)
		return rc;
	v->reading = true;
	v->holders++;
	return 0;
}

void reserve_io_look(struct reserve_io *v)
{
	if (!v->closing && !v->reading && !uv_is_active((uv_handle_t *)&v->timer) &&
	    allocator_reservations_needed(v->cfg.engine) && read_map(v) != 0)
		uv_timer_start(&v->timer, on_timer, backoff_next(&v->backoff, &v->rng), 0);
}

/* --- writing --------------------------------------------------------------------------- */

static void on_written(void *arg, int status, const cJSON *json, const char *error)
{
	struct reserve_io *v = arg;

	if (status >= 200 && status < 300) {
		v->failing = false;
		learn_version(v, json);
		written(v, ALLOCATOR_WRITTEN);
	} else if ((status == 409 || status == 404) && !v->closing && !v->reading &&
		   read_map(v) == 0) {
		v->conflict = true; /* told when it was read */
	} else {
		failed(v, "cannot write what is reserved, retrying", status, error);
		written(v, ALLOCATOR_FAILED);
	}
	io_unref(v);
}

void reserve_io_write(struct reserve_io *v)
{
	cJSON *map = reserve_map_encode(v->cfg.engine, v->ns, v->version, now());
	char *body = must(cJSON_PrintUnformatted(map));
	char *path = map_path(v, v->version != NULL ? RESERVE_MAP_NAME : NULL);

	v->holders++;
	int rc = gate_io_send(v->cfg.gate, v->version != NULL ? "PUT" : "POST", path, KUBE_JSON,
			      body, on_written, v);
	free(path);
	free(body);
	cJSON_Delete(map);
	if (rc != 0) {
		written(v, ALLOCATOR_FAILED);
		io_unref(v);
	}
}

/* --- life ------------------------------------------------------------------------------ */

void reserve_io_measure(struct reserve_io *v)
{
	const struct allocator_reserved n = allocator_reserved(v->cfg.engine);

	*metric_value0(v->kept) = (int64_t)n.kept;
	*v->refused = (int64_t)n.refused;
}

struct reserve_io *reserve_io_open(const struct reserve_io_cfg *cfg)
{
	struct reserve_io *v = must(calloc(1, sizeof(*v)));

	v->cfg = *cfg;
	v->ns = must(strdup(cfg->ns));
	v->rng = rng_seeded(cfg->seed);
	v->kept = metrics_family(cfg->metrics, "bellman_allocator_reservations",
				 "Services that are gone and whose addresses are kept.",
				 METRIC_GAUGE, NULL);
	v->refused = metric_value0(metrics_family(
		cfg->metrics, "bellman_allocator_reservations_refused_total",
		"Services whose addresses were not kept, for there was no room for them on record.",
		METRIC_COUNTER, NULL));
	uv_timer_init(cfg->loop, &v->timer);
	v->timer.data = v;
	v->holders = 1;
	return v;
}

static void on_closed(uv_handle_t *handle)
{
	io_unref(handle->data);
}

struct reserve_io *reserve_io_close(struct reserve_io *v)
{
	if (v == NULL)
		return NULL;
	v->closing = true;
	uv_close((uv_handle_t *)&v->timer, on_closed);
	return NULL;
}
