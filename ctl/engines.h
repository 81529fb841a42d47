// SPDX-License-Identifier: Apache-2.0
/*
 * The engines of the allocator and the speaker, run on a cluster.
 *
 * Nothing is decided here. The same code as in the daemons gives out the addresses and elects the
 * nodes; this feeds it, and does in the objects what the daemons would have the API do.
 */
#ifndef BELLMAN_CTL_ENGINES_H
#define BELLMAN_CTL_ENGINES_H

#include "allocator/engine.h"
#include "ctl/cluster.h"
#include "speaker/engine.h"

struct engines {
	struct allocator *allocator;
	struct speaker *speaker;
};

/*
 * Run them on @c, which has a config and must outlive them.
 *
 * @lb_class: the class that is served; NULL: what `settings` in the configuration say.
 * @write: go on to what would be, and give the Services in @c the status that they would have;
 * else they stay as they are.
 */
struct engines engines_run(struct cluster *c, const char *lb_class, bool write);
void engines_done(struct engines *e);

#endif
