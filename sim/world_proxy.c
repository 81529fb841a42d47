// SPDX-License-Identifier: Apache-2.0
/*
 * The service proxy of a node, as far as a client sees it: what comes in for an address and a port
 * of a Service is answered in the node's name if an endpoint can serve it. Proxies are taken to
 * know what the API knows.
 */
#include "sim/world_state.h"

/* Can an endpoint of the Service serve: anywhere, or with policy Local on @n itself? */
static bool serves(const struct world_node *n, const struct service *s)
{
	const struct sim_slices *all = sim_api_slices(n->world->api, s->meta.ns, s->meta.name);
	bool local = s->external_policy == POLICY_LOCAL;

	for (size_t i = 0; i < all->count; i++)
		for (size_t k = 0; k < all->items[i]->endpoint_count; k++) {
			const struct endpoint *e = &all->items[i]->endpoints[k];

			if (endpoint_can_serve(e) &&
			    (!local || (e->node != NULL && strcmp(e->node, n->cfg->name) == 0)))
				return true;
		}
	return false;
}

static bool has_port(const struct service *s, uint8_t protocol, uint16_t port)
{
	for (unsigned i = 0; i < s->port_count; i++)
		if (s->ports[i].protocol == protocol && s->ports[i].port == port)
			return true;
	return false;
}

/* Does the Service take it, on this node? */
static bool takes(const struct world_node *n, const struct owned *o, uint8_t protocol,
		  uint16_t port)
{
	const struct owned_service *of = o->service;
	const struct sim_object *object = sim_api_get(n->world->api, SIM_SERVICE, of->ns, of->name);

	return o->shown && object != NULL && object->service != NULL &&
	       has_port(object->service, protocol, port) && serves(n, object->service);
}

static bool service(void *arg, const struct ip_addr *ip, uint8_t protocol, uint16_t port)
{
	const struct world_node *n = arg;
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
