// SPDX-License-Identifier: Apache-2.0
/*
 * Types of discovery, coordination, networking and events.k8s.io, each v1.
 */
#include "standalone/apiserver/types_tables.h"

static const struct field endpoint_conditions_fields[] = {
	{ "ready", T_FLAG, .number = 1, .pointer = true },
	{ "serving", T_FLAG, .number = 2, .pointer = true },
	{ "terminating", T_FLAG, .number = 3, .pointer = true },
	{ 0 },
};
static const struct object_type endpoint_conditions = { "EndpointConditions",
							endpoint_conditions_fields };

static const struct field for_zone_fields[] = {
	{ "name", T_TEXT, .number = 1, .always = true },
	{ 0 },
};
static const struct object_type for_zone = { "ForZone", for_zone_fields };

static const struct field endpoint_hints_fields[] = {
	{ "forZones", T_OBJECT, .shape = T_LIST, .number = 1, .object = &for_zone },
	{ 0 },
};
static const struct object_type endpoint_hints = { "EndpointHints", endpoint_hints_fields };

static const struct field endpoint_fields[] = {
	{ "addresses", T_TEXT, .shape = T_LIST, .number = 1, .always = true },
	{ "conditions", T_OBJECT, .number = 2, .object = &endpoint_conditions },
	{ "hostname", T_TEXT, .number = 3, .pointer = true },
	{ "targetRef", T_OBJECT, .number = 4, .pointer = true, .object = &type_object_reference },
	{ "deprecatedTopology", T_TEXT, .shape = T_MAP, .number = 5 },
	{ "nodeName", T_TEXT, .number = 6, .pointer = true },
	{ "zone", T_TEXT, .number = 7, .pointer = true },
	{ "hints", T_OBJECT, .number = 8, .pointer = true, .object = &endpoint_hints },
	{ 0 },
};
static const struct object_type endpoint = { "Endpoint", endpoint_fields };

static const struct field endpoint_port_fields[] = {
	{ "name", T_TEXT, .number = 1, .pointer = true },
	{ "protocol", T_TEXT, .number = 2, .pointer = true },
	{ "port", T_INT32, .number = 3, .pointer = true },
	{ "appProtocol", T_TEXT, .number = 4, .pointer = true },
	{ 0 },
};
static const struct object_type endpoint_port = { "EndpointPort", endpoint_port_fields };

static const struct field endpoint_slice_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .object = &type_object_meta },
	{ "addressType", T_TEXT, .number = 4, .always = true },
	{ "endpoints", T_OBJECT, .shape = T_LIST, .number = 2, .always = true,
	  .object = &endpoint },
	{ "ports", T_OBJECT, .shape = T_LIST, .number = 3, .always = true,
	  .object = &endpoint_port },
	{ 0 },
};
const struct object_type type_endpoint_slice = { "EndpointSlice", endpoint_slice_fields };

static const struct field lease_spec_fields[] = {
	{ "holderIdentity", T_TEXT, .number = 1, .pointer = true },
	{ "leaseDurationSeconds", T_INT32, .number = 2, .pointer = true },
	{ "acquireTime", T_MICRO_TIME, .number = 3, .pointer = true },
	{ "renewTime", T_MICRO_TIME, .number = 4, .pointer = true },
	{ "leaseTransitions", T_INT32, .number = 5, .pointer = true },
	{ "strategy", T_TEXT, .number = 6, .pointer = true },
	{ "preferredHolder", T_TEXT, .number = 7, .pointer = true },
	{ 0 },
};
static const struct object_type lease_spec = { "LeaseSpec", lease_spec_fields };

static const struct field lease_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .object = &type_object_meta },
	{ "spec", T_OBJECT, .number = 2, .object = &lease_spec },
	{ 0 },
};
const struct object_type type_lease = { "Lease", lease_fields };

static const struct field events_event_series_fields[] = {
	{ "count", T_INT32, .number = 1, .always = true },
	{ "lastObservedTime", T_MICRO_TIME, .number = 2, .always = true },
	{ 0 },
};
static const struct object_type events_event_series = { "EventSeries", events_event_series_fields };

static const struct field events_event_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .always = true, .object = &type_object_meta },
	{ "eventTime", T_MICRO_TIME, .number = 2, .always = true },
	{ "series", T_OBJECT, .number = 3, .pointer = true, .object = &events_event_series },
	{ "reportingController", T_TEXT, .number = 4 },
	{ "reportingInstance", T_TEXT, .number = 5 },
	{ "action", T_TEXT, .number = 6 },
	{ "reason", T_TEXT, .number = 7 },
	{ "regarding", T_OBJECT, .number = 8, .object = &type_object_reference },
	{ "related", T_OBJECT, .number = 9, .pointer = true, .object = &type_object_reference },
	{ "note", T_TEXT, .number = 10 },
	{ "type", T_TEXT, .number = 11 },
	{ "deprecatedSource", T_OBJECT, .number = 12, .object = &type_event_source },
	{ "deprecatedFirstTimestamp", T_TIME, .number = 13 },
	{ "deprecatedLastTimestamp", T_TIME, .number = 14 },
	{ "deprecatedCount", T_INT32, .number = 15 },
	{ 0 },
};
const struct object_type type_events_event = { "Event", events_event_fields };

static const struct field service_backend_port_fields[] = {
	{ "name", T_TEXT, .number = 1 },
	{ "number", T_INT32, .number = 2 },
	{ 0 },
};
static const struct object_type service_backend_port = { "ServiceBackendPort",
							 service_backend_port_fields };

static const struct field ingress_service_backend_fields[] = {
	{ "name", T_TEXT, .number = 1, .always = true },
	{ "port", T_OBJECT, .number = 2, .object = &service_backend_port },
	{ 0 },
};
static const struct object_type ingress_service_backend = { "IngressServiceBackend",
							    ingress_service_backend_fields };

static const struct field typed_local_object_reference_fields[] = {
	{ "apiGroup", T_TEXT, .number = 1, .pointer = true, .always = true },
	{ "kind", T_TEXT, .number = 2, .always = true },
	{ "name", T_TEXT, .number = 3, .always = true },
	{ 0 },
};
static const struct object_type typed_local_object_reference = {
	"TypedLocalObjectReference", typed_local_object_reference_fields
};

static const struct field ingress_backend_fields[] = {
	{ "service", T_OBJECT, .number = 4, .pointer = true, .object = &ingress_service_backend },
	{ "resource", T_OBJECT, .number = 3, .pointer = true,
	  .object = &typed_local_object_reference },
	{ 0 },
};
static const struct object_type ingress_backend = { "IngressBackend", ingress_backend_fields };

static const struct field ingress_tls_fields[] = {
	{ "hosts", T_TEXT, .shape = T_LIST, .number = 1 },
	{ "secretName", T_TEXT, .number = 2 },
	{ 0 },
};
static const struct object_type ingress_tls = { "IngressTLS", ingress_tls_fields };

static const struct field http_ingress_path_fields[] = {
	{ "path", T_TEXT, .number = 1 },
	{ "pathType", T_TEXT, .number = 3, .pointer = true, .always = true },
	{ "backend", T_OBJECT, .number = 2, .always = true, .object = &ingress_backend },
	{ 0 },
};
static const struct object_type http_ingress_path = { "HTTPIngressPath", http_ingress_path_fields };

static const struct field http_ingress_rule_value_fields[] = {
	{ "paths", T_OBJECT, .shape = T_LIST, .number = 1, .always = true,
	  .object = &http_ingress_path },
	{ 0 },
};
static const struct object_type http_ingress_rule_value = { "HTTPIngressRuleValue",
							    http_ingress_rule_value_fields };

static const struct field ingress_rule_value_fields[] = {
	{ "http", T_OBJECT, .number = 1, .pointer = true, .object = &http_ingress_rule_value },
	{ 0 },
};
static const struct object_type ingress_rule_value = { "IngressRuleValue",
						       ingress_rule_value_fields };

static const struct field ingress_rule_fields[] = {
	{ "host", T_TEXT, .number = 1 },
	{ NULL, T_OBJECT, .number = 2, .object = &ingress_rule_value },
	{ 0 },
};
static const struct object_type ingress_rule = { "IngressRule", ingress_rule_fields };

static const struct field ingress_spec_fields[] = {
	{ "ingressClassName", T_TEXT, .number = 4, .pointer = true },
	{ "defaultBackend", T_OBJECT, .number = 1, .pointer = true, .object = &ingress_backend },
	{ "tls", T_OBJECT, .shape = T_LIST, .number = 2, .object = &ingress_tls },
	{ "rules", T_OBJECT, .shape = T_LIST, .number = 3, .object = &ingress_rule },
	{ 0 },
};
static const struct object_type ingress_spec = { "IngressSpec", ingress_spec_fields };

static const struct field ingress_port_status_fields[] = {
	{ "port", T_INT32, .number = 1, .always = true },
	{ "protocol", T_TEXT, .number = 2, .always = true },
	{ "error", T_TEXT, .number = 3, .pointer = true },
	{ 0 },
};
static const struct object_type ingress_port_status = { "IngressPortStatus",
							ingress_port_status_fields };

static const struct field ingress_load_balancer_ingress_fields[] = {
	{ "ip", T_TEXT, .number = 1 },
	{ "hostname", T_TEXT, .number = 2 },
	{ "ports", T_OBJECT, .shape = T_LIST, .number = 4, .object = &ingress_port_status },
	{ 0 },
};
static const struct object_type ingress_load_balancer_ingress = {
	"IngressLoadBalancerIngress", ingress_load_balancer_ingress_fields
};

static const struct field ingress_load_balancer_status_fields[] = {
	{ "ingress", T_OBJECT, .shape = T_LIST, .number = 1,
	  .object = &ingress_load_balancer_ingress },
	{ 0 },
};
static const struct object_type ingress_load_balancer_status = {
	"IngressLoadBalancerStatus", ingress_load_balancer_status_fields
};

static const struct field ingress_status_fields[] = {
	{ "loadBalancer", T_OBJECT, .number = 1, .object = &ingress_load_balancer_status },
	{ 0 },
};
static const struct object_type ingress_status = { "IngressStatus", ingress_status_fields };

static const struct field ingress_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .object = &type_object_meta },
	{ "spec", T_OBJECT, .number = 2, .object = &ingress_spec },
	{ "status", T_OBJECT, .number = 3, .object = &ingress_status },
	{ 0 },
};
const struct object_type type_ingress = { "Ingress", ingress_fields };

static const struct field ingress_class_parameters_reference_fields[] = {
	{ "apiGroup", T_TEXT, .number = 1, .pointer = true },
	{ "kind", T_TEXT, .number = 2, .always = true },
	{ "name", T_TEXT, .number = 3, .always = true },
	{ "scope", T_TEXT, .number = 4, .pointer = true, .always = true },
	{ "namespace", T_TEXT, .number = 5, .pointer = true },
	{ 0 },
};
static const struct object_type ingress_class_parameters_reference = {
	"IngressClassParametersReference", ingress_class_parameters_reference_fields
};

static const struct field ingress_class_spec_fields[] = {
	{ "controller", T_TEXT, .number = 1 },
	{ "parameters", T_OBJECT, .number = 2, .pointer = true,
	  .object = &ingress_class_parameters_reference },
	{ 0 },
};
static const struct object_type ingress_class_spec = { "IngressClassSpec",
						       ingress_class_spec_fields };

static const struct field ingress_class_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .object = &type_object_meta },
	{ "spec", T_OBJECT, .number = 2, .object = &ingress_class_spec },
	{ 0 },
};
const struct object_type type_ingress_class = { "IngressClass", ingress_class_fields };
