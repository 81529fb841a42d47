// SPDX-License-Identifier: Apache-2.0
/*
 * Types of CustomResourceDefinitions (apiextensions/v1). Schemas are T_ANY: they are kept, not
 * enforced.
 */
#include "standalone/apiserver/types_tables.h"

static const struct field custom_resource_definition_names_fields[] = {
	{ "plural", T_TEXT, .number = 1, .always = true },
	{ "singular", T_TEXT, .number = 2 },
	{ "shortNames", T_TEXT, .shape = T_LIST, .number = 3 },
	{ "kind", T_TEXT, .number = 4, .always = true },
	{ "listKind", T_TEXT, .number = 5 },
	{ "categories", T_TEXT, .shape = T_LIST, .number = 6 },
	{ 0 },
};
static const struct object_type custom_resource_definition_names = {
	"CustomResourceDefinitionNames", custom_resource_definition_names_fields
};

static const struct field custom_resource_validation_fields[] = {
	{ "openAPIV3Schema", T_ANY, .number = 1, .pointer = true },
	{ 0 },
};
static const struct object_type custom_resource_validation = { "CustomResourceValidation",
							       custom_resource_validation_fields };

static const struct field custom_resource_subresource_scale_fields[] = {
	{ "specReplicasPath", T_TEXT, .number = 1, .always = true },
	{ "statusReplicasPath", T_TEXT, .number = 2, .always = true },
	{ "labelSelectorPath", T_TEXT, .number = 3, .pointer = true },
	{ 0 },
};
static const struct object_type custom_resource_subresource_scale = {
	"CustomResourceSubresourceScale", custom_resource_subresource_scale_fields
};

static const struct field custom_resource_subresources_fields[] = {
	{ "status", T_ANY, .number = 1, .pointer = true },
	{ "scale", T_OBJECT, .number = 2, .pointer = true,
	  .object = &custom_resource_subresource_scale },
	{ 0 },
};
static const struct object_type custom_resource_subresources = {
	"CustomResourceSubresources", custom_resource_subresources_fields
};

static const struct field custom_resource_column_definition_fields[] = {
	{ "name", T_TEXT, .number = 1, .always = true },
	{ "type", T_TEXT, .number = 2, .always = true },
	{ "format", T_TEXT, .number = 3 },
	{ "description", T_TEXT, .number = 4 },
	{ "priority", T_INT32, .number = 5 },
	{ "jsonPath", T_TEXT, .number = 6, .always = true },
	{ 0 },
};
static const struct object_type custom_resource_column_definition = {
	"CustomResourceColumnDefinition", custom_resource_column_definition_fields
};

static const struct field selectable_field_fields[] = {
	{ "jsonPath", T_TEXT, .number = 1, .always = true },
	{ 0 },
};
static const struct object_type selectable_field = { "SelectableField", selectable_field_fields };

static const struct field custom_resource_definition_version_fields[] = {
	{ "name", T_TEXT, .number = 1, .always = true },
	{ "served", T_FLAG, .number = 2, .always = true },
	{ "storage", T_FLAG, .number = 3, .always = true },
	{ "deprecated", T_FLAG, .number = 7 },
	{ "deprecationWarning", T_TEXT, .number = 8, .pointer = true },
	{ "schema", T_OBJECT, .number = 4, .pointer = true, .object = &custom_resource_validation },
	{ "subresources", T_OBJECT, .number = 5, .pointer = true,
	  .object = &custom_resource_subresources },
	{ "additionalPrinterColumns", T_OBJECT, .shape = T_LIST, .number = 6,
	  .object = &custom_resource_column_definition },
	{ "selectableFields", T_OBJECT, .shape = T_LIST, .number = 9, .object = &selectable_field },
	{ 0 },
};
static const struct object_type custom_resource_definition_version = {
	"CustomResourceDefinitionVersion", custom_resource_definition_version_fields
};

static const struct field service_reference_fields[] = {
	{ "namespace", T_TEXT, .number = 1, .always = true },
	{ "name", T_TEXT, .number = 2, .always = true },
	{ "path", T_TEXT, .number = 3, .pointer = true },
	{ "port", T_INT32, .number = 4, .pointer = true },
	{ 0 },
};
static const struct object_type service_reference = { "ServiceReference",
						      service_reference_fields };

static const struct field webhook_client_config_fields[] = {
	{ "url", T_TEXT, .number = 3, .pointer = true },
	{ "service", T_OBJECT, .number = 1, .pointer = true, .object = &service_reference },
	{ "caBundle", T_BLOB, .number = 2 },
	{ 0 },
};
static const struct object_type webhook_client_config = { "WebhookClientConfig",
							  webhook_client_config_fields };

static const struct field webhook_conversion_fields[] = {
	{ "clientConfig", T_OBJECT, .number = 2, .pointer = true,
	  .object = &webhook_client_config },
	{ "conversionReviewVersions", T_TEXT, .shape = T_LIST, .number = 3, .always = true },
	{ 0 },
};
static const struct object_type webhook_conversion = { "WebhookConversion",
						       webhook_conversion_fields };

static const struct field custom_resource_conversion_fields[] = {
	{ "strategy", T_TEXT, .number = 1, .always = true },
	{ "webhook", T_OBJECT, .number = 2, .pointer = true, .object = &webhook_conversion },
	{ 0 },
};
static const struct object_type custom_resource_conversion = { "CustomResourceConversion",
							       custom_resource_conversion_fields };

static const struct field custom_resource_definition_spec_fields[] = {
	{ "group", T_TEXT, .number = 1, .always = true },
	{ "names", T_OBJECT, .number = 3, .always = true,
	  .object = &custom_resource_definition_names },
	{ "scope", T_TEXT, .number = 4, .always = true },
	{ "versions", T_OBJECT, .shape = T_LIST, .number = 7, .always = true,
	  .object = &custom_resource_definition_version },
	{ "conversion", T_OBJECT, .number = 9, .pointer = true,
	  .object = &custom_resource_conversion },
	{ "preserveUnknownFields", T_FLAG, .number = 10 },
	{ 0 },
};
static const struct object_type custom_resource_definition_spec = {
	"CustomResourceDefinitionSpec", custom_resource_definition_spec_fields
};

static const struct field custom_resource_definition_condition_fields[] = {
	{ "type", T_TEXT, .number = 1, .always = true },
	{ "status", T_TEXT, .number = 2, .always = true },
	{ "lastTransitionTime", T_TIME, .number = 3 },
	{ "reason", T_TEXT, .number = 4 },
	{ "message", T_TEXT, .number = 5 },
	{ 0 },
};
static const struct object_type custom_resource_definition_condition = {
	"CustomResourceDefinitionCondition", custom_resource_definition_condition_fields
};

static const struct field custom_resource_definition_status_fields[] = {
	{ "conditions", T_OBJECT, .shape = T_LIST, .number = 1, .always = true,
	  .object = &custom_resource_definition_condition },
	{ "acceptedNames", T_OBJECT, .number = 2, .always = true,
	  .object = &custom_resource_definition_names },
	{ "storedVersions", T_TEXT, .shape = T_LIST, .number = 3, .always = true },
	{ 0 },
};
static const struct object_type custom_resource_definition_status = {
	"CustomResourceDefinitionStatus", custom_resource_definition_status_fields
};

static const struct field custom_resource_definition_fields[] = {
	{ "metadata", T_OBJECT, .number = 1, .object = &type_object_meta },
	{ "spec", T_OBJECT, .number = 2, .always = true,
	  .object = &custom_resource_definition_spec },
	{ "status", T_OBJECT, .number = 3, .object = &custom_resource_definition_status },
	{ 0 },
};
const struct object_type type_custom_resource_definition = { "CustomResourceDefinition",
							     custom_resource_definition_fields };
