// SPDX-License-Identifier: Apache-2.0
/* The tables of kinds_bgp.c, for the list of all kinds in kinds.c; nobody else includes it. */
#ifndef BELLMAN_MODEL_KINDS_BGP_H
#define BELLMAN_MODEL_KINDS_BGP_H

#include "lib/model/schema.h"

extern const struct field bgp_advertisement_fields[], bgp_advertisement_own[];
extern const struct field bgp_peer_fields[], bgp_peer_v1beta1_fields[];
extern const struct field bfd_profile_fields[], community_fields[];

void bgp_advertisement_rules(const struct json *spec);
void bgp_peer_rules(const struct json *spec);
void bgp_peer_v1beta1_rules(const struct json *spec);
void community_rules(const struct json *spec);

#endif
