// SPDX-License-Identifier: Apache-2.0
#include "allocator/io.h"

#include <stdlib.h>

#include "allocator/engine.h"
#include "allocator/gate_io.h"
#include "allocator/gauges.h"
#include "allocator/input_io.h"
#include "allocator/ipam_io.h"
#include "allocator/ml_secret_io.h"
#include "allocator/nodes_io.h"
#include "allocator/overlap_io.h"
#include "allocator/pool_status_io.h"
#include "allocator/reserve_io.h"
#include "allocator/status_io.h"
#include "allocator/verdict_io.h"
#include "lib/base/duration.h"
#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/daemon/config_source.h"
#include "lib/daemon/loop.h"

#define COMPONENT "metallb-controller" /* what dashboards select on */

struct allocator_io {
	void (*configured)(void *arg); /* as in struct allocator_io_cfg */
	bool (*leaderless)(void *arg);
	void *arg;
	struct kube *kube;
	struct gate_io *gate;
	struct allocator *engine;
	struct config_source *config;
	struct verdict_io *verdict;
	struct input_io *inputs;
	struct status_io *statuses;
	struct pool_status_io *pool_statuses;
	struct ipam_io *ipam;
	struct ml_secret_io *ml_secret;
	struct overlap_io *overlaps;
	struct nodes_io *nodes;
	struct reserve_io *reserves;
	struct gauges gauges;
	struct metric_family *events; /* by reason */
	uv_timer_t timer;             /* runs the engine */
	bool closing;
};

/* --- running the engine -------------------------------------------------------------- */

static void on_timer(uv_timer_t *t);

/* Let the engine run once this turn of the loop has brought everything it has. */
static void on_changed(void *arg)
{
	struct allocator_io *io = arg;

	if (!io->closing)
		uv_timer_start(&io->timer, on_timer, 0, 0);
}

static void send_event(struct allocator_io *io, const struct allocator_action *act)
{
	++*metric_value1(io->events, act->reason);
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

	if (!gate_io_may_decide(io->gate))
		return; /* allocator_io_go_on() follows, or another one leads */
	allocator_run(io->engine, now, &actions);
	for (size_t i = 0; i < actions.count; i++) {
		struct allocator_action *act = &actions.items[i];

		switch (act->type) {
		case ALLOCATOR_WRITE:
			status_io_write(io->statuses, act);
			break;
		case ALLOCATOR_EVENT:
			send_event(io, act);
			break;
		case ALLOCATOR_IPAM:
			ipam_io_call(io->ipam, act->ipam);
			act->ipam = NULL;
			break;
		case ALLOCATOR_RESERVE:
			reserve_io_write(io->reserves);
			break;
		}
	}
	allocator_actions_done(&actions);
	reserve_io_look(io->reserves);
	if (allocator_io_ready(io)) {
		pool_status_io_update(io->pool_statuses);
		ml_secret_io_ensure(io->ml_secret);
		overlap_io_update(io->overlaps);
	}

	uint64_t wake = allocator_wake_ns(io->engine);
	if (wake != UINT64_MAX && !uv_is_active((uv_handle_t *)t))
		uv_timer_start(t, on_timer, wake > now ? (wake - now) / NS_PER_MS + 1 : 0, 0);
}

void allocator_io_lead(struct allocator_io *io, bool lead)
{
	allocator_lead(io->engine, lead);
	verdict_io_lead(io->verdict, lead);
	overlap_io_update(io->overlaps);
	if (lead)
		input_io_relist(io->inputs);
}

void allocator_io_go_on(struct allocator_io *io)
{
	on_changed(io);
}

static void on_config(void *arg, struct config *config)
{
	struct allocator_io *io = arg;

	allocator_set_config(io->engine, config, config_source_complete(io->config));
	overlap_io_config(io->overlaps, config);
	verdict_io_loaded(io->verdict);
	io->configured(io->arg);
	on_changed(io);
}

static void on_pool_told(void *arg, const char *name, const cJSON *object)
{
	struct allocator_io *io = arg;

	pool_status_io_told(io->pool_statuses, name, object);
}

static void on_judged(void *arg, const char *error)
{
	struct allocator_io *io = arg;

	verdict_io_judged(io->verdict, error);
}

static void on_fault(void *arg, const char *field, const char *message)
{
	struct allocator_io *io = arg;

	verdict_io_fault(io->verdict, field, message);
}

void allocator_io_measure(struct allocator_io *io)
{
	if (!gate_io_is_open(io->gate))
		gauges_clear(&io->gauges);
	else if (allocator_settled(io->engine)) /* else they stay */
		gauges_update(&io->gauges, io->engine);
	ipam_io_measure(io->ipam);
	reserve_io_measure(io->reserves);
}

/* --- life ---------------------------------------------------------------------------- */

static struct service *decode(void *arg, const cJSON *object)
{
	struct allocator_io *io = arg;

	return input_io_decode(io->inputs, object);
}

static const char *uid_of_pool(void *arg, const char *pool)
{
	const struct allocator_io *io = arg;

	return config_source_pool_uid(io->config, pool);
}

static bool is_leaderless(void *arg)
{
	const struct allocator_io *io = arg;

	return io->leaderless(io->arg);
}

static void on_service(void *arg, const struct service *s)
{
	struct allocator_io *io = arg;

	overlap_io_service(io->overlaps, s);
}

static void on_node(void *arg, const char *name, const struct node *n)
{
	struct allocator_io *io = arg;

	overlap_io_node(io->overlaps, name, n);
}

static void on_nodes(void *arg)
{
	struct allocator_io *io = arg;

	overlap_io_nodes_known(io->overlaps);
}

static bool services_known(void *arg)
{
	const struct allocator_io *io = arg;

	return io->inputs != NULL && input_io_synced(io->inputs);
}

/* Who asks for Services, in the words of the engine. */
struct asker {
	void (*each)(void *to, const struct service *s);
	void *to;
};

static void hand_on(void *arg, const struct allocator_service_view *view)
{
	const struct asker *asker = arg;

	if (view->service != NULL)
		asker->each(asker->to, view->service);
}

static void services(void *arg, void (*each)(void *to, const struct service *s), void *to)
{
	const struct allocator_io *io = arg;
	struct asker asker = { each, to };

	allocator_services(io->engine, hand_on, &asker);
}

static int sources_open(struct allocator_io *io, const struct allocator_io_cfg *cfg)
{
	const struct config_source_cfg source_cfg = {
		.loop = cfg->loop,
		.file = cfg->config_file,
		.kube = cfg->kube,
		.ns = cfg->ns,
		.scope = CONFIG_POOLS,
		.frr = cfg->frr,
		.watch_all = cfg->webhook,
		.metrics = cfg->metrics,
		.changed = on_config,
		.judged = on_judged,
		.fault = on_fault,
		.pool_told = on_pool_told,
		.arg = io,
	};
	const struct input_io_cfg input_cfg = {
		.kube = cfg->kube,
		.engine = io->engine,
		.metrics = cfg->metrics,
		.changed = on_changed,
		.service = on_service,
		.arg = io,
	};
	const struct verdict_io_cfg verdict_cfg = {
		.loop = cfg->loop,
		.kube = cfg->kube,
		.gate = cfg->gate,
		.ns = cfg->ns,
		.pod = cfg->pod,
		.component = COMPONENT,
		.seed = cfg->seed,
		.leaderless = is_leaderless,
		.uid_of = uid_of_pool,
		.arg = io,
	};
	const struct overlap_io_cfg overlap_cfg = {
		.loop = cfg->loop,
		.gate = cfg->gate,
		.services_known = services_known,
		.services = services,
		.arg = io,
		.report = { .kube = cfg->kube,
			    .metrics = cfg->metrics,
			    .component = COMPONENT,
			    .host = "",
			    .ns = cfg->ns,
			    .pod = cfg->pod,
			    .uid_of = uid_of_pool,
			    .arg = io },
	};
	const struct nodes_io_cfg nodes_cfg = {
		.kube = cfg->kube,
		.keep = cfg->webhook,
		.told = on_node,
		.answered = on_nodes,
		.arg = io,
	};
	int rc = verdict_io_open(&verdict_cfg, &io->verdict);

	if (rc == 0)
		rc = overlap_io_open(&overlap_cfg, &io->overlaps);
	if (rc == 0)
		rc = nodes_io_open(&nodes_cfg, &io->nodes);
	if (rc == 0)
		rc = config_source_open(&source_cfg, &io->config);
	return rc != 0 ? rc : input_io_open(&input_cfg, &io->inputs);
}

int allocator_io_open(const struct allocator_io_cfg *cfg, struct allocator_io **ret)
{
	static const char *const reason[] = { "reason", NULL };
	struct allocator_io *io = must(calloc(1, sizeof(*io)));
	const struct allocator_cfg engine_cfg = {
		.standby = true,
		.lb_class = cfg->lb_class,
		.reservations = true,
		.writes_max = ALLOCATOR_WRITES_MAX,
		.actions_max = ALLOCATOR_ACTIONS_MAX,
		.seed = cfg->seed,
	};

	io->configured = cfg->configured;
	io->leaderless = cfg->leaderless;
	io->arg = cfg->arg;
	io->kube = cfg->kube;
	io->gate = cfg->gate;
	io->engine = allocator_new(&engine_cfg);
	io->statuses = status_io_open(&(struct status_io_cfg){
		.kube = cfg->kube,
		.gate = cfg->gate,
		.engine = io->engine,
		.metrics = cfg->metrics,
		.decode = decode,
		.changed = on_changed,
		.arg = io,
	});
	io->pool_statuses = pool_status_io_open(&(struct pool_status_io_cfg){
		.loop = cfg->loop,
		.gate = cfg->gate,
		.engine = io->engine,
		.ns = cfg->ns,
		.seed = cfg->seed,
	});
	io->ml_secret = ml_secret_io_open(&(struct ml_secret_io_cfg){
		.loop = cfg->loop,
		.kube = cfg->kube,
		.gate = cfg->gate,
		.ns = cfg->ns,
		.name = cfg->ml_secret,
		.seed = cfg->seed,
	});
	io->reserves = reserve_io_open(&(struct reserve_io_cfg){
		.loop = cfg->loop,
		.kube = cfg->kube,
		.gate = cfg->gate,
		.engine = io->engine,
		.metrics = cfg->metrics,
		.ns = cfg->ns,
		.changed = on_changed,
		.arg = io,
		.seed = cfg->seed,
	});
	gauges_init(&io->gauges, cfg->metrics);
	io->events = metrics_family(cfg->metrics, "bellman_allocator_events_total",
				    "What was said to Services, by the reason of the event.",
				    METRIC_COUNTER, reason);
	uv_timer_init(cfg->loop, &io->timer);
	io->timer.data = io;
	const struct ipam_io_cfg ipam_cfg = {
		.loop = cfg->loop,
		.gate = cfg->gate,
		.engine = io->engine,
		.metrics = cfg->metrics,
		.changed = on_changed,
		.arg = io,
	};
	int rc = ipam_io_open(&ipam_cfg, &io->ipam);
	if (rc == 0)
		rc = sources_open(io, cfg);
	if (rc != 0) {
		allocator_io_close(io);
		return rc;
	}
	*ret = io;
	return 0;
}

const char *allocator_io_trouble(const struct allocator_io *io)
{
	return verdict_io_trouble(io->verdict);
}

bool allocator_io_inputs(const struct allocator_io *io, struct config_inputs *ret)
{
	bool complete = config_source_inputs(io->config, ret);

	nodes_io_lend(io->nodes, ret);
	return complete;
}

void allocator_io_reload(struct allocator_io *io)
{
	config_source_reload(io->config);
}

bool allocator_io_ready(const struct allocator_io *io)
{
	return input_io_synced(io->inputs) && config_source_synced(io->config);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct allocator_io *allocator_io_close(struct allocator_io *io)
{
	if (io == NULL)
		return NULL;
	io->closing = true;
	io->inputs = input_io_close(io->inputs);
	io->config = config_source_close(io->config);
	io->verdict = verdict_io_close(io->verdict);
	io->statuses = status_io_close(io->statuses);
	io->pool_statuses = pool_status_io_close(io->pool_statuses);
	io->ipam = ipam_io_close(io->ipam);
	io->ml_secret = ml_secret_io_close(io->ml_secret);
	io->nodes = nodes_io_close(io->nodes);
	io->overlaps = overlap_io_close(io->overlaps);
	io->reserves = reserve_io_close(io->reserves);
	io->engine = allocator_free(io->engine);
	uv_close((uv_handle_t *)&io->timer, on_closed);
	return NULL;
}
