// SPDX-License-Identifier: Apache-2.0
/*
 * The proxy's engine: what is known of the cluster in, nft transactions out.
 *
 * Pure: no process, no clock. It holds the Services and their EndpointSlices, marks a
 * Service dirty when something of it changes, and on a pass compares its plan with what was
 * sent for it before; the difference is the transaction. A change costs what its Service is
 * long, however many there are.
 *
 * It trusts that what it gave out is in the kernel. When that is not so (nft failed,
 * somebody flushed the table) rules_restart() makes the next pass start from nothing.
 *
 * Addresses and ports belong to one Service at a time, the first that asked; another that asks for
 * the same is logged, waits, and gets them when they are given back.
 */
#ifndef BELLMAN_PROXY_RULES_H
#define BELLMAN_PROXY_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/cluster.h"
#include "lib/model/service.h"
#include "standalone/proxy/checks.h"
#include "standalone/proxy/flows.h"

struct rules; /* opaque */

/* @node: this node's name, copied. Running out of memory ends the process, here and below. */
struct rules *rules_new(const char *node);
struct rules *rules_free(struct rules *r); /* NULL is fine; returns NULL */

/*
 * An object is new or changed. It is taken over in any case. Returns 0, or -EINVAL for a name
 * that cannot be part of a chain's name (it is no DNS name, or too long); the object is passed
 * over.
 */
int rules_service(struct rules *r, struct service *service);
int rules_slice(struct rules *r, struct endpoint_slice *slice);
void rules_node(struct rules *r, struct node *node);

/* An object is gone. One that is not known is fine. */
void rules_service_gone(struct rules *r, const char *ns, const char *name);
void rules_slice_gone(struct rules *r, const char *ns, const char *name);
void rules_node_gone(struct rules *r, const char *name);

/* What is in the kernel is not known: the next pass begins anew. So does the first one. */
void rules_restart(struct rules *r);

/*
 * Who was sent where, for the set of session affinity of @family if the next pass makes it: what
 * affinity_elements() found in the one before. Taken over; NULL: nothing.
 */
void rules_recall(struct rules *r, uint8_t family, char *elements);

/*
 * Everything that changed since the last pass, as one nft transaction in JSON, for the caller to
 * free(); NULL: nothing did.
 */
char *rules_pass(struct rules *r, uint64_t now_ns);

/*
 * The UDP flows to look at once the kernel has all that was given out. The caller takes them
 * (flows_merge(), conntrack_sweep()); they are @r's still.
 */
struct flows *rules_flows(struct rules *r);

/* Health checks that changed, for the caller to take in the same way (checks_change()). */
struct check_changes *rules_checks(struct rules *r);

/* When a pass has something to do although nothing changed; UINT64_MAX: never. */
uint64_t rules_wake_ns(const struct rules *r);

/* As of the last pass: Services with a way in, and the endpoints that they are translated to. */
unsigned rules_services(const struct rules *r);
unsigned rules_endpoints(const struct rules *r);

#endif
