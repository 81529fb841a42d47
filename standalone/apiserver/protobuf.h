// SPDX-License-Identifier: Apache-2.0
/*
 * Bodies in application/vnd.kubernetes.protobuf, which `kubectl create namespace` and its
 * like send for built-in kinds, whatever the server prefers. Decoding only: every client
 * that sends it accepts JSON in return.
 *
 * A message is a table of field numbers, from Kubernetes' generated.proto files; fields
 * that are not in it are skipped, as protobuf asks. Not covered: Pods, Nodes and what no
 * kubectl makes by words.
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
