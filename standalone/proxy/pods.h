// SPDX-License-Identifier: Apache-2.0
/*
 * Which addresses are pods' and which are nodes': the podCIDRs and InternalIPs of all Nodes, as
 * sets of nftables.
 *
 * Pods with addresses out of other ranges look like clients from outside the cluster, as they do
 * to a kube-proxy whose --cluster-cidr does not cover them. Pure, as rules.c, whose part this is.
 */
#ifndef BELLMAN_PROXY_PODS_H
#define BELLMAN_PROXY_PODS_H

#include <stdbool.h>

#include "lib/model/cluster.h"
#include "standalone/proxy/transaction.h"

struct pods; /* opaque */

struct pods *pods_new(void);
struct pods *pods_free(struct pods *p); /* NULL is fine; returns NULL */

/*
 * A Node is new or changed; it is taken over. Returns whether its addresses, pod networks or zone
 * are others than before.
 */
bool pods_node(struct pods *p, struct node *node);
/* The Node of that name, until it changes; NULL: not known. */
const struct node *pods_find(struct pods *p, const char *name);
void pods_node_gone(struct pods *p, const char *name);

/* Is there something for pods_pass() to do? */
bool pods_dirty(const struct pods *p);
/* Add what changed since the last pass. Its end is to be told by one of the two below. */
void pods_pass(struct pods *p, struct transaction *t);
void pods_commit(struct pods *p);
/* The kernel has what it had before: that is to be sent again. */
void pods_roll_back(struct pods *p);
/* The frame is written anew, and its sets are empty: the next pass sends everything. */
void pods_forget(struct pods *p);

#endif
