// SPDX-License-Identifier: Apache-2.0
/* What the speaker engine wants done, in the order in which it must be done. */
#ifndef BELLMAN_SPEAKER_ACTION_H
#define BELLMAN_SPEAKER_ACTION_H

#include "lib/base/array.h"
#include "lib/base/ip.h"

#include <stdint.h>

#define SPEAKER_FRAME_MAX 128 /* nothing that is sent is longer */
#define SPEAKER_WHY_MAX   768 /* what speaker_why_format() writes fits, whatever the names */

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

/* Why a frame is sent. */
enum speaker_why {
	SPEAKER_ANSWERS_REQUEST,      /* who has this address? by ARP */
	SPEAKER_ANSWERS_PROBE,        /* is it free? by ARP (RFC 5227 section 2.1.1) */
	SPEAKER_ANSWERS_SOLICITATION, /* who has it? by NDP */
	SPEAKER_ANSWERS_DAD,          /* is it free? by NDP (RFC 4862 section 5.4) */
	/* A round of the burst that follows when this node */
	SPEAKER_TOOK_OVER,   /* was elected, */
	SPEAKER_JOINED,      /* announces an address of its own on one more interface, */
	SPEAKER_CAME_UP,     /* has a link that was down, not there or not usable before, */
	SPEAKER_CHANGED_MAC, /* has a link with a new MAC. */
	SPEAKER_REFRESHES,   /* from time to time, for who missed all that */
};

/* The name of a Service, interned. What holds an address is known by the place of its own. */
struct service_id {
	const char *ns, *name;
};

struct speaker_action {
	enum speaker_action_type type;
	unsigned ifindex; /* JOIN, LEAVE, SEND */
	union {
		uint8_t family;       /* FILTER */
		struct ip_addr group; /* JOIN, LEAVE */
		struct {
			uint16_t len;
			uint8_t why;          /* enum speaker_why */
			uint8_t round;        /* of a burst, from 1 */
			struct ip_addr ip;    /* the address that is spoken for */
			struct ip_addr asker; /* of an answer; unspecified in a probe */
			/* Who holds it, the first of several; lent until the engine's next input.
			 */
			const struct service_id *holder;
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

/*
 * Why the frame of a SEND is sent, as a sentence without a full stop into @buf, for captures and
 * people; cut if it does not fit. Returns @buf.
 */
const char *speaker_why_format(const struct speaker_action *a, char *buf, size_t size);

/* Free what the actions own and empty the list; its storage is kept for the next batch. */
void speaker_actions_clear(struct speaker_actions *a);
/* The same, and free the storage. */
void speaker_actions_done(struct speaker_actions *a);

#endif
