// SPDX-License-Identifier: Apache-2.0
/*
 * Types of Pods (k8s.io/api core/v1). What is seldom written for a Pod that Bellman looks at, such
 * as probes and the sources of volumes, is T_ANY: taken as it is.
 */
#include "standalone/apiserver/types_tables.h"

static const struct field container_port_fields[] = {
	{ "name", T_TEXT, .number = 1 },
	{ "hostPort", T_INT32, .number = 2 },
	{ "containerPort", T_INT32, .number = 3, .always = true },
	{ "protocol", T_TEXT, .number = 4 },
	{ "hostIP", T_TEXT, .number = 5 },
	{ 0 },
};
static const struct object_type container_port = { "ContainerPort", container_port_fields };

static const struct field env_var_fields[] = {
	{ "name", T_TEXT, .number = 1, .always = true },
	{ "value", T_TEXT, .number = 2 },
	{ "valueFrom", T_ANY, .number = 3, .pointer = true },
	{ 0 },
};
static const struct object_type env_var = { "EnvVar", env_var_fields };

static const struct field resource_requirements_fields[] = {
	{ "limits", T_QUANTITY, .shape = T_MAP, .number = 1 },
	{ "requests", T_QUANTITY, .shape = T_MAP, .number = 2 },
	{ "claims", T_ANY, .shape = T_LIST, .number = 3 },
	{ 0 },
};
static const struct object_type resource_requirements = { "ResourceRequirements",
							  resource_requirements_fields };

static const struct field volume_mount_fields[] = {
	{ "name", T_TEXT, .number = 1, .always = true },
	{ "readOnly", T_FLAG, .number = 2 },
	{ "recursiveReadOnly", T_TEXT, .number = 7, .pointer = true },
	{ "mountPath", T_TEXT, .number = 3, .always = true },
	{ "subPath", T_TEXT, .number = 4 },
	{ "mountPropagation", T_TEXT, .number = 5, .pointer = true },
	{ "subPathExpr", T_TEXT, .number = 6 },
	{ 0 },
};
static const struct object_type volume_mount = { "VolumeMount", volume_mount_fields };

static const struct field container_fields[] = {
	{ "name", T_TEXT, .number = 1, .always = true },
	{ "image", T_TEXT, .number = 2 },
	{ "command", T_TEXT, .shape = T_LIST, .number = 3 },
	{ "args", T_TEXT, .shape = T_LIST, .number = 4 },
	{ "workingDir", T_TEXT, .number = 5 },
	{ "ports", T_OBJECT, .shape = T_LIST, .number = 6, .object = &container_port,
	  .merge_key = "containerPort" },
	{ "envFrom", T_ANY, .shape = T_LIST, .number = 19 },
	{ "env", T_OBJECT, .shape = T_LIST, .number = 7, .object = &env_var, .merge_key = "name" },
	{ "resources", T_OBJECT, .number = 8, .object = &resource_requirements },
	{ "resizePolicy", T_ANY, .shape = T_LIST, .number = 23 },
	{ "restartPolicy", T_TEXT, .number = 24, .pointer = true },
	{ "volumeMounts", T_OBJECT, .shape = T_LIST, .number = 9, .object = &volume_mount,
	  .merge_key = "mountPath" },
	{ "volumeDevices", T_ANY, .shape = T_LIST, .number = 21, .merge_key = "devicePath" },
	{ "livenessProbe", T_ANY, .number = 10, .pointer = true },
	{ "readinessProbe", T_ANY, .number = 11, .pointer = true },
	{ "startupProbe", T_ANY, .number = 22, .pointer = true },
	{ "lifecycle", T_ANY, .number = 12, .pointer = true },
	{ "terminationMessagePath", T_TEXT, .number = 13 },
	{ "terminationMessagePolicy", T_TEXT, .number = 20 },
	{ "imagePullPolicy", T_TEXT, .number = 14 },
	{ "securityContext", T_ANY, .number = 15, .pointer = true },
	{ "stdin", T_FLAG, .number = 16 },
	{ "stdinOnce", T_FLAG, .number = 17 },
	{ "tty", T_FLAG, .number = 18 },
	{ 0 },
};
const struct object_type type_container = { "Container", container_fields };

static const struct field toleration_fields[] = {
	{ "key", T_TEXT, .number = 1 },
	{ "operator", T_TEXT, .number = 2 },
	{ "value", T_TEXT, .number = 3 },
	{ "effect", T_TEXT, .number = 4 },
	{ "tolerationSeconds", T_INT64, .number = 5, .pointer = true },
	{ 0 },
};
static const struct object_type toleration = { "Toleration", toleration_fields };

static const struct field host_alias_fields[] = {
	{ "ip", T_TEXT, .number = 1, .always = true },
	{ "hostnames", T_TEXT, .shape = T_LIST, .number = 2 },
	{ 0 },
};
static const struct object_type host_alias = { "HostAlias", host_alias_fields };

static const struct field pod_spec_fields[] = {
	{ "volumes", T_ANY, .shape = T_LIST, .number = 1, .merge_key = "name" },
	{ "initContainers", T_OBJECT, .shape = T_LIST, .number = 20, .object = &type_container,
	  .merge_key = "name" },
	{ "containers", T_OBJECT, .shape = T_LIST, .number = 2, .always = true,
	  .object = &type_container, .merge_key = "name" },
	{ "ephemeralContainers", T_ANY, .shape = T_LIST, .number = 34, .merge_key = "name" },
	{ "restartPolicy", T_TEXT, .number = 3 },
	{ "terminationGracePeriodSeconds", T_INT64, .number = 4, .pointer = true },
	{ "activeDeadlineSeconds", T_INT64, .number = 5, .pointer = true },
	{ "dnsPolicy", T_TEXT, .number = 6 },
	{ "nodeSelector", T_TEXT, .shape = T_MAP, .number = 7 },
	{ "serviceAccountName", T_TEXT, .number = 8 },
	{ "serviceAccount", T_TEXT, .number = 9 },
	{ "automountServiceAccountToken", T_FLAG, .number = 21, .pointer = true },
	{ "nodeName", T_TEXT, .number = 10 },
	{ "hostNetwork", T_FLAG, .number = 11 },
	{ "hostPID", T_FLAG, .number = 12 },
	{ "hostIPC", T_FLAG, .number = 13 },
	{ "shareProcessNamespace", T_FLAG, .number = 27, .pointer = true },
	{ "securityContext", T_ANY, .number = 14, .pointer = true },
	{ "imagePullSecrets", T_OBJECT, .shape = T_LIST, .number = 15,
	  .object = &type_local_object_reference, .merge_key = "name" },
	{ "hostname", T_TEXT, .number = 16 },
	{ "subdomain", T_TEXT, .number = 17 },
	{ "affinity", T_ANY, .number = 18, .pointer = true },
	{ "schedulerName", T_TEXT, .number = 19 },
	{ "tolerations", T_OBJECT, .shape = T_LIST, .number = 22, .object = &toleration },
	{ "hostAliases", T_OBJECT, .shape = T_LIST, .number = 23, .object = &host_alias,
	  .merge_key = "ip" },
	{ "priorityClassName", T_TEXT, .number = 24 },
	{ "priority", T_INT32, .number = 25, .pointer = true },
	{ "dnsConfig", T_ANY, .number = 26, .pointer = true },
	{ "readinessGates", T_ANY, .shape = T_LIST, .number = 28 },
	{ "runtimeClassName", T_TEXT, .number = 29, .pointer = true },
	{ "enableServiceLinks", T_FLAG, .number = 30, .pointer = true },
	{ "preemptionPolicy", T_TEXT, .number = 31, .pointer = true },
	{ "overhead", T_QUANTITY, .shape = T_MAP, .number = 32 },
	{ "topologySpreadConstraints", T_ANY, .shape = T_LIST, .number = 33,
	  .merge_key = "topologyKey" },
	{ "setHostnameAsFQDN", T_FLAG, .number = 35, .pointer = true },
	{ "os", T_ANY, .number = 36, .pointer = true },
	{ "hostUsers", T_FLAG, .number = 37, .pointer = true },
	{ "schedulingGates", T_ANY, .shape = T_LIST, .number = 38, .merge_key = "name" },
	{ "resourceClaims", T_ANY, .shape = T_LIST, .number = 39, .merge_key = "name" },
	{ "resources", T_OBJECT, .number = 40, .pointer = true, .object = &resource_requirements },
	{ 0 },
};
static const struct object_type pod_spec = { "PodSpec", pod_spec_fields };

static const struct field pod_condition_fields[] = {
	{ "type", T_TEXT, .number = 1, .always = true },
	{ "status", T_TEXT, .number = 2, .always = true },
	{ "lastProbeTime", T_TIME, .number = 3 },
	{ "lastTransitionTime", T_TIME, .number = 4 },
	{ "reason", T_TEXT, .number = 5 },
	{ "message", T_TEXT, .number = 6 },
	{ 0 },
};
static const struct object_type pod_condition = { "PodCondition", pod_condition_fields };

static const struct field host_ip_fields[] = {
	{ "ip", T_TEXT, .number = 1, .always = true },
	{ 0 },
};
static const struct object_type host_ip = { "HostIP", host_ip_fields };

static const struct field pod_ip_fields[] = {
	{ "ip", T_TEXT, .number = 1, .always = true },
	{ 0 },
};
static const struct object_type pod_ip = { "PodIP", pod_ip_fields };

static const struct field container_state_waiting_fields[] = {
	{ "reason", T_TEXT, .number = 1 },
	{ "message", T_TEXT, .number = 2 },
	{ 0 },
};
static const struct object_type container_state_waiting = { "ContainerStateWaiting",
							    container_state_waiting_fields };

static const struct field container_state_running_fields[] = {
	{ "startedAt", T_TIME, .number = 1 },
	{ 0 },
};
static const struct object_type container_state_running = { "ContainerStateRunning",
							    container_state_running_fields };

static const struct field container_state_terminated_fields[] = {
	{ "exitCode", T_INT32, .number = 1, .always = true },
	{ "signal", T_INT32, .number = 2 },
	{ "reason", T_TEXT, .number = 3 },
	{ "message", T_TEXT, .number = 4 },
	{ "startedAt", T_TIME, .number = 5 },
	{ "finishedAt", T_TIME, .number = 6 },
	{ "containerID", T_TEXT, .number = 7 },
	{ 0 },
};
static const struct object_type container_state_terminated = { "ContainerStateTerminated",
							       container_state_terminated_fields };

static const struct field container_state_fields[] = {
	{ "waiting", T_OBJECT, .number = 1, .pointer = true, .object = &container_state_waiting },
	{ "running", T_OBJECT, .number = 2, .pointer = true, .object = &container_state_running },
	{ "terminated", T_OBJECT, .number = 3, .pointer = true,
	  .object = &container_state_terminated },
	{ 0 },
};
static const struct object_type container_state = { "ContainerState", container_state_fields };

static const struct field container_status_fields[] = {
	{ "name", T_TEXT, .number = 1, .always = true },
	{ "state", T_OBJECT, .number = 2, .object = &container_state },
	{ "lastState", T_OBJECT, .number = 3, .object = &container_state },
	{ "ready", T_FLAG, .number = 4, .always = true },
	{ "restartCount", T_INT32, .number = 5, .always = true },
	{ "image", T_TEXT, .number = 6, .always = true },
	{ "imageID", T_TEXT, .number = 7, .always = true },
	{ "containerID", T_TEXT, .number = 8 },
	{ "started", T_FLAG, .number = 9, .pointer = true },
	{ "allocatedResources", T_QUANTITY, .shape = T_MAP, .number = 10 },
	{ "resources", T_OBJECT, .number = 11, .pointer = true, .object = &resource_requirements },
	{ "volumeMounts", T_ANY, .shape = T_LIST, .number = 12, .merge_key = "mountPath" },
	{ "user", T_ANY, .number = 13, .pointer = true },
	{ "allocatedResourcesStatus", T_ANY, .shape = T_LIST, .number = 14, .merge_key = "name" },
	{ 0 },
};
static const struct object_type container_status = { "ContainerStatus", container_status_fields };

static const struct field pod_status_fields[] = {
	{ "phase", T_TEXT, .number = 1 },
	{ "conditions", T_OBJECT, .shape = T_LIST, .number = 2, .object = &pod_condition,
	  .merge_key = "type" },
	{ "message", T_TEXT, .number = 3 },
	{ "reason", T_TEXT, .number = 4 },
	{ "nominatedNodeName", T_TEXT, .number = 11 },
	{ "hostIP", T_TEXT, .number = 5 },
	{ "hostIPs", T_OBJECT, .shape = T_LIST, .number = 16, .object = &host_ip,
	  .merge_key = "ip" },
	{ "podIP", T_TEXT, .number = 6 },
	{ "podIPs", T_OBJECT, .shape = T_LIST, .number = 12, .object = &pod_ip, .merge_key = "ip" },
	{ "startTime", T_TIME, .number = 7, .pointer = true },
	{ "initContainerStatuses", T_OBJECT, .shape = T_LIST, .number = 10,
	  .object = &container_status },
	{ "containerStatuses", T_OBJECT, .shape = T_LIST, .number = 8,
	  .object = &container_status },
	{ "qosClass", T_TEXT, .number = 9 },
	{ "ephemeralContainerStatuses", T_OBJECT, .shape = T_LIST, .number = 13,
	  .object = &container_status },
	{ "resize", T_TEXT, .number = 14 },
	{ "resourceClaimStatuses", T_ANY, .shape = T_LIST, .number = 15, .merge_key = "name" },
	{ 0 },
};
static const struct object_type pod_status = { "PodStatus", pod_status_fields };

static const struct field pod_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .object = &type_object_meta },
	{ "spec", T_OBJECT, .number = 2, .object = &pod_spec },
	{ "status", T_OBJECT, .number = 3, .object = &pod_status },
	{ 0 },
};
const struct object_type type_pod = { "Pod", pod_fields };
