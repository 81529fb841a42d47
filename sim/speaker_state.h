// SPDX-License-Identifier: Apache-2.0
/* Private to sim/speaker*.c. */
#ifndef BELLMAN_SIM_SPEAKER_STATE_H
#define BELLMAN_SIM_SPEAKER_STATE_H

#include "lib/base/must.h"
#include "lib/base/rng.h"
#include "lib/base/tree.h"
#include "sim/speaker.h"

#include <linux/filter.h>

struct feed { /* one watch */
	struct sim_speaker *speaker;
	const struct feed_kind *kind;
	struct sim_watch *watch;
};

#define FEEDS 4

struct membership { /* of a multicast group, as the kernel keeps it for a socket */
	RB_ENTRY(membership) by_group;
	unsigned ifindex;
	struct ip_addr group;
};

RB_HEAD(membership_tree, membership);

/* A packet socket's filter. NULL: it is the one that lets nothing in. */
struct filter {
	struct sock_filter *code;
};

/* What a packet socket has received and the process not yet read. */
struct waiting {
	unsigned ifindex;
	uint16_t len;
	uint8_t bytes[];
};

struct sim_speaker {
	struct sim_speaker_cfg cfg; /* its texts are our own */
	struct sim_clock *clock;
	struct rng rng;
	struct sim_process_faults faults;

	/* All of what follows is of one life, from start to end. */
	struct speaker *engine; /* NULL: it does not run */
	struct sim_api_client *client;
	struct feed feeds[FEEDS];
	struct sim_timer turn;    /* for the next pass */
	struct sim_timer receive; /* to read what waits, when it is slow */
	struct filter arp, ndp;
	struct membership_tree memberships;
	struct {
		ARRAY_OF(struct waiting *);
	} waiting;
	struct {
		ARRAY_OF(bool); /* by number of the interface, from 0: it was down meanwhile */
	} fell;
	/* Of passes, of frames, of passes that are made to see, and of questions that nobody asks.
	 */
	struct speaker_actions actions, answers, asked, told_asker;
	uint64_t wakes;
	uint64_t moment_ns;     /* when the last pass ran, */
	unsigned moment_passes; /* and how many at that moment */
	bool told;              /* something came in since the last pass */
	bool ready, stopping;
};

/* speaker.c */

/* Something came in: a pass is to follow. */
void sim_speaker_told(struct sim_speaker *s);

/* speaker_feed.c */

void sim_speaker_feeds_start(struct sim_speaker *s);
/* Was each list complete once? */
bool sim_speaker_feeds_synced(const struct sim_speaker *s);
bool sim_speaker_feeds_current(const struct sim_speaker *s);
bool sim_speaker_feeds_past(const struct sim_speaker *s, uint64_t number);
/* Hand all that the API has to the engine again. */
void sim_speaker_feeds_retell(struct sim_speaker *s);

/* speaker_wire.c */

/* Would the kernel hand it this frame, which its network card has taken? */
bool sim_speaker_filter_passes(const struct sim_speaker *s, const struct sim_iface *iface,
			       const uint8_t *bytes, size_t len);
bool sim_speaker_is_member(const struct sim_speaker *s, unsigned ifindex,
			   const struct ip_addr *group);

/* Do the filters, groups and frames of @actions, in their order, and hand on the rest. */
void sim_speaker_do(struct sim_speaker *s, const struct speaker_actions *actions);
void sim_speaker_wire_open(struct sim_speaker *s);
void sim_speaker_wire_close(struct sim_speaker *s);
/* After a pause: what was received, then how the links are. */
void sim_speaker_wire_resume(struct sim_speaker *s);

#endif
