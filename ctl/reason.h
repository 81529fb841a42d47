// SPDX-License-Identifier: Apache-2.0
/*
 * Why a Service is as it is, in one sentence.
 *
 * What its status and its condition say is fact. What the engine here decides rests on what is seen
 * here, which need not be what the daemons have: it is told as that.
 */
#ifndef BELLMAN_CTL_REASON_H
#define BELLMAN_CTL_REASON_H

#include "ctl/engines.h"

/* How to look at what engines came to. */
struct outcome_cfg {
	bool status; /* they ran to see what is, not what would be */
	bool blind;  /* what they ran with is not what the daemons have: they foretell nothing */
	bool led;    /* an allocator is known to lead */
};

#define REASON_MAX 2048

/* Sentences without a full stop; "" for none. */
struct reason {
	char why[REASON_MAX];  /* it has no address, or will not keep it so */
	char note[REASON_MAX]; /* what the engine here makes of it, where the allocator says else */
};

/* @s is the Service of @view, as it stands now. */
void reason_find(const struct outcome_cfg *cfg, const struct cluster *c, const struct allocator *a,
		 const struct allocator_service_view *view, const struct service *s,
		 struct reason *ret);

/* Why a pool with an IPAM gives nothing in a plan; into @buf, which is returned. */
const char *reason_ipam_text(const struct pool *pool, char *buf, size_t size);

#endif
