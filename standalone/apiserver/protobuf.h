// SPDX-License-Identifier: Apache-2.0
/*
 * Bodies in application/vnd.kubernetes.protobuf, which `kubectl create namespace` and its
 * like send for built-in kinds, whatever the server prefers. Decoding only: every client
 * that sends it accepts JSON in return.
 *
 * A message is a table of types.h; fields that are not in it, and those that the table does not
 * look into (T_ANY), are skipped: such as volumes and probes of a Pod, which are lost that way.
 */
#ifndef BELLMAN_APISERVER_PROTOBUF_H
#define BELLMAN_APISERVER_PROTOBUF_H

#include "standalone/apiserver/json.h"

#define PROTOBUF_TYPE "application/vnd.kubernetes.protobuf"

/*
 * The object as JSON, the caller's. NULL with *ret_known false: it is of a kind that is not
 * covered; with true: the bytes are not what they should be.
 */
cJSON *protobuf_decode(const void *bytes, size_t len, bool *ret_known);

#endif
