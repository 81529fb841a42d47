// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel does for a simulated speaker: packet sockets with their filters, multicast
 * groups, links. As speaker/packet_io.c and speaker/link_io.c have it.
 */
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>

#include "proto/arp.h"
#include "proto/ndp.h"
#include "sim/bpf.h"
#include "sim/speaker_state.h"
#include "speaker/filter.h"

#define WAITING_MAX                                                                                \
	256 /* frames in a socket's buffer, as net.core.rmem_default has room for them */

static int membership_cmp(const struct membership *a, const struct membership *b)
{
	if (a->ifindex != b->ifindex)
		return a->ifindex < b->ifindex ? -1 : 1;
	return ip_cmp(&a->group, &b->group);
}

TREE_GENERATE(membership_tree, membership, by_group, membership_cmp)

/* NULL: there is none of that number. */
static struct sim_iface *iface_of(const struct sim_speaker *s, unsigned ifindex)
{
	for (size_t i = 0; i < sim_stack_ifaces(s->cfg.stack); i++) {
		struct sim_iface *iface = sim_stack_iface(s->cfg.stack, i);
		if (sim_iface_index(iface) == ifindex)
			return iface;
	}
	return NULL;
}

/* --- filters ----------------------------------------------------------------------------- */

static void filter_update(struct sim_speaker *s, uint8_t family)
{
	struct filter *f = family == IP_V4 ? &s->arp : &s->ndp;
	struct ip_prefix prefixes[L2_COVER_MAX];
	struct sock_filter code[FILTER_LEN_MAX];
	size_t count = speaker_cover(s->engine, family, L2_COVER_MAX, prefixes);
	size_t len = family == IP_V4 ? filter_arp(prefixes, count, code)
				     : filter_ndp(prefixes, count, code);

	if (!sim_bpf_is_valid(code, len))
		abort(); /* the kernel would refuse it */
	f->code = must(reallocarray(f->code, len, sizeof(*code)));
	memcpy(f->code, code, len * sizeof(*code));
}

static uint8_t packet_type(const struct sim_iface *iface, const uint8_t dst[static ETHER_ADDR_LEN])
{
	if (ether_equal(dst, sim_iface_mac(iface)))
		return PACKET_HOST;
	if (ether_equal(dst, ether_broadcast))
		return PACKET_BROADCAST;
	return ether_is_group(dst) ? PACKET_MULTICAST : PACKET_OTHERHOST;
}

bool sim_speaker_filter_passes(const struct sim_speaker *s, const struct sim_iface *iface,
			       const uint8_t *bytes, size_t len)
{
	const struct filter *f = NULL;
	struct rd r = rd_init(bytes, len);
	struct ether e;

	if (ether_decode(&r, &e) < 0)
		return false;
	if (e.type == ETHER_TYPE_ARP)
		f = &s->arp;
	else if (e.type == ETHER_TYPE_IPV6)
		f = &s->ndp;
	return f != NULL && f->code != NULL &&
	       sim_bpf_run(f->code, bytes, len, packet_type(iface, e.dst)) > 0;
}

/* --- groups ------------------------------------------------------------------------------ */

bool sim_speaker_is_member(const struct sim_speaker *s, unsigned ifindex,
			   const struct ip_addr *group)
{
	struct membership key = { .ifindex = ifindex, .group = *group };

	return RB_FIND(membership_tree, (struct membership_tree *)&s->memberships, &key) != NULL;
}

size_t sim_speaker_groups(const struct sim_speaker *s)
{
	struct membership *m;
	size_t count = 0;

	RB_FOREACH (m, membership_tree, (struct membership_tree *)&s->memberships)
		count++;
	return count;
}

static void join(struct sim_speaker *s, unsigned ifindex, const struct ip_addr *group)
{
	struct sim_iface *iface = iface_of(s, ifindex);
	struct membership *m = must(calloc(1, sizeof(*m)));
	uint8_t mac[ETHER_ADDR_LEN];

	m->ifindex = ifindex;
	m->group = *group;
	if (iface == NULL || RB_INSERT(membership_tree, &s->memberships, m) != NULL) {
		free(m); /* the kernel refuses to enter a group twice */
		return;
	}
	ndp_group_mac(group, mac);
	sim_port_join(sim_iface_port(iface), mac);
}

static void membership_end(struct sim_speaker *s, struct membership *m)
{
	struct sim_iface *iface = iface_of(s, m->ifindex);
	uint8_t mac[ETHER_ADDR_LEN];

	ndp_group_mac(&m->group, mac);
	sim_port_leave(sim_iface_port(iface), mac);
	RB_REMOVE(membership_tree, &s->memberships, m);
	free(m);
}

static void leave(struct sim_speaker *s, unsigned ifindex, const struct ip_addr *group)
{
	struct membership key = { .ifindex = ifindex, .group = *group };
	struct membership *m = RB_FIND(membership_tree, &s->memberships, &key);

	if (m != NULL)
		membership_end(s, m);
}

/* --- frames and the rest ----------------------------------------------------------------- */

static void send_frame(struct sim_speaker *s, const struct speaker_action *a)
{
	struct sim_iface *iface = iface_of(s, a->ifindex);
	char why[SPEAKER_WHY_MAX];

	if (iface == NULL)
		return;
	if (s->cfg.say_why)
		speaker_why_format(a, why, sizeof(why));
	sim_port_send(sim_iface_port(iface), a->frame.bytes, a->frame.len,
		      s->cfg.say_why ? why : NULL);
	if (s->cfg.ops->sent != NULL)
		s->cfg.ops->sent(s->cfg.arg, s, a);
}

void sim_speaker_do(struct sim_speaker *s, const struct speaker_actions *actions)
{
	for (size_t i = 0; i < actions->count; i++) {
		const struct speaker_action *a = &actions->items[i];

		switch (a->type) {
		case SPEAKER_FILTER:
			filter_update(s, a->family);
			break;
		case SPEAKER_JOIN:
			join(s, a->ifindex, &a->group);
			break;
		case SPEAKER_LEAVE:
			leave(s, a->ifindex, &a->group);
			break;
		case SPEAKER_SEND:
			send_frame(s, a);
			break;
		default:
			if (s->cfg.ops->told != NULL)
				s->cfg.ops->told(s->cfg.arg, s, a);
		}
	}
}

/* --- frames in --------------------------------------------------------------------------- */

static void answer(struct sim_speaker *s, unsigned ifindex, const uint8_t *bytes, size_t len)
{
	speaker_frame(s->engine, ifindex, bytes, len, &s->answers);
	sim_speaker_do(s, &s->answers);
	speaker_actions_clear(&s->answers);
}

static void read_waiting(void *arg)
{
	struct sim_speaker *s = arg;

	for (size_t i = 0; i < s->waiting.count; i++) {
		struct waiting *w = s->waiting.items[i];
		answer(s, w->ifindex, w->bytes, w->len);
		free(w);
	}
	array_free(&s->waiting);
}

static void read_soon(struct sim_speaker *s)
{
	if (!s->faults.paused && !sim_timer_is_set(&s->receive))
		sim_timer_set(s->clock, &s->receive, sim_clock_now(s->clock) + s->faults.slow_ns,
			      read_waiting, s);
}

/* In the socket's buffer, until the process comes to it. */
static void wait_in_line(struct sim_speaker *s, unsigned ifindex, const uint8_t *bytes, size_t len)
{
	if (s->waiting.count == WAITING_MAX)
		return; /* the kernel drops what finds no room */
	struct waiting *w = must(malloc(sizeof(*w) + len));
	w->ifindex = ifindex;
	w->len = (uint16_t)len;
	memcpy(w->bytes, bytes, len);
	*(struct waiting **)must(array_push(&s->waiting)) = w;
	read_soon(s);
}

static void on_frame(void *arg, struct sim_iface *iface, const uint8_t *bytes, size_t len)
{
	struct sim_speaker *s = arg;

	if (!sim_speaker_filter_passes(s, iface, bytes, len))
		return;
	if (s->faults.paused || s->faults.slow_ns > 0 || s->waiting.count > 0)
		wait_in_line(s, sim_iface_index(iface), bytes, len);
	else
		answer(s, sim_iface_index(iface), bytes, len);
}

/* Is a frame to @dst for this station, as its network card sees it? */
static bool card_takes(const struct sim_speaker *s, const struct sim_iface *iface,
		       const uint8_t dst[static ETHER_ADDR_LEN])
{
	struct membership *m;

	if (packet_type(iface, dst) != PACKET_MULTICAST)
		return packet_type(iface, dst) != PACKET_OTHERHOST;
	RB_FOREACH (m, membership_tree, (struct membership_tree *)&s->memberships) {
		uint8_t mac[ETHER_ADDR_LEN];
		ndp_group_mac(&m->group, mac);
		if (m->ifindex == sim_iface_index(iface) && memcmp(mac, dst, sizeof(mac)) == 0)
			return true;
	}
	return false;
}

void sim_speaker_feed(struct sim_speaker *s, struct sim_iface *iface, const uint8_t *bytes,
		      size_t len)
{
	if (s->engine != NULL && len >= ETHER_HEADER_LEN && card_takes(s, iface, bytes))
		on_frame(s, iface, bytes, len);
}

/* --- links ------------------------------------------------------------------------------- */

static void link_tell(struct sim_speaker *s, const struct sim_iface *iface, bool up)
{
	struct l2_link k = { .ifindex = sim_iface_index(iface),
			     .hw_type = ARPHRD_ETHER,
			     .flags = IFF_UP | IFF_BROADCAST | IFF_MULTICAST |
				      (up ? IFF_RUNNING : 0u),
			     .link_local = sim_iface_link_local(iface) };

	snprintf(k.name, sizeof(k.name), "%s", sim_iface_name(iface));
	memcpy(k.mac, sim_iface_mac(iface), sizeof(k.mac));
	speaker_link_set(s->engine, &k);
}

static void on_link(void *arg, struct sim_iface *iface, bool up)
{
	struct sim_speaker *s = arg;

	if (s->faults.paused) {
		s->fell.items[sim_iface_index(iface) - 1] |= !up;
		return;
	}
	link_tell(s, iface, up);
	sim_speaker_told(s);
}

void sim_speaker_wire_open(struct sim_speaker *s)
{
	for (size_t i = 0; i < sim_stack_ifaces(s->cfg.stack); i++) {
		const struct sim_iface *iface = sim_stack_iface(s->cfg.stack, i);
		link_tell(s, iface, sim_iface_is_up(iface));
		must(array_push(&s->fell));
	}
	sim_stack_tap_set(s->cfg.stack, on_frame, s);
	sim_stack_link_watch_set(s->cfg.stack, on_link, s);
}

void sim_speaker_wire_close(struct sim_speaker *s)
{
	sim_stack_tap_set(s->cfg.stack, NULL, NULL);
	sim_stack_link_watch_set(s->cfg.stack, NULL, NULL);
	for (struct membership *m; (m = RB_MIN(membership_tree, &s->memberships)) != NULL;)
		membership_end(s, m);
	for (size_t i = 0; i < s->waiting.count; i++)
		free(s->waiting.items[i]);
	array_free(&s->waiting);
	array_free(&s->fell);
	free(s->arp.code);
	free(s->ndp.code);
	s->arp = s->ndp = (struct filter){ NULL };
}

/* Events were kept for it: one that was down and is up again says both. */
static void links_resume(struct sim_speaker *s)
{
	for (size_t i = 0; i < s->fell.count; i++) {
		const struct sim_iface *iface = sim_stack_iface(s->cfg.stack, i);
		if (s->fell.items[i])
			link_tell(s, iface, false);
		s->fell.items[i] = false;
		link_tell(s, iface, sim_iface_is_up(iface));
	}
	sim_speaker_told(s);
}

void sim_speaker_wire_resume(struct sim_speaker *s)
{
	if (s->waiting.count > 0)
		read_soon(s); /* the loop reads before it looks at its timers */
	links_resume(s);
}
