// SPDX-License-Identifier: Apache-2.0
/*
 * A world decoded: what the engines take, with Services as the API would store them.
 */
#ifndef BELLMAN_CTL_CLUSTER_H
#define BELLMAN_CTL_CLUSTER_H

#include "ctl/world.h"
#include "lib/model/cluster.h"
#include "lib/model/config.h"
#include "lib/model/service.h"

#define SERVICE_CIDRS "10.96.0.0/16,fd00:10:96::/112" /* where nothing else is said */

/* One Service on its way through the engines. */
struct cluster_service {
	cJSON *json;           /* as the API would store it; the status follows what is decided */
	const char *ns, *name; /* borrowed from json */
	bool live;             /* it is in the API just so */
	bool has_slice;
	struct ip_addr *held; /* what its status shows before anything is decided */
	size_t held_count;
	char *held_pool; /* what the annotation says they come from; NULL: nothing */
	char *cleared;   /* what the allocator said when it took them away; NULL: it did not */
};

struct cluster {
	struct config *config;
	struct cluster_services {
		ARRAY_OF(struct cluster_service); /* by namespace and name */
	} services;
	struct {
		ARRAY_OF(struct endpoint_slice *);
	} slices;
	struct {
		ARRAY_OF(struct node *);
	} nodes;
	struct {
		ARRAY_OF(struct namespace *); /* also those that only a Service speaks of */
	} namespaces;
	const cJSON *reservations; /* the allocator's ConfigMap, borrowed from the world; or NULL */
};

/* Is it one prefix, or one of each family with a comma between? */
bool cluster_cidrs_valid(const char *service_cidrs);

/*
 * Decode everything in @w, which must be settled and must outlive *ret.
 *
 * Services of files are defaulted and validated as on their way into the API; @service_cidrs is
 * what cluster IPs come from there, @what names it in the fault when it is none.
 * What is wrong is added to w->faults, which then are in order. @ret is whole either way, without
 * what did not decode; its config is NULL when that is not to be had.
 */
void cluster_build(struct world *w, const char *service_cidrs, struct cluster *ret);
/* Give @c, which has no config, an empty one, for engines that are to run in spite of that. */
void cluster_do_without_config(struct cluster *c);
void cluster_done(struct cluster *c);

/* A Namespace that nothing is said of: it has the one label that all have. For the caller to
 * delete. */
cJSON *cluster_namespace_json(const char *name);

/* NULL when there is none of that name. */
struct cluster_service *cluster_service(const struct cluster *c, const char *ns, const char *name);

/* Decode a Service as it stands now. NULL cannot be: it has passed before. */
struct service *cluster_service_decode(const struct cluster_service *s);

#endif
