// SPDX-License-Identifier: Apache-2.0
/*
 * OpenAPI documents, made of the tables of types.h: what kubectl explains kinds from, checks
 * manifests against (1.20), and looks up whether a dry run is understood.
 *
 * They have names, types and merge keys of fields, and no descriptions; those of custom resources
 * are their definitions' own schemas.
 */
#ifndef BELLMAN_APISERVER_OPENAPI_H
#define BELLMAN_APISERVER_OPENAPI_H

#include "standalone/apiserver/rest.h"

/* True when the path is one of OpenAPI's and @r is the answer. */
bool openapi_handle(const struct api *a, const struct request *q, struct reply *r);

#endif
