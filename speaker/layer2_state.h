// SPDX-License-Identifier: Apache-2.0
/*
 * Private to layer2*.c: what layer 2 keeps, and what its parts ask of each other.
 *
 * Three kinds of things, and what ties them:
 *
 *	vip		an address that somebody holds, on some interfaces or all
 *	port		a link that is not excluded, usable for IPv4, IPv6, both or neither
 *	announcement	a vip on a port that may carry it: only then are solicitations
 *			answered, groups joined and gratuitous frames sent
 *
 * Inputs change vips and ports and mark them; l2_pass() makes the announcements fit
 * (sync()) and sends what is due. An announcement is at any time in one of its port's
 * two queues: the burst after a take-over, then the refresh for as long as it lives.
 * Each queue is ordered by due time and has a pace of its own, so that a thousand
 * addresses taken over at once neither flood the link nor starve each other.
 */
#ifndef BELLMAN_SPEAKER_LAYER2_STATE_H
#define BELLMAN_SPEAKER_LAYER2_STATE_H

#include <regex.h>
#include <sys/queue.h>

#include "lib/base/must.h"
#include "lib/base/rng.h"
#include "lib/base/tree.h"
#include "proto/arp.h"
#include "proto/ndp.h"
#include "speaker/filter.h"
#include "speaker/layer2.h"

_Static_assert(L2_COVER_MAX == FILTER_PREFIXES_MAX, "what is covered is filtered");

struct announcement {
	RB_ENTRY(announcement) by_due;   /* in `queue` */
	LIST_ENTRY(announcement) of_vip; /* a vip has one on each port that carries it */
	struct vip *vip;
	struct port *port;
	struct queue *queue;
	uint64_t due_ns, burst_until_ns;
	uint8_t cause; /* of the burst, enum speaker_why */
	uint8_t round; /* how many of it were sent */
};

RB_HEAD(due_tree, announcement);

struct queue {
	struct due_tree tree;
	uint64_t frame_ns, ahead_ns; /* one frame costs so much; so much may be spent in advance */
	uint64_t free_ns;            /* when all that was sent is paid for */
};

struct holder {
	const struct service_id *owner;
	struct names interfaces; /* interned; empty: all */
};

struct vip {
	RB_ENTRY(vip) by_ip;
	TAILQ_ENTRY(vip) dirty_link;
	LIST_HEAD(, announcement) announcements;
	struct holder *holders;
	uint32_t holder_count; /* none: it goes with the next pass */
	struct ip_addr ip;
	bool dirty;
	bool new;                              /* no pass has seen it yet */
	int64_t *received, *sent, *gratuitous; /* counters, NULL until first used */
};

RB_HEAD(vip_tree, vip);

struct group { /* several addresses may share one solicited-node group */
	RB_ENTRY(group) by_ip;
	struct ip_addr ip;
	unsigned users;
};

RB_HEAD(group_tree, group);

struct port {
	RB_ENTRY(port) by_ifindex;
	struct l2_link link;
	struct queue burst, refresh;
	struct group_tree groups;
	bool dirty; /* sync() it with every vip */
	/* SPEAKER_CAME_UP, SPEAKER_CHANGED_MAC: groups are to be joined and neighbours to be told
	 * again; 0: not so */
	uint8_t restart;
	bool gone;
};

RB_HEAD(port_tree, port);

/* What the socket filter of one family lets through. */
struct cover {
	struct ip_prefix prefixes[L2_COVER_MAX];
	size_t count, max;
	uint64_t tighten_ns; /* an address left: compute it again then; UINT64_MAX: no need */
};

struct l2 {
	struct vip_tree vips;
	struct port_tree ports;
	TAILQ_HEAD(, vip) dirty;
	bool ports_dirty;
	struct cover cover4, cover6;
	regex_t exclude;
	struct rng rng;
	struct {
		struct metric_family *received, *sent, *gratuitous, *dropped; /* all or none */
	} metrics;
};

static inline int vip_cmp(const struct vip *a, const struct vip *b)
{
	return ip_cmp(&a->ip, &b->ip);
}

static inline int group_cmp(const struct group *a, const struct group *b)
{
	return ip_cmp(&a->ip, &b->ip);
}

static inline int port_cmp(const struct port *a, const struct port *b)
{
	return (a->link.ifindex > b->link.ifindex) - (a->link.ifindex < b->link.ifindex);
}

TREE_GENERATE(vip_tree, vip, by_ip, vip_cmp)
TREE_GENERATE(group_tree, group, by_ip, group_cmp)
TREE_GENERATE(port_tree, port, by_ifindex, port_cmp)

/* layer2.c */
struct vip *l2_vip_find(const struct l2 *l, const struct ip_addr *ip);
struct port *l2_port_find(const struct l2 *l, unsigned ifindex);
/* One of our ports has it: the frame came back over a loop, or by a second link to one network. */
bool l2_is_own_mac(const struct l2 *l, const uint8_t mac[static ETHER_ADDR_LEN]);
struct announcement *l2_announcement_find(const struct vip *v, const struct port *p);
/* Can @p carry anything of @family now (compatibility page 4.3)? */
bool l2_port_usable(const struct port *p, uint8_t family);
/* Without a word to anybody, but for groups that are left if @out is there. */
void l2_announcement_free(struct announcement *a, struct speaker_actions *out);
void l2_vip_free(struct l2 *l, struct vip *v);
void l2_port_free(struct l2 *l, struct port *p);
/* Who holds @v on @p; the first of several, NULL: nobody. */
const struct service_id *l2_holder_on(const struct vip *v, const struct port *p);

/* A new action at the end of @out. */
struct speaker_action *l2_action(struct speaker_actions *out, enum speaker_action_type type,
				 unsigned ifindex);
/* Add @n to the counter of @v in family @f; *counter is where it is, once it was used. */
void l2_count(struct metric_family *f, int64_t **counter, const struct vip *v, unsigned n);

/* layer2_cover.c */

/* Let in what is newly held at once, and shut out what is no longer held a little later. */
void l2_covers_update(struct l2 *l, uint64_t now_ns, struct speaker_actions *out);

/* layer2_send.c */

/* A frame that speaks for @v on @p, in a new action; what is in it is still to be written. */
struct speaker_action *l2_send(const struct vip *v, const struct port *p, enum speaker_why why,
			       struct speaker_actions *out);
/* @arp from the MAC of the link @p. */
void l2_write_arp(struct speaker_action *send, const struct port *p,
		  const uint8_t to_mac[static ETHER_ADDR_LEN], struct arp arp);
void l2_write_na(struct speaker_action *send, const struct port *p, struct ndp_na na);
/* RFC 4861 section 7.2.6: to all nodes, overriding what they have. */
void l2_write_unsolicited_na(struct speaker_action *send, const struct port *p);

/* Into @q, out of the queue that it is in; NULL: out of all. */
void l2_queue_put(struct announcement *a, struct queue *q, uint64_t due_ns);
/* When the first in @q may be sent; UINT64_MAX: it is empty. */
uint64_t l2_queue_next_ns(const struct queue *q);
/* Send what is due, as far as the pace allows; what is late stays first in line. */
void l2_queue_run(struct l2 *l, struct queue *q, uint64_t now_ns, struct speaker_actions *out);

#endif
