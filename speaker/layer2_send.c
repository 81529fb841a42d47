// SPDX-License-Identifier: Apache-2.0
/* What layer 2 says of its own accord: the frames, and the pace at which they leave. */
#include "speaker/layer2_state.h"

#include "proto/arp.h"

static int due_cmp(const struct announcement *a, const struct announcement *b)
{
	if (a->due_ns != b->due_ns)
		return a->due_ns < b->due_ns ? -1 : 1;
	return ip_cmp(&a->vip->ip, &b->vip->ip);
}

TREE_GENERATE(due_tree, announcement, by_due, due_cmp)

struct wr l2_frame_start(struct speaker_action *a)
{
	return wr_init(a->frame.bytes, sizeof(a->frame.bytes));
}

void l2_frame_finish(struct speaker_action *a, const struct wr *w)
{
	a->frame.len = (uint16_t)wr_len(w);
}

/* RFC 5227 section 2.3 names the request form, RFC 826 caches learn from both. */
static void send_gratuitous_arp(const struct announcement *a, enum arp_op op,
				struct speaker_actions *out)
{
	struct speaker_action *send = l2_action(out, SPEAKER_SEND, a->port->link.ifindex);
	struct arp arp = { .op = op, .sender_ip = a->vip->ip, .target_ip = a->vip->ip };
	struct wr w = l2_frame_start(send);

	memcpy(arp.sender_mac, a->port->link.mac, sizeof(arp.sender_mac));
	memcpy(arp.target_mac, ether_broadcast, sizeof(arp.target_mac));
	arp_encode(&w, ether_broadcast, &arp);
	l2_frame_finish(send, &w);
}

void l2_send_na(const struct port *p, const struct ndp_na *na, struct speaker_actions *out)
{
	struct speaker_action *send = l2_action(out, SPEAKER_SEND, p->link.ifindex);
	struct ndp_na whole = *na;
	struct wr w = l2_frame_start(send);

	memcpy(whole.lladdr, p->link.mac, sizeof(whole.lladdr));
	ndp_na_encode(&w, &whole);
	l2_frame_finish(send, &w);
}

void l2_send_unsolicited_na(const struct port *p, const struct ip_addr *target,
			    struct speaker_actions *out)
{
	struct ndp_na na = { .src = p->link.link_local,
			     .dst = ndp_all_nodes(),
			     .target = *target,
			     .override = true };

	ndp_group_mac(&na.dst, na.eth_dst);
	l2_send_na(p, &na, out);
}

/* One round for one address on one link. Returns how many frames it took. */
static unsigned announce(struct l2 *l, struct announcement *a, bool burst,
			 struct speaker_actions *out)
{
	unsigned frames = 1;

	if (a->vip->ip.family == IP_V6) {
		l2_send_unsolicited_na(a->port, &a->vip->ip, out);
	} else {
		send_gratuitous_arp(a, ARP_REQUEST, out);
		if (burst) {
			send_gratuitous_arp(a, ARP_REPLY, out);
			frames++;
		}
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
