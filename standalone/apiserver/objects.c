// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/objects_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/base/intern.h"
#include "lib/base/log.h"
#include "lib/model/json.h"
#include "standalone/apiserver/admit.h"
#include "standalone/apiserver/endpoints.h"
#include "standalone/apiserver/status.h"

/* --- small things ---------------------------------------------------------------------- */

static void random_bytes(void *to, size_t len)
{
	if (getrandom(to, len, 0) != (ssize_t)len)
		abort(); /* never for so few bytes once the system has booted */
}

/* RFC 9562 version 4. */
void object_set_uid(cJSON *meta)
{
	uint8_t b[16];
	char text[40];

	random_bytes(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(text, sizeof(text),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
	js_set_text(meta, "uid", text);
}

void object_set_now(cJSON *meta, const char *name)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[32];

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	js_set_text(meta, name, text);
}

/* Five characters without vowels, as Kubernetes: no words come out. */
static void set_generated_name(cJSON *meta, const char *prefix)
{
	static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
	uint8_t b[5];
	char tail[6] = "";

	random_bytes(b, sizeof(b));
	for (size_t i = 0; i < sizeof(b); i++)
		tail[i] = alphabet[b[i] % (sizeof(alphabet) - 1)];
	char *name = mem_printf("%.58s%s", prefix, tail);
	js_set_text(meta, "name", name);
	free(name);
}

cJSON *object_parsed(const struct object *o)
{
	return js_parse(o->text->bytes, o->text->len);
}

bool object_is_ending(const cJSON *object)
{
	return js_text(object, "metadata.deletionTimestamp") != NULL;
}

bool object_has_finalizers(const cJSON *object)
{
	return cJSON_GetArraySize(js_at(object, "metadata.finalizers")) > 0;
}

cJSON *objects_disk_failed(struct api *a)
{
	if (store_fault(a->store) == -E2BIG) /* in etcd's words, which Kubernetes passes on */
		return status_failure(500, "", "etcdserver: request is too large");
	return status_internal("the state file does not take the write: %s", store_error(a->store));
}

void keys_add(struct keys *keys, const struct object *o)
{
	struct key *k = array_push(keys);

	if (k == NULL)
		abort();
	*k = (struct key){ o->kind, intern_ref(o->ns), intern_ref(o->name) };
}

void keys_done(struct keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		intern_unref(keys->items[i].ns);
		intern_unref(keys->items[i].name);
	}
	array_free(keys);
}

/* --- checks before a write ------------------------------------------------------------- */

static cJSON *check_size(const cJSON *json)
{
	if (js_is_moderate(json))
		return NULL;
	return status_failure(413, "RequestEntityTooLarge",
			      "Request entity too large: more than %d levels, or %d members of one "
			      "object or array",
			      JS_DEPTH_MAX, JS_MEMBERS_MAX);
}

/* apiVersion and kind must be those of the path; what is stored has the storage version. */
static cJSON *check_type(const struct target *t, cJSON *object)
{
	char want[256], storage[256];
	const char *version, *kind;

	if (!cJSON_IsObject(object))
		return status_bad_request("the object provided is unrecognized: it must be a JSON "
					  "object");
	cJSON *wrong = check_size(object);
	if (wrong != NULL)
		return wrong;
	version = js_text(object, "apiVersion");
	kind = js_text(object, "kind");
	kind_api_version(t->kind, t->version->name, want, sizeof(want));
	if (version != NULL && version[0] != '\0' && strcmp(version, want) != 0)
		return status_bad_request("the API version in the data (%s) does not match the "
					  "expected API version (%s)",
					  version, want);
	if (kind != NULL && kind[0] != '\0' && strcmp(kind, t->kind->name) != 0)
		return status_bad_request("the kind in the data (%s) does not match the expected "
					  "kind (%s)",
					  kind, t->kind->name);
	kind_api_version(t->kind, t->kind->versions[t->kind->storage]->name, storage,
			 sizeof(storage));
	js_set_text(object, "apiVersion", storage);
	js_set_text(object, "kind", t->kind->name);
	return NULL;
}

/* "unknown field "a", duplicate field "b"" */
static char *join_notes(const struct notes *notes)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < notes->count; i++)
		buf_printf(&b, "%s%s", i == 0 ? "strict decoding error: " : ", ", notes->items[i]);
	return buf_take(&b);
}

/*
 * Bring the object into the form of its type. *ret_fault: what is wrong with the fields, which
 * the caller frees, or NULL.
 */
static void take_form(const struct target *t, cJSON *object, char **ret_fault)
{
	struct notes notes = { 0 };

	*ret_fault = types_apply(t->kind->type, object, &notes);
	if (*ret_fault == NULL && notes.count > 0 && t->strict)
		*ret_fault = join_notes(&notes);
	if (*ret_fault == NULL && t->notes != NULL) {
		for (size_t i = 0; i < notes.count; i++) {
			char **slot = array_push(t->notes);
			if (slot == NULL)
				abort();
			*slot = notes.items[i];
		}
		array_free(&notes);
	} else {
		notes_done(&notes);
	}
	cJSON *meta = js_object(object, "metadata");
	js_drop(meta, "managedFields");
	js_drop(meta, "selfLink");
}

/* As take_form(), for an object that is the body. */
static cJSON *check_fields(const struct target *t, cJSON *object)
{
	const char *kind = t->kind->name;
	cJSON *s = NULL;
	char *fault;

	take_form(t, object, &fault);
	if (fault != NULL)
		s = status_bad_request("%s in version \"%s\" cannot be handled as a %s: %s", kind,
				       t->version->name, kind, fault);
	free(fault);
	return s;
}

/* As take_form(), for one that a patch made. */
static cJSON *check_patched(const struct target *t, cJSON *object)
{
	struct text *made = js_print(object);
	cJSON *s = NULL;
	char *fault;

	take_form(t, object, &fault);
	if (fault != NULL)
		s = status_invalid_patch(made->bytes, fault);
	free(fault);
	text_unref(made);
	return s;
}

static cJSON *check_namespace(const struct target *t, cJSON *object)
{
	cJSON *meta = js_object(object, "metadata");
	const char *ns = js_text(meta, "namespace");

	if (!t->kind->namespaced) {
		js_drop(meta, "namespace");
		return NULL;
	}
	if (ns != NULL && ns[0] != '\0' && strcmp(ns, t->ns) != 0)
		return status_bad_request("the namespace of the provided object does not match the "
					  "namespace sent on the request");
	js_set_text(meta, "namespace", t->ns);
	return NULL;
}

/* Nothing new in a namespace that is not there or is going away. */
static cJSON *check_home(struct api *a, const struct target *t, const char *name)
{
	const struct kind *namespaces = kinds_builtin(&a->kinds, KIND_NAMESPACE);
	const struct object *home;

	if (!t->kind->namespaced)
		return NULL;
	home = store_get(a->store, namespaces, "", t->ns);
	if (home == NULL)
		return status_not_found(namespaces, t->ns);
	for (size_t i = 0; i < a->ending.count; i++) {
		if (a->ending.items[i].kind != namespaces || a->ending.items[i].name != home->name)
			continue;
		cJSON *s = status_forbidden(t->kind, name,
					    "unable to create new content in namespace %s because "
					    "it is being terminated",
					    t->ns);
		cJSON *cause = cJSON_CreateObject(), *list = cJSON_CreateArray();
		js_set_text(cause, "reason", "NamespaceTerminating");
		js_set_text(cause, "field", "metadata.namespace");
		cJSON_AddItemToArray(list, cause);
		js_set(js_object(s, "details"), "causes", list);
		return s;
	}
	return NULL;
}

static const struct kind_version *storage_version(const struct kind *kind)
{
	return kind->versions[kind->storage];
}

/* --- what a write entails -------------------------------------------------------------- */

static const enum kind_id has_generation[] = { KIND_CUSTOM, KIND_CRD, KIND_ENDPOINT_SLICE,
					       KIND_INGRESS, KIND_INGRESS_CLASS };

bool object_has_generation(const struct kind *kind)
{
	for (size_t i = 0; i < sizeof(has_generation) / sizeof(has_generation[0]); i++)
		if (has_generation[i] == kind->id)
			return true;
	return false;
}

/* Anything but metadata, and status where it is a subresource. */
static bool content_changed(const struct kind *kind, const cJSON *object, const cJSON *old)
{
	const cJSON *sides[2] = { object, old }, *member;

	for (int side = 0; side < 2; side++)
		cJSON_ArrayForEach (member, sides[side]) {
			if (strcmp(member->string, "metadata") == 0 ||
			    (storage_version(kind)->status &&
			     strcmp(member->string, "status") == 0))
				continue;
			if (!json_equal(member, cJSON_GetObjectItemCaseSensitive(sides[1 - side],
										 member->string)))
				return true;
		}
	return false;
}

/* A version as clients send it; none at all is 0. -EINVAL: it is not one. */
static int parse_version(const char *text, uint64_t *ret)
{
	char *end;

	*ret = 0;
	if (text == NULL || text[0] == '\0')
		return 0;
	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0 ? 0 : -EINVAL;
}

/* --- create ---------------------------------------------------------------------------- */

static cJSON *name_object(struct api *a, const struct target *t, cJSON *meta)
{
	const char *name = js_text(meta, "name"), *prefix = js_text(meta, "generateName");

	if (name != NULL && name[0] != '\0')
		return NULL;
	if (prefix == NULL || prefix[0] == '\0') {
		struct rule_causes causes = { 0 };

		causes_add(&causes, "FieldValueRequired", "metadata.name",
			   "Required value: name or generateName is required");
		cJSON *s = status_invalid(t->kind, "", &causes);
		causes_free(&causes);
		return s;
	}
	for (int attempt = 0; attempt < 8; attempt++) {
		set_generated_name(meta, prefix);
		if (store_get(a->store, t->kind, t->ns, js_text(meta, "name")) == NULL)
			break;
	}
	return NULL;
}

/* @object has its form. */
static cJSON *create(struct api *a, const struct target *t, cJSON *object)
{
	cJSON *wrong, *meta = js_object(object, "metadata");

	uint64_t version;
	if (parse_version(js_text(meta, "resourceVersion"), &version) == 0 && version != 0)
		return status_failure(500, "",
				      "resourceVersion should not be set on objects to be "
				      "created");
	js_drop(meta, "resourceVersion");
	static const char *const servers[] = { "uid", "creationTimestamp", "deletionTimestamp",
					       "deletionGracePeriodSeconds", "generation" };
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		js_drop(meta, servers[i]);

	wrong = name_object(a, t, meta);
	if (wrong == NULL)
		wrong = check_home(a, t, js_text(meta, "name"));
	if (wrong != NULL)
		return wrong;

	object_set_uid(meta);
	object_set_now(meta, "creationTimestamp");
	if (object_has_generation(t->kind))
		js_set_int(meta, "generation", 1);
	wrong = admit(a, t->kind, object, NULL, false);
	if (wrong != NULL)
		return wrong;
	const char *name = js_text(meta, "name");
	const struct object *there = store_get(a->store, t->kind, t->ns, name);
	if (there != NULL) {
		cJSON *json = object_parsed(there);

		admit_undo(a, t->kind, object, NULL);
		wrong = status_already_exists(t->kind, name, object_is_ending(json));
		cJSON_Delete(json);
		return wrong;
	}
	if (t->dry_run) {
		admit_undo(a, t->kind, object, NULL);
		return NULL;
	}
	if (store_put(a->store, t->kind, object) != 0) {
		admit_undo(a, t->kind, object, NULL);
		return objects_disk_failed(a);
	}
	if (t->kind->id == KIND_CRD)
		kinds_define(&a->kinds, object);
	return endpoints_follow(a, t->kind, NULL, object);
}

cJSON *objects_create(struct api *a, const struct target *t, cJSON *object)
{
	cJSON *wrong = check_type(t, object);

	if (wrong == NULL)
		wrong = check_fields(t, object);
	if (wrong == NULL)
		wrong = check_namespace(t, object);
	return wrong == NULL ? create(a, t, object) : wrong;
}

/* --- update ---------------------------------------------------------------------------- */

static void keep_from(cJSON *to, const cJSON *from, const char *name)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(from, name);

	if (value == NULL)
		js_drop(to, name);
	else
		js_set(to, name, cJSON_Duplicate(value, 1));
}

/* Kinds that a PUT creates when they are not there. */
static bool made_by_update(const struct kind *kind)
{
	return kind->id == KIND_SERVICE || kind->id == KIND_EVENT || kind->id == KIND_LEASE;
}

/* Kinds that may be replaced whatever has become of them. */
static bool replaced_unseen(const struct kind *kind)
{
	return kind->id != KIND_CUSTOM && kind->id != KIND_CRD && kind->id != KIND_LEASE;
}

static cJSON *version_missing(const struct target *t, const char *name)
{
	struct rule_causes causes = { 0 };

	causes_add(&causes, "FieldValueInvalid", "metadata.resourceVersion",
		   "Invalid value: 0x0: must be specified for an update");
	cJSON *s = status_invalid_resource(t->kind, name, &causes);
	causes_free(&causes);
	return s;
}

/* Is the client's idea of the object the stored one? */
static cJSON *check_version(const struct target *t, const struct object *o, const cJSON *object,
			    bool patch)
{
	const char *version = js_text(object, "metadata.resourceVersion");
	const char *uid = js_text(object, "metadata.uid");

	uint64_t rv;

	/* An error of the server's, without a reason, in Kubernetes, too. */
	if (parse_version(version, &rv) != 0)
		return status_failure(500, "",
				      "strconv.ParseUint: parsing \"%.80s\": invalid syntax",
				      version);
	if (rv == 0 && !replaced_unseen(t->kind) && !patch)
		return version_missing(t, o->name);
	if (rv != 0 && rv != o->rv)
		return status_modified(t->kind, o->name);
	if (uid == NULL || strcmp(uid, o->uid) == 0)
		return NULL;
	if (patch) {
		struct rule_causes causes = { 0 };

		causes_add(&causes, "FieldValueInvalid", "metadata.uid",
			   "Invalid value: \"%.80s\": field is immutable", uid);
		cJSON *s = status_invalid(t->kind, o->name, &causes);
		causes_free(&causes);
		return s;
	}
	char *why = mem_printf("Precondition failed: UID in precondition: %s, UID in object meta: "
			       "%s",
			       uid, o->uid);
	cJSON *s = status_conflict(t->kind, o->name, why);
	free(why);
	return s;
}

/* What the write may not touch comes from the stored object. */
static void confine(const struct target *t, cJSON *object, const cJSON *old)
{
	static const char *const servers[] = { "uid",
					       "creationTimestamp",
					       "deletionTimestamp",
					       "deletionGracePeriodSeconds",
					       "generation",
					       "generateName" };
	cJSON *meta = js_object(object, "metadata");
	const cJSON *old_meta = js_at(old, "metadata");

	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		keep_from(meta, old_meta, servers[i]);
	if (t->kind->id == KIND_NAMESPACE && !t->finalize)
		keep_from(js_object(object, "spec"), js_at(old, "spec"), "finalizers");
	if (!t->status) {
		if (t->version->status)
			keep_from(object, old, "status");
		return;
	}
	/* Labels and annotations of a built-in kind may come along with its status. */
	for (cJSON *member = object->child, *next; member != NULL; member = next) {
		next = member->next;
		if (strcmp(member->string, "status") != 0 &&
		    strcmp(member->string, "metadata") != 0)
			cJSON_Delete(cJSON_DetachItemViaPointer(object, member));
	}
	const cJSON *member;
	cJSON_ArrayForEach (member, old)
		if (strcmp(member->string, "status") != 0 &&
		    strcmp(member->string, "metadata") != 0)
			js_set(object, member->string, cJSON_Duplicate(member, 1));
	if (t->kind->id == KIND_CUSTOM || t->kind->id == KIND_CRD)
		keep_from(object, old, "metadata");
	else
		keep_from(js_object(object, "metadata"), old_meta, "ownerReferences");
}

/*
 * Does the write that made @object end it? A namespace that nothing holds any more goes whatever is
 * still in it, as in Kubernetes; a definition goes by objects_sweep().
 */
static bool is_let_go(const struct kind *kind, const cJSON *object)
{
	if (!object_is_ending(object) || object_has_finalizers(object))
		return false;
	if (kind->id == KIND_NAMESPACE)
		return cJSON_GetArraySize(js_at(object, "spec.finalizers")) == 0;
	return !object_is_container(kind);
}

/* Store @object over @o; @old is what @o holds, parsed. */
static cJSON *replace(struct api *a, const struct target *t, struct object *o, cJSON *object,
		      const cJSON *old)
{
	cJSON *wrong, *meta;

	admit_decoded(t->kind, object);
	confine(t, object, old);
	wrong = admit(a, t->kind, object, old, t->status);
	if (wrong != NULL)
		return wrong;
	meta = js_object(object, "metadata");
	keep_from(meta, js_at(old, "metadata"), "resourceVersion");
	if (t->dry_run || json_equal(object, old)) {
		admit_undo(a, t->kind, object, old);
		return NULL;
	}
	if (object_has_generation(t->kind) && content_changed(t->kind, object, old))
		js_set_int(meta, "generation", js_int(meta, "generation", 0) + 1);

	if (is_let_go(t->kind, object)) {
		/* It goes, with what it held before this write. */
		admit_undo(a, t->kind, object, old);
		wrong = objects_remove(a, o, object, false);
		return wrong == NULL ? objects_sweep(a) : wrong;
	}
	if (store_put(a->store, t->kind, object) != 0) {
		admit_undo(a, t->kind, object, old);
		return objects_disk_failed(a);
	}
	if (t->kind->id == KIND_CRD)
		kinds_define(&a->kinds, object);
	wrong = endpoints_follow(a, t->kind, old, object);
	return wrong == NULL && object_is_container(t->kind) ? objects_sweep(a) : wrong;
}

struct object *objects_find(struct api *a, const struct target *t, cJSON **ret_wrong)
{
	struct object *o = store_get(a->store, t->kind, t->ns, t->name);

	*ret_wrong = o == NULL ? status_not_found(t->kind, t->name) : NULL;
	return o;
}

static cJSON *check_same_name(const struct target *t, const cJSON *object)
{
	const char *name = js_text(object, "metadata.name");

	if (name == NULL || name[0] == '\0')
		return status_bad_request("the name of the object (%s based on URL) was "
					  "undeterminable: name must be provided",
					  t->name);
	if (strcmp(name, t->name) != 0)
		return status_bad_request("the name of the object (%s) does not match the name on "
					  "the URL (%s)",
					  name, t->name);
	return NULL;
}

cJSON *objects_update(struct api *a, const struct target *t, cJSON *object, bool *ret_created)
{
	*ret_created = false;
	cJSON *wrong = check_type(t, object);

	if (wrong == NULL)
		wrong = check_fields(t, object);
	if (wrong == NULL)
		wrong = check_namespace(t, object);
	if (wrong != NULL)
		return wrong;
	wrong = check_same_name(t, object);
	if (wrong != NULL)
		return wrong;
	struct object *o = store_get(a->store, t->kind, t->ns, t->name);
	if (o == NULL && made_by_update(t->kind) && !t->status) {
		js_drop(js_object(object, "metadata"), "resourceVersion");
		*ret_created = true;
		return create(a, t, object);
	}
	if (o == NULL)
		return status_not_found(t->kind, t->name);
	wrong = check_version(t, o, object, false);
	if (wrong != NULL)
		return wrong;
	cJSON *old = object_parsed(o);
	wrong = replace(a, t, o, object, old);
	cJSON_Delete(old);
	return wrong;
}

cJSON *objects_patch(struct api *a, const struct target *t, enum patch_type type,
		     const cJSON *patch, cJSON **ret_object)
{
	cJSON *wrong;
	char version[256];
	struct object *o = objects_find(a, t, &wrong);

	if (o == NULL)
		return wrong;
	wrong = check_size(patch);
	if (wrong != NULL)
		return wrong;
	cJSON *old = object_parsed(o), *object = cJSON_Duplicate(old, 1);
	/* The patch speaks the client's version. */
	kind_api_version(t->kind, t->version->name, version, sizeof(version));
	js_set_text(object, "apiVersion", version);
	wrong = patch_apply(t->kind, type, patch, &object);
	if (wrong == NULL)
		wrong = check_type(t, object);
	if (wrong == NULL)
		wrong = check_patched(t, object);
	if (wrong == NULL)
		wrong = check_namespace(t, object);
	if (wrong == NULL)
		wrong = check_same_name(t, object);
	if (wrong == NULL)
		wrong = check_version(t, o, object, true);
	if (wrong == NULL)
		wrong = replace(a, t, o, object, old);
	cJSON_Delete(old);
	if (wrong != NULL)
		cJSON_Delete(object);
	else
		*ret_object = object;
	return wrong;
}

/* --- start ----------------------------------------------------------------------------- */

static cJSON *make_namespace(struct api *a, const char *name)
{
	const struct kind *kind = kinds_builtin(&a->kinds, KIND_NAMESPACE);
	struct target t = { kind, kind->versions[0], .ns = "" };

	if (store_get(a->store, kind, "", name) != NULL)
		return NULL;
	cJSON *ns = cJSON_CreateObject();
	js_set_text(js_object(ns, "metadata"), "name", name);
	cJSON *wrong = objects_create(a, &t, ns);
	cJSON_Delete(ns);
	return wrong;
}

cJSON *objects_start(struct api *a)
{
	static const enum kind_id containers[] = { KIND_NAMESPACE, KIND_CRD };
	static const char *const namespaces[] = { "default", "kube-node-lease", "kube-public",
						  "kube-system" };
	const struct kind *services = kinds_builtin(&a->kinds, KIND_SERVICE);

	for (const struct object *o = store_first(a->store, services, NULL, NULL, NULL); o != NULL;
	     o = store_next(o, NULL)) {
		cJSON *json = object_parsed(o);
		service_rules_adopt(a->books, json);
		cJSON_Delete(json);
	}
	for (size_t i = 0; i < 2; i++) {
		const struct kind *kind = kinds_builtin(&a->kinds, containers[i]);

		for (const struct object *o = store_first(a->store, kind, NULL, NULL, NULL);
		     o != NULL; o = store_next(o, NULL)) {
			cJSON *json = object_parsed(o);
			if (object_is_ending(json))
				keys_add(&a->ending, o);
			cJSON_Delete(json);
		}
	}
	cJSON *wrong = endpoints_start(a);
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]) && wrong == NULL; i++)
		wrong = make_namespace(a, namespaces[i]);
	return wrong;
}

void objects_done(struct api *a)
{
	endpoints_done(a);
	keys_done(&a->ending);
}
