// SPDX-License-Identifier: Apache-2.0
/*
 * Types of the core group, and metadata (k8s.io/api core/v1, apimachinery meta/v1).
 */
#include "standalone/apiserver/types_tables.h"

static const struct field owner_reference_fields[] = {
	{ "apiVersion", T_TEXT, .number = 5, .always = true },
	{ "kind", T_TEXT, .number = 1, .always = true },
	{ "name", T_TEXT, .number = 3, .always = true },
	{ "uid", T_TEXT, .number = 4, .always = true },
	{ "controller", T_FLAG, .number = 6, .pointer = true },
	{ "blockOwnerDeletion", T_FLAG, .number = 7, .pointer = true },
	{ 0 },
};
static const struct object_type owner_reference = { "OwnerReference", owner_reference_fields };

static const struct field object_meta_fields[] = {
	{ "name", T_TEXT, .number = 1 },
	{ "generateName", T_TEXT, .number = 2 },
	{ "namespace", T_TEXT, .number = 3 },
	{ "selfLink", T_TEXT, .number = 4 },
	{ "uid", T_TEXT, .number = 5 },
	{ "resourceVersion", T_TEXT, .number = 6 },
	{ "generation", T_INT64, .number = 7 },
	{ "creationTimestamp", T_TIME, .number = 8 },
	{ "deletionTimestamp", T_TIME, .number = 9, .pointer = true },
	{ "deletionGracePeriodSeconds", T_INT64, .number = 10, .pointer = true },
	{ "labels", T_TEXT, .shape = T_MAP, .number = 11 },
	{ "annotations", T_TEXT, .shape = T_MAP, .number = 12 },
	{ "ownerReferences", T_OBJECT, .shape = T_LIST, .number = 13, .object = &owner_reference,
	  .merge_key = "uid" },
	{ "finalizers", T_TEXT, .shape = T_LIST, .number = 14, .merge_key = "" },
	{ "managedFields", T_ANY, .shape = T_LIST, .number = 17 },
	{ 0 },
};
const struct object_type type_object_meta = { "ObjectMeta", object_meta_fields };

static const struct field preconditions_fields[] = {
	{ "uid", T_TEXT, .number = 1, .pointer = true },
	{ "resourceVersion", T_TEXT, .number = 2, .pointer = true },
	{ 0 },
};
static const struct object_type preconditions = { "Preconditions", preconditions_fields };

static const struct field delete_options_fields[] = {
	{ "gracePeriodSeconds", T_INT64, .number = 1, .pointer = true },
	{ "preconditions", T_OBJECT, .number = 2, .pointer = true, .object = &preconditions },
	{ "orphanDependents", T_FLAG, .number = 3, .pointer = true },
	{ "propagationPolicy", T_TEXT, .number = 4, .pointer = true },
	{ "dryRun", T_TEXT, .shape = T_LIST, .number = 5 },
	{ "ignoreStoreReadErrorWithClusterBreakingPotential", T_FLAG, .number = 6,
	  .pointer = true },
	{ 0 },
};
const struct object_type type_delete_options = { "DeleteOptions", delete_options_fields };

static const struct field namespace_spec_fields[] = {
	{ "finalizers", T_TEXT, .shape = T_LIST, .number = 1 },
	{ 0 },
};
static const struct object_type namespace_spec = { "NamespaceSpec", namespace_spec_fields };

static const struct field namespace_condition_fields[] = {
	{ "type", T_TEXT, .number = 1, .always = true },
	{ "status", T_TEXT, .number = 2, .always = true },
	{ "lastTransitionTime", T_TIME, .number = 4 },
	{ "reason", T_TEXT, .number = 5 },
	{ "message", T_TEXT, .number = 6 },
	{ 0 },
};
static const struct object_type namespace_condition = { "NamespaceCondition",
							namespace_condition_fields };

static const struct field namespace_status_fields[] = {
	{ "phase", T_TEXT, .number = 1 },
	{ "conditions", T_OBJECT, .shape = T_LIST, .number = 2, .object = &namespace_condition,
	  .merge_key = "type" },
	{ 0 },
};
static const struct object_type namespace_status = { "NamespaceStatus", namespace_status_fields };

static const struct field namespace_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .object = &type_object_meta },
	{ "spec", T_OBJECT, .number = 2, .object = &namespace_spec },
	{ "status", T_OBJECT, .number = 3, .object = &namespace_status },
	{ 0 },
};
const struct object_type type_namespace = { "Namespace", namespace_fields };

static const struct field taint_fields[] = {
	{ "key", T_TEXT, .number = 1, .always = true },
	{ "value", T_TEXT, .number = 2 },
	{ "effect", T_TEXT, .number = 3, .always = true },
	{ "timeAdded", T_TIME, .number = 4, .pointer = true },
	{ 0 },
};
static const struct object_type taint = { "Taint", taint_fields };

static const struct field node_spec_fields[] = {
	{ "podCIDR", T_TEXT, .number = 1 },
	{ "podCIDRs", T_TEXT, .shape = T_LIST, .number = 7, .merge_key = "" },
	{ "providerID", T_TEXT, .number = 3 },
	{ "unschedulable", T_FLAG, .number = 4 },
	{ "taints", T_OBJECT, .shape = T_LIST, .number = 5, .object = &taint },
	{ "configSource", T_ANY, .number = 6, .pointer = true },
	{ "externalID", T_TEXT, .number = 2 },
	{ 0 },
};
static const struct object_type node_spec = { "NodeSpec", node_spec_fields };

static const struct field node_condition_fields[] = {
	{ "type", T_TEXT, .number = 1, .always = true },
	{ "status", T_TEXT, .number = 2, .always = true },
	{ "lastHeartbeatTime", T_TIME, .number = 3 },
	{ "lastTransitionTime", T_TIME, .number = 4 },
	{ "reason", T_TEXT, .number = 5 },
	{ "message", T_TEXT, .number = 6 },
	{ 0 },
};
static const struct object_type node_condition = { "NodeCondition", node_condition_fields };

static const struct field node_address_fields[] = {
	{ "type", T_TEXT, .number = 1, .always = true },
	{ "address", T_TEXT, .number = 2, .always = true },
	{ 0 },
};
static const struct object_type node_address = { "NodeAddress", node_address_fields };

static const struct field daemon_endpoint_fields[] = {
	{ "Port", T_INT32, .number = 1, .always = true },
	{ 0 },
};
static const struct object_type daemon_endpoint = { "DaemonEndpoint", daemon_endpoint_fields };

static const struct field node_daemon_endpoints_fields[] = {
	{ "kubeletEndpoint", T_OBJECT, .number = 1, .object = &daemon_endpoint },
	{ 0 },
};
static const struct object_type node_daemon_endpoints = { "NodeDaemonEndpoints",
							  node_daemon_endpoints_fields };

static const struct field node_system_info_fields[] = {
	{ "machineID", T_TEXT, .number = 1, .always = true },
	{ "systemUUID", T_TEXT, .number = 2, .always = true },
	{ "bootID", T_TEXT, .number = 3, .always = true },
	{ "kernelVersion", T_TEXT, .number = 4, .always = true },
	{ "osImage", T_TEXT, .number = 5, .always = true },
	{ "containerRuntimeVersion", T_TEXT, .number = 6, .always = true },
	{ "kubeletVersion", T_TEXT, .number = 7, .always = true },
	{ "kubeProxyVersion", T_TEXT, .number = 8, .always = true },
	{ "operatingSystem", T_TEXT, .number = 9, .always = true },
	{ "architecture", T_TEXT, .number = 10, .always = true },
	{ 0 },
};
static const struct object_type node_system_info = { "NodeSystemInfo", node_system_info_fields };

static const struct field node_status_fields[] = {
	{ "capacity", T_QUANTITY, .shape = T_MAP, .number = 1 },
	{ "allocatable", T_QUANTITY, .shape = T_MAP, .number = 2 },
	{ "phase", T_TEXT, .number = 3 },
	{ "conditions", T_OBJECT, .shape = T_LIST, .number = 4, .object = &node_condition,
	  .merge_key = "type" },
	{ "addresses", T_OBJECT, .shape = T_LIST, .number = 5, .object = &node_address,
	  .merge_key = "type" },
	{ "daemonEndpoints", T_OBJECT, .number = 6, .object = &node_daemon_endpoints },
	{ "nodeInfo", T_OBJECT, .number = 7, .object = &node_system_info },
	{ "images", T_ANY, .shape = T_LIST, .number = 8 },
	{ "volumesInUse", T_TEXT, .shape = T_LIST, .number = 9 },
	{ "volumesAttached", T_ANY, .shape = T_LIST, .number = 10 },
	{ "config", T_ANY, .number = 11, .pointer = true },
	{ "runtimeHandlers", T_ANY, .shape = T_LIST, .number = 12 },
	{ "features", T_ANY, .number = 13, .pointer = true },
	{ 0 },
};
const struct object_type type_node_status = { "NodeStatus", node_status_fields };

static const struct field node_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .object = &type_object_meta },
	{ "spec", T_OBJECT, .number = 2, .object = &node_spec },
	{ "status", T_OBJECT, .number = 3, .object = &type_node_status },
	{ 0 },
};
const struct object_type type_node = { "Node", node_fields };

static const struct field service_port_fields[] = {
	{ "name", T_TEXT, .number = 1 },
	{ "protocol", T_TEXT, .number = 2 },
	{ "appProtocol", T_TEXT, .number = 6, .pointer = true },
	{ "port", T_INT32, .number = 3, .always = true },
	{ "targetPort", T_INT_OR_TEXT, .number = 4 },
	{ "nodePort", T_INT32, .number = 5 },
	{ 0 },
};
static const struct object_type service_port = { "ServicePort", service_port_fields };

static const struct field client_ip_config_fields[] = {
	{ "timeoutSeconds", T_INT32, .number = 1, .pointer = true },
	{ 0 },
};
static const struct object_type client_ip_config = { "ClientIPConfig", client_ip_config_fields };

static const struct field session_affinity_config_fields[] = {
	{ "clientIP", T_OBJECT, .number = 1, .pointer = true, .object = &client_ip_config },
	{ 0 },
};
static const struct object_type session_affinity_config = { "SessionAffinityConfig",
							    session_affinity_config_fields };

static const struct field service_spec_fields[] = {
	{ "ports", T_OBJECT, .shape = T_LIST, .number = 1, .object = &service_port,
	  .merge_key = "port" },
	{ "selector", T_TEXT, .shape = T_MAP, .number = 2 },
	{ "clusterIP", T_TEXT, .number = 3 },
	{ "clusterIPs", T_TEXT, .shape = T_LIST, .number = 18 },
	{ "type", T_TEXT, .number = 4 },
	{ "externalIPs", T_TEXT, .shape = T_LIST, .number = 5 },
	{ "sessionAffinity", T_TEXT, .number = 7 },
	{ "loadBalancerIP", T_TEXT, .number = 8 },
	{ "loadBalancerSourceRanges", T_TEXT, .shape = T_LIST, .number = 9 },
	{ "externalName", T_TEXT, .number = 10 },
	{ "externalTrafficPolicy", T_TEXT, .number = 11 },
	{ "healthCheckNodePort", T_INT32, .number = 12 },
	{ "publishNotReadyAddresses", T_FLAG, .number = 13 },
	{ "sessionAffinityConfig", T_OBJECT, .number = 14, .pointer = true,
	  .object = &session_affinity_config },
	{ "ipFamilies", T_TEXT, .shape = T_LIST, .number = 19 },
	{ "ipFamilyPolicy", T_TEXT, .number = 17, .pointer = true },
	{ "allocateLoadBalancerNodePorts", T_FLAG, .number = 20, .pointer = true },
	{ "loadBalancerClass", T_TEXT, .number = 21, .pointer = true },
	{ "internalTrafficPolicy", T_TEXT, .number = 22, .pointer = true },
	{ "trafficDistribution", T_TEXT, .number = 23, .pointer = true },
	{ 0 },
};
const struct object_type type_service_spec = { "ServiceSpec", service_spec_fields };

static const struct field port_status_fields[] = {
	{ "port", T_INT32, .number = 1, .always = true },
	{ "protocol", T_TEXT, .number = 2, .always = true },
	{ "error", T_TEXT, .number = 3, .pointer = true },
	{ 0 },
};
static const struct object_type port_status = { "PortStatus", port_status_fields };

static const struct field load_balancer_ingress_fields[] = {
	{ "ip", T_TEXT, .number = 1 },
	{ "hostname", T_TEXT, .number = 2 },
	{ "ipMode", T_TEXT, .number = 3, .pointer = true },
	{ "ports", T_OBJECT, .shape = T_LIST, .number = 4, .object = &port_status },
	{ 0 },
};
static const struct object_type load_balancer_ingress = { "LoadBalancerIngress",
							  load_balancer_ingress_fields };

static const struct field load_balancer_status_fields[] = {
	{ "ingress", T_OBJECT, .shape = T_LIST, .number = 1, .object = &load_balancer_ingress },
	{ 0 },
};
static const struct object_type load_balancer_status = { "LoadBalancerStatus",
							 load_balancer_status_fields };

static const struct field condition_fields[] = {
	{ "type", T_TEXT, .number = 1, .always = true },
	{ "status", T_TEXT, .number = 2, .always = true },
	{ "observedGeneration", T_INT64, .number = 3 },
	{ "lastTransitionTime", T_TIME, .number = 4, .always = true },
	{ "reason", T_TEXT, .number = 5, .always = true },
	{ "message", T_TEXT, .number = 6, .always = true },
	{ 0 },
};
static const struct object_type condition = { "Condition", condition_fields };

static const struct field service_status_fields[] = {
	{ "loadBalancer", T_OBJECT, .number = 1, .object = &load_balancer_status },
	{ "conditions", T_OBJECT, .shape = T_LIST, .number = 2, .object = &condition,
	  .merge_key = "type" },
	{ 0 },
};
static const struct object_type service_status = { "ServiceStatus", service_status_fields };

static const struct field service_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .object = &type_object_meta },
	{ "spec", T_OBJECT, .number = 2, .object = &type_service_spec },
	{ "status", T_OBJECT, .number = 3, .object = &service_status },
	{ 0 },
};
const struct object_type type_service = { "Service", service_fields };

static const struct field object_reference_fields[] = {
	{ "kind", T_TEXT, .number = 1 },       { "namespace", T_TEXT, .number = 2 },
	{ "name", T_TEXT, .number = 3 },       { "uid", T_TEXT, .number = 4 },
	{ "apiVersion", T_TEXT, .number = 5 }, { "resourceVersion", T_TEXT, .number = 6 },
	{ "fieldPath", T_TEXT, .number = 7 },  { 0 },
};
const struct object_type type_object_reference = { "ObjectReference", object_reference_fields };

static const struct field endpoint_address_fields[] = {
	{ "ip", T_TEXT, .number = 1, .always = true },
	{ "hostname", T_TEXT, .number = 3 },
	{ "nodeName", T_TEXT, .number = 4, .pointer = true },
	{ "targetRef", T_OBJECT, .number = 2, .pointer = true, .object = &type_object_reference },
	{ 0 },
};
static const struct object_type endpoint_address = { "EndpointAddress", endpoint_address_fields };

static const struct field endpoint_port_fields[] = {
	{ "name", T_TEXT, .number = 1 },
	{ "port", T_INT32, .number = 2, .always = true },
	{ "protocol", T_TEXT, .number = 3 },
	{ "appProtocol", T_TEXT, .number = 4, .pointer = true },
	{ 0 },
};
static const struct object_type endpoint_port = { "EndpointPort", endpoint_port_fields };

static const struct field endpoint_subset_fields[] = {
	{ "addresses", T_OBJECT, .shape = T_LIST, .number = 1, .object = &endpoint_address },
	{ "notReadyAddresses", T_OBJECT, .shape = T_LIST, .number = 2,
	  .object = &endpoint_address },
	{ "ports", T_OBJECT, .shape = T_LIST, .number = 3, .object = &endpoint_port },
	{ 0 },
};
static const struct object_type endpoint_subset = { "EndpointSubset", endpoint_subset_fields };

static const struct field endpoints_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .object = &type_object_meta },
	{ "subsets", T_OBJECT, .shape = T_LIST, .number = 2, .object = &endpoint_subset },
	{ 0 },
};
const struct object_type type_endpoints = { "Endpoints", endpoints_fields };

static const struct field config_map_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .object = &type_object_meta },
	{ "immutable", T_FLAG, .number = 4, .pointer = true },
	{ "data", T_TEXT, .shape = T_MAP, .number = 2 },
	{ "binaryData", T_BLOB, .shape = T_MAP, .number = 3 },
	{ 0 },
};
const struct object_type type_config_map = { "ConfigMap", config_map_fields };

static const struct field secret_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .object = &type_object_meta },
	{ "immutable", T_FLAG, .number = 5, .pointer = true },
	{ "data", T_BLOB, .shape = T_MAP, .number = 2 },
	{ "stringData", T_TEXT, .shape = T_MAP, .number = 4 },
	{ "type", T_TEXT, .number = 3 },
	{ 0 },
};
const struct object_type type_secret = { "Secret", secret_fields };

static const struct field local_object_reference_fields[] = {
	{ "name", T_TEXT, .number = 1 },
	{ 0 },
};
const struct object_type type_local_object_reference = { "LocalObjectReference",
							 local_object_reference_fields };

static const struct field service_account_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .object = &type_object_meta },
	{ "secrets", T_OBJECT, .shape = T_LIST, .number = 2, .object = &type_object_reference,
	  .merge_key = "name" },
	{ "imagePullSecrets", T_OBJECT, .shape = T_LIST, .number = 3,
	  .object = &type_local_object_reference },
	{ "automountServiceAccountToken", T_FLAG, .number = 4, .pointer = true },
	{ 0 },
};
const struct object_type type_service_account = { "ServiceAccount", service_account_fields };

static const struct field event_source_fields[] = {
	{ "component", T_TEXT, .number = 1 },
	{ "host", T_TEXT, .number = 2 },
	{ 0 },
};
const struct object_type type_event_source = { "EventSource", event_source_fields };

static const struct field event_series_fields[] = {
	{ "count", T_INT32, .number = 1 },
	{ "lastObservedTime", T_MICRO_TIME, .number = 2 },
	{ 0 },
};
static const struct object_type event_series = { "EventSeries", event_series_fields };

static const struct field event_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .always = true, .object = &type_object_meta },
	{ "involvedObject", T_OBJECT, .number = 2, .always = true,
	  .object = &type_object_reference },
	{ "reason", T_TEXT, .number = 3 },
	{ "message", T_TEXT, .number = 4 },
	{ "source", T_OBJECT, .number = 5, .object = &type_event_source },
	{ "firstTimestamp", T_TIME, .number = 6 },
	{ "lastTimestamp", T_TIME, .number = 7 },
	{ "count", T_INT32, .number = 8 },
	{ "type", T_TEXT, .number = 9 },
	{ "eventTime", T_MICRO_TIME, .number = 10 },
	{ "series", T_OBJECT, .number = 11, .pointer = true, .object = &event_series },
	{ "action", T_TEXT, .number = 12 },
	{ "related", T_OBJECT, .number = 13, .pointer = true, .object = &type_object_reference },
	{ "reportingComponent", T_TEXT, .number = 14, .always = true },
	{ "reportingInstance", T_TEXT, .number = 15, .always = true },
	{ 0 },
};
const struct object_type type_event = { "Event", event_fields };
