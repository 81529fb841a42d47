// SPDX-License-Identifier: Apache-2.0
/*
 * The way of a frame from port to port: station, switch, stations.
 *
 * What waits is a flight with a timer. Three places have a queue that none passes: the cable to the
 * switch, the switch, and the cable to each station; so frames between two ports stay in order
 * although each may be late by another time. A station whose port nothing impairs has no flight of
 * its own: all of them are served by the one that left the switch.
 */
#include <assert.h>

#include "lib/base/must.h"
#include "sim/net_state.h"

struct sim_frame *frame_ref(struct sim_frame *f)
{
	f->refs++;
	return f;
}

void frame_unref(struct sim_frame *f)
{
	if (--f->refs == 0)
		free(f);
}

static struct flight *flight_new(struct sim_link *l, struct sim_frame *frame)
{
	struct flight *f = must(calloc(1, sizeof(*f)));

	f->link = l;
	f->frame = frame_ref(frame);
	LIST_INSERT_HEAD(&l->net->flights, f, others);
	return f;
}

void net_flight_free(struct flight *f)
{
	sim_timer_stop(f->link->net->clock, &f->timer);
	LIST_REMOVE(f, others);
	port_set_unref(f->wanted);
	frame_unref(f->frame);
	free(f);
}

/* When something that is due at @at_ns may come, in a queue whose last comes at *@last_ns. */
static uint64_t in_turn(uint64_t *last_ns, uint64_t at_ns)
{
	if (at_ns < *last_ns)
		at_ns = *last_ns;
	return *last_ns = at_ns;
}

/* --- to the station -------------------------------------------------------------------- */

static void deliver(struct sim_port *to, const struct sim_frame *frame)
{
	struct sim_net *n = to->link->net;

	if (!sim_port_is_up(to)) {
		n->counts.lost++;
		return;
	}
	n->counts.delivered++;
	to->ops.frame(to->arg, frame->bytes, frame->len);
}

static void arrive(void *arg)
{
	struct flight *f = arg;

	deliver(f->to, f->frame);
	net_flight_free(f);
}

void net_down(struct sim_port *to, struct sim_frame *frame, uint64_t late_ns, bool strays)
{
	struct sim_clock *clock = to->link->net->clock;
	uint64_t now_ns = sim_clock_now(clock), at_ns = now_ns + late_ns;

	if (late_ns == 0 && to->down_last_ns < now_ns) {
		deliver(to, frame);
		return;
	}
	if (!strays)
		at_ns = in_turn(&to->down_last_ns, at_ns);
	struct flight *f = flight_new(to->link, frame);
	f->to = to;
	sim_timer_set(clock, &f->timer, at_ns, arrive, f);
}

static void offer(const struct flight *f, struct sim_port *to)
{
	struct sim_link *l = f->link;

	if (to == f->from)
		return;
	if (l->cuts.count > 0 && cut_is(l, f->from, to))
		l->net->counts.cut++;
	else if (sim_impair_is_none(&l->impair) && sim_impair_is_none(&to->impair))
		net_down(to, f->frame, 0, false);
	else
		impair_down(to, f->frame);
}

/* --- from the switch ------------------------------------------------------------------- */

/* A frame is at all ports that it is for. */
static void fan_out(void *arg)
{
	struct flight *f = arg;
	struct port_set *all = port_set_ref(f->link->promiscuous);

	if (f->to != NULL) {
		if (f->to->promiscuous || ether_equal(f->to->mac, f->frame->bytes))
			offer(f, f->to);
	} else {
		for (size_t i = 0; f->wanted != NULL && i < f->wanted->count; i++)
			if (!f->wanted->items[i].port->promiscuous)
				offer(f, f->wanted->items[i].port);
		for (size_t i = 0; all != NULL && i < all->count; i++)
			offer(f, all->items[i].port);
	}
	port_set_unref(all);
	net_flight_free(f);
}

/* To @to, or to all of @wanted. */
static void leave_switch(struct sim_link *l, struct sim_port *from, struct sim_frame *frame,
			 struct sim_port *to, struct port_set *wanted)
{
	struct sim_clock *clock = l->net->clock;
	struct flight *f = flight_new(l, frame);

	f->from = from;
	f->to = to;
	f->wanted = port_set_ref(wanted);
	sim_timer_set(clock, &f->timer,
		      in_turn(&l->out_last_ns, sim_clock_now(clock) + l->delay_ns + l->extra_ns),
		      fan_out, f);
}

void net_flood(struct sim_link *l, struct sim_port *from, struct sim_frame *frame)
{
	const struct sim_address *a = address_find(l, frame->bytes);
	struct port_set *wanted = a != NULL ? a->wanted : NULL;

	if (wanted != NULL || l->promiscuous != NULL)
		leave_switch(l, from, frame, NULL, wanted);
}

/* A frame is at the switch (IEEE 802.1Q clauses 8.6 to 8.8). */
static void forward(struct sim_port *from, struct sim_frame *frame)
{
	struct sim_link *l = from->link;
	const uint8_t *dst = frame->bytes, *src = frame->bytes + ETHER_ADDR_LEN;

	if (cut_is(l, from, NULL)) {
		l->net->counts.cut++;
		return;
	}
	address_learn(l, src, from);
	if (ether_is_group(dst)) {
		storm_catch(l, frame);
		net_flood(l, from, frame);
		return;
	}
	struct sim_port *to = address_port(l, address_find(l, dst));
	if (to == NULL) {
		l->net->counts.flooded++;
		net_flood(l, from, frame);
	} else {
		leave_switch(l, from, frame, to, NULL);
	}
}

/* --- to the switch --------------------------------------------------------------------- */

static void reach_switch(void *arg)
{
	struct flight *f = arg;

	forward(f->from, f->frame);
	net_flight_free(f);
}

void net_up(struct sim_port *from, struct sim_frame *frame, uint64_t late_ns, bool strays)
{
	struct sim_clock *clock = from->link->net->clock;
	uint64_t now_ns = sim_clock_now(clock), at_ns = now_ns + late_ns;

	if (late_ns == 0 && from->up_last_ns < now_ns) {
		forward(from, frame);
		return;
	}
	if (!strays)
		at_ns = in_turn(&from->up_last_ns, at_ns);
	struct flight *f = flight_new(from->link, frame);
	f->from = from;
	sim_timer_set(clock, &f->timer, at_ns, reach_switch, f);
}

void net_uplink(struct sim_port *from, struct sim_frame *frame)
{
	if (sim_impair_is_none(&from->impair))
		net_up(from, frame, 0, false);
	else
		impair_up(from, frame);
}
