// SPDX-License-Identifier: Apache-2.0
/*
 * What one Service asks of nftables on this node: chains with their rules, and elements
 * of the sets and maps that all Services share.
 *
 * A plan is a pure function of the Service, its EndpointSlices and this node's name. Ways in
 * are elements and follow from the Service alone; endpoints are in rules, so pods that come
 * and go rewrite one chain and leave the maps as they are:
 *
 *	cluster IP ------------------ internalTrafficPolicy Cluster --> svc: any endpoint
 *	                              internalTrafficPolicy Local ----> own: one of this node's
 *	EXTERNAL-IP, external IP, --> ext: externalTrafficPolicy Cluster -> svc, masqueraded
 *	node port                          externalTrafficPolicy Local ---> own, source kept
 *	                                   ... from a pod or this node ---> svc
 *	EXTERNAL-IP with loadBalancerSourceRanges -> lb: who is in them --> ext
 *	                                                 others dropped
 *
 * Without any endpoint, svc and own refuse; own drops when there are some, but none here.
 */
#ifndef BELLMAN_PROXY_PLAN_H
#define BELLMAN_PROXY_PLAN_H

#include "lib/base/array.h"
#include "lib/model/cluster.h"
#include "lib/model/service.h"

/* Chains that a Service port may have in each family; rules point to lower ones only. */
enum chain_kind {
	CHAIN_ALL,      /* svc: a random one of all endpoints */
	CHAIN_OWN,      /* own: a random one of this node's; none: drop */
	CHAIN_EXTERNAL, /* ext: what comes to an EXTERNAL-IP, an external IP or a node port */
	CHAIN_BALANCER, /* lb: what comes to an EXTERNAL-IP that is not for everybody */
};

struct chain {
	uint8_t kind;     /* enum chain_kind */
	uint8_t family;   /* enum ip_family */
	uint8_t protocol; /* enum l4_protocol */
	uint16_t port;    /* of the Service */
	char *rules;      /* JSON `expr` arrays, one a line, each ended by a newline */
	uint64_t gone_ns; /* for applied.c: empty since then and not deleted yet; 0: in use */
};

/* Sets and maps that Services have elements in; there is one of each for each family. */
enum rule_set {
	SET_SERVICES,    /* address . protocol . port : goto chain */
	SET_NODE_PORTS,  /* protocol . port : goto chain */
	SET_ADDRESSES,   /* every address that a Service has */
	SET_CLUSTER_IPS, /* those of them that are cluster IPs */
	SET_HAIRPIN,     /* endpoint . endpoint, those that may be on this node */
	RULE_SETS
};

/* How well founded a way in is, the best first: who has it when two Services want it (claims.h). */
enum way_in_rank { WAY_CLUSTER_IP, WAY_NODE_PORT = WAY_CLUSTER_IP, WAY_INGRESS, WAY_EXTERNAL_IP };

struct element {
	uint8_t set;         /* enum rule_set */
	uint8_t family;      /* enum ip_family */
	uint8_t protocol;    /* of maps only, as are the rest */
	uint16_t port;       /* what packets are sent to */
	uint8_t target;      /* enum chain_kind */
	uint16_t chain_port; /* the Service port whose chain is gone to */
	uint8_t rank;        /* enum way_in_rank */
	struct ip_addr addr; /* zero in SET_NODE_PORTS */
};

struct chains {
	ARRAY_OF(struct chain);
};

struct elements {
	ARRAY_OF(struct element);
};

/* Where an endpoint listens. */
struct endpoint_at {
	struct ip_addr addr;
	uint16_t port;
};

struct endpoint_list {
	ARRAY_OF(struct endpoint_at);
};

/* The endpoints that flows of one UDP port may be with: all that serve, chosen for new ones or not.
 */
struct plan_udp {
	uint8_t family;
	uint16_t port;           /* of the Service */
	struct endpoint_list to; /* sorted by endpoint_at_cmp(), no two equal */
};

/*
 * An endpoint of a Service port with session affinity. A client may be known to two: one left and
 * the client went on with another, then the first came back. It stays where it is if those
 * that never left are asked first; so it is kept in which order they came.
 */
struct arrival {
	struct ip_addr addr;
	uint16_t port, service_port;
	uint8_t protocol;
};

struct arrivals {
	ARRAY_OF(struct arrival);
};

struct plan {
	struct chains chains;     /* sorted by chain_cmp(), no two equal */
	struct elements elements; /* sorted by element_cmp(), no two of the same key */
	struct {
		ARRAY_OF(struct plan_udp);
	} udp;
	struct arrivals arrivals; /* for each port those that came earlier before others */
	unsigned endpoints;       /* address and port pairs that are translated to */

	uint16_t health_port;      /* where to answer health checks; 0: nowhere */
	unsigned health_endpoints; /* ready ones on this node, by address */
};

struct plan_input {
	const struct service *service;              /* NULL: an empty plan */
	const struct endpoint_slice *const *slices; /* those of the Service */
	size_t slice_count;
	const char *node;              /* this node */
	const struct node *self;       /* what is known of it; NULL: nothing (yet) */
	const struct arrivals *before; /* those of the plan before; NULL: none */
};

/*
 * A Service with the label service.kubernetes.io/service-proxy-name is another proxy's: an empty
 * plan, as for one that is headless, also by the label service.kubernetes.io/headless alone, or of
 * type ExternalName.
 */
void plan_build(const struct plan_input *in, struct plan *ret);
/* The ways in alone, which follow from the Service: elements of maps, sorted as those of a plan. */
void plan_ways_in(const struct service *service, struct elements *ret);
void plan_done(struct plan *p);

/* By family, protocol, port, kind; the rules are not looked at. */
int chain_cmp(const struct chain *a, const struct chain *b);
/* By set, family, address, protocol, port: the key that is in the kernel. */
int element_cmp(const struct element *a, const struct element *b);
/* By address and port, of two `struct endpoint_at`, for qsort() and bsearch(). */
int endpoint_at_cmp(const void *a, const void *b);
/* In SET_SERVICES and SET_NODE_PORTS an element belongs to one Service; elsewhere many share it. */
bool element_is_exclusive(const struct element *e);

/* Is the @i-th address of status.loadBalancer.ingress one that packets come here with? */
bool ingress_is_served(const struct service *s, unsigned i);

#define CHAIN_NAME_MAX 256 /* of the kernel, NUL included */
#define DNS_LABEL_MAX  63  /* of a namespace and of a Service */

/* "svc4/NAMESPACE/NAME/tcp/80", a valid name in nft's own language too. Returns @buf. */
const char *chain_name(enum chain_kind kind, uint8_t family, const char *ns, const char *name,
		       uint8_t protocol, uint16_t port, char buf[static CHAIN_NAME_MAX]);

/* "tcp", "udp", "sctp" */
const char *protocol_keyword(uint8_t protocol);

#endif
