// SPDX-License-Identifier: Apache-2.0
/*
 * Holding addresses on the local links: answers to ARP requests and neighbour
 * solicitations, gratuitous announcements, solicited-node groups, filter cover.
 *
 * It is told which addresses this node holds and on which interfaces, which links
 * there are, and what frames came in. It does not know why an address is ours:
 * that is engine.h and election.h. The address itself is never put on an interface.
 * No socket, no clock.
 *
 * RFC 826 and RFC 5227 (ARP), RFC 4861 and RFC 4862 (NDP).
 */
#ifndef BELLMAN_SPEAKER_LAYER2_H
#define BELLMAN_SPEAKER_LAYER2_H

#include "lib/base/duration.h"
#include "lib/base/metrics.h"
#include "lib/model/meta.h"
#include "proto/ether.h"
#include "speaker/action.h"

/* Timing of announcements (compatibility page 4.6, decision 14). */
#define L2_BURST_NS         (5 * NS_PER_S)     /* after a take-over, rounds are sent for so long, */
#define L2_ROUND_NS         (1100 * NS_PER_MS) /* one every so often, */
#define L2_BURST_FRAME_NS   (1 * NS_PER_MS)    /* on one link 1,000 frames a second, */
#define L2_BURST_AHEAD      10                 /* so many at once. */
#define L2_REFRESH_NS       (150 * NS_PER_S)   /* Then one frame every so often, */
#define L2_REFRESH_JITTER   10                 /* give or take so many percent, */
#define L2_REFRESH_FRAME_NS (20 * NS_PER_MS)   /* on one link 50 a second. */
#define L2_TIGHTEN_NS       NS_PER_S           /* the filter follows a withdrawal so late */

#define L2_COVER_MAX 64 /* prefixes in a socket filter */

/* Interfaces that are never used, a POSIX extended expression (compatibility page 4.3). */
#define L2_EXCLUDE_DEFAULT                                                                         \
	"^(docker|cbr|dummy|virbr|lxcbr|veth|lo$|cali|tunl|flannel|kube-ipvs|cni|nodelocaldns|"    \
	"lxc)"

/* One network interface as the kernel tells it. */
struct l2_link {
	unsigned ifindex;
	char name[16]; /* IFNAMSIZ, ended by NUL */
	uint8_t mac[ETHER_ADDR_LEN];
	uint16_t hw_type;          /* ARPHRD_* */
	uint32_t flags;            /* IFF_* */
	bool enslaved;             /* has a master: bridge port, bond slave, VRF member */
	struct ip_addr link_local; /* an fe80::/10 address that is not tentative, or IP_NONE */
};

struct l2; /* opaque */

/*
 * @exclude: names of interfaces never to use, as a POSIX extended expression; NULL: the default.
 * @metrics: borrowed; NULL: none. @seed: of the jitter.
 * Returns 0 and *ret, or -EINVAL (the expression) or -ENOMEM.
 */
int l2_new(const char *exclude, struct metrics *metrics, uint64_t seed, struct l2 **ret);
struct l2 *l2_free(struct l2 *l); /* NULL is fine; returns NULL */

/*
 * A link is there or changed. It carries announcements while it is not excluded, up, not enslaved,
 * not NOARP and Ethernet; IPv4 needs BROADCAST, IPv6 a link-local address. One that was down or
 * gone in between, or has a new MAC, begins anew, whether or not a pass saw it so.
 * Both return whether the answers of l2_link_exists() changed.
 */
bool l2_link_set(struct l2 *l, const struct l2_link *link);
bool l2_link_remove(struct l2 *l, unsigned ifindex);
/* Is there a link of that name that is not excluded, up or not? */
bool l2_link_exists(const struct l2 *l, const char *name);

/*
 * @owner holds @ip on @interfaces (NULL: on all). Saying so again replaces the interfaces. Several
 * owners may hold one address; it is spoken for on the interfaces of any. An owner is known by
 * where it is, not by its name, and stays there until it has released all.
 */
void l2_hold(struct l2 *l, const struct service_id *owner, const struct ip_addr *ip,
	     const struct names *interfaces);
/* @owner no longer does; nothing is sent for it from here on, unless another owner holds it. */
void l2_release(struct l2 *l, const struct service_id *owner, const struct ip_addr *ip);

/* A frame from the link, with its Ethernet header; the answer, if one is due, goes to @out. */
void l2_frame(struct l2 *l, unsigned ifindex, const void *bytes, size_t len,
	      struct speaker_actions *out);

/*
 * Put into effect what changed: filters first, then groups, then announcements as far as the pace
 * allows; and what is due by the clock. Until it ran, an address newly held is not answered for.
 */
void l2_pass(struct l2 *l, uint64_t now_ns, struct speaker_actions *out);
/* When l2_pass() has something to do next if nothing changes; UINT64_MAX: never. */
uint64_t l2_wake_ns(const struct l2 *l);

struct l2_footprint {
	size_t links;         /* not excluded */
	size_t addresses;     /* held, or to be given up by the next pass */
	size_t holders;       /* of those */
	size_t announcements; /* addresses, one for each link */
	size_t groups;        /* solicited-node groups, the same way */
};
struct l2_footprint l2_footprint(const struct l2 *l);

/* See speaker_cover() in engine.h. */
size_t l2_cover(struct l2 *l, uint8_t family, size_t max,
		struct ip_prefix ret[static L2_COVER_MAX]);

#endif
