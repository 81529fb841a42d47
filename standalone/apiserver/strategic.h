// SPDX-License-Identifier: Apache-2.0
/*
 * Strategic merge patch: a merge patch that knows which lists are maps in disguise.
 *
 * Maps merge, null removes. A list with merge keys merges by element; one of plain
 * values that is a set is united; any other is replaced. Directives: `$patch` (merge,
 * replace, delete), `$retainKeys`, `$deleteFromPrimitiveList/NAME`,
 * `$setElementOrder/NAME`. Which list is which comes from Kubernetes' own types; the
 * table holds the kinds that this server has.
 */
#ifndef BELLMAN_APISERVER_STRATEGIC_H
#define BELLMAN_APISERVER_STRATEGIC_H

#include "standalone/apiserver/json.h"
#include "standalone/apiserver/kinds.h"

/* Merge @patch into the map @object. Returns NULL or a Status 400; @object is undefined then. */
cJSON *strategic_merge(const struct kind *kind, cJSON *object, const cJSON *patch);

#endif
