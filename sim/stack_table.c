// SPDX-License-Identifier: Apache-2.0
/*
 * The table of a host's neighbours: found by address, and bounded as Linux bounds it. In Linux a
 * full table takes no new entry; here the one that was unused for longest makes room.
 */
#include "lib/base/duration.h"
#include "sim/stack_state.h"

#define GC_THRESH1  128             /* from so many of a family on unused ones go */
#define GC_THRESH3  1024            /* no more than so many */
#define GC_EVERY_NS (15 * NS_PER_S) /* neigh_periodic_work() */
#define GC_STALE_NS (60 * NS_PER_S)

/* Neighbours of one address on two links are two. */
static int neighbour_cmp(const struct neighbour *a, const struct neighbour *b)
{
	int c = ip_cmp(&a->ip, &b->ip);

	return c != 0 ? c : (int)a->iface->index - (int)b->iface->index;
}

TREE_GENERATE(neighbour_tree, neighbour, by_ip, neighbour_cmp)

struct neighbour *neigh_find(const struct sim_iface *i, const struct ip_addr *ip)
{
	struct neighbour key = { .iface = (struct sim_iface *)i, .ip = *ip };

	return RB_FIND(neighbour_tree, &i->stack->neighbours, &key);
}

static size_t *count_of(struct sim_stack *s, const struct ip_addr *ip)
{
	return &s->neighbour_counts[ip->family == IP_V6];
}

static void neighbour_free(struct neighbour *n)
{
	struct sim_stack *s = n->iface->stack;

	RB_REMOVE(neighbour_tree, &s->neighbours, n);
	--*count_of(s, &n->ip);
	sim_timer_stop(s->clock, &n->timer);
	neigh_queue_drop(n);
	free(n);
}

void neigh_flush(struct sim_stack *s, const struct sim_iface *i)
{
	struct neighbour *n, *next;

	RB_FOREACH_SAFE (n, neighbour_tree, &s->neighbours, next)
		if (i == NULL || n->iface == i)
			neighbour_free(n);
	if (i == NULL)
		sim_timer_stop(s->clock, &s->collect);
}

/* Nothing waits for it, and it has not been of use for long. */
static bool is_garbage(const struct neighbour *n)
{
	int64_t now = (int64_t)sim_clock_now(n->iface->stack->clock);

	if (n->state == SIM_NEIGH_FAILED)
		return true;
	return n->state == SIM_NEIGH_STALE && now > (int64_t)(n->used_ns + GC_STALE_NS) &&
	       now > n->confirmed_ns + (int64_t)GC_STALE_NS;
}

static void collect_later(struct sim_stack *s);

static void on_collect(void *arg)
{
	struct sim_stack *s = arg;
	struct neighbour *n, *next;
	bool many[] = { s->neighbour_counts[0] >= GC_THRESH1,
			s->neighbour_counts[1] >= GC_THRESH1 };

	RB_FOREACH_SAFE (n, neighbour_tree, &s->neighbours, next)
		if (many[n->ip.family == IP_V6] && is_garbage(n))
			neighbour_free(n);
	collect_later(s);
}

static void collect_later(struct sim_stack *s)
{
	if ((s->neighbour_counts[0] >= GC_THRESH1 || s->neighbour_counts[1] >= GC_THRESH1) &&
	    !sim_timer_is_set(&s->collect))
		sim_timer_set(s->clock, &s->collect, sim_clock_now(s->clock) + GC_EVERY_NS,
			      on_collect, s);
}

/* Of a full table, who was unused for longest goes. */
static void make_room(struct sim_stack *s, uint8_t family)
{
	struct neighbour *n, *oldest = NULL;

	RB_FOREACH (n, neighbour_tree, &s->neighbours)
		if (n->ip.family == family && (oldest == NULL || n->used_ns < oldest->used_ns))
			oldest = n;
	if (oldest != NULL)
		neighbour_free(oldest);
}

struct neighbour *neigh_make(struct sim_iface *i, const struct ip_addr *ip)
{
	struct neighbour *n = neigh_find(i, ip);
	struct sim_stack *s = i->stack;

	if (n != NULL)
		return n;
	if (*count_of(s, ip) >= GC_THRESH3)
		make_room(s, ip->family);
	n = must(calloc(1, sizeof(*n)));
	n->iface = i;
	n->ip = *ip;
	n->used_ns = n->updated_ns = sim_clock_now(s->clock);
	n->confirmed_ns = NEIGH_NEVER;
	STAILQ_INIT(&n->queue);
	RB_INSERT(neighbour_tree, &s->neighbours, n);
	++*count_of(s, ip);
	collect_later(s);
	return n;
}

enum sim_neigh_state sim_stack_neighbour(const struct sim_stack *s, const struct ip_addr *ip,
					 uint8_t ret_mac[static ETHER_ADDR_LEN])
{
	for (size_t k = 0; k < s->ifaces.count; k++) {
		const struct neighbour *n = neigh_find(s->ifaces.items[k], ip);

		if (n == NULL)
			continue;
		if (neigh_is_valid(n))
			memcpy(ret_mac, n->mac, sizeof(n->mac));
		return n->state;
	}
	return SIM_NEIGH_NONE;
}

size_t sim_stack_neighbours(const struct sim_stack *s)
{
	return s->neighbour_counts[0] + s->neighbour_counts[1];
}
