// SPDX-License-Identifier: Apache-2.0
/*
 * Is MetalLB's controller at work in our namespace? Two that give addresses out of the same pools
 * would give some of them twice, so as long as a Ready pod of it is there we do not lead.
 *
 * metallb_pod.h tells its pods from ours; our own is known by its name, too. As long as nobody can
 * say, because pods may not be listed, it is taken to be there.
 */
#ifndef BELLMAN_ALLOCATOR_METALLB_IO_H
#define BELLMAN_ALLOCATOR_METALLB_IO_H

#include <stdbool.h>

#include "lib/base/metrics.h"
#include "lib/kube/kube.h"

struct metallb_io; /* opaque */

struct metallb_io_cfg {
	struct kube *kube;                     /* borrowed */
	struct metrics *metrics;               /* borrowed */
	const char *ns;                        /* borrowed; where to look */
	const char *pod;                       /* borrowed; our own name, NULL: not known */
	void (*changed)(void *arg, bool away); /* first with what was found, then when it changes */
	void *arg;
};

/* Begin to look; until changed() it is not known. Returns 0 or -ENOMEM. */
int metallb_io_open(const struct metallb_io_cfg *cfg, struct metallb_io **ret);

/* Why it is not known whether it is there, a sentence without a full stop; NULL: it is known. */
const char *metallb_io_trouble(const struct metallb_io *m);

/* Close it before its kube. NULL is fine; returns NULL. */
struct metallb_io *metallb_io_close(struct metallb_io *m);

#endif
