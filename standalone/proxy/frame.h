// SPDX-License-Identifier: Apache-2.0
/* The part of the rule set that is the same whatever Services there are. */
#ifndef BELLMAN_PROXY_FRAME_H
#define BELLMAN_PROXY_FRAME_H

#include "standalone/proxy/text.h"

/* Write the commands that replace the table, if there is one, by the frame alone. */
void frame_write(struct text *to);

#endif
