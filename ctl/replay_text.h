// SPDX-License-Identifier: Apache-2.0
/*
 * What a replay says, for people or as JSON: each answer as it comes, and a summary in the end.
 * Nothing is kept of what was said, however long the capture is.
 */
#ifndef BELLMAN_CTL_REPLAY_TEXT_H
#define BELLMAN_CTL_REPLAY_TEXT_H

#include <stdio.h>

#include "ctl/replay_tally.h"

struct replay_text {
	FILE *to;
	bool json;
	bool said; /* JSON: there was an answer before */
};

/* Who hears what. */
struct replay_facts {
	const char *capture, *node, *interface;
	const uint8_t *mac;
	bool mac_given;              /* else it is one that nobody has */
	uint64_t took_ns, backwards; /* from the first frame to the last; frames from before */
	const struct metrics *metrics;
	const char *failed; /* why the capture was not read to its end; NULL: it was */
};

/* What is said before the first frame; of @f not what comes of them. */
void replay_text_begin(struct replay_text *t, const struct replay_facts *f,
		       const struct replay_tally *tally);
/* @bytes: the question. */
void replay_text_answer(struct replay_text *t, uint64_t at_ns, const void *bytes, size_t len,
			const struct speaker_action *answer);
/* The first time that somebody claims an address. @bytes: how he does. */
void replay_text_claim(struct replay_text *t, const struct replay_claim *c, const void *bytes,
		       size_t len);
/* What came of all frames, in tables; in JSON this closes the report. */
void replay_text_end(struct replay_text *t, const struct replay_facts *f,
		     const struct replay_tally *tally);

#endif
