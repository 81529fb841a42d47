// SPDX-License-Identifier: Apache-2.0
#include "allocator/webhook.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"

#define REVIEW_VERSION "admission.k8s.io/v1"
#define FORBIDDEN      403
#define TEXT_MAX       1024

/* The paths of MetalLB's webhooks, and the kinds that each looks at together. */
static const struct hook {
	const char *path, *kind;
	const char *with; /* a second kind; NULL: none */
} hooks[] = {
	{ "/validate-metallb-io-v1beta1-ipaddresspool", "IPAddressPool", NULL },
	{ "/validate-metallb-io-v1beta1-l2advertisement", "L2Advertisement", "IPAddressPool" },
	{ "/validate-metallb-io-v1beta1-bgpadvertisement", "BGPAdvertisement", "IPAddressPool" },
	{ "/validate-metallb-io-v1beta2-bgppeer", "BGPPeer", NULL },
	{ "/validate-metallb-io-v1beta1-community", "Community", NULL },
	{ "/validate-metallb-io-v1beta1-bfdprofile", "BFDProfile", NULL },
};

static const struct hook *hook_of(const char *path)
{
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++)
		if (strcmp(hooks[i].path, path) == 0)
			return &hooks[i];
	return NULL;
}

bool webhook_has(const char *path)
{
	return hook_of(path) != NULL;
}

/* A question, and the answer as it comes about. */
struct review {
	const struct hook *hook;
	const char *ns; /* ours */
	const struct config_inputs *known;
	const char *uid, *operation;
	const cJSON *object;    /* what is asked about: the new one, or that which goes */
	char refusal[TEXT_MAX]; /* "": allowed */
	cJSON *warnings;
};

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *text(const cJSON *object, const char *key)
{
	const char *value = cJSON_GetStringValue(get(object, key));

	return value == NULL ? "" : value;
}

static void refuse(struct review *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void refuse(struct review *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->refusal, sizeof(r->refusal), fmt, ap);
	va_end(ap);
}

static void warn(struct review *r, const char *why)
{
	cJSON_AddItemToArray(r->warnings, must(cJSON_CreateString(why)));
}

/* kubectl itself calls it a warning. */
static void warn_of_fault(struct review *r, const struct fault *f)
{
	char line[TEXT_MAX];
	struct fault plain = *f;

	plain.warning = false;
	warn(r, fault_format(&plain, line, sizeof(line)));
}

/* --- the list as it is, and as it would be ------------------------------------------------ */

static bool is_kind(const cJSON *object, const char *kind)
{
	return kind != NULL && strcmp(text(object, "kind"), kind) == 0;
}

static bool is_same_resource(const struct config_input *in, const cJSON *object)
{
	return !in->from_file && strcmp(text(in->object, "kind"), text(object, "kind")) == 0 &&
	       strcmp(text(get(in->object, "metadata"), "name"),
		      text(get(object, "metadata"), "name")) == 0;
}

/*
 * Check what is known; with @change (may be NULL) in the place of the resource of its name. What
 * may not be there yet because it is created later is not held against anybody.
 */
static int check(const struct review *r, const cJSON *change, struct faults *faults)
{
	struct config_inputs inputs = {
		.scope = CONFIG_ALL,
		.frr = r->known->frr,
		.ns = r->ns,
		.nodes = r->known->nodes,
		.node_count = r->known->node_count,
		.references_may_come = true,
	};
	struct config *config = NULL;

	for (size_t i = 0; i < r->known->count; i++) {
		const struct config_input *in = &r->known->items[i];

		if ((is_kind(in->object, r->hook->kind) || is_kind(in->object, r->hook->with)) &&
		    (change == NULL || !is_same_resource(in, change)))
			*(struct config_input *)must(array_push(&inputs)) = *in;
	}
	if (change != NULL)
		*(struct config_input *)must(array_push(&inputs)) =
			(struct config_input){ .object = change };
	int rc = config_build(&inputs, faults, &config);
	if (rc == 0)
		config_unref(config);
	array_free(&inputs);
	return rc == -ENOMEM ? rc : 0;
}

/* --- the verdict -------------------------------------------------------------------------- */

static bool is_among(const struct faults *faults, const struct fault *fault)
{
	for (size_t i = 0; i < faults->count; i++)
		if (fault_equal(&faults->items[i], fault))
			return true;
	return false;
}

/* Is it about the resource in question? Its faults start with KIND/NAME. */
static bool is_about(const struct review *r, const struct fault *f)
{
	char name[TEXT_MAX];
	int len = snprintf(name, sizeof(name), "%s/%s.", r->hook->kind,
			   text(get(r->object, "metadata"), "name"));

	return len < (int)sizeof(name) && strncmp(f->field, name, (size_t)len) == 0;
}

/*
 * Tell what @after has and @before has not: the first error refuses, warnings warn. So does what
 * the resource had wrong before.
 */
static void judge(struct review *r, const struct faults *before, const struct faults *after)
{
	struct faults added = { 0 };

	for (size_t i = 0; i < after->count; i++) {
		const struct fault *f = &after->items[i];

		if (!is_among(before, f))
			*(struct fault *)must(array_push(&added)) = *f; /* its texts stay lent */
		else if (!f->warning && is_about(r, f))
			warn_of_fault(r, f);
	}
	config_first_error(&added, r->refusal, sizeof(r->refusal));
	for (size_t i = 0; i < added.count; i++)
		if (added.items[i].warning)
			warn_of_fault(r, &added.items[i]);
	array_free(&added);
}

/* The definition of v1beta2 keeps the field for manifests that have it. */
static void warn_of_deprecated(struct review *r)
{
	if (is_kind(r->object, "BGPPeer") && cJSON_IsTrue(get(get(r->object, "spec"), "disableMP")))
		warn(r, "spec.disableMP is deprecated and has no effect");
}

static int decide_change(struct review *r)
{
	struct faults before = { 0 }, after = { 0 };
	int rc = check(r, NULL, &before);

	if (rc == 0)
		rc = check(r, r->object, &after);
	if (rc == 0)
		judge(r, &before, &after);
	warn_of_deprecated(r);
	faults_free(&before);
	faults_free(&after);
	return rc;
}

/* A profile stays as long as a peer names it. Nothing else is kept from being deleted. */
static void decide_delete(struct review *r)
{
	const char *name = text(get(r->object, "metadata"), "name");

	if (strcmp(r->hook->kind, "BFDProfile") != 0)
		return;
	for (size_t i = 0; i < r->known->count; i++) {
		const cJSON *peer = r->known->items[i].object;

		if (is_kind(peer, "BGPPeer") && *name != '\0' &&
		    strcmp(text(get(peer, "spec"), "bfdProfile"), name) == 0) {
			refuse(r, "failed to delete BFDProfile %s, used by BGPPeer %s", name,
			       text(get(peer, "metadata"), "name"));
			return;
		}
	}
}

static int decide(struct review *r)
{
	const cJSON *metadata = get(r->object, "metadata");
	bool is_create = strcmp(r->operation, "CREATE") == 0;
	bool is_ours = strcmp(text(metadata, "namespace"), r->ns) == 0;

	if (is_create && !is_ours) {
		refuse(r, "resource must be created in %s namespace", r->ns);
	} else if (!is_ours) {
		/* From before this rule, or from elsewhere: nobody reads it. */
	} else if (strcmp(r->operation, "DELETE") == 0) {
		decide_delete(r);
	} else if ((is_create || strcmp(r->operation, "UPDATE") == 0) &&
		   *text(metadata, "deletionTimestamp") == '\0') {
		return decide_change(r);
	}
	return 0;
}

/* --- JSON --------------------------------------------------------------------------------- */

static int review_read(struct review *r, const cJSON *json)
{
	const cJSON *request = get(json, "request");

	r->uid = cJSON_GetStringValue(get(request, "uid"));
	r->operation = cJSON_GetStringValue(get(request, "operation"));
	if (strcmp(text(json, "apiVersion"), REVIEW_VERSION) != 0 ||
	    !is_kind(json, "AdmissionReview") || r->uid == NULL || r->operation == NULL)
		return -EBADMSG;
	r->object = get(request, strcmp(r->operation, "DELETE") == 0 ? "oldObject" : "object");
	return is_kind(r->object, r->hook->kind) ? 0 : -EBADMSG;
}

static char *review_write(struct review *r)
{
	cJSON *json = must(cJSON_CreateObject());
	cJSON *response = must(cJSON_AddObjectToObject(json, "response")), *status;

	must(cJSON_AddStringToObject(json, "apiVersion", REVIEW_VERSION));
	must(cJSON_AddStringToObject(json, "kind", "AdmissionReview"));
	must(cJSON_AddStringToObject(response, "uid", r->uid));
	must(cJSON_AddBoolToObject(response, "allowed", *r->refusal == '\0'));
	if (*r->refusal != '\0') {
		status = must(cJSON_AddObjectToObject(response, "status"));
		must(cJSON_AddNumberToObject(status, "code", FORBIDDEN));
		must(cJSON_AddStringToObject(status, "reason", "Forbidden"));
		must(cJSON_AddStringToObject(status, "message", r->refusal));
	}
	if (cJSON_GetArraySize(r->warnings) > 0) {
		cJSON_AddItemToObject(response, "warnings", r->warnings);
		r->warnings = NULL;
	}
	char *answer = must(cJSON_PrintUnformatted(json));
	cJSON_Delete(json);
	return answer;
}

int webhook_decide(const char *path, const char *body, size_t len, const char *ns,
		   const struct config_inputs *known, char **ret)
{
	struct review r = { .hook = hook_of(path), .ns = ns, .known = known };
	cJSON *json = r.hook == NULL ? NULL : cJSON_ParseWithLength(body, len);
	int rc = r.hook == NULL ? -ENOENT : review_read(&r, json);

	if (rc == 0) {
		r.warnings = must(cJSON_CreateArray());
		rc = decide(&r);
		if (rc == 0)
			*ret = review_write(&r);
		cJSON_Delete(r.warnings);
	}
	cJSON_Delete(json);
	return rc;
}
