// SPDX-License-Identifier: Apache-2.0
/* Loss, duplication, jitter and reordering of single frames, and cuts between ports. */
#include <assert.h>

#include "lib/base/must.h"
#include "sim/net_state.h"

#define MILLION 1000000u

/* --- impairments ----------------------------------------------------------------------- */

bool sim_impair_is_none(const struct sim_impair *i)
{
	return (i->loss_ppm | i->duplicate_ppm | i->reorder_ppm) == 0 &&
	       (i->delay_ns | i->jitter_ns) == 0;
}

void sim_link_impair(struct sim_link *l, const struct sim_impair *i)
{
	l->impair = *i;
	l->extra_ns = i->delay_ns; /* the same for all ports: the switch is late by that */
	l->impair.delay_ns = 0;
}

void sim_port_impair(struct sim_port *p, const struct sim_impair *i)
{
	p->impair = *i;
}

static bool dice(struct sim_link *l, uint32_t ppm)
{
	return ppm > 0 && rng_below(&l->rng, MILLION) < ppm;
}

/* How many of one frame there are behind @i. */
static unsigned copies(struct sim_link *l, const struct sim_impair *i)
{
	if (dice(l, i->loss_ppm)) {
		l->net->counts.lost++;
		return 0;
	}
	if (dice(l, i->duplicate_ppm)) {
		l->net->counts.duplicated++;
		return 2;
	}
	return 1;
}

/* How late one of them comes; sets *@strays if it leaves its place in the order. */
static uint64_t lateness(struct sim_link *l, const struct sim_impair *i, bool *strays)
{
	uint64_t late_ns = i->delay_ns;

	if (i->jitter_ns > 0)
		late_ns += rng_below(&l->rng, i->jitter_ns + 1);
	if (dice(l, i->reorder_ppm)) {
		l->net->counts.reordered++;
		*strays = true;
		late_ns += 1 + rng_below(&l->rng, SIM_REORDER_NS);
	}
	return late_ns;
}

void impair_up(struct sim_port *from, struct sim_frame *frame)
{
	struct sim_link *l = from->link;

	for (unsigned n = copies(l, &from->impair); n > 0; n--) {
		bool strays = false;
		uint64_t late_ns = lateness(l, &from->impair, &strays);

		net_up(from, frame, late_ns, strays);
	}
}

void impair_down(struct sim_port *to, struct sim_frame *frame)
{
	struct sim_link *l = to->link;

	for (unsigned n = copies(l, &l->impair); n > 0; n--)
		for (unsigned m = copies(l, &to->impair); m > 0; m--) {
			bool strays = false;
			uint64_t late_ns = lateness(l, &l->impair, &strays);

			late_ns += lateness(l, &to->impair, &strays);
			net_down(to, frame, late_ns, strays);
		}
}

/* --- cuts ------------------------------------------------------------------------------ */

/* A cut as a number: of both ports, where 0 stands for any. */
static uint64_t cut_key(const struct sim_port *from, const struct sim_port *to)
{
	return (uint64_t)(from != NULL ? from->number : 0) << 32 | (to != NULL ? to->number : 0);
}

/* Where @key is among the cuts of @l, or belongs. */
static size_t cut_place(const struct sim_link *l, uint64_t key)
{
	size_t low = 0, high = l->cuts.count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (l->cuts.items[middle] < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool cut_has(const struct sim_link *l, const struct sim_port *from,
		    const struct sim_port *to)
{
	uint64_t key = cut_key(from, to);
	size_t i = cut_place(l, key);

	return i < l->cuts.count && l->cuts.items[i] == key;
}

bool cut_is(const struct sim_link *l, const struct sim_port *from, const struct sim_port *to)
{
	return l->cuts.count > 0 && (cut_has(l, NULL, NULL) || cut_has(l, from, NULL) ||
				     cut_has(l, NULL, to) || cut_has(l, from, to));
}

void sim_link_cut(struct sim_link *l, const struct sim_port *from, const struct sim_port *to)
{
	if (cut_has(l, from, to))
		return;

	uint64_t key = cut_key(from, to);
	size_t i = cut_place(l, key), behind = l->cuts.count - i;
	must(array_push(&l->cuts));
	memmove(&l->cuts.items[i + 1], &l->cuts.items[i], behind * sizeof(key));
	l->cuts.items[i] = key;
}

void sim_link_heal(struct sim_link *l, const struct sim_port *from, const struct sim_port *to)
{
	if (from == NULL && to == NULL) {
		l->cuts.count = 0;
		return;
	}
	if (!cut_has(l, from, to))
		return;
	size_t i = cut_place(l, cut_key(from, to));
	l->cuts.count--;
	memmove(&l->cuts.items[i], &l->cuts.items[i + 1],
		(l->cuts.count - i) * sizeof(l->cuts.items[0]));
}

bool sim_link_is_cut(const struct sim_link *l, const struct sim_port *from,
		     const struct sim_port *to)
{
	return cut_is(l, from, to);
}
