// SPDX-License-Identifier: Apache-2.0
/*
 * The service proxy of a node, as far as a client sees it: what comes in for an address and a port
 * of a Service is answered in the node's name if an endpoint can serve it. Proxies are taken to
 * know what the API knows.
 */
#include "sim/world_state.h"

struct question {
	const struct world_node *node;
	const char *ns, *name; /* of the Service */
	bool local;            /* only on the node itself */
	bool found;
};

static void ask_slice(void *arg, const struct sim_object *o)
{
	struct question *q = arg;
	const struct endpoint_slice *x = o->slice;

	if (q->found || x == NULL || x->service == NULL || strcmp(x->service, q->name) != 0 ||
	    strcmp(x->meta.ns, q->ns) != 0)
		return;
	for (size_t i = 0; i < x->endpoint_count && !q->found; i++)
		q->found = endpoint_can_serve(&x->endpoints[i]) &&
			   (!q->local || (x->endpoints[i].node != NULL &&
					  strcmp(x->endpoints[i].node, q->node->cfg->name) == 0));
}

static bool has_port(const struct service *s, uint8_t protocol, uint16_t port)
{
	for (unsigned i = 0; i < s->port_count; i++)
		if (s->ports[i].protocol == protocol && s->ports[i].port == port)
			return true;
	return false;
}

/* Does the Service take it, on this node? */
static bool takes(struct world_node *n, const struct owned *o, uint8_t protocol, uint16_t port)
{
	const struct owned_service *of = o->service;
	const struct sim_object *object = sim_api_get(n->world->api, SIM_SERVICE, of->ns, of->name);
	struct question q = { .node = n, .ns = of->ns, .name = of->name };

	if (!o->shown || object == NULL || object->service == NULL ||
	    !has_port(object->service, protocol, port))
		return false;
	q.local = object->service->external_policy == POLICY_LOCAL;
	sim_api_each(n->world->api, SIM_SLICE, ask_slice, &q);
	return q.found;
}

static bool service(void *arg, const struct ip_addr *ip, uint8_t protocol, uint16_t port)
{
	struct world_node *n = arg;
	const struct answered *a = owner_answered(n->world, ip);

	for (size_t i = 0; a != NULL && i < a->owned.count; i++)
		if (takes(n, a->owned.items[i], protocol, port))
			return true;
	return false;
}

void world_proxy_start(struct world_node *n)
{
	sim_stack_service_set(n->stack, service, n);
	n->server = sim_server_open(n->stack, n->cfg->name);
}
