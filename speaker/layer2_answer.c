// SPDX-License-Identifier: Apache-2.0
/* What layer 2 answers: solicitations for addresses that are announced where they were heard. */
#include "speaker/layer2_state.h"

static void drop(const struct l2 *l, const char *reason)
{
	if (l->metrics.dropped != NULL)
		(*metric_value1(l->metrics.dropped, reason))++;
}

/* Why nobody with this @mac is answered, or NULL. An answer to a group would be a broadcast. */
static const char *bad_asker(const struct l2 *l, const uint8_t mac[static ETHER_ADDR_LEN])
{
	if (!ether_is_station(mac))
		return "sender_mac";
	return l2_is_own_mac(l, mac) ? "own_frame" : NULL;
}

/* The vip, if @ip is announced on @p. */
static struct vip *asked_for(const struct l2 *l, const struct port *p, const struct ip_addr *ip)
{
	struct vip *v = l2_vip_find(l, ip);

	if (v == NULL || l2_announcement_find(v, p) == NULL)
		return NULL;
	return l2_holder_on(v, p) != NULL ? v : NULL; /* given up, and no pass ran yet */
}

/* The request is for us or for all, the question for an address that is held here: answer, whoever
 * asks; a probe (sender 0.0.0.0, RFC 5227 section 2.1.1) is answered too, since the address is
 * taken. */
static void arp_input(struct l2 *l, const struct port *p, const struct ether *e, struct rd r,
		      struct speaker_actions *out)
{
	struct arp arp;
	const char *bad = arp_decode(r, &arp);

	if (bad == NULL && arp.op != ARP_REQUEST)
		bad = "arp_not_a_request";
	else if (bad == NULL && memcmp(e->dst, p->link.mac, sizeof(e->dst)) != 0 &&
		 memcmp(e->dst, ether_broadcast, sizeof(e->dst)) != 0)
		bad = "other_host";
	else if (bad == NULL)
		bad = bad_asker(l, arp.sender_mac);
	if (bad != NULL) {
		drop(l, bad);
		return;
	}
	struct vip *v = asked_for(l, p, &arp.target_ip);
	if (v == NULL) {
		drop(l, "not_announced");
		return;
	}

	struct speaker_action *send =
		l2_send(v, p,
			ip_to_number(&arp.sender_ip) == 0 ? SPEAKER_ANSWERS_PROBE
							  : SPEAKER_ANSWERS_REQUEST,
			out);
	send->frame.asker = arp.sender_ip;
	l2_write_arp(send, p, arp.sender_mac,
		     (struct arp){ .op = ARP_REPLY,
				   .sender_ip = arp.target_ip,
				   .target_ip = arp.sender_ip });
	l2_count(l->metrics.received, &v->received, v, 1);
	l2_count(l->metrics.sent, &v->sent, v, 1);
}

/*
 * RFC 4861 section 7.2.4. From the address asked for, as kernels answer: ndisc6 takes no other.
 * Without Override, so that of two answers the first one holds.
 */
static void write_solicited_na(struct speaker_action *send, const struct port *p,
			       const struct ndp_ns *ns, const uint8_t to_mac[static ETHER_ADDR_LEN])
{
	struct ndp_na na = {
		.src = ns->target, .dst = ns->src, .target = ns->target, .solicited = true
	};

	memcpy(na.eth_dst, to_mac, sizeof(na.eth_dst));
	l2_write_na(send, p, na);
}

/*
 * RFC 4861 section 7.2.4. To a node that checks whether the address is free (unspecified source)
 * the answer goes to all nodes, unsolicited and overriding. Any other gets its own: by the
 * link-layer address that it names, or, where it names none, the one that the frame came from.
 */
static void ndp_input(struct l2 *l, const struct port *p, const struct ether *e, struct rd r,
		      struct speaker_actions *out)
{
	struct ndp_ns ns;
	const char *bad = ndp_ns_decode(r, &ns);
	const uint8_t *to_mac = bad == NULL && ns.has_lladdr ? ns.lladdr : e->src;

	if (bad == NULL && memcmp(e->dst, p->link.mac, sizeof(e->dst)) != 0 &&
	    !ether_is_group(e->dst))
		bad = "other_host";
	else if (bad == NULL)
		bad = bad_asker(l, to_mac);
	if (bad != NULL) {
		drop(l, bad);
		return;
	}
	struct vip *v = asked_for(l, p, &ns.target);
	if (v == NULL) {
		drop(l, "not_announced");
		return;
	}

	bool dad = ip_is_unspecified6(&ns.src);
	struct speaker_action *send =
		l2_send(v, p, dad ? SPEAKER_ANSWERS_DAD : SPEAKER_ANSWERS_SOLICITATION, out);
	send->frame.asker = ns.src;
	if (dad)
		l2_write_unsolicited_na(send, p);
	else
		write_solicited_na(send, p, &ns, to_mac);
	l2_count(l->metrics.received, &v->received, v, 1);
	l2_count(l->metrics.sent, &v->sent, v, 1);
}

void l2_frame(struct l2 *l, unsigned ifindex, const void *bytes, size_t len,
	      struct speaker_actions *out)
{
	const struct port *p = l2_port_find(l, ifindex);
	struct rd r = rd_init(bytes, len);
	struct ether e;

	if (p == NULL)
		drop(l, "other_interface");
	else if (ether_decode(&r, &e) < 0)
		drop(l, "short");
	else if (e.type == ETHER_TYPE_ARP)
		arp_input(l, p, &e, r, out);
	else if (e.type == ETHER_TYPE_IPV6)
		ndp_input(l, p, &e, r, out);
	else
		drop(l, "ether_type");
}
