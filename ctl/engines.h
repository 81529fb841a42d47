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

/*
 * A speaker's engine that has been told all that @c holds now, and of no link; the caller's.
 * @cfg: as `settings` have it, from engines_speaker_cfg(), or changed; its exclude expression must
 * be right. @lb_class: as engines_run().
 */
struct speaker_cfg engines_speaker_cfg(const struct cluster *c, const char *lb_class);
struct speaker *engines_speaker(const struct cluster *c, const struct speaker_cfg *cfg);

#endif
