// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/admit_impl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "standalone/apiserver/status.h"
#include "standalone/apiserver/types.h"

/* NULL, or a 422 of @causes, which are freed. */
static cJSON *refuse(const struct kind *kind, const cJSON *object, struct rule_causes *causes)
{
	cJSON *s = causes->count == 0
			   ? NULL
			   : status_invalid(kind, js_text(object, "metadata.name"), causes);

	causes_free(causes);
	return s;
}

/* --- Namespace, Pod -------------------------------------------------------------------- */

static void default_namespace(cJSON *object, const cJSON *old)
{
	cJSON *spec = js_object(object, "spec"), *list;

	js_set_text(js_object(js_object(object, "metadata"), "labels"),
		    "kubernetes.io/metadata.name", js_text(object, "metadata.name"));
	if (old == NULL && js_at(spec, "finalizers") == NULL) {
		list = cJSON_CreateArray();
		cJSON_AddItemToArray(list, cJSON_CreateString("kubernetes"));
		js_set(spec, "finalizers", list);
	}
	if (js_text(object, "status.phase") == NULL)
		js_set_text(js_object(object, "status"), "phase", "Active");
}

/* --- all kinds ------------------------------------------------------------------------- */

/* Kinds whose rules need no more than the object. */
static const struct {
	enum kind_id id;
	void (*admit)(cJSON *object, const cJSON *old, struct rule_causes *causes);
} kind_rules[] = {
	{ KIND_CONFIG_MAP, admit_config_map },
	{ KIND_SECRET, admit_secret },
	{ KIND_NODE, admit_node },
	{ KIND_POD, admit_pod },
	{ KIND_EVENT, admit_event },
	{ KIND_ENDPOINT_SLICE, admit_endpoint_slice },
	{ KIND_LEASE, admit_lease },
	{ KIND_INGRESS, admit_ingress },
	{ KIND_INGRESS_CLASS, admit_ingress_class },
};

static void drop_status(cJSON *object, const struct kind *kind)
{
	struct notes notes = { 0 };

	js_drop(object, "status");
	/* It has a form even when it is empty. */
	free(types_apply(kind->type, object, &notes));
	notes_done(&notes);
}

void admit_decoded(const struct kind *kind, cJSON *object)
{
	if (kind->id == KIND_SERVICE)
		service_rules_decoded(object);
}

cJSON *admit(struct api *a, const struct kind *kind, cJSON *object, const cJSON *old, bool status)
{
	/* Status is the subresource's, where there is one, but for what has no controller. */
	bool drops_status = old == NULL && kind->versions[kind->storage]->status &&
			    kind->id != KIND_NODE && kind->id != KIND_POD;
	struct rule_causes causes = { 0 };

	admit_metadata(kind, object, old, &causes);
	if (kind->id == KIND_SERVICE) {
		cJSON *wrong = admit_service(a, kind, object, old, status, &causes);

		causes_free(&causes);
		return wrong;
	}
	if (drops_status)
		drop_status(object, kind);
	if (kind->id == KIND_NAMESPACE)
		default_namespace(object, old);
	else if (kind->id == KIND_CRD && !status)
		admit_crd(a, object, old, &causes);
	if (kind->id == KIND_CRD && causes.count == 0)
		admit_crd_status(a, object, old, &causes);
	for (size_t i = 0; i < sizeof(kind_rules) / sizeof(kind_rules[0]); i++)
		if (kind_rules[i].id == kind->id)
			kind_rules[i].admit(object, old, &causes);
	return refuse(kind, object, &causes);
}

void admit_undo(struct api *a, const struct kind *kind, const cJSON *object, const cJSON *old)
{
	if (kind->id != KIND_SERVICE)
		return;
	service_rules_release(a->books, object);
	if (old != NULL)
		service_rules_adopt(a->books, old);
}

void admit_gone(struct api *a, const struct kind *kind, const cJSON *object)
{
	if (kind->id == KIND_SERVICE)
		service_rules_release(a->books, object);
	if (kind->id == KIND_CRD)
		kinds_undefine(&a->kinds, js_text(object, "metadata.name"));
}
