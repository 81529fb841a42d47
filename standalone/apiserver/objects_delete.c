// SPDX-License-Identifier: Apache-2.0
/*
 * The end of objects: deletion, finalizers that hold it up, and what goes along
 * (dependents, the content of a namespace, the objects of a definition).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/model/json.h"
#include "standalone/apiserver/admit.h"
#include "standalone/apiserver/endpoints.h"
#include "standalone/apiserver/objects_impl.h"
#include "standalone/apiserver/status.h"

/* It is no longer to be looked after by objects_sweep(). */
static void forget_ending(struct keys *ending, const struct kind *kind, const char *name)
{
	for (size_t i = 0; i < ending->count; i++) {
		struct key *k = &ending->items[i];

		if (k->kind != kind || strcmp(k->name, name) != 0)
			continue;
		intern_unref(k->ns);
		intern_unref(k->name);
		*k = ending->items[--ending->count];
		return;
	}
}

/*
 * @last is what watchers get. The books and the slices know the stored object, from which the last
 * write may have departed.
 */
static cJSON *remove_object(struct api *a, struct object *o, cJSON *last)
{
	const struct kind *kind = o->kind;
	cJSON *stored = object_parsed(o), *wrong;

	if (store_delete(a->store, o, last) != 0) {
		wrong = objects_disk_failed(a);
	} else {
		if (object_is_container(kind))
			forget_ending(&a->ending, kind, js_text(stored, "metadata.name"));
		admit_gone(a, kind, stored);
		wrong = endpoints_follow(a, kind, stored, NULL);
	}
	cJSON_Delete(stored);
	return wrong;
}

static cJSON *begin_delete(struct api *a, struct object *o, bool orphan);

/* Give up dependents: those with no other living owner go, the others lose the reference. */
static cJSON *let_go(struct api *a, const struct key *key, const char *uid, bool orphan)
{
	struct object *o = store_get(a->store, key->kind, key->ns, key->name);
	cJSON *wrong = NULL;
	bool others = false;

	if (o == NULL)
		return NULL;
	for (unsigned i = 0; i < o->owner_count && !orphan; i++)
		others = others ||
			 (strcmp(o->owners[i], uid) != 0 && store_has_uid(a->store, o->owners[i]));
	if (!others && !orphan)
		return begin_delete(a, o, false);

	cJSON *json = object_parsed(o), *refs = js_at(json, "metadata.ownerReferences");
	for (cJSON *ref = refs == NULL ? NULL : refs->child, *next; ref != NULL; ref = next) {
		const char *owner = js_text(ref, "uid");

		next = ref->next;
		if (owner != NULL && strcmp(owner, uid) == 0)
			cJSON_Delete(cJSON_DetachItemViaPointer(refs, ref));
	}
	if (cJSON_GetArraySize(refs) == 0)
		js_drop(js_at(json, "metadata"), "ownerReferences");
	if (store_put(a->store, key->kind, json) != 0)
		wrong = objects_disk_failed(a);
	cJSON_Delete(json);
	return wrong;
}

static cJSON *let_dependents_go(struct api *a, const char *uid, bool orphan)
{
	struct keys dependents = { 0 };
	cJSON *wrong = NULL;

	for (const struct object *o = store_owned(a->store); o != NULL; o = o->next_owned)
		for (unsigned i = 0; i < o->owner_count; i++)
			if (strcmp(o->owners[i], uid) == 0) {
				keys_add(&dependents, o);
				break;
			}
	for (size_t i = 0; i < dependents.count && wrong == NULL; i++)
		wrong = let_go(a, &dependents.items[i], uid, orphan);
	keys_done(&dependents);
	return wrong;
}

struct owner_gone {
	struct owner_gone *next;
	bool orphan;
	char uid[];
};

/* Dependents have dependents: a list instead of calls in calls, which a long chain would exhaust.
 */
cJSON *objects_remove(struct api *a, struct object *o, cJSON *json, bool orphan)
{
	size_t len = strlen(o->uid) + 1;
	struct owner_gone *g = mem_get(sizeof(*g) + len);

	g->next = a->gone;
	g->orphan = orphan;
	memcpy(g->uid, o->uid, len);
	cJSON *wrong = remove_object(a, o, json);
	if (wrong != NULL) {
		free(g);
		return wrong;
	}
	a->gone = g;
	if (a->letting_go)
		return NULL;
	a->letting_go = true;
	while ((g = a->gone) != NULL) {
		a->gone = g->next;
		if (wrong == NULL)
			wrong = let_dependents_go(a, g->uid, g->orphan);
		free(g);
	}
	a->letting_go = false;
	return wrong;
}

/* What lives in a namespace, or is of a kind that a definition made. */
static void contents(struct api *a, const struct object *container, struct keys *ret)
{
	const struct kind *defined = container->kind->id == KIND_CRD
					     ? kinds_by_resource(&a->kinds, container->name)
					     : NULL;

	for (const struct kind *kind = a->kinds.first; kind != NULL; kind = kind->next) {
		const char *ns = defined == NULL ? container->name : NULL;

		if (defined == NULL ? !kind->namespaced : kind != defined)
			continue;
		for (const struct object *o = store_first(a->store, kind, ns, NULL, NULL);
		     o != NULL; o = store_next(o, ns))
			keys_add(ret, o);
	}
}

bool object_is_container(const struct kind *kind)
{
	return kind->id == KIND_NAMESPACE || kind->id == KIND_CRD;
}

/*
 * Mark a namespace or definition as ending and end what is in it. It goes with the last of
 * that, which finalizers may keep for longer: objects_sweep().
 */
static cJSON *begin_container(struct api *a, struct object *o)
{
	struct keys inside = { 0 };
	cJSON *json = object_parsed(o), *wrong = NULL;

	if (!object_is_ending(json)) {
		object_set_now(js_at(json, "metadata"), "deletionTimestamp");
		if (o->kind->id == KIND_NAMESPACE)
			js_set_text(js_object(json, "status"), "phase", "Terminating");
		keys_add(&a->ending, o);
		contents(a, o, &inside);
		if (store_put(a->store, o->kind, json) != 0)
			wrong = objects_disk_failed(a);
	}
	cJSON_Delete(json);
	for (size_t i = 0; i < inside.count && wrong == NULL; i++) {
		const struct key *k = &inside.items[i];
		struct object *in = store_get(a->store, k->kind, k->ns, k->name);
		if (in != NULL)
			wrong = begin_delete(a, in, false);
	}
	keys_done(&inside);
	return wrong;
}

static void mark_ending(const struct kind *kind, cJSON *object)
{
	cJSON *meta = js_at(object, "metadata");

	if (object_is_ending(object))
		return;
	object_set_now(meta, "deletionTimestamp");
	js_set_int(meta, "deletionGracePeriodSeconds", 0);
	if (object_has_generation(kind))
		js_set_int(meta, "generation", js_int(meta, "generation", 1) + 1);
}

/* Delete, or mark for it where finalizers stand against it. */
static cJSON *begin_delete(struct api *a, struct object *o, bool orphan)
{
	if (object_is_container(o->kind))
		return begin_container(a, o);

	cJSON *json = object_parsed(o), *wrong = NULL;
	if (!object_has_finalizers(json)) {
		wrong = objects_remove(a, o, json, orphan);
	} else {
		if (!object_is_ending(json)) {
			mark_ending(o->kind, json);
			if (store_put(a->store, o->kind, json) != 0)
				wrong = objects_disk_failed(a);
		}
		/* By the time that finalizers are off, nobody remembers. */
		if (orphan && wrong == NULL)
			wrong = let_dependents_go(a, js_text(json, "metadata.uid"), true);
	}
	cJSON_Delete(json);
	return wrong;
}

/* One more of a name. */
static void count_names(cJSON *counts, const char *name)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(counts, name);

	js_set_int(counts, name, n == NULL ? 1 : (long long)n->valuedouble + 1);
}

static void put_condition(cJSON *list, const char *type, const cJSON *counts, const char *reason,
			  const char *before, const char *each, const char *otherwise)
{
	cJSON *c = cJSON_CreateObject();
	const cJSON *n;
	struct buf b = { 0 };

	cJSON_ArrayForEach (n, counts)
		buf_printf(&b, "%s%s%s%d resource instances", b.len == 0 ? before : ", ", n->string,
			   each, (int)n->valuedouble);
	char *message = counts->child == NULL ? mem_text(otherwise) : buf_take(&b);
	js_set_text(c, "type", type);
	js_set_text(c, "status", counts->child == NULL ? "False" : "True");
	js_set_text(c, "reason", reason);
	js_set_text(c, "message", message);
	cJSON_AddItemToArray(list, c);
	free(message);
	buf_done(&b);
}

/* What keeps a namespace that is ending, as conditions of its status. */
static cJSON *tell_remaining(struct api *a, struct object *namespace, const struct keys *inside)
{
	cJSON *json = object_parsed(namespace), *before = cJSON_Duplicate(json, 1), *wrong = NULL;
	cJSON *kinds = cJSON_CreateObject(), *holders = cJSON_CreateObject();
	cJSON *list = cJSON_CreateArray();
	const cJSON *f;

	for (size_t i = 0; i < inside->count; i++) {
		const struct key *k = &inside->items[i];
		const struct object *o = store_get(a->store, k->kind, k->ns, k->name);
		cJSON *object = o == NULL ? NULL : object_parsed(o);

		count_names(kinds, k->kind->resource);
		cJSON_ArrayForEach (f, js_at(object, "metadata.finalizers"))
			count_names(holders, f->valuestring);
		cJSON_Delete(object);
	}
	put_condition(list, "NamespaceContentRemaining", kinds, "SomeResourcesRemain",
		      "Some resources are remaining: ", " has ",
		      "All content successfully removed");
	put_condition(list, "NamespaceFinalizersRemaining", holders, "SomeFinalizersRemain",
		      "Some content in the namespace has finalizers remaining: ", " in ",
		      "All content-preserving finalizers finished");
	js_set(js_object(json, "status"), "conditions", list);
	if (!json_equal(json, before) && store_put(a->store, namespace->kind, json) != 0)
		wrong = objects_disk_failed(a);
	cJSON_Delete(kinds);
	cJSON_Delete(holders);
	cJSON_Delete(before);
	cJSON_Delete(json);
	return wrong;
}

/* Let @container go if nothing is in it any more; *ret_gone says whether it went. */
static cJSON *sweep(struct api *a, struct object *container, bool *ret_gone)
{
	struct keys inside = { 0 };
	cJSON *wrong = NULL;

	*ret_gone = false;
	contents(a, container, &inside);
	if (inside.count == 0) {
		cJSON *json = object_parsed(container);

		if (!object_has_finalizers(json)) {
			wrong = objects_remove(a, container, json, false);
			*ret_gone = wrong == NULL;
		}
		cJSON_Delete(json);
	} else if (container->kind->id == KIND_NAMESPACE) {
		wrong = tell_remaining(a, container, &inside);
	}
	keys_done(&inside);
	return wrong;
}

cJSON *objects_sweep(struct api *a)
{
	cJSON *wrong = NULL;

	for (size_t i = 0; i < a->ending.count && wrong == NULL;) {
		const struct key *k = &a->ending.items[i];
		bool gone;

		wrong = sweep(a, store_get(a->store, k->kind, k->ns, k->name), &gone);
		/* What goes takes its key along, and perhaps dependents and theirs. */
		i = gone ? 0 : i + 1;
	}
	return wrong;
}

/* --- delete ---------------------------------------------------------------------------- */

static cJSON *check_preconditions(const struct target *t, const struct object *o,
				  const cJSON *options)
{
	const char *uid = js_text(options, "preconditions.uid");
	const char *version = js_text(options, "preconditions.resourceVersion");
	char *why = NULL;
	cJSON *s = NULL;

	if (uid != NULL && strcmp(uid, o->uid) != 0)
		why = mem_printf("the UID in the precondition (%s) does not match the UID in "
				 "record (%s). The object might have been deleted and then "
				 "recreated",
				 uid, o->uid);
	else if (version != NULL && strtoull(version, NULL, 10) != o->rv)
		why = mem_printf("the ResourceVersion in the precondition (%s) does not match the "
				 "ResourceVersion in record (%llu). The object might have been "
				 "modified",
				 version, (unsigned long long)o->rv);
	if (why != NULL)
		s = status_precondition(t->kind, o->name, why);
	free(why);
	return s;
}

static bool is_immortal(const char *namespace)
{
	return strcmp(namespace, "default") == 0 || strcmp(namespace, "kube-system") == 0 ||
	       strcmp(namespace, "kube-public") == 0;
}

/* What is answered once @o is gone: of some kinds the object in its last version. */
static cJSON *deleted_answer(const struct api *a, const struct target *t, const struct object *o)
{
	if (t->kind->id != KIND_SERVICE && t->kind->id != KIND_SERVICE_ACCOUNT &&
	    t->kind->id != KIND_POD)
		return status_deleted(t->kind, t->name, o->uid);

	cJSON *last = object_parsed(o);
	char version[24];
	/* It is the first to go: what depends on it follows. */
	snprintf(version, sizeof(version), "%" PRIu64, store_rv(a->store) + 1);
	if (!t->dry_run)
		js_set_text(js_object(last, "metadata"), "resourceVersion", version);
	return last;
}

cJSON *objects_delete(struct api *a, const struct target *t, const cJSON *options,
		      cJSON **ret_object)
{
	const char *policy = js_text(options, "propagationPolicy");
	bool orphan = (policy != NULL && strcmp(policy, "Orphan") == 0) ||
		      js_true(options, "orphanDependents");
	cJSON *wrong;
	struct object *o = objects_find(a, t, &wrong);

	if (o == NULL)
		return wrong;
	wrong = check_preconditions(t, o, options);
	if (wrong != NULL)
		return wrong;
	if (t->kind->id == KIND_NAMESPACE && is_immortal(t->name))
		return status_forbidden(t->kind, t->name, "this namespace may not be deleted");

	cJSON *gone = deleted_answer(a, t, o);
	if (t->dry_run) {
		cJSON *json = object_parsed(o);

		mark_ending(t->kind, json);
		bool stays = object_has_finalizers(json) || object_is_container(t->kind);
		*ret_object = stays ? json : gone;
		cJSON_Delete(stays ? gone : json);
		return NULL;
	}
	wrong = begin_delete(a, o, orphan);
	if (wrong == NULL)
		wrong = objects_sweep(a);
	o = store_get(a->store, t->kind, t->ns, t->name);
	*ret_object = wrong != NULL ? NULL : o == NULL ? gone : object_parsed(o);
	if (*ret_object != gone)
		cJSON_Delete(gone);
	return wrong;
}

enum { EVENT_RESTS_MAX = 6 };

bool objects_expire_events(struct api *a)
{
	const struct kind *events = kinds_builtin(&a->kinds, KIND_EVENT);
	struct object *o = store_first(a->store, events, NULL, NULL, NULL), *next;

	for (; o != NULL; o = next) {
		next = store_next(o, NULL);
		if (++o->rests < EVENT_RESTS_MAX)
			continue;
		cJSON *json = object_parsed(o);
		bool failed = store_delete(a->store, o, json) != 0;
		cJSON_Delete(json);
		if (failed)
			return false;
	}
	return true;
}
