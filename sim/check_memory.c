// SPDX-License-Identifier: Apache-2.0
/*
 * `memory`: an engine keeps no more than what the API holds gives it reason to. Counted, not
 * weighed: what is kept of one thing has a size that does not change, and what nobody reaches any
 * more the leak sanitizer finds.
 */
#include "sim/check_state.h"

/* What there is at the API. */
struct there {
	size_t services, slices, nodes, namespaces;
	size_t addresses; /* in statuses; a shared one as often as it is shared */
};

static void count_addresses(void *arg, const struct sim_object *o)
{
	struct there *t = arg;

	t->addresses += o->service != NULL ? o->service->ingress_count : 0;
}

static struct there count_all(const struct sim_world *w)
{
	struct there t = { .services = sim_api_count(w->api, SIM_SERVICE),
			   .slices = sim_api_count(w->api, SIM_SLICE),
			   .nodes = sim_api_count(w->api, SIM_NODE),
			   .namespaces = sim_api_count(w->api, SIM_NAMESPACE) };

	sim_api_each(w->api, SIM_SERVICE, count_addresses, &t);
	return t;
}

/* One thing that an engine keeps, and how many of it there may be. */
struct kept {
	const char *what;
	size_t count, most;
};

static void check_kept(struct sim_world *w, const char *who, const struct kept *kept, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (kept[i].count > kept[i].most)
			check_broken(w, "memory", who, NULL, NULL,
				     "%s keeps %zu %s, where %zu would do", who, kept[i].count,
				     kept[i].what, kept[i].most);
}

static void check_speaker(struct sim_world *w, const struct world_node *n, const struct there *t)
{
	struct speaker_footprint f = speaker_footprint(sim_speaker_engine(n->speaker));
	size_t links = sim_stack_ifaces(n->stack);
	const struct kept kept[] = {
		{ "names of Services", f.names, f.services + t->slices },
		{ "Services", f.services, t->services },
		{ "EndpointSlices", f.slices, t->slices },
		{ "Nodes", f.nodes, t->nodes },
		{ "sets of advertisements", f.elections, t->services },
		{ "Services to be looked at", f.marked, 0 },
		{ "addresses that it announces", f.held, t->addresses },
		{ "links", f.l2.links, links },
		{ "addresses on links", f.l2.addresses, t->addresses },
		{ "holders of addresses", f.l2.holders, t->addresses },
		{ "announcements", f.l2.announcements, t->addresses * links },
		{ "multicast groups", f.l2.groups, t->addresses * links },
		{ "multicast groups of its sockets", sim_speaker_groups(n->speaker), f.l2.groups },
	};

	check_kept(w, n->cfg->name, kept, sizeof(kept) / sizeof(*kept));
}

static void check_allocator(struct sim_world *w, const struct world_allocator *a,
			    const struct there *t)
{
	struct allocator_footprint f = allocator_footprint(sim_allocator_engine(a->process));
	const struct kept kept[] = {
		{ "Services", f.services, t->services },
		{ "Namespaces", f.namespaces, t->namespaces },
		{ "Services that are gone", f.names, f.reservations },
		{ "addresses", f.addresses, t->addresses },
		{ "uses of addresses", f.uses, t->addresses },
		{ "tallies", f.tallies, f.uses },
		{ "Services to be looked at", f.queued, 0 },
		{ "Services to be written", f.unwritten, 0 },
	};

	check_kept(w, a->name, kept, sizeof(kept) / sizeof(*kept));
}

void check_memory(struct sim_world *w)
{
	struct there t = count_all(w);

	for (size_t i = 0; i < w->node_count; i++) {
		const struct world_node *n = &w->nodes[i];

		if (world_is_well(w, n->health.well_ns, w->bound_ns))
			check_speaker(w, n, &t);
	}
	if (check_is_allocated(w))
		check_allocator(w, w->checks->leader, &t);
}
