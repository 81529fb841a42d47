// SPDX-License-Identifier: Apache-2.0
/*
 * What the validating webhook answers: an AdmissionReview (admission.k8s.io/v1) about one of the
 * user's custom resources, and what else is configured, become a verdict.
 *
 * Pure: no socket, no state; webhook_io.c has those. The checks are those of lib/model, over the
 * list as it would be (compatibility page 1.10). Unlike MetalLB it refuses what a change makes
 * worse, not what was wrong before: an edit that mends one of two mistakes passes.
 */
#ifndef BELLMAN_ALLOCATOR_WEBHOOK_H
#define BELLMAN_ALLOCATOR_WEBHOOK_H

#include <stddef.h>

#include "lib/model/config.h"

/* Is there a webhook at this path, such as /validate-metallb-io-v1beta1-ipaddresspool? */
bool webhook_has(const char *path);

/*
 * Decide about the review @body of @len bytes that came to @path.
 *
 * @ns: where custom resources have to be. @known: what there is now, the resource as it was before
 * included; only read.
 *
 * Returns 0 and *ret, the review with the answer as JSON, which the caller frees; -ENOENT: no such
 * path; -EBADMSG: the body is no review of the kind that belongs to it; -ENOMEM.
 */
int webhook_decide(const char *path, const char *body, size_t len, const char *ns,
		   const struct config_inputs *known, char **ret);

#endif
