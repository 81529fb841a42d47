// SPDX-License-Identifier: Apache-2.0
/*
 * Pools that hold addresses which the cluster already uses for something else: its nodes, Pods,
 * cluster IPs and gateways. Given out, such an address takes the other one off the network.
 *
 * A pure function over what the caller knows; nothing here is refused, only told.
 */
#ifndef BELLMAN_MODEL_OVERLAP_H
#define BELLMAN_MODEL_OVERLAP_H

#include "lib/model/cluster.h"
#include "lib/model/config.h"

enum overlap_what {
	OVERLAP_NODE,         /* an InternalIP or ExternalIP; whose: the Node */
	OVERLAP_PODS,         /* a Pod CIDR; whose: the Node */
	OVERLAP_SERVICE_CIDR, /* whose: the ServiceCIDR object, or "" */
	OVERLAP_CLUSTER_IP,   /* whose: NAMESPACE/NAME of the Service */
	OVERLAP_GATEWAY,      /* whose: the Node that routes through it, or "" */
};

struct taken_range {
	struct ip_range range;
	const char *whose; /* interned */
	enum overlap_what what;
};

/* What is in use. */
struct taken_ranges {
	ARRAY_OF(struct taken_range);
};

/* Add one; @whose is copied. Returns 0 or -ENOMEM. */
int taken_add(struct taken_ranges *t, enum overlap_what what, const struct ip_range *range,
	      const char *whose);
int taken_add_address(struct taken_ranges *t, enum overlap_what what, const struct ip_addr *ip,
		      const char *whose);
/* Addresses and Pod CIDRs of a Node. */
int taken_add_node(struct taken_ranges *t, const struct node *n);
/*
 * Prefixes with commas between, as --service-cidr has them.
 * Returns 0, -ENOMEM, or -EINVAL with nothing added when one of them is no prefix.
 */
int taken_add_service_cidrs(struct taken_ranges *t, const char *prefixes);
/* spec.cidrs of a ServiceCIDR (networking.k8s.io v1 and v1beta1); what is no prefix is left out. */
int taken_add_service_cidr_object(struct taken_ranges *t, const cJSON *object);
void taken_done(struct taken_ranges *t);

struct overlap {
	const char *pool;      /* interned */
	const char *range;     /* as written in .addresses; interned */
	const char *whose;     /* interned; "" when nobody is named */
	struct ip_range taken; /* the whole of it */
	struct ip_addr first;  /* the first address that both have */
	uint32_t index;        /* of the range in .addresses */
	enum overlap_what what;
};

struct overlaps {
	ARRAY_OF(struct overlap); /* by pool, first address, what and whose */
};

/*
 * Every pair of a pool and something in use that share an address; one row a pair, however many
 * addresses there are. Addresses that the pool never gives out (exclude, avoidBuggyIPs) do not
 * count. O((ranges + taken) log ranges) and what is found. Returns 0, or -ENOMEM with *ret empty.
 */
int overlaps_find(const struct config *c, const struct taken_ranges *t, struct overlaps *ret);
void overlaps_done(struct overlaps *o);

/* "node", "pods", "service-cidr", "cluster-ip" or "gateway": the label of a metric. */
const char *overlap_what_name(enum overlap_what what);

/*
 * What overlaps, without the pool: `192.0.2.7 is an address of node "a"`,
 * `10.244.1.0 is in 10.244.1.0/24, the Pod CIDR of node "a"`. Returns @buf.
 */
const char *overlap_format(const struct overlap *o, char *buf, size_t size);

#endif
