// SPDX-License-Identifier: Apache-2.0
/*
 * Layer 2 segments: switches, ports with a station behind each, and what goes wrong on the way.
 *
 * A link is one switch. It learns source addresses (FDB, with ageing), floods what it does not know
 * and what is for a group, and carries a frame to each port after the link's delay. Frames between
 * two ports stay in order unless reordering is asked for.
 *
 * A port belongs to a station, which says what it wants: frames for its own address, for groups
 * that it has joined, or all. What it does not want is not delivered, as a network card's filter
 * does it; that saves most of the work of a broadcast domain with hundreds of stations.
 */
#ifndef BELLMAN_SIM_NET_H
#define BELLMAN_SIM_NET_H

#include "lib/base/rng.h"
#include "proto/ether.h"
#include "sim/clock.h"

struct sim_net;
struct sim_link;
struct sim_port;

struct sim_net *sim_net_new(struct sim_clock *clock, uint64_t seed); /* clock is borrowed */
struct sim_net *sim_net_free(struct sim_net *n);                     /* links and ports go too */

/* What a segment, or the way between it and one port, does to frames. Zeroed: nothing. */
struct sim_impair {
	uint32_t loss_ppm, duplicate_ppm, reorder_ppm; /* of a million frames; each on its own */
	uint64_t delay_ns, jitter_ns; /* more than the link's own delay; up to so much more */
};

struct sim_link_cfg {
	const char *name;    /* copied */
	uint64_t delay_ns;   /* from port to port */
	uint64_t fdb_age_ns; /* 0: 300 s */
};

struct sim_link *sim_link_add(struct sim_net *n, const struct sim_link_cfg *cfg);
const char *sim_link_name(const struct sim_link *l);
struct sim_link *sim_link_find(const struct sim_net *n, const char *name); /* or NULL */
size_t sim_net_links(const struct sim_net *n);
struct sim_link *sim_net_link(const struct sim_net *n, size_t i); /* in the order of adding */

struct sim_port_ops {
	/* A frame for this station; lent for the call. */
	void (*frame)(void *arg, const uint8_t *bytes, size_t len);
	/* The carrier came or went. May be NULL. */
	void (*carrier)(void *arg, bool up);
};

/* Plug in a station with address @mac; the carrier is up. @name: of the station, for the journal.
 */
struct sim_port *sim_port_add(struct sim_link *l, const char *name,
			      const uint8_t mac[static ETHER_ADDR_LEN],
			      const struct sim_port_ops *ops, void *arg);
struct sim_link *sim_port_link(const struct sim_port *p);
const char *sim_port_name(const struct sim_port *p);
bool sim_port_is_up(const struct sim_port *p); /* carrier and power */

/*
 * Put a frame on the link, at once; copied. @why: what a capture says of it, copied; NULL: nothing.
 * Without carrier it is lost.
 */
void sim_port_send(struct sim_port *p, const void *bytes, size_t len, const char *why);

/* Groups are counted: each join needs its leave. */
void sim_port_join(struct sim_port *p, const uint8_t group[static ETHER_ADDR_LEN]);
void sim_port_leave(struct sim_port *p, const uint8_t group[static ETHER_ADDR_LEN]);
void sim_port_promiscuous(struct sim_port *p, bool on);

/* --- what goes wrong ------------------------------------------------------------------ */

void sim_link_impair(struct sim_link *l, const struct sim_impair *i);
void sim_port_impair(struct sim_port *p, const struct sim_impair *i); /* both ways */
/* Drop what goes from @from to @to; NULL: from, or to, any port. One way. */
void sim_link_cut(struct sim_link *l, const struct sim_port *from, const struct sim_port *to);
/* Take that cut back. All NULL: every cut of the link. */
void sim_link_heal(struct sim_link *l, const struct sim_port *from, const struct sim_port *to);
bool sim_link_is_cut(const struct sim_link *l, const struct sim_port *from,
		     const struct sim_port *to);
/* The cable is pulled, as both ends see it; or plugged in again. */
void sim_port_carrier(struct sim_port *p, bool up);
/* A loop somewhere: each frame for a group is repeated at @per_s until that is 0, at most @most of
 * them at a time. */
void sim_link_storm(struct sim_link *l, unsigned per_s, unsigned most);
void sim_link_forget(struct sim_link *l); /* flush the FDB */
/* The port behind which the switch believes @mac; NULL: it does not know. */
struct sim_port *sim_link_fdb(const struct sim_link *l, const uint8_t mac[static ETHER_ADDR_LEN]);

/* --- who listens ---------------------------------------------------------------------- */

/*
 * Sees every frame once, when it is put on a link, before anything is lost. @why as given, or NULL.
 * Several may listen.
 */
typedef void sim_tap(void *arg, const struct sim_link *l, const struct sim_port *from,
		     const uint8_t *bytes, size_t len, const char *why);
void sim_net_tap(struct sim_net *n, sim_tap *tap, void *arg);

struct sim_net_counts {
	uint64_t sent, delivered, lost, cut, duplicated, reordered, flooded;
};
struct sim_net_counts sim_net_counts(const struct sim_net *n);

#endif
