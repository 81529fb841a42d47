// SPDX-License-Identifier: Apache-2.0
/* What those who check may ask of a simulated speaker. Nothing here changes it. */
#include "proto/arp.h"
#include "proto/ndp.h"
#include "sim/speaker_state.h"

/* A neighbour that nobody is; what it asks is put on no wire. */
static const uint8_t asker_mac[ETHER_ADDR_LEN] = { 0x02, 0xff, 0xff, 0xff, 0xff, 0xfe };

static struct ip_addr asker_ip(uint8_t family)
{
	static const uint8_t bytes4[4] = { 192, 0, 2, 254 };
	static const uint8_t bytes6[16] = { 0xfe, 0x80, [15] = 0xfe };

	return ip_from_bytes(family, family == IP_V4 ? bytes4 : bytes6);
}

/* --- the question ------------------------------------------------------------------------ */

static void write_request(struct wr *w, const struct ip_addr *ip)
{
	struct arp a = { .op = ARP_REQUEST, .sender_ip = asker_ip(IP_V4), .target_ip = *ip };

	memcpy(a.sender_mac, asker_mac, sizeof(a.sender_mac));
	arp_encode(w, ether_broadcast, &a);
}

static void write_solicitation(struct wr *w, const struct ip_addr *ip)
{
	struct ndp_ns ns = {
		.src = asker_ip(IP_V6),
		.dst = ndp_solicited_node(ip),
		.target = *ip,
		.has_lladdr = true,
	};
	uint8_t group_mac[ETHER_ADDR_LEN];

	memcpy(ns.lladdr, asker_mac, sizeof(ns.lladdr));
	ndp_group_mac(&ns.dst, group_mac);
	ndp_ns_encode(w, group_mac, asker_mac, &ns);
}

/* Does the network card hand on what asks for @ip? */
static bool is_heard(const struct sim_speaker *s, const struct sim_iface *iface,
		     const struct ip_addr *ip)
{
	struct ip_addr group;

	if (ip->family == IP_V4)
		return true;
	group = ndp_solicited_node(ip);
	return sim_speaker_is_member(s, sim_iface_index(iface), &group);
}

/* --- the answer -------------------------------------------------------------------------- */

static bool is_reply(struct rd r, const struct sim_iface *iface, const struct ip_addr *ip)
{
	struct ip_addr asker = asker_ip(IP_V4);
	struct arp a;

	return arp_decode(r, &a) == NULL && a.op == ARP_REPLY && ip_equal(&a.sender_ip, ip) &&
	       ether_equal(a.sender_mac, sim_iface_mac(iface)) && ip_equal(&a.target_ip, &asker) &&
	       ether_equal(a.target_mac, asker_mac);
}

static bool is_advertisement(struct rd r, const struct sim_iface *iface, const struct ip_addr *ip)
{
	struct ip_addr asker = asker_ip(IP_V6);
	struct ndp_na na;

	return ndp_na_decode(r, &na) == NULL && na.solicited && ip_equal(&na.target, ip) &&
	       !na.bare && ether_equal(na.lladdr, sim_iface_mac(iface)) &&
	       ip_equal(&na.dst, &asker);
}

/* Would the neighbour take it for an answer to what it asked, and find us? */
static bool is_answer(const struct speaker_action *a, const struct sim_iface *iface,
		      const struct ip_addr *ip)
{
	struct rd r = rd_init(a->frame.bytes, a->frame.len);
	struct ether e;

	if (a->type != SPEAKER_SEND || a->ifindex != sim_iface_index(iface) ||
	    ether_decode(&r, &e) < 0 || !ether_equal(e.dst, asker_mac))
		return false;
	if (ip->family == IP_V4)
		return e.type == ETHER_TYPE_ARP && is_reply(r, iface, ip);
	return e.type == ETHER_TYPE_IPV6 && is_advertisement(r, iface, ip);
}

/* ----------------------------------------------------------------------------------------- */

static void write_question(struct wr *w, const struct ip_addr *ip)
{
	if (ip->family == IP_V4)
		write_request(w, ip);
	else
		write_solicitation(w, ip);
}

bool sim_speaker_hears(const struct sim_speaker *s, const struct sim_iface *iface,
		       const struct ip_addr *ip)
{
	uint8_t bytes[SPEAKER_FRAME_MAX];
	struct wr w = wr_init(bytes, sizeof(bytes));

	if (s->engine == NULL)
		return false;
	write_question(&w, ip);
	return sim_speaker_filter_passes(s, iface, bytes, wr_len(&w));
}

bool sim_speaker_answers(struct sim_speaker *s, struct sim_iface *iface, const struct ip_addr *ip)
{
	uint8_t bytes[SPEAKER_FRAME_MAX];
	struct wr w = wr_init(bytes, sizeof(bytes));

	if (s->engine == NULL || s->faults.paused || !sim_iface_is_up(iface) ||
	    !is_heard(s, iface, ip))
		return false;
	write_question(&w, ip);
	if (!sim_speaker_filter_passes(s, iface, bytes, wr_len(&w)))
		return false;
	speaker_frame(s->engine, sim_iface_index(iface), bytes, wr_len(&w), &s->told_asker);
	bool yes = s->told_asker.count == 1 && is_answer(&s->told_asker.items[0], iface, ip);
	speaker_actions_clear(&s->told_asker);
	return yes;
}

bool sim_speaker_runs(const struct sim_speaker *s)
{
	return s->engine != NULL;
}

bool sim_speaker_is_ready(const struct sim_speaker *s)
{
	return s->ready;
}

/* It has done all that there was to do for it. */
static bool has_run(const struct sim_speaker *s)
{
	return s->engine != NULL && !s->faults.paused && !s->told && !s->stopping &&
	       s->waiting.count == 0 && speaker_wake_ns(s->engine) != 0;
}

bool sim_speaker_is_current(const struct sim_speaker *s)
{
	return has_run(s) && sim_speaker_feeds_current(s);
}

bool sim_speaker_is_past(const struct sim_speaker *s, uint64_t number)
{
	return has_run(s) && sim_speaker_feeds_past(s, number);
}

struct sim_api_client *sim_speaker_client(const struct sim_speaker *s)
{
	return s->client;
}

const struct speaker *sim_speaker_engine(const struct sim_speaker *s)
{
	return s->engine;
}

uint64_t sim_speaker_wakes(const struct sim_speaker *s)
{
	return s->wakes;
}
