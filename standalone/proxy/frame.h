// SPDX-License-Identifier: Apache-2.0
/* The part of the rule set that is the same whatever Services there are. */
#ifndef BELLMAN_PROXY_FRAME_H
#define BELLMAN_PROXY_FRAME_H

#include "standalone/proxy/text.h"

/* Write the commands that replace the table, if there is one, by the frame alone. */
void frame_write(struct text *to);

/* Write the commands that bring the frame of a table that has this very one to what it should be,
 * and leave the Services in it. */
void frame_renew(struct text *to);

/*
 * The name of a chain, empty and never gone to, that a table with this very frame has: a frame that
 * differs in anything has another. Static.
 */
const char *frame_id(void);

/* The chains that packets come in by, each with a rule; NULL ends the list. */
extern const char *const frame_hooks[];

#endif
