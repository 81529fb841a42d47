// SPDX-License-Identifier: Apache-2.0
#include "allocator/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/engine.h"
#include "lib/base/duration.h"
#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/daemon/config_source.h"
#include "lib/daemon/loop.h"
#include "lib/daemon/undecodable.h"

#define WRITES_MAX 32
#define ANNOTATION "metallb.io/ip-allocated-from-pool"
#define COMPONENT  "metallb-controller" /* what dashboards select on */

/* The gauges of a pool: all addresses, then by family. */
enum { SUM, V4, V6, SUMS };

struct allocator_io {
	struct kube *kube;
	struct allocator *engine;
	struct config_source *config;
	struct kube_watch *services, *namespaces;
	struct undecodable *undecodable;
	struct metric_family *total[SUMS], *in_use[SUMS];
	int64_t *updates, *update_errors;
	uv_timer_t timer; /* runs the engine */
	bool closing;
	unsigned holders; /* the timer and each request under way; at 0 the memory goes */
};

/* A request under way, about one Service. */
struct errand {
	struct allocator_io *io;
	char *ns, *name;
};

static void io_unref(struct allocator_io *io)
{
	if (--io->holders > 0)
		return;
	allocator_free(io->engine);
	undecodable_free(io->undecodable);
	free(io);
}

/* --- running the engine -------------------------------------------------------------- */

static void on_timer(uv_timer_t *t);

/* Let the engine run once this turn of the loop has brought everything it has. */
static void run_soon(struct allocator_io *io)
{
	if (!io->closing)
		uv_timer_start(&io->timer, on_timer, 0, 0);
}

static struct errand *errand_new(struct allocator_io *io, const struct allocator_action *act)
{
	struct errand *e = must(calloc(1, sizeof(*e)));

	e->io = io;
	e->ns = must(strdup(act->ns));
	e->name = must(strdup(act->name));
	io->holders++;
	return e;
}

static void errand_free(struct errand *e)
{
	io_unref(e->io);
	free(e->ns);
	free(e->name);
	free(e);
}

static const char *meta_text(const cJSON *object, const char *key)
{
	const cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");

	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, key));
}

/* The errand is over: tell the engine how it ended. */
static void errand_end(struct errand *e, enum allocator_outcome outcome, const char *version)
{
	allocator_written(e->io->engine, e->ns, e->name, outcome, version, daemon_now_ns());
	run_soon(e->io);
	errand_free(e);
}

static void errand_failed(struct errand *e, int status, const char *error)
{
	++*e->io->update_errors;
	if (status != 0) /* that the server cannot be reached is said once, by lib/kube */
		log_warn("allocator", "status write failed, retrying",
			 "service=%s/%s status=%d err=\"%s\"", e->ns, e->name, status,
			 error != NULL ? error : "");
	errand_end(e, ALLOCATOR_FAILED, NULL);
}

/* Decode and count; NULL and said when it does not. The caller's. */
static struct service *decode(struct allocator_io *io, const cJSON *object)
{
	struct faults faults = { 0 };
	struct service *s = NULL;

	if (service_decode(object, (struct where){ 0 }, &faults, &s) == 0)
		undecodable_forget(io->undecodable, "Service", s->meta.ns, s->meta.name);
	else
		undecodable_note(io->undecodable, "Service", object, &faults);
	faults_free(&faults);
	return s;
}

/* After a conflict: the object as it is now. A successor of the same name is left to the watch. */
static void on_read(void *arg, int status, const cJSON *json, const char *error)
{
	struct errand *e = arg;
	struct service *s = status == 200 ? decode(e->io, json) : NULL;

	if (s != NULL && allocator_service_reread(e->io->engine, s))
		errand_end(e, ALLOCATOR_CONFLICT, NULL);
	else
		errand_failed(e, status, error);
}

static void on_written(void *arg, int status, const cJSON *json, const char *error)
{
	struct errand *e = arg;

	if (status >= 200 && status < 300) {
		++*e->io->updates;
		errand_end(e, ALLOCATOR_WRITTEN, meta_text(json, "resourceVersion"));
		return;
	}
	if (status == 409 && !e->io->closing) {
		char *path = must(kube_path("/api/v1", e->ns, "services", e->name, NULL));
		int rc = kube_request(e->io->kube, "GET", path, NULL, NULL, on_read, e);

		free(path);
		if (rc == 0)
			return;
	}
	errand_failed(e, status, error);
}

/* {"metadata": {"resourceVersion", "annotations"}, "status": {"loadBalancer": {"ingress"}}} */
static char *write_body(const struct allocator_action *act)
{
	cJSON *body = must(cJSON_CreateObject());
	cJSON *meta = must(cJSON_AddObjectToObject(body, "metadata"));
	cJSON *annotations = must(cJSON_AddObjectToObject(meta, "annotations"));
	cJSON *status = must(cJSON_AddObjectToObject(body, "status"));
	cJSON *balancer = must(cJSON_AddObjectToObject(status, "loadBalancer"));

	if (act->resource_version != NULL)
		must(cJSON_AddStringToObject(meta, "resourceVersion", act->resource_version));
	if (act->pool != NULL)
		must(cJSON_AddStringToObject(annotations, ANNOTATION, act->pool));
	else
		must(cJSON_AddNullToObject(annotations, ANNOTATION));
	if (act->ip_count == 0)
		must(cJSON_AddNullToObject(balancer, "ingress"));
	cJSON *ingress =
		act->ip_count == 0 ? NULL : must(cJSON_AddArrayToObject(balancer, "ingress"));
	for (unsigned i = 0; i < act->ip_count; i++) {
		cJSON *entry = must(cJSON_CreateObject());
		char ip[IP_TEXT_MAX];

		must(cJSON_AddStringToObject(entry, "ip", ip_format(&act->ips[i], ip)));
		cJSON_AddItemToArray(ingress, entry);
	}
	char *text = must(cJSON_PrintUnformatted(body));
	cJSON_Delete(body);
	return text;
}

static void write_status(struct allocator_io *io, const struct allocator_action *act)
{
	char *path = must(kube_path("/api/v1", act->ns, "services", act->name, "status"));
	char *body = write_body(act);
	char ips[2][IP_TEXT_MAX] = { "", "" };
	struct errand *e = errand_new(io, act);

	for (unsigned i = 0; i < act->ip_count; i++)
		ip_format(&act->ips[i], ips[i]);
	log_info("allocator", act->ip_count > 0 ? "writing status" : "emptying status",
		 "service=%s/%s ips=%s%s%s pool=%s", act->ns, act->name, ips[0],
		 act->ip_count > 1 ? "," : "", ips[1], act->pool != NULL ? act->pool : "");
	int rc = kube_request(io->kube, "PATCH", path, KUBE_MERGE_PATCH, body, on_written, e);
	free(path);
	free(body);
	if (rc != 0)
		errand_failed(e, 0, strerror(-rc));
}

static void send_event(struct allocator_io *io, const struct allocator_action *act)
{
	LOG_AT(act->warning ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "allocator", act->reason,
	       "service=%s/%s message=\"%s\"", act->ns, act->name, act->message);
	kube_event(io->kube, &(struct kube_event){
				     .component = COMPONENT,
				     .host = "",
				     .kind = "Service",
				     .api_version = "v1",
				     .ns = act->ns,
				     .name = act->name,
				     .uid = act->uid,
				     .resource_version = act->resource_version,
				     .type = act->warning ? "Warning" : "Normal",
				     .reason = act->reason,
				     .message = act->message,
			     });
}

static void on_timer(uv_timer_t *t)
{
	struct allocator_io *io = t->data;
	struct allocator_actions actions = { 0 };
	uint64_t now = daemon_now_ns();

	allocator_run(io->engine, now, &actions);
	for (size_t i = 0; i < actions.count; i++) {
		if (actions.items[i].type == ALLOCATOR_WRITE)
			write_status(io, &actions.items[i]);
		else
			send_event(io, &actions.items[i]);
	}
	allocator_actions_done(&actions);

	uint64_t wake = allocator_wake_ns(io->engine);
	if (wake != UINT64_MAX && !uv_is_active((uv_handle_t *)t))
		uv_timer_start(t, on_timer, wake > now ? (wake - now) / NS_PER_MS + 1 : 0, 0);
}

/* --- what the API tells -------------------------------------------------------------- */

/* What can be read of the status of a Service that does not decode: its addresses are taken. */
static void on_unreadable(struct allocator_io *io, const cJSON *object)
{
	const char *ns = meta_text(object, "namespace"), *name = meta_text(object, "name");
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(object, "status");
	const cJSON *balancer = cJSON_GetObjectItemCaseSensitive(status, "loadBalancer");
	const cJSON *entry;
	struct ip_addr ips[2];
	size_t count = 0;

	cJSON_ArrayForEach (entry, cJSON_GetObjectItemCaseSensitive(balancer, "ingress")) {
		const char *ip =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "ip"));

		if (count < 2 && ip != NULL && ip_parse(ip, &ips[count]) == 0)
			count++;
	}
	if (ns != NULL && name != NULL)
		allocator_service_unreadable(io->engine, ns, name, ips, count);
}

static void on_upsert(void *arg, const cJSON *object)
{
	struct allocator_io *io = arg;
	struct service *s = decode(io, object);

	if (s != NULL)
		allocator_service_upsert(io->engine, s);
	else
		on_unreadable(io, object);
	run_soon(io);
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	struct allocator_io *io = arg;

	undecodable_forget(io->undecodable, "Service", ns, name);
	allocator_service_remove(io->engine, ns, name);
	run_soon(io);
}

static void on_namespace(void *arg, const cJSON *object)
{
	struct allocator_io *io = arg;
	struct faults faults = { 0 };
	struct namespace *n = NULL;

	if (namespace_decode(object, (struct where){ 0 }, &faults, &n) == 0) {
		undecodable_forget(io->undecodable, "Namespace", NULL, n->meta.name);
		allocator_namespace_upsert(io->engine, n);
	} else {
		undecodable_note(io->undecodable, "Namespace", object, &faults);
	}
	faults_free(&faults);
	run_soon(io);
}

static void on_namespace_gone(void *arg, const char *ns, const char *name)
{
	struct allocator_io *io = arg;

	(void)ns;
	undecodable_forget(io->undecodable, "Namespace", NULL, name);
	allocator_namespace_remove(io->engine, name);
	run_soon(io);
}

static void on_listed(void *arg)
{
	struct allocator_io *io = arg;

	if (!kube_watch_synced(io->services) || !kube_watch_synced(io->namespaces))
		return;
	allocator_synced(io->engine);
	run_soon(io);
}

static void on_config(void *arg, struct config *config)
{
	struct allocator_io *io = arg;

	allocator_set_config(io->engine, config, config_source_complete(io->config));
	run_soon(io);
}

static const struct kube_watch_ops service_ops = {
	.upsert = on_upsert,
	.remove = on_remove,
	.synced = on_listed,
};
static const struct kube_watch_ops namespace_ops = {
	.upsert = on_namespace,
	.remove = on_namespace_gone,
	.synced = on_listed,
};

/* --- metrics ------------------------------------------------------------------------- */

static void metrics_declare(struct allocator_io *io, struct metrics *m)
{
	static const char *const pool[] = { "pool", NULL };
	static const char *const names[SUMS][2] = {
		[SUM] = { "metallb_allocator_addresses_total",
			  "metallb_allocator_addresses_in_use_total" },
		[V4] = { "metallb_allocator_ipv4_addresses_total",
			 "metallb_allocator_ipv4_addresses_in_use_total" },
		[V6] = { "metallb_allocator_ipv6_addresses_total",
			 "metallb_allocator_ipv6_addresses_in_use_total" },
	};

	for (size_t i = 0; i < SUMS; i++) {
		io->total[i] = metrics_family(m, names[i][0], "Usable addresses of a pool.",
					      METRIC_GAUGE, pool);
		io->in_use[i] = metrics_family(m, names[i][1], "Addresses of a pool in use.",
					       METRIC_GAUGE, pool);
	}
	io->updates =
		metric_value0(metrics_family(m, "metallb_k8s_client_updates_total",
					     "Service statuses written.", METRIC_COUNTER, NULL));
	io->update_errors = metric_value0(
		metrics_family(m, "metallb_k8s_client_update_errors_total",
			       "Service status writes that failed.", METRIC_COUNTER, NULL));
}

static int64_t clamp(u128 n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static u128 sum(u128 a, u128 b)
{
	return a + b < a ? ~(u128)0 : a + b;
}

static void measure_pool(void *arg, const struct allocator_pool_view *v)
{
	struct allocator_io *io = arg;
	const char *pool = v->pool->name;

	*metric_value1(io->total[SUM], pool) = clamp(sum(v->v4.total, v->v6.total));
	*metric_value1(io->total[V4], pool) = clamp(v->v4.total);
	*metric_value1(io->total[V6], pool) = clamp(v->v6.total);
	*metric_value1(io->in_use[SUM], pool) = clamp(sum(v->v4.used, v->v6.used));
	*metric_value1(io->in_use[V4], pool) = clamp(v->v4.used);
	*metric_value1(io->in_use[V6], pool) = clamp(v->v6.used);
}

void allocator_io_measure(struct allocator_io *io)
{
	for (size_t i = 0; i < SUMS; i++) {
		metric_clear(io->total[i]);
		metric_clear(io->in_use[i]);
	}
	allocator_pools(io->engine, measure_pool, io);
}

/* --- life ---------------------------------------------------------------------------- */

int allocator_io_open(const struct allocator_io_cfg *cfg, struct allocator_io **ret)
{
	struct allocator_io *io = must(calloc(1, sizeof(*io)));
	const struct allocator_cfg engine_cfg = {
		.lb_class = cfg->lb_class,
		.writes_max = WRITES_MAX,
		.seed = cfg->seed,
	};

	io->kube = cfg->kube;
	io->engine = allocator_new(&engine_cfg);
	io->undecodable = undecodable_new(cfg->metrics);
	metrics_declare(io, cfg->metrics);
	uv_timer_init(cfg->loop, &io->timer);
	io->timer.data = io;
	io->holders = 1;

	const struct config_source_cfg source_cfg = {
		.loop = cfg->loop,
		.file = cfg->config_file,
		.kube = cfg->kube,
		.ns = cfg->ns,
		.metrics = cfg->metrics,
		.changed = on_config,
		.arg = io,
	};
	int rc = config_source_open(&source_cfg, &io->config);
	if (rc == 0) {
		io->services =
			kube_watch_start(io->kube, "/api/v1/services", NULL, &service_ops, io);
		io->namespaces =
			kube_watch_start(io->kube, "/api/v1/namespaces", NULL, &namespace_ops, io);
		if (io->services == NULL || io->namespaces == NULL)
			rc = -ENOMEM;
	}
	if (rc != 0) {
		allocator_io_close(io);
		return rc;
	}
	*ret = io;
	return 0;
}

void allocator_io_reload(struct allocator_io *io)
{
	config_source_reload(io->config);
}

bool allocator_io_ready(const struct allocator_io *io)
{
	return kube_watch_synced(io->services) && kube_watch_synced(io->namespaces) &&
	       config_source_synced(io->config);
}

static void on_closed(uv_handle_t *handle)
{
	io_unref(handle->data);
}

struct allocator_io *allocator_io_close(struct allocator_io *io)
{
	if (io == NULL)
		return NULL;
	io->closing = true;
	kube_watch_stop(io->services);
	kube_watch_stop(io->namespaces);
	config_source_close(io->config);
	uv_close((uv_handle_t *)&io->timer, on_closed);
	return NULL;
}
