// SPDX-License-Identifier: Apache-2.0
/* What the speaker engine wants done, in the order in which it must be done. */
#ifndef BELLMAN_SPEAKER_ACTION_H
#define BELLMAN_SPEAKER_ACTION_H

#include "lib/base/array.h"
#include "lib/base/ip.h"

#include <stdint.h>

#define SPEAKER_FRAME_MAX 128 /* nothing that is sent is longer */

enum speaker_action_type {
	SPEAKER_FILTER,    /* what must be received changed: attach a new filter for .family */
	SPEAKER_JOIN,      /* enter multicast group .group on .ifindex */
	SPEAKER_LEAVE,     /* leave it */
	SPEAKER_SEND,      /* put .frame on .ifindex */
	SPEAKER_ANNOUNCED, /* a Service is announced from here now; for the log */
	SPEAKER_WITHDRAWN, /* it is no longer; .about.text says why */
	SPEAKER_EVENT,     /* a Kubernetes event on a Service */
	SPEAKER_CONFIG,    /* the configuration offered was adopted (.about.text is NULL), or must
			      wait (.about.text says for what) */
};

struct speaker_action {
	enum speaker_action_type type;
	unsigned ifindex; /* JOIN, LEAVE, SEND */
	union {
		uint8_t family;       /* FILTER */
		struct ip_addr group; /* JOIN, LEAVE */
		struct {
			uint16_t len;
			uint8_t bytes[SPEAKER_FRAME_MAX];
		} frame; /* SEND */
		struct {
			const char *ns, *name; /* the Service; a reference on interned text */
			char *uid;             /* owned, may be NULL */
			const char *reason;    /* EVENT, literal: nodeAssigned, announceFailed */
			bool warning;          /* EVENT */
			char *text;            /* owned, may be NULL */
		} about;                       /* ANNOUNCED, WITHDRAWN, EVENT, CONFIG */
	};
};

struct speaker_actions {
	ARRAY_OF(struct speaker_action);
};

/* Free what the actions own and empty the list; its storage is kept for the next batch. */
void speaker_actions_clear(struct speaker_actions *a);
/* The same, and free the storage. */
void speaker_actions_done(struct speaker_actions *a);

#endif
