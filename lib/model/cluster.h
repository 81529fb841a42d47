// SPDX-License-Identifier: Apache-2.0
/* EndpointSlices, Nodes and Namespaces as the engines see them. */
#ifndef BELLMAN_MODEL_CLUSTER_H
#define BELLMAN_MODEL_CLUSTER_H

#include "lib/base/ip.h"
#include "lib/model/meta.h"

struct endpoint {
	struct ip_addr addr; /* the first of .addresses; family 0 for FQDN slices */
	bool ready;          /* conditions.ready, absent: true */
	bool serving;        /* conditions.serving, absent: as ready */
	bool terminating;
	const char *node;  /* interned; NULL when not said */
	const char *zones; /* hints.forZones, as "ZONE,ZONE"; interned, NULL: none */
};

struct endpoint_port {
	const char *name; /* interned; NULL or "" when unnamed */
	uint16_t port;    /* 0: all ports (null in the API) */
	uint8_t protocol; /* enum l4_protocol */
};

struct endpoint_slice {
	struct object_meta meta; /* .labels is empty: there are many slices, nothing selects them */
	const char *service; /* label kubernetes.io/service-name, interned; NULL: belongs to none */
	struct endpoint *endpoints;
	struct endpoint_port *ports;
	uint16_t endpoint_count, port_count;
	uint8_t family; /* enum ip_family; IP_NONE for FQDN */
};

/* MetalLB's rule (compatibility page 2.5): ready, or terminating but still serving. */
static inline bool endpoint_can_serve(const struct endpoint *e)
{
	return e->ready || e->serving;
}

/* Is @e meant for nodes in @zone? */
bool endpoint_is_for_zone(const struct endpoint *e, const char *zone);

struct node {
	struct object_meta meta;
	struct ip_addr *internal_ips; /* status.addresses of type InternalIP, in order */
	struct ip_addr *external_ips; /* the same of type ExternalIP */
	struct ip_prefix *pod_cidrs;  /* spec.podCIDRs, else spec.podCIDR */
	uint16_t internal_ip_count, external_ip_count, pod_cidr_count;
	bool network_unavailable; /* condition NetworkUnavailable is True */
	const char *zone;         /* label topology.kubernetes.io/zone, in .meta; NULL: none */
	bool excluded; /* label node.kubernetes.io/exclude-from-external-load-balancers, any value
			*/
};

struct namespace
{
	struct object_meta meta; /* .name and .labels are what pools select on */
};

/* Each: 0 and *ret is the caller's, or -EBADMSG with reasons in @faults and *ret untouched. */
int endpoint_slice_decode(const cJSON *object, struct where where, struct faults *faults,
			  struct endpoint_slice **ret);
int node_decode(const cJSON *object, struct where where, struct faults *faults, struct node **ret);
int namespace_decode(const cJSON *object, struct where where, struct faults *faults,
		     struct namespace **ret);

/* NULL is fine; all return NULL. */
struct endpoint_slice *endpoint_slice_free(struct endpoint_slice *s);
struct node *node_free(struct node *n);
struct namespace *namespace_free(struct namespace *n);

#endif
