// SPDX-License-Identifier: Apache-2.0
/* The tables of types.h, each group of kinds in a file of its own. */
#ifndef BELLMAN_APISERVER_TYPES_TABLES_H
#define BELLMAN_APISERVER_TYPES_TABLES_H

#include "standalone/apiserver/types.h"

extern const struct object_type type_object_meta;
extern const struct object_type type_delete_options;
extern const struct object_type type_namespace;
extern const struct object_type type_node_status;
extern const struct object_type type_node;
extern const struct object_type type_service_spec;
extern const struct object_type type_service;
extern const struct object_type type_object_reference;
extern const struct object_type type_endpoints;
extern const struct object_type type_config_map;
extern const struct object_type type_secret;
extern const struct object_type type_local_object_reference;
extern const struct object_type type_service_account;
extern const struct object_type type_event_source;
extern const struct object_type type_event;
extern const struct object_type type_container;
extern const struct object_type type_pod;
extern const struct object_type type_endpoint_slice;
extern const struct object_type type_lease;
extern const struct object_type type_events_event;
extern const struct object_type type_ingress;
extern const struct object_type type_ingress_class;
extern const struct object_type type_custom_resource_definition;

#endif
