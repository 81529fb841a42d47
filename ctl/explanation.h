// SPDX-License-Identifier: Apache-2.0
/*
 * Why one Service has its address, or waits for one: all that is known of it in one object.
 *
 * The words are those of the engines. Nothing is guessed here.
 */
#ifndef BELLMAN_CTL_EXPLANATION_H
#define BELLMAN_CTL_EXPLANATION_H

#include "ctl/engines.h"
#include "ctl/look.h"

/*
 * Explain @s, one of @sight, by @e, which ran on sight->cluster.
 *
 * @status: it was run to see what is, not what would be.
 * Returns what `bellman plan -o json` says of the Service, and behind it "asks", "ports",
 * "verdicts", "condition", "events" and "leader" (bellman(1)), for the caller to delete.
 */
cJSON *explanation_find(struct sight *sight, const struct engines *e,
			const struct cluster_service *s, bool status);

/* Print it for people. */
void explanation_print(const cJSON *explained, FILE *to);

#endif
