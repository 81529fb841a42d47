// SPDX-License-Identifier: Apache-2.0
/*
 * Layer 2 segments: switches, ports with a station behind each, and what goes wrong on the way.
 *
 * A link is one switch with any number of ports. It learns behind which port a source address is
 * (FDB, with ageing and an end), floods what it does not know and what is for a group, never sends
 * a frame back to where it came from, and carries it to each port after the link's delay. Frames
 * from one port to another stay in order unless reordering is asked for.
 *
 * A port belongs to a station, which says what it wants: frames for its own address and broadcasts
 * always, groups that it has joined, or all. What it does not want is not delivered, as a network
 * card's filter does it; that saves most of the work of a broadcast domain with hundreds of
 * stations.
 *
 * Nothing is delivered from within sim_port_send(): a frame is on its way until the clock goes on,
 * even if no delay was asked for. A station may call all of this from its callbacks.
 */
#ifndef BELLMAN_SIM_NET_H
#define BELLMAN_SIM_NET_H

#include "lib/base/duration.h"
#include "proto/ether.h"
#include "sim/clock.h"

struct sim_net;
struct sim_link;
struct sim_port;

/* @clock is borrowed and ends later; @seed is for what happens by chance. */
struct sim_net *sim_net_new(struct sim_clock *clock, uint64_t seed);
/* Its links, ports and frames on their way go too. NULL is fine; returns NULL. */
struct sim_net *sim_net_free(struct sim_net *n);

#define SIM_REORDER_NS (50 * NS_PER_MS)

/*
 * What a segment, or the way between it and one port, does to frames. Zeroed: nothing.
 *
 * Chances are of a million frames, and each frame that a port would get meets them on its own, so a
 * broadcast may reach one station and not another. A frame that is reordered comes up to
 * SIM_REORDER_NS late, and those behind it do not wait; all others keep their order, and so wait
 * for one that jitter made late.
 */
struct sim_impair {
	uint32_t loss_ppm, duplicate_ppm, reorder_ppm;
	uint64_t delay_ns;  /* more than the link's own delay */
	uint64_t jitter_ns; /* evenly up to so much more */
};

bool sim_impair_is_none(const struct sim_impair *i);

/* So many addresses a switch learns, as a small one does. Who comes then is flooded to, until one
 * that it knows is too old. */
#define SIM_FDB_MAX 8192

struct sim_link_cfg {
	const char *name;    /* copied */
	uint64_t delay_ns;   /* from port to port */
	uint64_t fdb_age_ns; /* after that, what was learned is not known any more; 0: 300 s */
};

/* The link is the net's. */
struct sim_link *sim_link_add(struct sim_net *n, const struct sim_link_cfg *cfg);
const char *sim_link_name(const struct sim_link *l);
struct sim_link *sim_link_find(const struct sim_net *n, const char *name); /* or NULL */
size_t sim_net_links(const struct sim_net *n);
struct sim_link *sim_net_link(const struct sim_net *n, size_t i); /* in the order of adding */
size_t sim_link_index(const struct sim_link *l);                  /* that i */

struct sim_port_ops {
	/* A frame for this station, with its Ethernet header; lent for the call. */
	void (*frame)(void *arg, const uint8_t *bytes, size_t len);
	/* sim_port_carrier() changed something. May be NULL. */
	void (*carrier)(void *arg, bool up);
};

/*
 * Plug in a station with address @mac, which is nobody's group; carrier and power are there.
 * @name: of the station, for what is told of it; copied, as is @ops. The port is the link's.
 */
struct sim_port *sim_port_add(struct sim_link *l, const char *name,
			      const uint8_t mac[static ETHER_ADDR_LEN],
			      const struct sim_port_ops *ops, void *arg);
struct sim_link *sim_port_link(const struct sim_port *p);
const char *sim_port_name(const struct sim_port *p);
bool sim_port_is_up(const struct sim_port *p); /* carrier and power */

/*
 * Put a frame on the link; copied. @why: what a capture says of it, for the taps; NULL: nothing.
 * It is lost if the port is not up, or if it has no whole Ethernet header.
 */
void sim_port_send(struct sim_port *p, const void *bytes, size_t len, const char *why);

/* Groups are counted: each join needs its leave. A port that is down keeps its groups. */
void sim_port_join(struct sim_port *p, const uint8_t group[static ETHER_ADDR_LEN]);
void sim_port_leave(struct sim_port *p, const uint8_t group[static ETHER_ADDR_LEN]);
/* Take every frame that the switch sends this way, also those for others. */
void sim_port_promiscuous(struct sim_port *p, bool on);
/* The station was switched off, or on: without power the port is not up. Calls nothing. */
void sim_port_power(struct sim_port *p, bool on);

/* --- what goes wrong ------------------------------------------------------------------ */

/* In place of what impaired it before. Link and port impair on their own: a frame meets the
 * sender's port, the link and the receiver's port. */
void sim_link_impair(struct sim_link *l, const struct sim_impair *i);
void sim_port_impair(struct sim_port *p, const struct sim_impair *i); /* both ways */
/*
 * Drop what goes from @from to @to; NULL: from, or to, any port. One way, and also what is under
 * way already. What is cut from @from to any port does not even reach the switch, which learns
 * nothing from it.
 */
void sim_link_cut(struct sim_link *l, const struct sim_port *from, const struct sim_port *to);
/* Take that very cut back, if it was made. Both NULL: every cut of the link. */
void sim_link_heal(struct sim_link *l, const struct sim_port *from, const struct sim_port *to);
/* Does any cut stop what goes from @from to @to? */
bool sim_link_is_cut(const struct sim_link *l, const struct sim_port *from,
		     const struct sim_port *to);
/* The cable is pulled, as both ends see it, and what is under way to it is lost; or plugged in
 * again. */
void sim_port_carrier(struct sim_port *p, bool up);
/*
 * A loop somewhere: each frame for a group is repeated @per_s times a second until that is set to
 * 0, at most @most of them at a time. Repeats come to every port that wants them, the sender's too.
 * Taps do not see them, and the FDB is left alone.
 */
void sim_link_storm(struct sim_link *l, unsigned per_s, unsigned most);
void sim_link_forget(struct sim_link *l); /* flush the FDB */
/* The port behind which the switch believes @mac; NULL: it does not know. */
struct sim_port *sim_link_fdb(const struct sim_link *l, const uint8_t mac[static ETHER_ADDR_LEN]);

/* --- who listens ---------------------------------------------------------------------- */

/*
 * Sees every frame once, when it is put on a link, before anything is lost. @bytes and @why (as
 * given, may be NULL) are lent for the call. Several may listen; they must not change the net.
 */
typedef void sim_tap(void *arg, const struct sim_link *l, const struct sim_port *from,
		     const uint8_t *bytes, size_t len, const char *why);
void sim_net_tap(struct sim_net *n, sim_tap *tap, void *arg);
void sim_net_untap(struct sim_net *n, sim_tap *tap, void *arg); /* the same two */

struct sim_net_counts {
	uint64_t sent;      /* put on a link */
	uint64_t delivered; /* to a station; one for a group counts for each that got it */
	uint64_t lost;      /* by impairment, or to or from a port that is not up */
	uint64_t cut;
	uint64_t duplicated, reordered;
	uint64_t flooded; /* for one station, and the switch did not know where it is */
};
struct sim_net_counts sim_net_counts(const struct sim_net *n);

#endif
