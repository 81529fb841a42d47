// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/reviews.h"

#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/rest_impl.h"
#include "standalone/apiserver/status.h"

static cJSON *strings(const char *first, const char *second)
{
	cJSON *list = cJSON_CreateArray();

	cJSON_AddItemToArray(list, cJSON_CreateString(first));
	if (second != NULL)
		cJSON_AddItemToArray(list, cJSON_CreateString(second));
	return list;
}

/* The one rule there is, for resources and for other paths. */
static void put_rules(cJSON *status)
{
	cJSON *resources = cJSON_CreateObject(), *paths = cJSON_CreateObject();
	cJSON *list = cJSON_CreateArray();

	js_set(resources, "verbs", strings("*", NULL));
	js_set(resources, "apiGroups", strings("*", NULL));
	js_set(resources, "resources", strings("*", NULL));
	cJSON_AddItemToArray(list, resources);
	js_set(status, "resourceRules", list);
	list = cJSON_CreateArray();
	js_set(paths, "verbs", strings("*", NULL));
	js_set(paths, "nonResourceURLs", strings("*", NULL));
	cJSON_AddItemToArray(list, paths);
	js_set(status, "nonResourceRules", list);
	js_set(status, "incomplete", cJSON_CreateFalse());
}

static void put_allowed(cJSON *status)
{
	js_set(status, "allowed", cJSON_CreateTrue());
}

static void put_user(cJSON *status)
{
	cJSON *user = js_object(status, "userInfo");

	js_set_text(user, "username", "admin");
	js_set(user, "groups", strings("system:masters", "system:authenticated"));
}

static const struct {
	const char *path, *version, *kind;
	void (*put_status)(cJSON *status);
} reviews[] = {
	{ "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "authorization.k8s.io/v1",
	  "SelfSubjectAccessReview", put_allowed },
	{ "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", "authorization.k8s.io/v1",
	  "SelfSubjectRulesReview", put_rules },
	{ "/apis/authentication.k8s.io/v1/selfsubjectreviews", "authentication.k8s.io/v1",
	  "SelfSubjectReview", put_user },
};

bool reviews_handle(const struct request *q, struct reply *r)
{
	for (size_t i = 0; i < sizeof(reviews) / sizeof(reviews[0]); i++) {
		if (strcmp(q->path, reviews[i].path) != 0)
			continue;
		if (strcmp(q->method, "POST") != 0) {
			reply_status(r, status_failure(405, "MethodNotAllowed",
						       "the server does not allow this method on "
						       "the requested resource"));
			return true;
		}
		/* What was asked goes back with the answer; newer clients ask in protobuf. */
		cJSON *asked = js_parse(q->body, q->body_len), *review = cJSON_CreateObject();
		js_set_text(review, "kind", reviews[i].kind);
		js_set_text(review, "apiVersion", reviews[i].version);
		js_set(js_object(review, "metadata"), "creationTimestamp", cJSON_CreateNull());
		if (js_at(asked, "spec") != NULL)
			js_set(review, "spec", cJSON_Duplicate(js_at(asked, "spec"), 1));
		reviews[i].put_status(js_object(review, "status"));
		reply_json(r, 201, review);
		cJSON_Delete(review);
		cJSON_Delete(asked);
		return true;
	}
	return false;
}
