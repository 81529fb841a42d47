// SPDX-License-Identifier: Apache-2.0
/*
 * A host's network stack: interfaces, ARP and NDP caches as Linux keeps them, UDP and TCP.
 *
 * What it takes over from Linux, since it decides how long an address is dark:
 * - states INCOMPLETE, REACHABLE, STALE, DELAY, PROBE, FAILED with Linux's times (base_reachable at
 *   random from half to one and a half, delay_first_probe, retrans, three unicast and three
 *   multicast probes), confirmation by TCP's progress;
 * - a gratuitous ARP or an overriding advertisement moves an entry that is there and makes none
 *   where there is none (arp_accept, accept_untracked_na); a plain reply is ignored for locktime
 *   (1 s) after the last change;
 * - duplicate address detection is not made for the host's own addresses.
 * docs/simulation.md says what was compared with a real kernel.
 *
 * Every destination is on-link on the first interface whose prefix covers it, else on the first
 * interface with an address of that family. There is no loopback: what a host sends to itself is
 * lost.
 */
#ifndef BELLMAN_SIM_STACK_H
#define BELLMAN_SIM_STACK_H

#include "lib/base/ip.h"
#include "sim/net.h"

struct sim_stack;
struct sim_iface;

struct sim_stack_cfg {
	const char *name; /* copied */
	uint64_t seed;
	bool arp_accept; /* and accept_untracked_na: entries are made of gratuitous frames */
	/* net.ipv4.neigh.IF and net.ipv6.neigh.IF, both; 0: Linux's default, 30 s, 5 s and 1 s. */
	uint64_t base_reachable_ns, delay_probe_ns, retrans_ns;
};

/* A host without interfaces, powered. @clock is borrowed until sim_stack_free(). */
struct sim_stack *sim_stack_new(struct sim_clock *clock, const struct sim_stack_cfg *cfg);
/* After its sockets and listeners. Connections end without a word. NULL is fine; returns NULL. */
struct sim_stack *sim_stack_free(struct sim_stack *s);
const char *sim_stack_name(const struct sim_stack *s);
struct sim_clock *sim_stack_clock(const struct sim_stack *s);

/* Every frame that the port of an interface delivers, before the stack looks at it: packet sockets.
 */
typedef void sim_stack_tap(void *arg, struct sim_iface *i, const uint8_t *bytes, size_t len);
void sim_stack_tap_set(struct sim_stack *s, sim_stack_tap *tap, void *arg); /* NULL: none */
/* An interface came up or went down. */
typedef void sim_stack_link_watch(void *arg, struct sim_iface *i, bool up);
void sim_stack_link_watch_set(struct sim_stack *s, sim_stack_link_watch *watch, void *arg);

/* Interfaces are numbered from 1. The port is on @link, with address @mac; fe80:: is derived. */
struct sim_iface *sim_iface_add(struct sim_stack *s, struct sim_link *link, const char *name,
				const uint8_t mac[static ETHER_ADDR_LEN]);
unsigned sim_iface_index(const struct sim_iface *i);
const char *sim_iface_name(const struct sim_iface *i);
const uint8_t *sim_iface_mac(const struct sim_iface *i);
struct sim_port *sim_iface_port(const struct sim_iface *i);
struct ip_addr sim_iface_link_local(const struct sim_iface *i);
bool sim_iface_is_up(const struct sim_iface *i);
size_t sim_stack_ifaces(const struct sim_stack *s);
struct sim_iface *sim_stack_iface(const struct sim_stack *s, size_t n); /* from 0 */

/* Addresses; the prefix is what is on-link. An address is answered for, as a kernel does. */
void sim_iface_address_add(struct sim_iface *i, const struct ip_prefix *address);
void sim_iface_address_remove(struct sim_iface *i, const struct ip_addr *address);
/* Tell all neighbours of an address, as arping -U and ndsend do. */
void sim_iface_gratuitous(struct sim_iface *i, const struct ip_addr *address, const char *why);

/*
 * Power. Off: nothing is received or sent, caches and connections are gone; on again begins anew,
 * with the UDP sockets and listeners that were there, as if their programs started with the host.
 */
void sim_stack_power(struct sim_stack *s, bool on);

enum sim_neigh_state {
	SIM_NEIGH_NONE,
	SIM_NEIGH_INCOMPLETE,
	SIM_NEIGH_REACHABLE,
	SIM_NEIGH_STALE,
	SIM_NEIGH_DELAY,
	SIM_NEIGH_PROBE,
	SIM_NEIGH_FAILED,
};
/* What the cache has of @ip; @ret_mac is set in all states but NONE, INCOMPLETE and FAILED. */
enum sim_neigh_state sim_stack_neighbour(const struct sim_stack *s, const struct ip_addr *ip,
					 uint8_t ret_mac[static ETHER_ADDR_LEN]);
size_t sim_stack_neighbours(const struct sim_stack *s); /* entries; the cache is bounded (gc) */

/* --- UDP ------------------------------------------------------------------------------ */

struct sim_udp;
/* @to: which of the host's addresses it was sent to. @bytes: lent. */
typedef void sim_udp_receive(void *arg, const struct ip_addr *from, uint16_t from_port,
			     const struct ip_addr *to, uint16_t to_port, const uint8_t *bytes,
			     size_t len);
/* @port 0: any free one. Receives on all addresses of the host; @receive NULL: what comes is of no
 * interest. Returns NULL when it is taken. */
struct sim_udp *sim_udp_open(struct sim_stack *s, uint16_t port, sim_udp_receive *receive,
			     void *arg);
/* Receives what the service proxy takes, whatever the port. */
struct sim_udp *sim_udp_open_service(struct sim_stack *s, sim_udp_receive *receive, void *arg);
/* @from NULL: the host's own address; @from_port 0: the socket's. */
void sim_udp_send(struct sim_udp *u, const struct ip_addr *from, uint16_t from_port,
		  const struct ip_addr *to, uint16_t to_port, const void *bytes, size_t len);
struct sim_udp *sim_udp_close(struct sim_udp *u); /* NULL is fine; returns NULL */

/* --- TCP ------------------------------------------------------------------------------ */

/*
 * Streams with retransmission (after 1 s for a SYN, 200 ms else, doubled each time), a fixed
 * window and no congestion control: what BGP and gossip will run on. RFC 9293.
 *
 * Who is told of an end by closed() must not touch the connection afterwards. Within a callback
 * everything may be called, closing and aborting too.
 */
struct sim_tcp;
struct sim_tcp_ops { /* each may be NULL */
	void (*connected)(void *arg, struct sim_tcp *t);
	void (*received)(void *arg, struct sim_tcp *t, const uint8_t *bytes, size_t len);
	/* Over, for whatever reason: "closed" (by both), "reset", "refused", "timed out", or "full"
	 * (more than SIM_TCP_UNSENT_MAX bytes wait to be sent; from within sim_tcp_send()). */
	void (*closed)(void *arg, struct sim_tcp *t, const char *why);
};

#define SIM_TCP_UNSENT_MAX (4u << 20)

/* NULL: there is no way to an address of that family, no port is free, or the power is off. */
struct sim_tcp *sim_tcp_connect(struct sim_stack *s, const struct ip_addr *to, uint16_t port,
				const struct sim_tcp_ops *ops, void *arg);
struct sim_listener;
/* @accept gives the ops and the argument of a new connection; false refuses it with RST. */
typedef bool sim_tcp_accept(void *arg, struct sim_tcp *t, const struct sim_tcp_ops **ret_ops,
			    void **ret_arg);
/* NULL: taken. */
struct sim_listener *sim_tcp_listen(struct sim_stack *s, uint16_t port, sim_tcp_accept *accept,
				    void *arg);
/* Accepts what the service proxy takes, whatever the port. */
struct sim_listener *sim_tcp_listen_service(struct sim_stack *s, sim_tcp_accept *accept, void *arg);
struct sim_listener *sim_listener_close(struct sim_listener *l); /* NULL is fine; returns NULL */
/* Copied. Dropped when it is closed already: by its user, or because the peer closed, whose end is
 * followed at once, after received() of his last bytes. */
void sim_tcp_send(struct sim_tcp *t, const void *bytes, size_t len);
/* Send what waits, then FIN. What the peer still sends is received; when he has closed too, or said
 * nothing for a minute, closed() follows. */
void sim_tcp_close(struct sim_tcp *t);
void sim_tcp_abort(struct sim_tcp *t); /* RST; nothing follows */

/*
 * A service proxy: a packet to @ip:@port that is for none of the host's addresses. Says whether
 * it is taken; then the stack treats it as its own (its sockets answer from @ip). NULL: none.
 */
typedef bool sim_stack_service(void *arg, const struct ip_addr *ip, uint8_t protocol,
			       uint16_t port);
void sim_stack_service_set(struct sim_stack *s, sim_stack_service *service, void *arg);

#endif
