// SPDX-License-Identifier: Apache-2.0
/*
 * How a pod of MetalLB's controller is known: by its labels, those of MetalLB's manifests and those
 * of its Helm chart. A pod with them that runs an image with "bellman" in its name is one of ours
 * in MetalLB's clothes.
 */
#ifndef BELLMAN_ALLOCATOR_METALLB_POD_H
#define BELLMAN_ALLOCATOR_METALLB_POD_H

#include <stdbool.h>

#include <cjson/cJSON.h>

/* What to ask the API for, as parts of a query: a list each, for there is no "or". */
#define METALLB_POD_MANIFEST "labelSelector=app%3Dmetallb%2Ccomponent%3Dcontroller"
#define METALLB_POD_CHART                                                                          \
	"labelSelector=app.kubernetes.io%2Fname%3Dmetallb%2C"                                      \
	"app.kubernetes.io%2Fcomponent%3Dcontroller"

/* The event on it while we do not lead beside it. */
#define METALLB_POD_EVENT "MetalLBController"

/* Is @pod, which has such labels, Ready and none of ours? */
bool metallb_pod_at_work(const cJSON *pod);

#endif
