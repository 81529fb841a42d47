// SPDX-License-Identifier: Apache-2.0
/*
 * What a replay counts: who was asked for, who else claims an address of ours, and how the answers
 * of the engine compare with those that were recorded.
 */
#ifndef BELLMAN_CTL_REPLAY_TALLY_H
#define BELLMAN_CTL_REPLAY_TALLY_H

#include "ctl/engines.h"
#include "ctl/frame_text.h"
#include "proto/ether.h"

/* An address that somebody announces. */
struct replay_address {
	struct ip_addr ip;
	char *service; /* NAMESPACE/NAME: the first one that has it */
	char *node;    /* who announces it */
	bool here;     /* from the interface that hears the capture */
	uint64_t asked, answered;
};

/* Somebody else who says that he has an address that is announced here. */
struct replay_claim {
	const struct replay_address *address;
	uint8_t mac[ETHER_ADDR_LEN];
	uint64_t frames, first_ns;
};

#define REPLAY_CLAIMS_MAX  1000 /* that are told; a forger can make up any number */
#define REPLAY_PENDING_MAX 256  /* answers that are looked for in the capture */

struct replay_pending {
	uint64_t at_ns;
	char says[FRAME_TEXT_MAX]; /* "": none, or found */
};

struct replay_tally {
	struct {
		ARRAY_OF(struct replay_address); /* by address */
	} addresses;
	struct {
		ARRAY_OF(struct replay_claim);
	} claims;
	uint64_t claims_left_out; /* frames */
	uint64_t frames, cut;     /* in all; of which the capture has the beginning only */
	uint64_t answers;
	/* Of frames from the interface's own MAC, which are not heard: */
	uint64_t own, own_found, own_unasked, own_other; /* all; that say what an answer of the
							    engine's does, soon after it; that
							    nobody asked for; other answers */
	struct replay_pending pending[REPLAY_PENDING_MAX];
	size_t next_pending;
};

/*
 * Find who announces what in @c, told by the engines that have run on it. What @node announces on
 * @interface is `here`.
 */
void replay_tally_find(struct replay_tally *t, const struct cluster *c, const struct engines *e,
		       const char *node, const char *interface);
void replay_tally_done(struct replay_tally *t);

/* NULL when nobody announces it. */
struct replay_address *replay_tally_address(const struct replay_tally *t, const struct ip_addr *ip);

/*
 * Note a frame of somebody with another MAC than @own. Returns the claim if it says that he has an
 * address that is announced here, and is the first one of his that does; else NULL.
 */
const struct replay_claim *replay_tally_heard(struct replay_tally *t, uint64_t at_ns,
					      const void *bytes, size_t len,
					      const uint8_t own[static ETHER_ADDR_LEN]);

/* Note an answer of the engine's. */
void replay_tally_answered(struct replay_tally *t, uint64_t at_ns, const struct speaker_action *a);
/* Note a frame of the interface's own. */
void replay_tally_own(struct replay_tally *t, uint64_t at_ns, const void *bytes, size_t len);

#endif
