// SPDX-License-Identifier: Apache-2.0
/*
 * Who uses a Service: clients that connect at a rate and record what came of it, and the endpoints
 * behind a node's service proxy that answer them.
 *
 * One attempt is a TCP connection with one byte each way, or one UDP datagram and its answer. It
 * succeeds when the answer is there within the timeout. The answer names the node that gave it, so
 * that a foreign host that took the address is no success.
 */
#ifndef BELLMAN_SIM_TRAFFIC_H
#define BELLMAN_SIM_TRAFFIC_H

#include "sim/stack.h"

/*
 * Answer for every Service that the service proxy of @s takes (sim_stack_service_set()), over UDP
 * and TCP, on whatever port, in the name of @answer (copied).
 */
struct sim_server;
struct sim_server *sim_server_open(struct sim_stack *s, const char *answer);
/* Resets whom it still serves. NULL is fine; returns NULL. */
struct sim_server *sim_server_close(struct sim_server *s);

#define SIM_FOREIGN "?" /* somebody answers who does not know the Service */

struct sim_client;
struct sim_client_cfg {
	uint8_t protocol;    /* SIM_TCP or SIM_UDP */
	uint64_t every_ns;   /* between the beginnings of two attempts */
	uint64_t timeout_ns; /* of one */
	uint64_t seed;
	/* Where to: asked before each attempt. False: the Service has no address; nothing is tried,
	 * and where it once had one, that is a failure. */
	bool (*target)(void *arg, struct ip_addr *ret, uint16_t *ret_port);
	/* An attempt has ended; @node: who answered, NULL: nobody in time, or SIM_FOREIGN.
	 * Must not free the client. */
	void (*ended)(void *arg, uint64_t began_ns, const struct ip_addr *to, const char *node);
	void *arg;
};
struct sim_client *sim_client_new(struct sim_stack *s, const struct sim_client_cfg *cfg);
/* Attempts that are open end without being counted. NULL is fine; returns NULL. */
struct sim_client *sim_client_free(struct sim_client *c);

struct sim_client_counts {
	uint64_t attempts, failed,
		foreign; /* ended; of these without an answer; with a foreign one */
	/* The longest time from a success to the next, or to now, with a failure between. */
	uint64_t gap_ns;
	uint64_t gap_began_ns; /* when that one began */
};
struct sim_client_counts sim_client_counts(const struct sim_client *c);

#endif
