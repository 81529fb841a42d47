// SPDX-License-Identifier: Apache-2.0
/*
 * Since when a Service is as it is, and whether a speaker has said that it announces it, told
 * from the allocator's condition, from the events on it and from its age.
 *
 * The API keeps events for an hour or so: what is older is as old as the Service, as far
 * as anyone can tell.
 */
#ifndef BELLMAN_CTL_SINCE_H
#define BELLMAN_CTL_SINCE_H

#include <stdint.h>

#include "ctl/cluster.h"

struct since_event {
	char *key;        /* namespace/name/reason */
	char *time;       /* RFC 3339, UTC: sorts as text */
	char *node;       /* on which a speaker says that it announces it; NULL: another event */
	uint64_t version; /* of the object; which of two in one second was written last */
};

struct since {
	ARRAY_OF(struct since_event);
	size_t sorted; /* how many of them are in order; all, or it is to be done again */
};

bool since_is_event(const cJSON *object);
void since_note(struct since *s, const cJSON *event);

/*
 * Add `since` to every Service of @report, which has `state` in it (contracts). One that is
 * `elected` becomes `announced` when the last speaker to say that it announces it is on the node
 * elected; a note tells why not.
 */
void since_fill(struct since *s, const struct cluster *c, cJSON *report);
/*
 * The same where nobody can be elected, for want of a configuration: who announces a Service is
 * told by the last event alone, and where there is none `reason` says so.
 */
void since_fill_blind(struct since *s, const struct cluster *c, cJSON *report);
/* The node whose speaker was the last to say that it announces the Service; NULL: nobody did. */
const char *since_announcer(struct since *s, const char *ns, const char *name);

void since_done(struct since *s);

#endif
