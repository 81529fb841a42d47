// SPDX-License-Identifier: Apache-2.0
/*
 * Invariants: when they are looked at, and what is said of those that do not hold.
 *
 * Some hold at any time and are looked at whenever something happens. The others hold when the
 * world is quiet: no step was done for the bound, and all processes that nothing ails have been
 * told all there is. What ails a process exempts what depends on that process, and so long after
 * as its recovery may take.
 */
#include <stdarg.h>
#include <stdio.h>

#include "sim/check_state.h"

#define LOOK_ANEW_NS (60 * NS_PER_S) /* at a world in which nothing changes */

static void tick(void *arg);

static int port_cmp(const void *x, const void *y)
{
	const struct check_port *a = x, *b = y;

	return ((uintptr_t)a->port > (uintptr_t)b->port) -
	       ((uintptr_t)a->port < (uintptr_t)b->port);
}

static void take_ports(struct checks *c)
{
	const struct sim_world *w = c->world;
	size_t count = 0;

	for (size_t i = 0; i < w->node_count; i++)
		count += sim_stack_ifaces(w->nodes[i].stack);
	c->ports = must(calloc(count + 1, sizeof(*c->ports)));
	for (size_t i = 0; i < w->node_count; i++) {
		struct world_node *n = &w->nodes[i];

		for (size_t k = 0; k < sim_stack_ifaces(n->stack); k++) {
			struct sim_iface *iface = sim_stack_iface(n->stack, k);

			c->ports[c->port_count++] = (struct check_port){
				.port = sim_iface_port(iface), .node = n, .iface = iface
			};
		}
	}
	qsort(c->ports, c->port_count, sizeof(*c->ports), port_cmp);
}

struct checks *check_start(struct sim_world *w)
{
	struct checks *c = must(calloc(1, sizeof(*c)));

	c->world = w;
	c->nodes = must(calloc(w->node_count + 1, sizeof(*c->nodes)));
	c->allocators = must(calloc(w->allocator_count + 1, sizeof(*c->allocators)));
	for (size_t i = 0; i < w->node_count; i++)
		c->nodes[i].sent = must(
			calloc(sim_stack_ifaces(w->nodes[i].stack) + 1, sizeof(*c->nodes[i].sent)));
	take_ports(c);
	sim_net_tap(w->net, check_frame, w);
	sim_api_watch_writes(w->api, check_write, w);
	sim_timer_set(w->clock, &c->tick, CHECK_EVERY_NS, tick, c);
	return c;
}

static void forget_told(struct checks *c)
{
	for (size_t i = 0; i < c->told.count; i++)
		free(c->told.items[i]);
	c->told.count = 0;
}

struct checks *check_end(struct checks *c)
{
	if (c == NULL)
		return NULL;
	/* Who is taken down after this may still say farewell. */
	sim_net_untap(c->world->net, check_frame, c->world);
	sim_api_watch_writes(c->world->api, NULL, NULL);
	sim_timer_stop(c->world->clock, &c->tick);
	for (size_t i = 0; i < c->world->node_count; i++)
		free(c->nodes[i].sent);
	for (size_t i = 0; i < c->terms.count; i++)
		free(c->terms.items[i].identity);
	free(c->holder);
	array_free(&c->under_way);
	forget_told(c);
	array_free(&c->told);
	array_free(&c->terms);
	for (size_t i = 0; i < c->port_count; i++)
		check_said_forget(&c->ports[i]);
	free(c->ports);
	free(c->allocators);
	free(c->nodes);
	free(c);
	return NULL;
}

/* --- what is broken ---------------------------------------------------------------------- */

/* Once between two steps is enough. */
static bool is_news(struct checks *c, const char *name, const char *node, const char *service,
		    const char *ip)
{
	char *key = must_text("%s|%s|%s|%s", name, node, service, ip);

	for (size_t i = 0; i < c->told.count; i++)
		if (strcmp(c->told.items[i], key) == 0) {
			free(key);
			return false;
		}
	*(char **)must(array_push(&c->told)) = key;
	return true;
}

void check_broken(struct sim_world *w, const char *name, const char *node, const char *service,
		  const struct ip_addr *ip, const char *fmt, ...)
{
	char text[512], ip_text[IP_TEXT_MAX] = "";
	va_list args;

	if (ip != NULL)
		ip_format(ip, ip_text);
	if (!is_news(w->checks, name, node != NULL ? node : "", service != NULL ? service : "",
		     ip_text))
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	sim_journal_add(&w->journal, world_now(w), SIM_BROKEN, node, service, ip, "%s: %s", name,
			text);
}

/* --- quiet ------------------------------------------------------------------------------- */

/*
 * Is somebody current whom nothing ails, and the API neither? @stale_ns: since when he is not; for
 * longer than the bound is broken.
 */
static bool follow_stale(struct sim_world *w, const char *name, uint64_t well_ns, bool current,
			 uint64_t *stale_ns)
{
	bool well = world_is_well(w, well_ns, w->bound_ns) &&
		    world_is_well(w, w->api_well_ns, w->bound_ns);

	if (!well || current) {
		*stale_ns = 0;
		return true;
	}
	if (*stale_ns == 0)
		*stale_ns = world_now(w);
	if (world_now(w) - *stale_ns > w->bound_ns && world_now(w) - w->stirred_ns > w->bound_ns)
		check_broken(w, "stale", name, NULL, NULL,
			     "%s was not told, or did not do, what there is to do", name);
	return false;
}

static bool all_speakers_are_current(struct sim_world *w)
{
	bool all = true;

	for (size_t i = 0; i < w->node_count; i++) {
		const struct world_node *n = &w->nodes[i];

		all &= follow_stale(w, n->cfg->name, n->health.well_ns,
				    sim_speaker_is_current(n->speaker),
				    &w->checks->nodes[i].stale_ns);
	}
	return all;
}

/* Also those that wait to lead: else they would not know enough when they do. */
static void follow_allocators(struct sim_world *w)
{
	for (size_t i = 0; i < w->allocator_count; i++) {
		const struct world_allocator *a = &w->allocators[i];

		follow_stale(w, a->name, a->health.well_ns, sim_allocator_is_current(a->process),
			     &w->checks->allocators[i].stale_ns);
	}
}

static bool is_quiet(struct sim_world *w)
{
	return all_speakers_are_current(w) && world_is_well(w, w->stirred_ns, w->bound_ns) &&
	       world_is_well(w, w->api_well_ns, w->bound_ns);
}

bool check_is_allocated(const struct sim_world *w)
{
	const struct checks *c = w->checks;

	return c->leader != NULL && sim_allocator_is_current(c->leader->process) &&
	       world_is_well(w, c->leader_ns, w->bound_ns) &&
	       world_is_well(w, c->leader->health.well_ns, w->bound_ns) &&
	       world_is_well(w, w->api_well_ns, w->bound_ns) &&
	       world_is_well(w, w->stirred_ns, w->bound_ns);
}

static void follow_leader(struct sim_world *w)
{
	struct checks *c = w->checks;
	const struct world_allocator *leader = NULL;

	for (size_t i = 0; i < w->allocator_count; i++) {
		const struct world_allocator *a = &w->allocators[i];

		if (world_is_well(w, a->health.well_ns, 0) && sim_allocator_leads(a->process))
			leader = a;
	}
	if (leader == c->leader)
		return;
	c->leader = leader;
	c->leader_ns = world_now(w);
}

/* Does a speaker wait for the allocator? */
static bool somebody_waits(const struct sim_world *w)
{
	for (size_t i = 0; i < w->node_count; i++) {
		const struct speaker *s = sim_speaker_engine(w->nodes[i].speaker);

		if (s != NULL && speaker_config_waits(s))
			return true;
	}
	return false;
}

static void look_at_all(struct sim_world *w)
{
	bool allocated = check_is_allocated(w);

	w->looks++;
	if (allocated || !somebody_waits(w))
		check_owners(w);
	if (allocated)
		check_statuses(w);
	check_memory(w);
	if (w->cfg.check_all)
		check_retold(w);
	if (w->cfg.check_all && allocated)
		check_fresh(w);
	w->checks->checked = w->checks->generation;
	w->checks->checked_ns = world_now(w);
}

/* --- rest -------------------------------------------------------------------------------- */

bool check_is_at_rest(const struct sim_world *w)
{
	return world_is_well(w, w->stirred_ns, w->bound_ns) &&
	       world_is_well(w, w->checks->generation_ns, 10 * NS_PER_S);
}

/* One renewal of the Lease, and one try to get it, may take two. */
static uint64_t allocator_wakes_most(const struct sim_world *w)
{
	uint64_t retry_ns = w->scenario->retry_period_ns;

	return CHECK_WAKES + (retry_ns != 0 ? 4 * NS_PER_S / retry_ns : 0);
}

/* On each interface one for each address that it refreshes, which it does 50 times a second. */
static uint64_t speaker_wakes_most(const struct world_node *n)
{
	const struct speaker *s = sim_speaker_engine(n->speaker);
	size_t addresses = s != NULL ? 2 * speaker_announced_count(s) : 0;
	size_t refreshes = addresses < CHECK_REFRESHES ? addresses : CHECK_REFRESHES;

	return CHECK_WAKES + refreshes * sim_stack_ifaces(n->stack);
}

static void check_wakes(struct sim_world *w)
{
	bool rest = check_is_at_rest(w);

	for (size_t i = 0; i < w->node_count; i++) {
		const struct world_node *n = &w->nodes[i];
		uint64_t wakes = sim_speaker_wakes(n->speaker);
		uint64_t before = w->checks->nodes[i].wakes;
		uint64_t most = speaker_wakes_most(n);

		w->checks->nodes[i].wakes = wakes;
		if (rest && world_is_well(w, n->health.well_ns, 10 * NS_PER_S) &&
		    wakes - before > most)
			check_broken(w, "wake-ups", n->cfg->name, NULL, NULL,
				     "%s woke up %llu times in a second at rest", n->cfg->name,
				     (unsigned long long)(wakes - before));
	}
	for (size_t i = 0; i < w->allocator_count; i++) {
		const struct world_allocator *a = &w->allocators[i];
		uint64_t wakes = sim_allocator_wakes(a->process);
		uint64_t before = w->checks->allocators[i].wakes;

		w->checks->allocators[i].wakes = wakes;
		if (rest && world_is_well(w, a->health.well_ns, 10 * NS_PER_S) &&
		    wakes - before > allocator_wakes_most(w))
			check_broken(w, "wake-ups", a->name, NULL, NULL,
				     "%s woke up %llu times in a second at rest", a->name,
				     (unsigned long long)(wakes - before));
	}
}

void check_passed(struct world_node *n)
{
	struct check_node *c;

	if (n->world->checks == NULL)
		return;
	c = &n->world->checks->nodes[n->number];
	if (c->at_ns != world_now(n->world)) {
		c->at_ns = world_now(n->world);
		c->passes = 0;
	}
	if (++c->passes > CHECK_PASSES)
		check_broken(n->world, "wake-ups", n->cfg->name, NULL, NULL,
			     "%s runs on and on at one moment", n->cfg->name);
}

/* So many frames may @n send unasked in a second on one link. */
static unsigned frames_most(const struct world_node *n, bool rest)
{
	const struct speaker *s = sim_speaker_engine(n->speaker);

	if (!rest || s == NULL || !world_is_well(n->world, n->health.well_ns, 10 * NS_PER_S))
		return CHECK_FRAMES;
	return CHECK_FRAMES_REST + (unsigned)speaker_announced_count(s);
}

/* Sent unasked in the last second, on each interface. */
static void check_sent(struct sim_world *w)
{
	bool rest = check_is_at_rest(w);

	for (size_t i = 0; i < w->node_count; i++) {
		const struct world_node *n = &w->nodes[i];
		unsigned most = frames_most(n, rest);

		for (size_t k = 0; k < sim_stack_ifaces(n->stack); k++) {
			unsigned *sent = &w->checks->nodes[i].sent[k];

			if (*sent > most)
				check_broken(w, "frames", n->cfg->name, NULL, NULL,
					     "%s sent %u frames unasked in a second on %s",
					     n->cfg->name, *sent,
					     sim_iface_name(sim_stack_iface(n->stack, k)));
			*sent = 0;
		}
	}
}

/* --- when -------------------------------------------------------------------------------- */

static void tick(void *arg)
{
	struct checks *c = arg;
	struct sim_world *w = c->world;

	follow_leader(w);
	follow_allocators(w);
	check_lead(w);
	check_usurpers(w);
	check_wakes(w);
	check_sent(w);
	if (is_quiet(w) &&
	    (c->checked != c->generation || world_is_well(w, c->checked_ns, LOOK_ANEW_NS)))
		look_at_all(w);
	sim_timer_set(w->clock, &c->tick, world_now(w) + CHECK_EVERY_NS, tick, c);
}

void check_before_step(struct sim_world *w)
{
	if (w->checks->checked != w->checks->generation && is_quiet(w))
		look_at_all(w);
	forget_told(w->checks);
}

static void is_changed(struct sim_world *w)
{
	w->checks->generation++;
	w->checks->generation_ns = world_now(w);
}

void check_witness(struct sim_world *w, const struct sim_object *before,
		   const struct sim_object *now)
{
	if (now->kind == SIM_LEASE) {
		check_lease(w, now);
		return;
	}
	if (now->kind == SIM_SERVICE)
		check_shared(w, before, now);
	if (now->kind == SIM_CONFIG)
		w->checks->config_ns = world_now(w);
	is_changed(w);
}

void check_answered(struct sim_world *w)
{
	is_changed(w);
}
