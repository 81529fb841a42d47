// SPDX-License-Identifier: Apache-2.0
/* What layer 2 says of its own accord: the frames, and the pace at which they leave. */
#include "speaker/layer2_state.h"

static int due_cmp(const struct announcement *a, const struct announcement *b)
{
	if (a->due_ns != b->due_ns)
		return a->due_ns < b->due_ns ? -1 : 1;
	return ip_cmp(&a->vip->ip, &b->vip->ip);
}

TREE_GENERATE(due_tree, announcement, by_due, due_cmp)

struct speaker_action *l2_send(const struct vip *v, const struct port *p, enum speaker_why why,
			       struct speaker_actions *out)
{
	struct speaker_action *send = l2_action(out, SPEAKER_SEND, p->link.ifindex);

	send->frame.why = (uint8_t)why;
	send->frame.ip = v->ip;
	send->frame.holder = l2_holder_on(v, p);
	return send;
}

static struct wr frame_start(struct speaker_action *send)
{
	return wr_init(send->frame.bytes, sizeof(send->frame.bytes));
}

static void frame_finish(struct speaker_action *send, const struct wr *w)
{
	send->frame.len = (uint16_t)wr_len(w);
}

void l2_write_arp(struct speaker_action *send, const struct port *p,
		  const uint8_t to_mac[static ETHER_ADDR_LEN], struct arp arp)
{
	struct wr w = frame_start(send);

	memcpy(arp.sender_mac, p->link.mac, sizeof(arp.sender_mac));
	memcpy(arp.target_mac, to_mac, sizeof(arp.target_mac));
	arp_encode(&w, to_mac, &arp);
	frame_finish(send, &w);
}

void l2_write_na(struct speaker_action *send, const struct port *p, struct ndp_na na)
{
	struct wr w = frame_start(send);

	memcpy(na.lladdr, p->link.mac, sizeof(na.lladdr));
	ndp_na_encode(&w, &na);
	frame_finish(send, &w);
}

void l2_write_unsolicited_na(struct speaker_action *send, const struct port *p)
{
	struct ndp_na na = { .src = p->link.link_local,
			     .dst = ndp_all_nodes(),
			     .target = send->frame.ip,
			     .override = true };

	ndp_group_mac(&na.dst, na.eth_dst);
	l2_write_na(send, p, na);
}

/* RFC 5227 section 2.3 names the request form, RFC 826 caches learn from both. */
static void write_gratuitous_arp(struct speaker_action *send, const struct port *p, enum arp_op op)
{
	l2_write_arp(send, p, ether_broadcast,
		     (struct arp){
			     .op = op, .sender_ip = send->frame.ip, .target_ip = send->frame.ip });
}

/* One round for one address on one link. Returns how many frames it took. */
static unsigned announce(struct l2 *l, struct announcement *a, bool burst,
			 struct speaker_actions *out)
{
	const unsigned frames = burst && a->vip->ip.family == IP_V4 ? 2 : 1;

	if (burst)
		a->round++;
	for (unsigned i = 0; i < frames; i++) {
		struct speaker_action *send =
			l2_send(a->vip, a->port, burst ? a->cause : SPEAKER_REFRESHES, out);
		send->frame.round = a->round;
		if (a->vip->ip.family == IP_V6)
			l2_write_unsolicited_na(send, a->port);
		else
			write_gratuitous_arp(send, a->port, i == 0 ? ARP_REQUEST : ARP_REPLY);
	}
	l2_count(l->metrics.gratuitous, &a->vip->gratuitous, a->vip, frames);
	return frames;
}

void l2_queue_put(struct announcement *a, struct queue *q, uint64_t due_ns)
{
	if (a->queue != NULL)
		RB_REMOVE(due_tree, &a->queue->tree, a);
	a->queue = q;
	a->due_ns = due_ns;
	if (q != NULL)
		RB_INSERT(due_tree, &q->tree, a);
}

uint64_t l2_queue_next_ns(const struct queue *q)
{
	const struct announcement *a = RB_MIN(due_tree, (struct due_tree *)&q->tree);

	if (a == NULL)
		return UINT64_MAX;
	uint64_t paid_ns = q->free_ns > q->ahead_ns ? q->free_ns - q->ahead_ns : 0;
	return a->due_ns > paid_ns ? a->due_ns : paid_ns;
}

void l2_queue_run(struct l2 *l, struct queue *q, uint64_t now_ns, struct speaker_actions *out)
{
	while (l2_queue_next_ns(q) <= now_ns) {
		struct announcement *a = RB_MIN(due_tree, &q->tree);
		struct port *p = a->port;
		unsigned frames = announce(l, a, q == &p->burst, out);

		q->free_ns = (q->free_ns > now_ns ? q->free_ns : now_ns) + frames * q->frame_ns;
		if (q == &p->burst && now_ns + L2_ROUND_NS <= a->burst_until_ns)
			l2_queue_put(a, &p->burst, now_ns + L2_ROUND_NS);
		else
			l2_queue_put(a, &p->refresh,
				     now_ns +
					     rng_jitter(&l->rng, L2_REFRESH_NS, L2_REFRESH_JITTER));
	}
}
