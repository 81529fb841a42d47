// SPDX-License-Identifier: Apache-2.0
/*
 * The status of CustomResourceDefinitions: names are given to who asks first (naming_controller.go
 * of apiextensions), and versions that objects were stored in stay known.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/model/json.h"
#include "standalone/apiserver/admit_impl.h"
#include "standalone/apiserver/objects_impl.h"

static cJSON *condition(const cJSON *object, const char *type)
{
	cJSON *c;

	cJSON_ArrayForEach (c, js_at(object, "status.conditions"))
		if (strcmp(text_at(c, "type"), type) == 0)
			return c;
	return NULL;
}

bool crd_is_established(const cJSON *object)
{
	return strcmp(text_at(condition(object, "Established"), "status"), "True") == 0;
}

/* --- names ----------------------------------------------------------------------------- */

static bool has_text(const cJSON *list, const char *text)
{
	const cJSON *s;

	cJSON_ArrayForEach (s, list)
		if (strcmp(s->valuestring, text) == 0)
			return true;
	return false;
}

/* Has another definition of the group this as one of @names (ended by NULL) or a short one? */
static bool is_taken(const struct api *a, const cJSON *object, const char *name,
		     const char *const *names, bool shorts)
{
	const struct kind *crds = kinds_builtin(&a->kinds, KIND_CRD);
	bool taken = false;

	for (const struct object *o = store_first(a->store, crds, NULL, NULL, NULL);
	     o != NULL && !taken; o = store_next(o, NULL)) {
		if (strcmp(o->name, text_at(object, "metadata.name")) == 0)
			continue;
		cJSON *other = object_parsed(o);
		const cJSON *has = js_at(other, "status.acceptedNames");

		if (strcmp(text_at(other, "spec.group"), text_at(object, "spec.group")) == 0) {
			for (const char *const *n = names; *n != NULL; n++)
				taken = taken || strcmp(text_at(has, *n), name) == 0;
			taken = taken || (shorts && has_text(js_at(has, "shortNames"), name));
		}
		cJSON_Delete(other);
	}
	return taken;
}

static const char *const resource_names[] = { "plural", "singular", NULL };
static const char *const kind_names[] = { "kind", "listKind", NULL };

/* A refusal of names: the reason of the last kind of name, and what is in use. */
struct conflict {
	const char *reason; /* NULL: there is none */
	struct buf message;
};

static void note_conflict(struct conflict *c, const char *reason, const char *name)
{
	buf_done(&c->message);
	buf_printf(&c->message, "\"%s\" is already in use", name);
	c->reason = reason;
}

/* The one that @object asks for, or that it has. */
static void accept_name(const struct api *a, const cJSON *object, const cJSON *has,
			const char *member, const char *reason, bool kind, cJSON *accepted,
			struct conflict *conflict)
{
	const char *want = text_at(js_at(object, "spec.names"), member);
	const char *now = text_at(has, member);

	if (strcmp(want, now) != 0 &&
	    is_taken(a, object, want, kind ? kind_names : resource_names, !kind))
		note_conflict(conflict, reason, want);
	else
		now = want;
	/* Those two are always written. */
	if (now[0] != '\0' || strcmp(member, "plural") == 0 || strcmp(member, "kind") == 0)
		js_set_text(accepted, member, now);
}

/* All of the short ones, or those that it has. */
static void accept_short_names(const struct api *a, const cJSON *object, const cJSON *has,
			       cJSON *accepted, struct conflict *conflict)
{
	const cJSON *want = js_at(object, "spec.names.shortNames"), *s;
	const cJSON *now = js_at(has, "shortNames");
	bool taken = false;

	cJSON_ArrayForEach (s, want)
		if (!has_text(now, s->valuestring) &&
		    is_taken(a, object, s->valuestring, resource_names, true)) {
			note_conflict(conflict, "ShortNamesConflict", s->valuestring);
			taken = true;
		}
	if (!taken)
		now = want;
	if (now != NULL)
		js_set(accepted, "shortNames", cJSON_Duplicate(now, 1));
}

static cJSON *accept_names(const struct api *a, const cJSON *object, const cJSON *has,
			   struct conflict *conflict)
{
	const cJSON *categories = js_at(object, "spec.names.categories");
	cJSON *accepted = cJSON_CreateObject();

	accept_name(a, object, has, "plural", "PluralConflict", false, accepted, conflict);
	accept_name(a, object, has, "singular", "SingularConflict", false, accepted, conflict);
	accept_short_names(a, object, has, accepted, conflict);
	accept_name(a, object, has, "kind", "KindConflict", true, accepted, conflict);
	accept_name(a, object, has, "listKind", "ListKindConflict", true, accepted, conflict);
	if (categories != NULL)
		js_set(accepted, "categories", cJSON_Duplicate(categories, 1));
	return accepted;
}

/* --- conditions ------------------------------------------------------------------------ */

/* The time of a condition is that of its last change. */
static void set_condition(cJSON *object, const char *type, bool status, const char *reason,
			  const char *message)
{
	const char *value = status ? "True" : "False";
	cJSON *c = condition(object, type);

	if (c == NULL) {
		c = cJSON_CreateObject();
		js_set_text(c, "type", type);
		cJSON_AddItemToArray(js_at(object, "status.conditions"), c);
	}
	if (strcmp(text_at(c, "status"), value) != 0)
		object_set_now(c, "lastTransitionTime");
	js_set_text(c, "status", value);
	js_set_text(c, "reason", reason);
	js_set_text(c, "message", message);
}

/* What was established once stays so: it has the names that it had. */
static void set_conditions(cJSON *object, const cJSON *old, struct conflict *conflict)
{
	char *message = buf_take(&conflict->message);
	bool accepted = conflict->reason == NULL, stays = crd_is_established(old);

	if (!cJSON_IsArray(js_at(object, "status.conditions")))
		js_set(js_object(object, "status"), "conditions", cJSON_CreateArray());
	set_condition(object, "NamesAccepted", accepted,
		      accepted ? "NoConflicts" : conflict->reason,
		      accepted ? "no conflicts found" : message);
	set_condition(object, "Established", accepted || stays,
		      accepted || stays ? "InitialNamesAccepted" : "NotAccepted",
		      accepted || stays ? "the initial names have been accepted"
					: "not all names are accepted");
	free(message);
}

/* --- stored versions ------------------------------------------------------------------- */

static void check_stored(cJSON *object, struct rule_causes *causes)
{
	cJSON *status = js_object(object, "status"), *stored = js_at(status, "storedVersions"), *s;
	const cJSON *v;
	int i = 0;

	if (!cJSON_IsArray(stored)) {
		stored = cJSON_CreateArray();
		js_set(status, "storedVersions", stored);
	}
	cJSON_ArrayForEach (v, js_at(object, "spec.versions"))
		if (js_true(v, "storage") && !has_text(stored, text_at(v, "name")))
			cJSON_AddItemToArray(stored, cJSON_CreateString(text_at(v, "name")));
	cJSON_ArrayForEach (s, stored) {
		bool there = false;

		cJSON_ArrayForEach (v, js_at(object, "spec.versions"))
			there = there || strcmp(text_at(v, "name"), s->valuestring) == 0;
		if (!there)
			cause_invalid_text(causes, FIELD("status.storedVersions[%d]", i),
					   s->valuestring, "must appear in spec.versions");
		i++;
	}
}

void admit_crd_status(const struct api *a, cJSON *object, const cJSON *old,
		      struct rule_causes *causes)
{
	struct conflict conflict = { 0 };
	cJSON *names = accept_names(a, object, js_at(old, "status.acceptedNames"), &conflict);

	js_set(js_object(object, "status"), "acceptedNames", names);
	set_conditions(object, old, &conflict);
	check_stored(object, causes);
}
