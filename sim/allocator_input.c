// SPDX-License-Identifier: Apache-2.0
/* What a simulated allocator is told, as allocator/input_io.c and io.c have it. */
#include "allocator/status_object.h"
#include "sim/allocator_state.h"

struct service *sim_inputs_decode(const struct sim_object *o)
{
	struct faults faults = { 0 };
	struct service *s = NULL;

	if (o->service != NULL) /* else it is known not to */
		service_decode(o->json, (struct where){ 0 }, &faults, &s);
	faults_free(&faults);
	return s;
}

static void on_service(void *arg, const struct sim_object *o)
{
	struct sim_allocator_life *l = arg;
	struct service *s = sim_inputs_decode(o);
	struct ip_addr ips[IP_LIST_MAX];

	if (s != NULL)
		allocator_service_upsert(l->engine, s);
	else
		allocator_service_unreadable(l->engine, o->ns, o->name, ips,
					     status_object_ips(o->json, ips));
	sim_turn_soon(&l->engine_turn);
}

static void on_service_gone(void *arg, const char *ns, const char *name)
{
	struct sim_allocator_life *l = arg;

	allocator_service_remove(l->engine, ns, name);
	sim_turn_soon(&l->engine_turn);
}

static void on_namespace(void *arg, const struct sim_object *o)
{
	struct sim_allocator_life *l = arg;
	struct faults faults = { 0 };
	struct namespace *n = NULL;

	if (o->namespace != NULL &&
	    namespace_decode(o->json, (struct where){ 0 }, &faults, &n) == 0)
		allocator_namespace_upsert(l->engine, n);
	faults_free(&faults);
	sim_turn_soon(&l->engine_turn);
}

static void on_namespace_gone(void *arg, const char *ns, const char *name)
{
	struct sim_allocator_life *l = arg;

	(void)ns;
	allocator_namespace_remove(l->engine, name);
	sim_turn_soon(&l->engine_turn);
}

static void on_listed(void *arg)
{
	struct sim_allocator_life *l = arg;

	if (!l->fresh || !sim_watch_synced(l->services) || !sim_watch_synced(l->namespaces))
		return;
	allocator_synced(l->engine);
	sim_turn_soon(&l->engine_turn);
}

static void on_services_listed(void *arg)
{
	struct sim_allocator_life *l = arg;

	l->fresh = true;
	on_listed(l);
}

static void on_config(void *arg, const struct sim_object *o)
{
	struct sim_allocator_life *l = arg;

	allocator_set_config(l->engine, o->config, true);
	sim_turn_soon(&l->engine_turn);
	if (!l->configured)
		sim_lead_stand(l);
	l->configured = true;
}

/* A configuration does not go; another one comes. */
static void on_config_gone(void *arg, const char *ns, const char *name)
{
	(void)arg;
	(void)ns;
	(void)name;
}

void sim_inputs_open(struct sim_allocator_life *l)
{
	static const struct sim_watch_ops service_ops = {
		.upsert = on_service,
		.remove = on_service_gone,
		.synced = on_services_listed,
	};
	static const struct sim_watch_ops namespace_ops = {
		.upsert = on_namespace,
		.remove = on_namespace_gone,
		.synced = on_listed,
	};
	static const struct sim_watch_ops config_ops = {
		.upsert = on_config,
		.remove = on_config_gone,
	};

	l->config = sim_watch_start(l->client, SIM_CONFIG, &config_ops, l);
	l->services = sim_watch_start(l->client, SIM_SERVICE, &service_ops, l);
	l->namespaces = sim_watch_start(l->client, SIM_NAMESPACE, &namespace_ops, l);
}

void sim_inputs_relist(struct sim_allocator_life *l)
{
	l->fresh = false;
	sim_watch_relist(l->services);
}
