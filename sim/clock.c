// SPDX-License-Identifier: Apache-2.0
#include "sim/clock.h"

#include <assert.h>

#include "lib/base/array.h"
#include "lib/base/must.h"

/* A timer with what it is sorted by, so that the heap is not left to compare. */
struct due {
	uint64_t at_ns, order; /* of two at one moment, the one set first */
	struct sim_timer *timer;
};

struct sim_clock {
	ARRAY_OF(struct due); /* a binary heap: none is due before the one above it */
	uint64_t now_ns, orders, steps;
	bool runs;
};

struct sim_clock *sim_clock_new(void)
{
	return must(calloc(1, sizeof(struct sim_clock)));
}

struct sim_clock *sim_clock_free(struct sim_clock *c)
{
	if (c != NULL)
		array_free(c);
	free(c);
	return NULL;
}

uint64_t sim_clock_now(const struct sim_clock *c)
{
	return c->now_ns;
}

static bool is_before(const struct due *a, const struct due *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void place(struct sim_clock *c, size_t i, const struct due *d)
{
	c->items[i] = *d;
	d->timer->slot = i + 1;
}

/* Put @d where it belongs, at the free place @i or above it. */
static void sift_up(struct sim_clock *c, size_t i, const struct due *d)
{
	for (; i > 0 && is_before(d, &c->items[(i - 1) / 2]); i = (i - 1) / 2)
		place(c, i, &c->items[(i - 1) / 2]);
	place(c, i, d);
}

/* The same, or below it. */
static void sift_down(struct sim_clock *c, size_t i, const struct due *d)
{
	for (size_t below; (below = 2 * i + 1) < c->count; i = below) {
		if (below + 1 < c->count && is_before(&c->items[below + 1], &c->items[below]))
			below++;
		if (!is_before(&c->items[below], d))
			break;
		place(c, i, &c->items[below]);
	}
	place(c, i, d);
}

void sim_timer_stop(struct sim_clock *c, struct sim_timer *t)
{
	if (t->slot == 0)
		return;

	size_t i = t->slot - 1;
	assert(i < c->count && c->items[i].timer == t);
	struct due last = c->items[--c->count];
	t->slot = 0;
	if (i == c->count)
		return;
	if (i > 0 && is_before(&last, &c->items[(i - 1) / 2]))
		sift_up(c, i, &last);
	else
		sift_down(c, i, &last);
}

void sim_timer_set(struct sim_clock *c, struct sim_timer *t, uint64_t at_ns, void (*run)(void *arg),
		   void *arg)
{
	sim_timer_stop(c, t);
	t->at_ns = at_ns > c->now_ns ? at_ns : c->now_ns;
	t->run = run;
	t->arg = arg;
	must(array_push(c));
	sift_up(c, c->count - 1, &(struct due){ t->at_ns, ++c->orders, t });
}

uint64_t sim_clock_next(const struct sim_clock *c)
{
	return c->count > 0 ? c->items[0].at_ns : UINT64_MAX;
}

bool sim_clock_step(struct sim_clock *c, uint64_t until_ns)
{
	assert(!c->runs);
	if (c->count == 0 || c->items[0].at_ns > until_ns) {
		if (until_ns > c->now_ns)
			c->now_ns = until_ns;
		return false;
	}

	struct sim_timer *t = c->items[0].timer;
	c->now_ns = t->at_ns;
	c->steps++;
	sim_timer_stop(c, t);
	c->runs = true;
	t->run(t->arg);
	c->runs = false;
	return true;
}

uint64_t sim_clock_steps(const struct sim_clock *c)
{
	return c->steps;
}
