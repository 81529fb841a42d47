// SPDX-License-Identifier: Apache-2.0
/* What the files of rest.h share: where a request leads, its parameters, the verbs. */
#ifndef BELLMAN_APISERVER_REST_IMPL_H
#define BELLMAN_APISERVER_REST_IMPL_H

#include "standalone/apiserver/objects.h"
#include "standalone/apiserver/rest.h"
#include "standalone/apiserver/snapshot.h"

#define JSON_TYPE "application/json"

enum { SEGMENT_LEN = 254 };

struct route {
	const struct kind *kind;
	const struct kind_version *version;
	struct view view;
	char group[SEGMENT_LEN], ns[SEGMENT_LEN], name[SEGMENT_LEN], sub[SEGMENT_LEN];
};

/* A query parameter; NULL when it is absent or empty. */
const char *rest_param(const struct request *q, const char *name);
/* It is there, and not "false" or "0". */
bool rest_param_true(const struct request *q, const char *name);
/* A number; -EINVAL for what is none. Absent: *ret stays. */
int rest_param_number(const struct request *q, const char *name, int64_t *ret);
cJSON *rest_not_a_number(const struct request *q, const char *name); /* how to say so */
/* resourceVersion; NULL or a Status. Absent: *ret stays. */
cJSON *rest_version(const struct request *q, uint64_t *ret);
/* Parameters that do not go together in a list, or in a watch; NULL or a Status. */
cJSON *rest_list_options(const struct request *q, bool watch);
/* The body as a tree: JSON, or YAML or protobuf where it says so. NULL and *wrong otherwise. */
cJSON *rest_read_body(const struct request *q, const char *what, cJSON **wrong);
/* What a write is about; its notes become warnings of @r. */
struct target rest_target(const struct request *q, const struct route *at, struct reply *r);
/* @values: the quoted values of dryRun, not all of which are known. */
void rest_cause_dry_run(struct rule_causes *causes, const char *values);
bool text_is_one_of(const char *text, const char *const *list); /* @list ends with NULL */
/* The first form that the client takes and there is; false: none. */
bool rest_view(const struct request *q, struct view *ret);

void reply_warn(struct reply *r, const char *text);
void reply_json(struct reply *r, int code, const cJSON *json);
void rest_reply_object(const struct request *q, const struct route *at, struct reply *r, int code,
		       const cJSON *object);

/* The list is complete: it is the answer. @next: where the next page begins, or NULL. */
void rest_reply_list(struct reply *r, struct listing *l, uint64_t rv, const char *next,
		     size_t remaining);

void rest_list(struct api *a, const struct request *q, const struct route *at, struct reply *r);
void rest_create(struct api *a, const struct request *q, const struct route *at, struct reply *r);
void rest_update(struct api *a, const struct request *q, const struct route *at, struct reply *r);
void rest_patch(struct api *a, const struct request *q, const struct route *at, struct reply *r);
void rest_delete(struct api *a, const struct request *q, const struct route *at, struct reply *r);
void rest_delete_collection(struct api *a, const struct request *q, const struct route *at,
			    struct reply *r);

#endif
