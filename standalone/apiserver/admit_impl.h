// SPDX-License-Identifier: Apache-2.0
/* What the files of admit.h share: the rules of each group of kinds, and how they refuse. */
#ifndef BELLMAN_APISERVER_ADMIT_IMPL_H
#define BELLMAN_APISERVER_ADMIT_IMPL_H

#include "lib/model/rule_causes.h"
#include "standalone/apiserver/admit.h"

/* Names, labels, annotations, finalizers. @old: NULL on create. */
void admit_metadata(const struct kind *kind, const cJSON *object, const cJSON *old,
		    struct rule_causes *causes);

/* Defaults and checks of a kind's fields. @old: NULL on create. Objects have their type's form. */
void admit_config_map(cJSON *object, const cJSON *old, struct rule_causes *causes);
void admit_secret(cJSON *object, const cJSON *old, struct rule_causes *causes);
void admit_node(cJSON *object, const cJSON *old, struct rule_causes *causes);
void admit_pod(cJSON *object, const cJSON *old, struct rule_causes *causes);
void admit_event(cJSON *object, const cJSON *old, struct rule_causes *causes);
void admit_endpoint_slice(cJSON *object, const cJSON *old, struct rule_causes *causes);
void admit_lease(cJSON *object, const cJSON *old, struct rule_causes *causes);
void admit_ingress(cJSON *object, const cJSON *old, struct rule_causes *causes);
void admit_ingress_class(cJSON *object, const cJSON *old, struct rule_causes *causes);

/* Defaults and checks of the spec of a definition; see admit_crd.c for what is not checked. */
void admit_crd(const struct api *a, cJSON *object, const cJSON *old, struct rule_causes *causes);
/*
 * What controllers of Kubernetes write into the status of a definition: the names it gets, whether
 * it is established, the versions that objects were ever stored in. Names that it has it keeps.
 */
void admit_crd_status(const struct api *a, cJSON *object, const cJSON *old,
		      struct rule_causes *causes);

/* Does it have its names? False for NULL. */
bool crd_is_established(const cJSON *object);

/* As admit(); @causes are those of the metadata, and stay the caller's. */
cJSON *admit_service(struct api *a, const struct kind *kind, cJSON *object, const cJSON *old,
		     bool status, struct rule_causes *causes);

/* A field's name, such as "ports[3].name", good for as long as the statement. */
struct field_name {
	char text[192];
};
struct field_name field_name(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define FIELD(...) field_name(__VA_ARGS__).text

/* As the causes of lib/model/rule_causes.h, which they add to. */
void cause_required_why(struct rule_causes *causes, const char *field, const char *why);
void cause_too_many(struct rule_causes *causes, const char *field, int count, int max);
void cause_too_long(struct rule_causes *causes, const char *field, int max);

/* Both absent, or equal. */
bool same_field(const cJSON *object, const cJSON *old, const char *path);
/* "" where there is no text. */
const char *text_at(const cJSON *object, const char *path);

#endif
