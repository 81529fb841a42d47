// SPDX-License-Identifier: Apache-2.0
/*
 * Looks for pools that hold addresses of Nodes, Pod CIDRs, ServiceCIDRs or cluster IPs, and has
 * them told (lib/daemon/overlap_report.h). Watches ServiceCIDRs where the API has them; clusters
 * before Kubernetes 1.31 have none, and show by their Services alone what is taken. Those are not
 * kept here: it is told of each as it changes, and asks for all when it looks.
 *
 * Nothing depends on it: an API that does not let Nodes be listed costs this one check. Gateways
 * are known to the speakers alone, which look for those.
 */
#ifndef BELLMAN_ALLOCATOR_OVERLAP_IO_H
#define BELLMAN_ALLOCATOR_OVERLAP_IO_H

#include <uv.h>

#include "allocator/gate_io.h"
#include "lib/daemon/overlap_report.h"
#include "lib/model/cluster.h"
#include "lib/model/service.h"

struct overlap_io; /* opaque */

struct overlap_io_cfg {
	uv_loop_t *loop;
	struct gate_io *gate; /* borrowed: only who leads tells */
	/* Are all Services known? Hand @each every one, lent. */
	bool (*services_known)(void *arg);
	void (*services)(void *arg, void (*each)(void *to, const struct service *s), void *to);
	void *arg;
	struct overlap_report_cfg report;
};

/* Begin to watch. Returns 0 or -ENOMEM. */
int overlap_io_open(const struct overlap_io_cfg *cfg, struct overlap_io **ret);

/* The pools that are in force; takes a reference. */
void overlap_io_config(struct overlap_io *o, struct config *c);

/* A Service is there as @s says; NULL: one is gone. */
void overlap_io_service(struct overlap_io *o, const struct service *s);

/* A Node is as @n says; NULL: nothing is known of it. */
void overlap_io_node(struct overlap_io *o, const char *name, const struct node *n);
/* All Nodes were told, or cannot be. */
void overlap_io_nodes_known(struct overlap_io *o);

/* We may lead now, or no longer: look whether there is something to tell. */
void overlap_io_update(struct overlap_io *o);

/* Close it before its kube. The loop must turn once more. NULL is fine; returns NULL. */
struct overlap_io *overlap_io_close(struct overlap_io *o);

#endif
