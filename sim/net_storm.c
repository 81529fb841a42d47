// SPDX-License-Identifier: Apache-2.0
/* A loop in a segment: frames for groups go round in it and are flooded anew each time. */
#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "sim/net_state.h"

static void go_round(void *arg);

static void echo_set(struct sim_echo *e)
{
	struct sim_clock *clock = e->link->net->clock;

	sim_timer_set(clock, &e->timer, sim_clock_now(clock) + NS_PER_S / e->link->storm.per_s,
		      go_round, e);
}

static void go_round(void *arg)
{
	struct sim_echo *e = arg;

	net_flood(e->link, NULL, e->frame);
	echo_set(e);
}

void storm_catch(struct sim_link *l, struct sim_frame *frame)
{
	if (l->storm.per_s == 0 || l->storm.count >= l->storm.most)
		return;
	struct sim_echo *e = must(calloc(1, sizeof(*e)));
	e->link = l;
	e->frame = frame_ref(frame);
	LIST_INSERT_HEAD(&l->storm.echoes, e, others);
	l->storm.count++;
	echo_set(e);
}

void storm_end(struct sim_link *l)
{
	for (struct sim_echo *e; (e = LIST_FIRST(&l->storm.echoes)) != NULL;) {
		sim_timer_stop(l->net->clock, &e->timer);
		LIST_REMOVE(e, others);
		frame_unref(e->frame);
		free(e);
	}
	l->storm.count = 0;
}

void sim_link_storm(struct sim_link *l, unsigned per_s, unsigned most)
{
	l->storm.per_s = per_s;
	l->storm.most = most;
	if (per_s == 0)
		storm_end(l);
}
