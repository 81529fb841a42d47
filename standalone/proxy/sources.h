// SPDX-License-Identifier: Apache-2.0
/* spec.loadBalancerSourceRanges: who may come to a Service's EXTERNAL-IPs. */
#ifndef BELLMAN_PROXY_SOURCES_H
#define BELLMAN_PROXY_SOURCES_H

#include "standalone/proxy/plan.h"
#include "standalone/proxy/prefixes.h"

/*
 * Is there anybody of @family who may not come? If so those who may are added to @ret. As
 * kube-proxy has it, ranges of the other family say nothing about this one, and where a node may
 * come, so may the EXTERNAL-IP itself: it is what a node that has this address as its own would
 * send from.
 */
bool sources_of(const struct plan_input *in, uint8_t family, struct prefixes *ret);

/* Add the rules that lead those in @sources to @chain and drop the others, as in struct chain. */
void sources_write(const struct prefixes *sources, uint8_t family, const char *chain,
		   struct text *to);

#endif
