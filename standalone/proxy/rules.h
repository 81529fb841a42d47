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
 * Addresses and ports belong to one Service at a time, which follows from the Services that there
 * are (claims.h); another that asks for the same is logged, waits, and gets them when its claim is
 * the best one.
 */
#ifndef BELLMAN_PROXY_RULES_H
#define BELLMAN_PROXY_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/cluster.h"
#include "lib/model/service.h"
#include "standalone/proxy/checks.h"
#include "standalone/proxy/flows.h"
#include "standalone/proxy/inherited.h"

struct rules; /* opaque */

/* @node: this node's name, copied. Running out of memory ends the process, here and below. */
struct rules *rules_new(const char *node);
struct rules *rules_free(struct rules *r); /* NULL is fine; returns NULL */

/* What time it is for what is told next; rules_pass() says it too. Monotonic, as all times here. */
void rules_now(struct rules *r, uint64_t now_ns);

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

/*
 * Is it unknown what the kernel has? Then one of the three below must come before the next pass; of
 * a new engine too. They make the passes that follow bring all Services to it.
 */
bool rules_must_look(const struct rules *r);

/*
 * There is a table with another frame, or nothing is known of it: it is replaced in one transaction
 * that has all Services, but those that the kernel is known to refuse.
 */
void rules_restart(struct rules *r);
/* There is no table. Services come in pieces, as there is nobody to whom half of them is less. */
void rules_restart_on_nothing(struct rules *r);
/*
 * There is a table with our frame (frame_id()). Services are brought to what they should be, piece
 * by piece, each at once; what is right already is left alone, and what is left over goes in the
 * end.
 * @found: taken over. @affinity: the sets of session affinity are there; [0]: IPv4.
 */
void rules_take_over(struct rules *r, struct inherited *found, const bool affinity[2]);

/*
 * Who was sent where, for the set of session affinity of @family when it is made: what
 * affinity_elements() found in the one before. Taken over; NULL: nothing. Held until a table has
 * been replaced.
 */
void rules_recall(struct rules *r, uint8_t family, char *elements);

/*
 * What changed and is not in the kernel yet, or a part of it, as one nft transaction in JSON, for
 * the caller to free(); NULL: nothing. Its end is to be told by rules_done() or rules_refused(); to
 * ask for the next one says that it was taken.
 */
char *rules_pass(struct rules *r, uint64_t now_ns);
/* Is the transaction that was given out only to be checked, and nothing to be changed? */
bool rules_is_trial(const struct rules *r);

/* The kernel took the transaction, or would. */
void rules_done(struct rules *r);
/*
 * It did not, and is as before. Returns whether it is worth while to go on at once: with less in
 * a transaction, to find out which Service it was, or after a first look at what there is
 * (rules_must_look()). Whoever gets false waits before going on. A Service that the kernel keeps
 * refusing is logged and left aside for a while, or until it changes.
 */
bool rules_refused(struct rules *r, uint64_t now_ns, const char *error);

/* Is there a table with our frame, as far as the kernel told? */
bool rules_stand(const struct rules *r);
/* Is everything given out that was known at the last restart? Changes since then do not count. */
bool rules_settled(const struct rules *r);
/* Since when the oldest change has been waiting that the kernel has not got; UINT64_MAX: none. */
uint64_t rules_behind_since_ns(const struct rules *r);
/* Services that the kernel refuses. */
unsigned rules_refusals(const struct rules *r);

/*
 * The UDP flows to look at once the kernel has all that was given out. The caller takes them
 * (flows_merge(), conntrack_sweep()); they are @r's still.
 */
struct flows *rules_flows(struct rules *r);

/*
 * All UDP ways in of the Services in the transaction that was given out. A look that is under way
 * and knows only what was before must spare flows to these (conntrack_expect()).
 */
const struct flows *rules_coming(const struct rules *r);

/* Health checks that changed, for the caller to take in the same way (checks_change()). */
struct check_changes *rules_checks(struct rules *r);

/* When a pass has something to do although nothing changed; UINT64_MAX: never. */
uint64_t rules_wake_ns(const struct rules *r);

/*
 * As of the last pass: Services with a way in, and the endpoints that they are translated to; those
 * of a Service that is refused, as far as known, are what it had before.
 */
unsigned rules_services(struct rules *r);
unsigned rules_endpoints(struct rules *r);

#endif
