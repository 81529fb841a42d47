// SPDX-License-Identifier: Apache-2.0
/*
 * Status objects (meta/v1): how a Kubernetes API says no, with its own reasons and words.
 *
 * Operations of the API server return NULL when they are done, else one of these,
 * which the caller owns (cJSON_Delete).
 */
#ifndef BELLMAN_APISERVER_STATUS_H
#define BELLMAN_APISERVER_STATUS_H

#include "lib/model/rule_causes.h"
#include "standalone/apiserver/json.h"
#include "standalone/apiserver/kinds.h"

cJSON *status_failure(int code, const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int status_code(const cJSON *status);

cJSON *status_bad_request(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
cJSON *status_not_found(const struct kind *kind, const char *name);
cJSON *status_no_such_resource(void); /* a path that is none */
cJSON *status_already_exists(const struct kind *kind, const char *name, bool ending);
cJSON *status_conflict(const struct kind *kind, const char *name, const char *why);
cJSON *status_precondition(const struct kind *kind, const char *name, const char *why);
cJSON *status_modified(const struct kind *kind, const char *name); /* resourceVersion differs */
cJSON *status_forbidden(const struct kind *kind, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
cJSON *status_expired(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* 504: a version that is not yet; clients ask again. */
cJSON *status_too_new(uint64_t asked, uint64_t current);
cJSON *status_internal(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* 422 with one cause each; @causes is not empty. */
cJSON *status_invalid(const struct kind *kind, const char *name, const struct rule_causes *causes);

/* As above for what is refused before the object is looked at: named by resource, not by kind. */
cJSON *status_invalid_resource(const struct kind *kind, const char *name,
			       const struct rule_causes *causes);
/* 422 of a patch that makes @object into something it cannot be. */
cJSON *status_invalid_patch(const char *object, const char *why);
/* 422 of a query parameter; @options is the kind of the parameters, such as PatchOptions. */
cJSON *status_invalid_option(const char *options, const struct rule_causes *causes);

/* Success of a delete. */
cJSON *status_deleted(const struct kind *kind, const char *name, const char *uid);

#endif
