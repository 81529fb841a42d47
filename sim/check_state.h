// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of sim/check.c share. check.c decides when the world is quiet enough to be held
 * to something, and says what is broken; the others each hold it to one thing.
 */
#ifndef BELLMAN_SIM_CHECK_STATE_H
#define BELLMAN_SIM_CHECK_STATE_H

#include "sim/world_state.h"

#define CHECK_EVERY_NS    NS_PER_S
/* At rest a process wakes up so often a second, beside what it has to do, */
#define CHECK_WAKES       10
#define CHECK_REFRESHES   50   /* which on one link is so much at most. */
#define CHECK_PASSES      1000 /* at one moment */
/* Frames a second that a speaker sends unasked on one link: its burst and its refresh, and what
 * either may send ahead. */
#define CHECK_FRAMES      1100
/* At rest, and one for each Service: what it refreshes is spread over 30 seconds. */
#define CHECK_FRAMES_REST 10

/* A write may be so long on its way, and know no better. */
#define CHECK_WRITE_NS (10 * NS_PER_S)

/* Of the last rounds of announcements so many are remembered. */
#define CHECK_ROUNDS 3

/* What a node has said unasked about an address, on one of its ports. */
struct check_said {
	RB_ENTRY(check_said) link;
	struct ip_addr ip;
	uint64_t round_ns[CHECK_ROUNDS]; /* when, the latest first; 0: never */
};

RB_HEAD(said_tree, check_said);

struct check_node {
	uint64_t at_ns; /* when it ran last, and so many times at that moment */
	unsigned passes;
	uint64_t wakes;    /* at the last tick */
	uint64_t stale_ns; /* since then it is not current although nothing ails it; 0: it is */
	unsigned *sent;    /* unasked since the last tick, for each interface */
};

struct checks {
	struct sim_world *world;
	struct sim_timer tick;
	uint64_t generation;    /* of what matters at the API, and of who answers */
	uint64_t checked;       /* the generation at the last look at all */
	uint64_t checked_ns;    /* and when that was */
	uint64_t generation_ns; /* when it changed last */
	uint64_t config_ns;     /* when there was a new configuration last */
	struct check_node *nodes;
	struct check_allocator {
		uint64_t wakes;    /* at the last tick */
		uint64_t stale_ns; /* as above */
	} * allocators;
	struct check_port {
		const struct sim_port *port;
		struct world_node *node;
		struct sim_iface *iface;
		struct said_tree said;
		uint64_t up_ns; /* its cable was last plugged in */
	} * ports;              /* by pointer */
	size_t port_count;
	const struct world_allocator *leader; /* well and leading, at the last tick */
	uint64_t leader_ns;                   /* since then */
	struct {
		ARRAY_OF(struct check_term {
			char *identity;
			uint64_t term;
		});
	} terms;             /* of who held the Lease; the latest one of each */
	char *holder;        /* now; NULL: nobody yet */
	uint64_t renewed_ns; /* when it said so last */
	uint64_t term;       /* the latest */
	struct {
		ARRAY_OF(struct check_sent {
			uint64_t number;
			uint64_t term;
		});
	} under_way;     /* writes, and the term in which each was sent */
	uint64_t landed; /* the latest term of which a write landed */
	struct {
		ARRAY_OF(char *);
	} told; /* what is known to be broken, since the last step */
};

/* The leader has been well and leading for long enough, and the world undisturbed. */
bool check_is_allocated(const struct sim_world *w);
/* Nothing was done to the world for long enough, nor did anything come of what was. */
bool check_is_at_rest(const struct sim_world *w);

/* check_owner.c */
void check_owners(struct sim_world *w);   /* the world is quiet */
void check_usurpers(struct sim_world *w); /* now and then, always */
/* check_status.c */
void check_shared(struct sim_world *w, const struct sim_object *before,
		  const struct sim_object *now);
void check_statuses(struct sim_world *w); /* the world is quiet, and a leader leads */
/* check_given.c */
void check_given(struct sim_world *w); /* as check_statuses(), which asks for it */
/* check_gets.c */
/* It comes into the status; @first: and nothing was there. */
void check_gets(struct sim_world *w, const struct owned *o, bool first);
/* check_lead.c */
void check_lead(struct sim_world *w); /* now and then, always */
void check_lease(struct sim_world *w, const struct sim_object *now);
void check_write(void *arg, const struct sim_api_client *c, uint64_t number, enum sim_written what,
		 enum sim_kind kind, const char *ns, const char *name);
/* check_frames.c */
void check_frame(void *arg, const struct sim_link *l, const struct sim_port *from,
		 const uint8_t *bytes, size_t len, const char *why);
/* A port of a node; NULL: it is none of these. */
struct check_port *check_port_find(const struct checks *c, const struct sim_port *port);
/* check_said.c */
void check_said(struct check_port *p, const struct ip_addr *ip, uint64_t now_ns);
void check_said_forget(struct check_port *p);
/* The world is quiet, and the node @by, which owns it, answers for it on @iface. */
void check_silent(struct world_node *n, const struct sim_iface *iface, const struct answered *a,
		  const struct answer *by);
/* check_memory.c */
void check_memory(struct sim_world *w); /* the world is quiet */
/* check_fresh.c */
void check_fresh(struct sim_world *w);  /* as check_statuses() */
void check_retold(struct sim_world *w); /* the world is quiet */

#endif
