// SPDX-License-Identifier: Apache-2.0
/*
 * Tells of pools that hold addresses which the cluster already uses (lib/model/overlap.h): as a
 * gauge, bellman_pool_overlap, as a line of the log and as a Warning event, once for each change.
 *
 * What is found is summed up by pool and kind, so that a pool which holds the addresses of
 * thousands of nodes makes one event. The event is about the IPAddressPool, or, for a pool of the
 * configuration file, about the daemon's own Pod, else the namespace of the configuration.
 */
#ifndef BELLMAN_DAEMON_OVERLAP_REPORT_H
#define BELLMAN_DAEMON_OVERLAP_REPORT_H

#include "lib/base/metrics.h"
#include "lib/kube/kube.h"
#include "lib/model/overlap.h"

struct overlap_report; /* opaque */

struct overlap_report_cfg {
	struct kube *kube;            /* borrowed */
	struct metrics *metrics;      /* borrowed */
	const char *component, *host; /* of the events; borrowed, as the texts below */
	const char *ns;               /* of the configuration */
	const char *pod;              /* NULL: not known */
	/* The UID of an IPAddressPool, or NULL; may be NULL itself. */
	const char *(*uid_of)(void *arg, const char *pool);
	void *arg;
};

struct overlap_report *overlap_report_new(const struct overlap_report_cfg *cfg);
struct overlap_report *
overlap_report_free(struct overlap_report *r); /* NULL is fine; returns NULL */

/* Add to what is found this time; any number of calls, then one of overlap_report_end(). */
void overlap_report_add(struct overlap_report *r, const struct overlaps *found);

/* That was all: tell what is other than the last time, in @c. */
void overlap_report_end(struct overlap_report *r, const struct config *c);

/* It is not for us to tell: show nothing, and begin anew the next time. */
void overlap_report_silence(struct overlap_report *r);

#endif
