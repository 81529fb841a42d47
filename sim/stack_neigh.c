// SPDX-License-Identifier: Apache-2.0
/*
 * Neighbour caches as Linux keeps them: what follows net/core/neighbour.c, with the defaults of
 * net.ipv4.neigh.default and net.ipv6.neigh.default. What is said on the wire is stack_arp.c's and
 * stack_ndp.c's.
 *
 *	NONE -> INCOMPLETE	something is sent: three questions to all, a second apart
 *	INCOMPLETE -> REACHABLE	an answer;  -> FAILED	none
 *	REACHABLE -> STALE	nothing confirmed it for reachable_time
 *	STALE -> DELAY		something is sent, to the address that is known
 *	DELAY -> REACHABLE	TCP got on meanwhile
 *	DELAY -> PROBE		it did not, for 5 s: three questions to that address alone
 *	PROBE -> REACHABLE	an answer;  -> FAILED	none
 *	any -> STALE		somebody else says that the address is his
 *
 * What is left out: Linux rounds times to ticks and runs long timers up to an eighth late, and it
 * bounds what waits by bytes.
 */
#include "sim/stack_state.h"

#include "lib/base/duration.h"

#define REDRAW_NS    (300 * NS_PER_S) /* reachable_time is drawn anew so often */
#define UCAST_PROBES 3
#define MCAST_PROBES 3
#define QUEUE_MAX    64 /* packets that wait for one neighbour */

bool neigh_is_valid(const struct neighbour *n)
{
	return n->state == SIM_NEIGH_REACHABLE || n->state == SIM_NEIGH_STALE ||
	       n->state == SIM_NEIGH_DELAY || n->state == SIM_NEIGH_PROBE;
}

static uint64_t now_ns(const struct neighbour *n)
{
	return sim_clock_now(n->iface->stack->clock);
}

static struct waiting *dequeue(struct neighbour *n)
{
	struct waiting *x = STAILQ_FIRST(&n->queue);

	if (x != NULL) {
		STAILQ_REMOVE_HEAD(&n->queue, next);
		n->queued--;
	}
	return x;
}

void neigh_queue_drop(struct neighbour *n)
{
	for (struct waiting *x; (x = dequeue(n)) != NULL;)
		free(x);
}

/* --- time ----------------------------------------------------------------------------------- */

/* Evenly from a half to one and a half of the base, for all entries of the host
 * (neigh_rand_reach_time). */
static uint64_t reachable_ns(struct sim_stack *s)
{
	uint64_t now = sim_clock_now(s->clock);

	if (now >= s->reachable_until_ns) {
		s->reachable_ns =
			s->base_reachable_ns / 2 + rng_below(&s->rng, s->base_reachable_ns);
		s->reachable_until_ns = now + REDRAW_NS;
	}
	return s->reachable_ns;
}

static void on_timer(void *arg);

static void wake_at(struct neighbour *n, uint64_t at_ns)
{
	sim_timer_set(n->iface->stack->clock, &n->timer, at_ns, on_timer, n);
}

static void enter(struct neighbour *n, enum sim_neigh_state state)
{
	n->state = state;
	n->updated_ns = now_ns(n);
}

static bool confirmed_within(const struct neighbour *n, uint64_t ns)
{
	return (int64_t)now_ns(n) <= n->confirmed_ns + (int64_t)ns;
}

/* neigh_probe(): the first questions go to the address that is known, if one is. */
static void ask(struct neighbour *n)
{
	const uint8_t *to = n->probes < UCAST_PROBES ? n->mac : NULL;

	n->probes++;
	if (n->ip.family == IP_V4)
		stack_arp_ask(n, to);
	else
		stack_ndp_ask(n, to);
}

static void ask_or_give_up(struct neighbour *n)
{
	unsigned most = n->state == SIM_NEIGH_PROBE ? UCAST_PROBES : UCAST_PROBES + MCAST_PROBES;

	if (n->probes >= most) {
		enter(n, SIM_NEIGH_FAILED);
		neigh_queue_drop(n);
		return;
	}
	wake_at(n, now_ns(n) + n->iface->stack->retrans_ns);
	ask(n);
}

static void on_reachable_over(struct neighbour *n)
{
	uint64_t reachable = reachable_ns(n->iface->stack);

	/* Confirmed anew since the timer was set; at the very moment it is over, as the timer
	 * would else be set to now. */
	if (confirmed_within(n, reachable - 1)) {
		wake_at(n, (uint64_t)n->confirmed_ns + reachable);
	} else if (now_ns(n) <= n->used_ns + n->iface->stack->delay_probe_ns) {
		enter(n, SIM_NEIGH_DELAY);
		wake_at(n, now_ns(n) + n->iface->stack->delay_probe_ns);
	} else {
		enter(n, SIM_NEIGH_STALE);
	}
}

static void on_delay_over(struct neighbour *n)
{
	if (confirmed_within(n, n->iface->stack->delay_probe_ns)) {
		enter(n, SIM_NEIGH_REACHABLE);
		wake_at(n, (uint64_t)n->confirmed_ns + reachable_ns(n->iface->stack));
		return;
	}
	enter(n, SIM_NEIGH_PROBE);
	n->probes = 0;
	ask_or_give_up(n);
}

/* neigh_timer_handler() */
static void on_timer(void *arg)
{
	struct neighbour *n = arg;

	if (n->state == SIM_NEIGH_REACHABLE)
		on_reachable_over(n);
	else if (n->state == SIM_NEIGH_DELAY)
		on_delay_over(n);
	else
		ask_or_give_up(n);
}

/* --- what goes out -------------------------------------------------------------------------- */

/* neigh_resolve_output(). In state REACHABLE only the first packet counts as use: the others go by
 * the header that the first one left, past the cache (neigh_hh_output). */
static void transmit(struct neighbour *n, uint8_t *frame, size_t len)
{
	if (n->state != SIM_NEIGH_REACHABLE || !n->has_header)
		n->used_ns = now_ns(n);
	n->has_header = true;
	if (n->state == SIM_NEIGH_STALE) {
		enter(n, SIM_NEIGH_DELAY);
		wake_at(n, now_ns(n) + n->iface->stack->delay_probe_ns);
	}
	memcpy(frame, n->mac, sizeof(n->mac));
	sim_port_send(n->iface->port, frame, len, NULL);
}

static void enqueue(struct neighbour *n, const uint8_t *frame, size_t len)
{
	struct waiting *x = must(malloc(sizeof(*x) + len));

	if (n->queued == QUEUE_MAX)
		free(dequeue(n));
	x->len = len;
	memcpy(x->frame, frame, len);
	STAILQ_INSERT_TAIL(&n->queue, x, next);
	n->queued++;
}

struct ip_addr neigh_waiting_source(const struct neighbour *n)
{
	const struct waiting *x = STAILQ_FIRST(&n->queue);
	bool v4 = n->ip.family == IP_V4;

	return x != NULL ? ip_from_bytes(n->ip.family, x->frame + ETHER_HEADER_LEN + (v4 ? 12 : 8))
			 : (struct ip_addr){ .family = IP_NONE };
}

/* __neigh_event_send() */
void neigh_output(struct sim_iface *i, const struct ip_addr *ip, uint8_t *frame, size_t len)
{
	struct neighbour *n = neigh_make(i, ip);

	if (neigh_is_valid(n)) {
		transmit(n, frame, len);
		return;
	}
	n->used_ns = now_ns(n);
	enqueue(n, frame, len);
	if (n->state != SIM_NEIGH_INCOMPLETE) {
		enter(n, SIM_NEIGH_INCOMPLETE);
		n->probes = UCAST_PROBES; /* there is nobody to ask alone */
		ask_or_give_up(n);
	}
}

void neigh_confirm(struct sim_stack *s, const struct ip_addr *ip)
{
	const struct sim_iface *i = stack_route(s, ip);
	struct neighbour *n = i != NULL ? neigh_find(i, ip) : NULL;

	if (n != NULL)
		n->confirmed_ns = (int64_t)now_ns(n);
}

/* --- what comes in -------------------------------------------------------------------------- */

/* Returns whether the entry may change; *mac and *state are what it changes to. */
static bool judge(const struct neighbour *n, const uint8_t **mac, enum sim_neigh_state *state,
		  unsigned flags)
{
	if (!neigh_is_valid(n))
		return true;
	if (memcmp(n->mac, *mac, sizeof(n->mac)) == 0) {
		if (*state == SIM_NEIGH_STALE) /* nothing new */
			*state = n->state;
		return true;
	}
	if ((flags & NEIGH_OVERRIDE) != 0)
		return true;
	/* Somebody doubts it. */
	*mac = n->mac;
	*state = SIM_NEIGH_STALE;
	return (flags & NEIGH_WEAK_OVERRIDE) != 0 && n->state == SIM_NEIGH_REACHABLE;
}

void neigh_update(struct neighbour *n, const uint8_t *mac, enum sim_neigh_state state,
		  unsigned flags)
{
	bool was_valid = neigh_is_valid(n);

	if (mac == NULL && !was_valid)
		return;
	if (mac == NULL)
		mac = n->mac;
	if (state == SIM_NEIGH_REACHABLE) /* whoever it was, and whatever comes of it */
		n->confirmed_ns = (int64_t)now_ns(n);
	if (!judge(n, &mac, &state, flags))
		return;
	bool moves = !was_valid || memcmp(n->mac, mac, sizeof(n->mac)) != 0;
	if (state == n->state && !moves) /* locktime goes on from the last change */
		return;
	if (state != n->state) {
		sim_timer_stop(n->iface->stack->clock, &n->timer);
		if (state == SIM_NEIGH_REACHABLE)
			wake_at(n, now_ns(n) + reachable_ns(n->iface->stack));
	}
	if (moves) {
		memcpy(n->mac, mac, sizeof(n->mac));
		if (state != SIM_NEIGH_REACHABLE)
			n->confirmed_ns = NEIGH_NEVER;
	}
	enter(n, state);
	for (struct waiting *x; (x = dequeue(n)) != NULL; free(x))
		transmit(n, x->frame, x->len);
}

bool neigh_changed_within(const struct neighbour *n, uint64_t ns)
{
	return now_ns(n) <= n->updated_ns + ns;
}
