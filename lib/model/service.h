// SPDX-License-Identifier: Apache-2.0
/* A Service as the engines see it: what decides, and nothing else of the object. */
#ifndef BELLMAN_MODEL_SERVICE_H
#define BELLMAN_MODEL_SERVICE_H

#include "lib/base/ip.h"
#include "lib/model/meta.h"

enum service_type {
	SERVICE_CLUSTER_IP,
	SERVICE_NODE_PORT,
	SERVICE_LOAD_BALANCER,
	SERVICE_EXTERNAL_NAME,
};

enum traffic_policy { POLICY_CLUSTER, POLICY_LOCAL };
enum family_policy { FAMILY_SINGLE, FAMILY_PREFER_DUAL, FAMILY_REQUIRE_DUAL };
enum l4_protocol { L4_TCP = 6, L4_UDP = 17, L4_SCTP = 132 }; /* IANA numbers */

struct service_port {
	const char *name;                      /* interned; NULL when unnamed */
	const char *target_name;               /* interned; targetPort by name, else NULL */
	uint16_t port, target_port, node_port; /* target_port 0 with a name; node_port 0: none */
	uint8_t protocol;                      /* enum l4_protocol */
};

/* The condition by which Bellman's allocator tells whether a Service has its addresses. */
#define SERVICE_READY_CONDITION "bellman.io/LoadBalancerReady"

enum condition_status { CONDITION_UNKNOWN, CONDITION_FALSE, CONDITION_TRUE };

struct service_condition {
	const char *reason, *message; /* interned; NULL: absent */
	int64_t since_s;              /* lastTransitionTime, seconds since 1970; 0: not said */
	uint8_t status;               /* enum condition_status */
};

struct service {
	struct object_meta meta;
	const char *lb_class; /* interned; NULL: none */
	struct service_port *ports;
	struct labels selector;
	int64_t created_s; /* metadata.creationTimestamp, seconds since 1970; 0: not said */

	/* Annotations and fields that ask for an address (compatibility page 2.1); interned, NULL:
	 * absent. */
	const char *requested_ips; /* metallb.io/loadBalancerIPs, raw text */
	const char *lb_ip;         /* spec.loadBalancerIP, raw text */
	const char *address_pool;  /* metallb.io/address-pool */
	const char *sharing_key;   /* metallb.io/allow-shared-ip; "" is present but empty */
	const char *from_pool;     /* metallb.io/ip-allocated-from-pool: what the allocator wrote */

	struct service_condition
		*ready; /* SERVICE_READY_CONDITION of status.conditions; NULL: none */

	struct ip_addr *ingress; /* status.loadBalancer.ingress[].ip in their order */
	bool *ingress_proxied;   /* which of them have ipMode Proxy; NULL: none */
	struct ip_addr *external_ips;
	struct ip_prefix *source_ranges; /* spec.loadBalancerSourceRanges */
	struct ip_addr cluster_ips[2];
	uint8_t families[2]; /* spec.ipFamilies as enum ip_family */
	uint32_t affinity_s; /* sessionAffinity ClientIP: for how long; 0: None */
	uint16_t port_count, health_check_node_port, source_range_count;
	uint8_t external_ip_count;
	uint8_t ingress_count, cluster_ip_count, family_count;
	uint8_t type;                             /* enum service_type */
	uint8_t family_policy;                    /* enum family_policy */
	uint8_t external_policy, internal_policy; /* enum traffic_policy */
	bool headless;                            /* clusterIP: None */
	bool ingress_bad;            /* an ingress ip that does not parse; it is not in `ingress` */
	bool source_ranges_bad;      /* the same of source_ranges: it allows nobody */
	bool deprecated_annotations; /* one under metallb.universe.tf/ is there */
	bool allocate_node_ports;    /* absent: true */
	bool publish_not_ready;
	bool deleting; /* metadata.deletionTimestamp is set */
};

/*
 * Decode a Service. On success *ret belongs to the caller (service_free).
 * Returns 0, or -EBADMSG with the reasons in @faults and *ret untouched.
 */
int service_decode(const cJSON *object, struct where where, struct faults *faults,
		   struct service **ret);
struct service *service_free(struct service *s); /* NULL is fine; returns NULL */
/* For who keeps thousands: give up ports, selector, external IPs, source ranges and all of the
 * status; none of them is there any more. */
void service_shed(struct service *s);

const char *service_type_name(enum service_type t);

#endif
