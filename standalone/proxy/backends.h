// SPDX-License-Identifier: Apache-2.0
/*
 * The endpoints of one port of a Service, and which of them serve: kube-proxy's rules.
 *
 * Endpoints that are ready serve; where none is, those that terminate and still serve do. For
 * traffic policy Local this is decided among this node's alone. Where every ready endpoint
 * says which zones it is meant for, and one is meant for this node's, the others are left out for
 * traffic policy Cluster.
 */
#ifndef BELLMAN_PROXY_BACKENDS_H
#define BELLMAN_PROXY_BACKENDS_H

#include "lib/base/array.h"
#include "standalone/proxy/plan.h"

/* One endpoint's address and port, and what decides whether it is used. */
struct backend {
	struct ip_addr addr;
	uint16_t port;
	bool ready;    /* else it terminates and still serves */
	bool own;      /* on this node */
	bool homeless; /* its node is not said: it may be here */
	bool hinted;   /* it is meant for certain zones, */
	bool near;     /* and this node's is one of them */
	unsigned rank; /* it came after those of lower rank */
};

struct backends {
	ARRAY_OF(struct backend);
};

/*
 * Everything of @family that could serve @port, each address and port once; in the order in which
 * they came as far as in->before knows, else by address and port. Append to @ret.
 */
void backends_collect(const struct plan_input *in, const struct service_port *port, uint8_t family,
		      struct backends *ret);

/* Those of @from that serve, in the same order: for policy Local (@own_only) or Cluster. */
void backends_choose(const struct backends *from, bool own_only, struct backends *ret);

/* Addresses of @family that have something ready on this node, whichever port it is for. */
unsigned backends_ready_here(const struct plan_input *in, uint8_t family);

/*
 * Could packets be sent to @ip from another host? Kubernetes stores no others. To a loopback
 * address they would be led to what this node keeps for itself, and as a Service's address it
 * would be refused to everybody on the node.
 */
bool address_travels(const struct ip_addr *ip);

#endif
