// SPDX-License-Identifier: Apache-2.0
/* A run of a simulated allocator's engine and what follows from it, as allocator/io.c has it. */
#include <stdlib.h>

#include "lib/base/must.h"
#include "sim/allocator_state.h"

static void tell(const struct sim_allocator_life *l, const struct allocator_action *act)
{
	const struct sim_allocator *a = l->owner;

	if (a->cfg.ops->told != NULL)
		a->cfg.ops->told(a->cfg.arg, a, act);
}

static void refuse_ipam(struct sim_allocator_life *l, const struct ipam_call *call)
{
	struct ipam_answer answer;

	ipam_answer_none("there is no IPAM in a simulation", &answer);
	allocator_ipam_answered(l->engine, call->id, &answer, sim_life_now(l));
	ipam_answer_done(&answer);
	sim_turn_soon(&l->engine_turn);
}

static void act_on(struct sim_allocator_life *l, const struct allocator_action *act)
{
	switch (act->type) {
	case ALLOCATOR_WRITE:
		tell(l, act);
		sim_status_write(l, act);
		break;
	case ALLOCATOR_EVENT:
		tell(l, act);
		break;
	case ALLOCATOR_IPAM:
		refuse_ipam(l, act->ipam);
		break;
	case ALLOCATOR_RESERVE:
		allocator_reservations_written(l->engine, ALLOCATOR_WRITTEN, sim_life_now(l));
		sim_turn_soon(&l->engine_turn);
		break;
	}
}

/* Run at once again: nothing must follow, and nothing be decided. */
static void run_again(struct sim_allocator_life *l, struct allocator_actions *actions)
{
	size_t before = actions->count;
	uint64_t recomputed = allocator_recomputed(l->engine);

	if (!l->owner->cfg.check_twice || allocator_wake_ns(l->engine) <= sim_life_now(l))
		return;
	allocator_run(l->engine, sim_life_now(l), actions);
	if (actions->count != before)
		sim_life_broke(l, "a second run of its engine does something");
	else if (allocator_recomputed(l->engine) != recomputed)
		sim_life_broke(l, "a second run of its engine decides something anew");
}

/* --- what is kept for Services that are gone --------------------------------------------- */

struct kept {
	ARRAY_OF(struct allocator_reservation);
};

static void keep(void *arg, const struct allocator_reservation *item)
{
	struct allocator_reservation *copy = must(array_push((struct kept *)arg));

	*copy = *item;
	copy->ns = must_copy(item->ns);
	copy->name = must_copy(item->name);
	struct ip_addr *ips = must(reallocarray(NULL, item->ip_count, sizeof(*ips)));
	for (unsigned i = 0; i < item->ip_count; i++)
		ips[i] = item->ips[i];
	copy->ips = ips;
}

/* On record is what it knows itself. */
static void look_at_record(struct sim_allocator_life *l)
{
	struct kept kept = { 0 };

	if (!allocator_reservations_needed(l->engine))
		return;
	allocator_reservations(l->engine, keep, &kept);
	allocator_reservations_told(l->engine, kept.items, kept.count);
	for (size_t i = 0; i < kept.count; i++) {
		free((char *)kept.items[i].ns);
		free((char *)kept.items[i].name);
		free((struct ip_addr *)kept.items[i].ips);
	}
	array_free(&kept);
	sim_turn_soon(&l->engine_turn);
}

void sim_engine_turn(struct sim_allocator_life *l)
{
	struct allocator_actions actions = { 0 };
	uint64_t now_ns = sim_life_now(l);

	if (!gate_may_decide(l->gate, now_ns))
		return; /* until it is open again, or another one leads */
	allocator_run(l->engine, now_ns, &actions);
	run_again(l, &actions);
	for (size_t i = 0; i < actions.count; i++)
		act_on(l, &actions.items[i]);
	allocator_actions_done(&actions);
	look_at_record(l);
	sim_turn_at(&l->engine_turn, allocator_wake_ns(l->engine));
}
