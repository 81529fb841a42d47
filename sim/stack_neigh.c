// SPDX-License-Identifier: Apache-2.0
/*
 * Neighbour caches as Linux keeps them: net/core/neighbour.c, net/ipv4/arp.c, net/ipv6/ndisc.c are
 * what is followed here, with the defaults of net.ipv4.neigh.default and net.ipv6.neigh.default.
 *
 *	NONE -> INCOMPLETE	something is sent: three questions to all, a second apart
 *	INCOMPLETE -> REACHABLE	an answer;  -> FAILED	none
 *	REACHABLE -> STALE	nothing confirmed it for reachable_time; DELAY if it is in use
 *	STALE -> DELAY		something is sent, to the old address
 *	DELAY -> PROBE		nothing confirmed it for 5 s: three questions to the old address
 *	PROBE -> FAILED		none was answered
 */
#include "sim/stack_state.h"

#include "lib/base/duration.h"
#include "proto/arp.h"
#include "proto/ndp.h"

#define BASE_REACHABLE_NS (30 * NS_PER_S)
#define REDRAW_NS         (300 * NS_PER_S) /* reachable_time is drawn anew so often */
#define DELAY_PROBE_NS    (5 * NS_PER_S)
#define RETRANS_NS        (1 * NS_PER_S)
#define GC_STALE_NS       (60 * NS_PER_S)
#define LOCKTIME_NS       (1 * NS_PER_S) /* of ARP; neighbour discovery has none */
#define UCAST_PROBES      3
#define MCAST_PROBES      3
#define QUEUE_MAX         64   /* packets; the kernel counts bytes */
#define GC_THRESH1        128  /* from so many on stale entries go */
#define GC_THRESH3        1024 /* no more than so many */

/* May something be sent to its address? */
static bool is_valid(enum sim_neigh_state state)
{
	return state == SIM_NEIGH_REACHABLE || state == SIM_NEIGH_STALE ||
	       state == SIM_NEIGH_DELAY || state == SIM_NEIGH_PROBE;
}

/* Neighbours of one address on two links are two. */
static int neighbour_cmp(const struct neighbour *a, const struct neighbour *b)
{
	int c = ip_cmp(&a->ip, &b->ip);

	return c != 0 ? c : (int)a->iface->index - (int)b->iface->index;
}

TREE_GENERATE(neighbour_tree, neighbour, by_ip, neighbour_cmp)

static struct neighbour *find(const struct sim_iface *i, const struct ip_addr *ip)
{
	struct neighbour key = { .iface = (struct sim_iface *)i, .ip = *ip };

	return RB_FIND(neighbour_tree, &i->stack->neighbours, &key);
}

static uint64_t now_ns(const struct neighbour *n)
{
	return sim_clock_now(n->iface->stack->clock);
}

static void queue_drop(struct neighbour *n)
{
	for (struct waiting *x; (x = STAILQ_FIRST(&n->queue)) != NULL;) {
		STAILQ_REMOVE_HEAD(&n->queue, next);
		free(x);
	}
	n->queued = 0;
}

static void neighbour_free(struct neighbour *n)
{
	struct sim_stack *s = n->iface->stack;

	RB_REMOVE(neighbour_tree, &s->neighbours, n);
	s->neighbour_count--;
	sim_timer_stop(s->clock, &n->timer);
	queue_drop(n);
	free(n);
}

void neigh_flush(struct sim_stack *s, const struct sim_iface *i)
{
	struct neighbour *n, *next;

	RB_FOREACH_SAFE (n, neighbour_tree, &s->neighbours, next)
		if (i == NULL || n->iface == i)
			neighbour_free(n);
}

/* Make room: what is stale, or failed, and not used goes; with a full table the longest unused. */
static void collect(struct sim_stack *s)
{
	uint64_t now = sim_clock_now(s->clock);
	struct neighbour *n, *next, *oldest = NULL;

	if (s->neighbour_count < GC_THRESH1)
		return;
	RB_FOREACH_SAFE (n, neighbour_tree, &s->neighbours, next) {
		bool idle = n->state == SIM_NEIGH_STALE || n->state == SIM_NEIGH_FAILED;
		if (idle && n->used_ns + GC_STALE_NS < now)
			neighbour_free(n);
		else if (oldest == NULL || n->used_ns < oldest->used_ns)
			oldest = n;
	}
	if (s->neighbour_count >= GC_THRESH3)
		neighbour_free(oldest);
}

static struct neighbour *find_or_make(struct sim_iface *i, const struct ip_addr *ip)
{
	struct neighbour *n = find(i, ip);

	if (n != NULL)
		return n;
	collect(i->stack);
	n = must(calloc(1, sizeof(*n)));
	n->iface = i;
	n->ip = *ip;
	n->used_ns = n->updated_ns = now_ns(n);
	STAILQ_INIT(&n->queue);
	RB_INSERT(neighbour_tree, &i->stack->neighbours, n);
	i->stack->neighbour_count++;
	return n;
}

/* Evenly from a half to one and a half of the base, for all entries of the host
 * (neigh_rand_reach_time). */
static uint64_t reachable_ns(struct sim_stack *s)
{
	uint64_t now = sim_clock_now(s->clock);

	if (now >= s->reachable_until_ns) {
		s->reachable_ns = BASE_REACHABLE_NS / 2 + rng_below(&s->rng, BASE_REACHABLE_NS);
		s->reachable_until_ns = now + REDRAW_NS;
	}
	return s->reachable_ns;
}

/* --- questions ----------------------------------------------------------------------------------
 */

static void ask_arp(const struct neighbour *n, const uint8_t to[static ETHER_ADDR_LEN])
{
	struct sim_iface *i = n->iface;
	struct arp arp = { .op = ARP_REQUEST,
			   .sender_ip = stack_source(i, &n->ip),
			   .target_ip = n->ip };
	uint8_t frame[ARP_FRAME_LEN];
	struct wr w = wr_init(frame, sizeof(frame));

	if (arp.sender_ip.family != IP_V4)
		return;
	memcpy(arp.sender_mac, i->mac, sizeof(arp.sender_mac));
	arp_encode(&w, to, &arp);
	sim_port_send(i->port, frame, wr_len(&w), NULL);
}

/* @to NULL: to all that may have it. */
static void ask_ndp(const struct neighbour *n, const uint8_t *to)
{
	struct sim_iface *i = n->iface;
	struct ip_addr group = ndp_solicited_node(&n->ip);
	struct ndp_ns ns = { .src = stack_source(i, &n->ip),
			     .dst = to != NULL ? n->ip : group,
			     .target = n->ip,
			     .has_lladdr = true };
	uint8_t frame[SIM_FRAME_MAX], group_mac[ETHER_ADDR_LEN];
	struct wr w = wr_init(frame, sizeof(frame));

	if (ns.src.family != IP_V6)
		ns.src = i->link_local;
	memcpy(ns.lladdr, i->mac, sizeof(ns.lladdr));
	ndp_group_mac(&group, group_mac);
	ndp_ns_encode(&w, to != NULL ? to : group_mac, i->mac, &ns);
	sim_port_send(i->port, frame, wr_len(&w), NULL);
}

/* neigh_probe(): the first ones go to the address that was known, if one was. */
static void ask(struct neighbour *n)
{
	bool known = n->state == SIM_NEIGH_PROBE && n->probes < UCAST_PROBES;

	n->probes++;
	if (n->ip.family == IP_V4)
		ask_arp(n, known ? n->mac : ether_broadcast);
	else
		ask_ndp(n, known ? n->mac : NULL);
}

/* --- time ---------------------------------------------------------------------------------------
 */

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

/* neigh_timer_handler(): is it still there? */
static void on_reachable_over(struct neighbour *n)
{
	uint64_t now = now_ns(n), until = n->confirmed_ns + reachable_ns(n->iface->stack);

	if (now < until) {
		wake_at(n, until);
	} else if (now <= n->used_ns + DELAY_PROBE_NS) {
		enter(n, SIM_NEIGH_DELAY);
		wake_at(n, now + DELAY_PROBE_NS);
	} else {
		enter(n, SIM_NEIGH_STALE);
	}
}

static void on_asked(struct neighbour *n)
{
	unsigned most = n->state == SIM_NEIGH_PROBE ? UCAST_PROBES : UCAST_PROBES + MCAST_PROBES;

	if (n->probes >= most) {
		enter(n, SIM_NEIGH_FAILED);
		queue_drop(n);
		return;
	}
	wake_at(n, now_ns(n) + RETRANS_NS);
	ask(n);
}

static void on_timer(void *arg)
{
	struct neighbour *n = arg;

	if (n->state == SIM_NEIGH_REACHABLE) {
		on_reachable_over(n);
	} else if (n->state == SIM_NEIGH_DELAY) {
		if (now_ns(n) <= n->confirmed_ns + DELAY_PROBE_NS) {
			enter(n, SIM_NEIGH_REACHABLE);
			wake_at(n, n->confirmed_ns + reachable_ns(n->iface->stack));
			return;
		}
		enter(n, SIM_NEIGH_PROBE);
		n->probes = 0;
		on_asked(n);
	} else {
		on_asked(n);
	}
}

/* --- what goes out ------------------------------------------------------------------------------
 */

static void send_to(const struct neighbour *n, uint8_t *frame, size_t len)
{
	memcpy(frame, n->mac, sizeof(n->mac));
	sim_port_send(n->iface->port, frame, len, NULL);
}

static void enqueue(struct neighbour *n, const uint8_t *frame, size_t len)
{
	if (n->queued == QUEUE_MAX) {
		struct waiting *oldest = STAILQ_FIRST(&n->queue);
		STAILQ_REMOVE_HEAD(&n->queue, next);
		free(oldest);
		n->queued--;
	}
	struct waiting *x = must(malloc(sizeof(*x) + len));
	x->len = len;
	memcpy(x->frame, frame, len);
	STAILQ_INSERT_TAIL(&n->queue, x, next);
	n->queued++;
}

/* neigh_resolve_output() and __neigh_event_send() */
void neigh_output(struct sim_iface *i, const struct ip_addr *ip, uint8_t *frame, size_t len)
{
	struct neighbour *n = find_or_make(i, ip);
	uint64_t now = now_ns(n);

	n->used_ns = now;
	if (n->state == SIM_NEIGH_NONE || n->state == SIM_NEIGH_FAILED) {
		enter(n, SIM_NEIGH_INCOMPLETE);
		n->probes = UCAST_PROBES; /* there is no address to ask alone */
		wake_at(n, now + RETRANS_NS);
		ask(n);
	} else if (n->state == SIM_NEIGH_STALE) {
		enter(n, SIM_NEIGH_DELAY);
		wake_at(n, now + DELAY_PROBE_NS);
	}
	if (n->state == SIM_NEIGH_INCOMPLETE)
		enqueue(n, frame, len);
	else
		send_to(n, frame, len);
}

void neigh_confirm(struct sim_stack *s, const struct ip_addr *ip)
{
	struct sim_iface *i = stack_route(s, ip);
	struct neighbour *n = i != NULL ? find(i, ip) : NULL;

	if (n != NULL)
		n->confirmed_ns = now_ns(n);
}

/* --- what comes in ------------------------------------------------------------------------------
 */

enum { OVERRIDE = 1, WEAK_OVERRIDE = 2 };

/*
 * neigh_update(): somebody says that @n has @mac. @state: REACHABLE when that was an answer to us,
 * else STALE.
 */
static void update(struct neighbour *n, const uint8_t mac[static ETHER_ADDR_LEN],
		   enum sim_neigh_state state, unsigned flags)
{
	enum sim_neigh_state old = n->state;
	bool same = is_valid(old) && memcmp(n->mac, mac, sizeof(n->mac)) == 0, moves = !same;

	if (is_valid(old) && !same && (flags & OVERRIDE) == 0) {
		if ((flags & WEAK_OVERRIDE) == 0 || old != SIM_NEIGH_REACHABLE)
			return;
		state = SIM_NEIGH_STALE; /* somebody doubts it: keep the address, and ask soon */
		moves = false;
	} else if (same && state == SIM_NEIGH_STALE) {
		state = old;
	}
	if (state == SIM_NEIGH_REACHABLE)
		n->confirmed_ns = now_ns(n);
	if (state != old || moves)
		n->updated_ns = now_ns(n);
	if (moves) {
		memcpy(n->mac, mac, sizeof(n->mac));
		if (state != SIM_NEIGH_REACHABLE)
			n->confirmed_ns = 0;
	}
	if (state == old)
		return;
	n->state = state;
	sim_timer_stop(n->iface->stack->clock, &n->timer);
	if (state == SIM_NEIGH_REACHABLE)
		wake_at(n, now_ns(n) + reachable_ns(n->iface->stack));
	for (struct waiting *x; (x = STAILQ_FIRST(&n->queue)) != NULL;) {
		STAILQ_REMOVE_HEAD(&n->queue, next);
		n->queued--;
		send_to(n, x->frame, x->len);
		free(x);
	}
}

static void answer_arp(struct sim_iface *i, const struct arp *question)
{
	struct arp arp = { .op = ARP_REPLY,
			   .sender_ip = question->target_ip,
			   .target_ip = question->sender_ip };
	uint8_t frame[ARP_FRAME_LEN];
	struct wr w = wr_init(frame, sizeof(frame));

	memcpy(arp.sender_mac, i->mac, sizeof(arp.sender_mac));
	memcpy(arp.target_mac, question->sender_mac, sizeof(arp.target_mac));
	arp_encode(&w, question->sender_mac, &arp);
	sim_port_send(i->port, frame, wr_len(&w), NULL);
}

/* arp_is_garp(): of a reply the target hardware address must say so too. */
static bool is_gratuitous(const struct arp *a)
{
	return ip_equal(&a->sender_ip, &a->target_ip) &&
	       (a->op == ARP_REQUEST ||
		memcmp(a->sender_mac, a->target_mac, sizeof(a->sender_mac)) == 0);
}

/* arp_process() */
void neigh_arp(struct sim_iface *i, const struct ether *e, struct rd r)
{
	bool for_us = memcmp(e->dst, i->mac, sizeof(e->dst)) == 0;
	struct arp a;

	if ((!for_us && !ether_is_group(e->dst)) || arp_decode(r, &a) != NULL ||
	    (a.op != ARP_REQUEST && a.op != ARP_REPLY) || !ether_is_station(a.sender_mac))
		return;
	bool probe = ip_to_number(&a.sender_ip) == 0; /* RFC 5227: is the address free? */
	if (a.op == ARP_REQUEST && stack_owns(i->stack, NULL, &a.target_ip)) {
		if (!probe)
			update(find_or_make(i, &a.sender_ip), a.sender_mac, SIM_NEIGH_STALE,
			       OVERRIDE);
		answer_arp(i, &a);
		return;
	}
	struct neighbour *n = probe ? NULL : find(i, &a.sender_ip);
	if (n == NULL && !probe && i->stack->arp_accept &&
	    (is_gratuitous(&a) || (a.op == ARP_REPLY && for_us)))
		n = find_or_make(i, &a.sender_ip);
	if (n == NULL || stack_owns(i->stack, NULL, &a.sender_ip))
		return;
	bool locked = is_valid(n->state) && now_ns(n) <= n->updated_ns + LOCKTIME_NS;
	update(n, a.sender_mac, a.op == ARP_REPLY && for_us ? SIM_NEIGH_REACHABLE : SIM_NEIGH_STALE,
	       !locked || is_gratuitous(&a) ? OVERRIDE : 0);
}

static void send_na(struct sim_iface *i, struct ndp_na *na)
{
	uint8_t frame[NDP_NA_FRAME_LEN];
	struct wr w = wr_init(frame, sizeof(frame));

	memcpy(na->lladdr, i->mac, sizeof(na->lladdr));
	ndp_na_encode(&w, na);
	sim_port_send(i->port, frame, wr_len(&w), NULL);
}

/* ndisc_recv_ns() */
static void on_ns(struct sim_iface *i, const struct ether *e, const struct ndp_ns *ns)
{
	struct ndp_na na = { .src = ns->target, .dst = ns->src, .target = ns->target };

	if (!stack_owns(i->stack, i, &ns->target))
		return;
	if (ip_is_unspecified6(&ns->src)) {
		na.dst = ndp_all_nodes();
		na.override = true;
		ndp_group_mac(&na.dst, na.eth_dst);
	} else {
		const uint8_t *mac = ns->has_lladdr ? ns->lladdr : e->src;
		update(find_or_make(i, &ns->src), mac, SIM_NEIGH_STALE, OVERRIDE | WEAK_OVERRIDE);
		na.solicited = true;
		na.override = ether_is_group(e->dst);
		memcpy(na.eth_dst, mac, sizeof(na.eth_dst));
	}
	send_na(i, &na);
}

/* ndisc_recv_na() */
static void on_na(struct sim_iface *i, const struct ndp_na *na)
{
	struct neighbour *n = find(i, &na->target);
	unsigned flags = WEAK_OVERRIDE | (na->override ? OVERRIDE : 0);

	if (stack_owns(i->stack, NULL, &na->target) || !ether_is_station(na->lladdr))
		return;
	if (n == NULL && i->stack->arp_accept && !na->solicited)
		n = find_or_make(i, &na->target);
	if (n == NULL || n->state == SIM_NEIGH_FAILED)
		return;
	update(n, na->lladdr, na->solicited ? SIM_NEIGH_REACHABLE : SIM_NEIGH_STALE, flags);
}

void neigh_ndp(struct sim_iface *i, const struct ether *e, struct rd r)
{
	struct ndp_ns ns;
	struct ndp_na na;

	if (memcmp(e->dst, i->mac, sizeof(e->dst)) != 0 && !ether_is_group(e->dst))
		return;
	if (ndp_ns_decode(r, &ns) == NULL)
		on_ns(i, e, &ns);
	else if (ndp_na_decode(r, &na) == NULL)
		on_na(i, &na);
}

/* --- what others ask
 * ------------------------------------------------------------------------------ */

void sim_iface_gratuitous(struct sim_iface *i, const struct ip_addr *address, const char *why)
{
	uint8_t frame[NDP_NA_FRAME_LEN];
	struct wr w = wr_init(frame, sizeof(frame));

	if (address->family == IP_V4) {
		struct arp arp = { .op = ARP_REQUEST,
				   .sender_ip = *address,
				   .target_ip = *address };
		memcpy(arp.sender_mac, i->mac, sizeof(arp.sender_mac));
		arp_encode(&w, ether_broadcast, &arp);
	} else {
		struct ndp_na na = { .src = *address,
				     .dst = ndp_all_nodes(),
				     .target = *address,
				     .override = true };
		memcpy(na.lladdr, i->mac, sizeof(na.lladdr));
		ndp_group_mac(&na.dst, na.eth_dst);
		ndp_na_encode(&w, &na);
	}
	if (i->stack->on)
		sim_port_send(i->port, frame, wr_len(&w), why);
}

enum sim_neigh_state sim_stack_neighbour(const struct sim_stack *s, const struct ip_addr *ip,
					 uint8_t ret_mac[static ETHER_ADDR_LEN])
{
	for (size_t k = 0; k < s->ifaces.count; k++) {
		const struct neighbour *n = find(s->ifaces.items[k], ip);

		if (n == NULL)
			continue;
		if (is_valid(n->state))
			memcpy(ret_mac, n->mac, sizeof(n->mac));
		return n->state;
	}
	return SIM_NEIGH_NONE;
}

size_t sim_stack_neighbours(const struct sim_stack *s)
{
	return s->neighbour_count;
}
