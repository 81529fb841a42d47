// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of sim/net.h share, and nobody else sees.
 *
 * The way of a frame: sim_port_send() shows it to the taps and puts it on the sender's cable
 * (net_way.c), where the port's impairment meets it. At the switch its source is learned and its
 * destination looked up (net_address.c); one timer later, whatever the number of ports, it is at
 * every port that wants it, and passes cuts and impairments to each on its own (net_faults.c).
 */
#ifndef BELLMAN_SIM_NET_STATE_H
#define BELLMAN_SIM_NET_STATE_H

#include "sim/net.h"

#include <sys/queue.h>

#include "lib/base/array.h"
#include "lib/base/rng.h"
#include "lib/base/tree.h"

/* The bytes of a frame, shared by all that carry it. */
struct sim_frame {
	unsigned refs;
	size_t len;
	uint8_t bytes[];
};

/* Ports in the order of their numbers. Who walks through a set holds a reference, and a set that
 * somebody else holds is not changed but replaced. */
struct port_set {
	unsigned refs;
	size_t count, cap;
	struct port_member {
		struct sim_port *port;
		unsigned joins;
	} items[];
};

/* What a link knows of one MAC address. */
struct sim_address {
	RB_ENTRY(sim_address) node;
	uint64_t mac;
	struct port_set *wanted; /* who wants what is sent to it; NULL: nobody */
	struct sim_port *port;   /* the FDB entry; NULL: there is none */
	uint64_t seen_ns;        /* of that */
	TAILQ_ENTRY(sim_address) fdb;
};
RB_HEAD(address_tree, sim_address);

struct sim_port {
	struct sim_link *link;
	char *name;
	struct sim_port_ops ops;
	void *arg;
	uint8_t mac[ETHER_ADDR_LEN];
	unsigned number; /* on its link, from 1 */
	bool plugged, powered, promiscuous;
	struct sim_impair impair;
	/* When the latest frame comes in at the switch, or at the station, of those that wait:
	 * none passes it. */
	uint64_t up_last_ns, down_last_ns;
};

/* A frame that a loop repeats. */
struct sim_echo {
	struct sim_timer timer;
	LIST_ENTRY(sim_echo) others;
	struct sim_link *link;
	struct sim_frame *frame;
};

struct sim_link {
	struct sim_net *net;
	size_t index;
	char *name;
	struct rng rng; /* its own: what happens on one link changes no dice of another */
	uint64_t delay_ns, fdb_age_ns;
	struct {
		ARRAY_OF(struct sim_port *);
	} ports;
	struct address_tree addresses;
	struct {
		TAILQ_HEAD(, sim_address) entries; /* the one that was seen last is the last */
		size_t count;
	} fdb;
	struct port_set *promiscuous;
	struct sim_impair impair; /* without .delay_ns, which is .extra_ns */
	uint64_t extra_ns;
	uint64_t out_last_ns; /* as up_last_ns, of what waits in the switch */
	struct {
		ARRAY_OF(uint64_t); /* sorted; of the ports' numbers, see net_faults.c */
	} cuts;
	struct {
		unsigned per_s, most, count;
		LIST_HEAD(, sim_echo) echoes;
	} storm;
};

/* A frame on its way. */
struct flight {
	struct sim_timer timer;
	LIST_ENTRY(flight) others;
	struct sim_link *link;
	struct sim_frame *frame;
	struct sim_port *from; /* NULL: a loop */
	struct sim_port *to;   /* NULL: to all of @wanted, and the promiscuous */
	struct port_set *wanted;
};

struct sim_net {
	struct sim_clock *clock;
	struct rng rng;
	struct {
		ARRAY_OF(struct sim_link *);
	} links;
	struct {
		ARRAY_OF(struct net_tap {
			sim_tap *tap;
			void *arg;
		});
	} taps;
	LIST_HEAD(, flight) flights;
	struct sim_net_counts counts;
};

/* --- net_way.c ------------------------------------------------------------------------- */

struct sim_frame *frame_ref(struct sim_frame *f);
void frame_unref(struct sim_frame *f);
void net_flight_free(struct flight *f);

/* A frame leaves its station. */
void net_uplink(struct sim_port *from, struct sim_frame *frame);
/* A frame for a group leaves the switch. @from NULL: a loop. */
void net_flood(struct sim_link *l, struct sim_port *from, struct sim_frame *frame);
/* A frame has passed all that could stop it: to its switch, or its station, @late_ns from now. In
 * turn, unless it @strays. */
void net_up(struct sim_port *from, struct sim_frame *frame, uint64_t late_ns, bool strays);
void net_down(struct sim_port *to, struct sim_frame *frame, uint64_t late_ns, bool strays);

/* --- net_address.c --------------------------------------------------------------------- */

struct sim_address *address_find(const struct sim_link *l, const uint8_t mac[ETHER_ADDR_LEN]);
/* The port that the FDB has for it. @a may be NULL, and so may be what is returned. */
struct sim_port *address_port(const struct sim_link *l, const struct sim_address *a);
void address_learn(struct sim_link *l, const uint8_t mac[ETHER_ADDR_LEN], struct sim_port *port);
void address_forget(struct sim_link *l, const struct sim_port *port); /* NULL: all ports */
void address_done(struct sim_link *l);

struct port_set *port_set_ref(struct port_set *s);
struct port_set *port_set_unref(struct port_set *s); /* NULL is fine; returns NULL */

/* --- net_faults.c, net_storm.c --------------------------------------------------------- */

/* A frame goes through what impairs the port, and down also the link; net_up() and net_down()
 * follow for each copy that is left. */
void impair_up(struct sim_port *from, struct sim_frame *frame);
void impair_down(struct sim_port *to, struct sim_frame *frame);
/* Does the link drop what goes from @from to @to? @to NULL: all of it, wherever it goes. */
bool cut_is(const struct sim_link *l, const struct sim_port *from, const struct sim_port *to);

void storm_catch(struct sim_link *l, struct sim_frame *frame);
void storm_end(struct sim_link *l);

#endif
