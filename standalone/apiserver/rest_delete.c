// SPDX-License-Identifier: Apache-2.0
/* DELETE of an object and of a collection, and the DeleteOptions that come with it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/listing.h"
#include "standalone/apiserver/objects_impl.h"
#include "standalone/apiserver/rest_impl.h"
#include "standalone/apiserver/status.h"
#include "standalone/apiserver/types_tables.h"

/* Whatever is wrong with the form of DeleteOptions is the server's fault in Kubernetes. */
static cJSON *undecodable(const char *why)
{
	return status_failure(500, "", "%s", why);
}

static cJSON *check_form(cJSON *options)
{
	const char *version = js_text(options, "apiVersion"), *kind = js_text(options, "kind");
	struct notes notes = { 0 };
	cJSON *wrong = NULL;

	if (!cJSON_IsObject(options))
		return undecodable("couldn't get version/kind; json parse error: json: cannot "
				   "unmarshal the body into a Go value of type struct");
	if (!js_is_moderate(options))
		return undecodable("DeleteOptions have too many levels or members");
	if (kind != NULL && kind[0] != '\0' && strcmp(kind, "DeleteOptions") != 0)
		return status_failure(500, "",
				      "no kind \"%.80s\" is registered for version \"%.80s\" in "
				      "scheme \"pkg/runtime/scheme.go:100\"",
				      kind,
				      version == NULL || version[0] == '\0' ? "meta.k8s.io/v1"
									    : version);
	char *fault = types_apply(&type_delete_options, options, &notes);
	if (fault != NULL)
		wrong = undecodable(fault);
	free(fault);
	notes_done(&notes); /* unknown fields are passed over */
	return wrong;
}

static cJSON *read_options(const struct request *q, cJSON **wrong)
{
	cJSON *options = rest_read_body(q, "couldn't get version/kind; json parse error", wrong);

	if (cJSON_IsNull(options)) {
		cJSON_Delete(options);
		options = cJSON_CreateObject();
	}
	if (options != NULL) {
		*wrong = check_form(options);
	} else if (status_code(*wrong) == 400) {
		cJSON *s = undecodable(js_text(*wrong, "message"));
		cJSON_Delete(*wrong);
		*wrong = s;
	}
	return options;
}

/* Without a body the query says it. */
static cJSON *query_options(const struct request *q, cJSON **wrong)
{
	cJSON *options = cJSON_CreateObject();
	const char *period = q->param(q->arg, "gracePeriodSeconds");
	const char *dry_run = q->param(q->arg, "dryRun");
	const char *policy = q->param(q->arg, "propagationPolicy");
	const char *uid = rest_param(q, "uid");
	int64_t seconds = 0;

	if (period != NULL) {
		if (period[0] == '\0' || rest_param_number(q, "gracePeriodSeconds", &seconds) != 0)
			*wrong = status_bad_request("strconv.ParseInt: parsing \"%.80s\": invalid "
						    "syntax",
						    period);
		js_set_int(options, "gracePeriodSeconds", seconds);
	}
	if (dry_run != NULL)
		cJSON_AddItemToArray(cJSON_AddArrayToObject(options, "dryRun"),
				     cJSON_CreateString(dry_run));
	if (policy != NULL)
		js_set_text(options, "propagationPolicy", policy);
	if (q->param(q->arg, "orphanDependents") != NULL)
		js_set(options, "orphanDependents",
		       cJSON_CreateBool(rest_param_true(q, "orphanDependents")));
	if (uid != NULL)
		js_set_text(js_object(options, "preconditions"), "uid", uid);
	return options;
}

/* In Kubernetes' words (ValidateDeleteOptions). */
static cJSON *check_values(const cJSON *options)
{
	static const char *const policies[] = { "Foreground", "Background", "Orphan", NULL };
	static const char *const dry_runs[] = { "All", NULL };
	const char *policy = js_text(options, "propagationPolicy");
	const cJSON *list = js_at(options, "dryRun"), *d;
	struct rule_causes causes = { 0 };
	struct buf values = { 0 };
	bool known = true;

	if (policy != NULL && js_at(options, "orphanDependents") != NULL)
		causes_add(
			&causes, "FieldValueInvalid", "propagationPolicy",
			"Invalid value: \"%.80s\": orphanDependents and deletionPropagation cannot "
			"be both set",
			policy);
	if (policy != NULL && !text_is_one_of(policy, policies))
		causes_add(&causes, "FieldValueNotSupported", "propagationPolicy",
			   "Unsupported value: \"%.80s\": supported values: \"Foreground\", "
			   "\"Background\", \"Orphan\", \"nil\"",
			   policy);
	cJSON_ArrayForEach (d, list) {
		known = known && text_is_one_of(d->valuestring, dry_runs);
		buf_printf(&values, "%s\"%.80s\"", d == list->child ? "" : ", ", d->valuestring);
	}
	char *told = buf_take(&values);
	if (!known)
		rest_cause_dry_run(&causes, told);
	free(told);
	cJSON *wrong = causes.count == 0 ? NULL : status_invalid_option("DeleteOptions", &causes);
	causes_free(&causes);
	return wrong;
}

/*
 * The body's; only a request without one is asked what the query says, as in Kubernetes. NULL or
 * the caller's, with *wrong NULL if they are good.
 */
static cJSON *delete_options(const struct request *q, cJSON **wrong)
{
	cJSON *options = q->body_len == 0 ? query_options(q, wrong) : read_options(q, wrong);

	if (*wrong == NULL)
		*wrong = check_values(options);
	return options;
}

void rest_delete(struct api *a, const struct request *q, const struct route *at, struct reply *r)
{
	struct target t = rest_target(q, at, r);
	cJSON *wrong = NULL, *object = NULL, *options = delete_options(q, &wrong);

	t.dry_run = js_at(options, "dryRun") != NULL;
	if (wrong == NULL)
		wrong = objects_delete(a, &t, options, &object);
	cJSON_Delete(options);
	if (wrong != NULL)
		reply_status(r, wrong);
	else
		reply_json(r, 200, object);
	cJSON_Delete(object);
}

/* Every object that matches; the first one that cannot be deleted ends it. Answers with them. */
void rest_delete_collection(struct api *a, const struct request *q, const struct route *at,
			    struct reply *r)
{
	struct target t = rest_target(q, at, r);
	struct listing *gone = listing_new(at->kind, at->version, &at->view);
	struct query query = { 0 };
	struct keys found = { 0 };
	cJSON *wrong = NULL, *options = delete_options(q, &wrong);
	const char *ns = at->ns[0] == '\0' ? NULL : at->ns;

	t.dry_run = js_at(options, "dryRun") != NULL;
	if (wrong == NULL)
		wrong = query_parse(at->kind, rest_param(q, "labelSelector"),
				    rest_param(q, "fieldSelector"), &query);
	for (const struct object *o = store_first(a->store, at->kind, ns, NULL, NULL);
	     wrong == NULL && o != NULL; o = store_next(o, ns)) {
		if (!query_matches(&query, o->ns, o->name, o->text))
			continue;
		keys_add(&found, o);
		listing_add(gone, o->text);
	}
	for (size_t i = 0; i < found.count && wrong == NULL; i++) {
		cJSON *answer = NULL;

		t.ns = found.items[i].ns;
		t.name = found.items[i].name;
		wrong = objects_delete(a, &t, options, &answer);
		/* Taken along by another one's cascade. */
		if (wrong != NULL && status_code(wrong) == 404)
			wrong = (cJSON_Delete(wrong), NULL);
		cJSON_Delete(answer);
	}
	keys_done(&found);
	query_done(&query);
	cJSON_Delete(options);
	if (wrong != NULL) {
		listing_free(gone);
		reply_status(r, wrong);
	} else {
		rest_reply_list(r, gone, store_rv(a->store), NULL, 0);
	}
}
