// SPDX-License-Identifier: Apache-2.0
/*
 * Rules of kinds of the core group, other than Services: ConfigMaps, Secrets, Nodes, Pods, Events.
 * Pods are stored for who watches them: what a kubelet would need of them is not checked.
 */
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/ip.h"
#include "lib/model/name_rules.h"
#include "standalone/apiserver/admit_impl.h"

/* --- ConfigMap, Secret ----------------------------------------------------------------- */

enum { DATA_MAX = 1 << 20, KEY_MAX = 253 };

/* Letters, digits, '-', '_', '.', and no path. */
static const char *key_fault(const char *key)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t len = strlen(key);

	if (len > KEY_MAX)
		return "must be no more than 253 characters";
	if (len == 0 || strspn(key, allowed) != len)
		return "a valid config key must consist of alphanumeric characters, '-', '_' or "
		       "'.' "
		       "(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for "
		       "validation "
		       "is '[-._a-zA-Z0-9]+')";
	if (strcmp(key, ".") == 0)
		return "must not be '.'";
	if (strcmp(key, "..") == 0)
		return "must not be '..'";
	return strncmp(key, "..", 2) == 0 ? "must not start with '..'" : NULL;
}

/* Keys of @object's map; returns how many bytes its values hold. */
static size_t check_data(const cJSON *object, const char *name, bool base64,
			 struct rule_causes *causes)
{
	const cJSON *value;
	size_t size = 0;

	cJSON_ArrayForEach (value, js_at(object, name)) {
		const char *fault = key_fault(value->string);

		if (fault != NULL)
			cause_invalid_text(causes, FIELD("%s[%.80s]", name, value->string),
					   value->string, fault);
		size_t len = strlen(value->valuestring);
		size += base64 ? len / 4 * 3 : len;
	}
	return size;
}

/* What may not change once `immutable` is set. */
static void check_immutable(const cJSON *object, const cJSON *old, const char *const *names,
			    struct rule_causes *causes)
{
	static const char why[] = "field is immutable when `immutable` is set";

	if (!js_true(old, "immutable"))
		return;
	if (!js_true(object, "immutable"))
		cause_forbidden(causes, "immutable", why);
	for (; *names != NULL; names++)
		if (!same_field(object, old, *names))
			cause_forbidden(causes, *names, why);
}

void admit_config_map(cJSON *object, const cJSON *old, struct rule_causes *causes)
{
	static const char *const names[] = { "data", "binaryData", NULL };
	const cJSON *value;

	check_immutable(object, old, names, causes);
	size_t size = check_data(object, "data", false, causes);
	cJSON_ArrayForEach (value, js_at(object, "data"))
		if (cJSON_GetObjectItemCaseSensitive(js_at(object, "binaryData"), value->string))
			cause_invalid_text(causes, FIELD("data[%.80s]", value->string),
					   value->string, "duplicate of key present in binaryData");
	size += check_data(object, "binaryData", true, causes);
	if (size > DATA_MAX)
		cause_too_long(causes, "", DATA_MAX);
}

/* stringData is written over data and not kept. */
static void fold_string_data(cJSON *secret)
{
	const cJSON *value, *from = js_at(secret, "stringData");

	cJSON_ArrayForEach (value, from) {
		size_t len = strlen(value->valuestring);
		char *text = mem_get(BASE64_ENCODE_RAW_LENGTH(len) + 1);

		base64_encode_raw(text, len, (const uint8_t *)value->valuestring);
		text[BASE64_ENCODE_RAW_LENGTH(len)] = '\0';
		js_set_text(js_object(secret, "data"), value->string, text);
		free(text);
	}
	js_drop(secret, "stringData");
}

/* What a Secret of a known type must have. */
static const struct {
	const char *type, *keys[2];
	bool any; /* one of them is enough */
} secret_types[] = {
	{ "kubernetes.io/dockercfg", { ".dockercfg" }, false },
	{ "kubernetes.io/dockerconfigjson", { ".dockerconfigjson" }, false },
	{ "kubernetes.io/basic-auth", { "username", "password" }, true },
	{ "kubernetes.io/ssh-auth", { "ssh-privatekey" }, false },
	{ "kubernetes.io/tls", { "tls.crt", "tls.key" }, false },
};

static void check_secret_type(const cJSON *secret, struct rule_causes *causes)
{
	static const char account[] = "kubernetes.io/service-account.name";
	const char *type = text_at(secret, "type");
	const cJSON *data = js_at(secret, "data");

	if (strcmp(type, "kubernetes.io/service-account-token") == 0 &&
	    cJSON_GetObjectItemCaseSensitive(js_at(secret, "metadata.annotations"), account) ==
		    NULL)
		cause_required(causes, FIELD("metadata.annotations[%s]", account));
	for (size_t i = 0; i < sizeof(secret_types) / sizeof(secret_types[0]); i++) {
		bool there[2] = { true, true };

		if (strcmp(secret_types[i].type, type) != 0)
			continue;
		for (int k = 0; k < 2 && secret_types[i].keys[k] != NULL; k++)
			there[k] =
				cJSON_GetObjectItemCaseSensitive(data, secret_types[i].keys[k]) !=
				NULL;
		for (int k = 0; k < 2; k++)
			if (!there[k] && !(secret_types[i].any && there[1 - k]))
				cause_required(causes, FIELD("data[%s]", secret_types[i].keys[k]));
	}
}

void admit_secret(cJSON *object, const cJSON *old, struct rule_causes *causes)
{
	static const char *const names[] = { "data", NULL };

	fold_string_data(object);
	if (text_at(object, "type")[0] == '\0')
		js_set_text(object, "type", "Opaque");
	if (old != NULL && !same_field(object, old, "type"))
		cause_invalid_text(causes, "type", text_at(object, "type"), "field is immutable");
	check_immutable(object, old, names, causes);
	if (check_data(object, "data", true, causes) > DATA_MAX)
		cause_too_long(causes, "data", DATA_MAX);
	check_secret_type(object, causes);
}

/* --- Node ------------------------------------------------------------------------------ */

/* podCIDR is podCIDRs[0]: either may be said. */
static void default_pod_cidrs(cJSON *spec)
{
	const cJSON *first = cJSON_GetArrayItem(js_at(spec, "podCIDRs"), 0);
	const char *one = js_text(spec, "podCIDR");

	if (first == NULL && one != NULL) {
		cJSON *list = cJSON_CreateArray();

		cJSON_AddItemToArray(list, cJSON_CreateString(one));
		js_set(spec, "podCIDRs", list);
	} else if (first != NULL && one == NULL) {
		js_set_text(spec, "podCIDR", first->valuestring);
	}
}

static void check_pod_cidrs(const cJSON *list, struct rule_causes *causes)
{
	struct ip_prefix prefix, first = { 0 };
	bool both = true;
	int i = 0, count = cJSON_GetArraySize(list);
	const cJSON *cidr;

	cJSON_ArrayForEach (cidr, list) {
		if (ip_prefix_parse(cidr->valuestring, &prefix) != 0)
			cause_invalid_text(causes, FIELD("spec.podCIDRs[%d]", i), cidr->valuestring,
					   "must be a valid CIDR value, (e.g. 10.9.8.0/24 or "
					   "2001:db8::/64)");
		else if (i == 0)
			first = prefix;
		else if (i == 1 && causes->count == 0)
			both = prefix.addr.family != first.addr.family;
		i++;
	}
	if (count > 2 || !both) {
		struct text *all = js_print(list);

		causes_add(causes, "FieldValueInvalid", "spec.podCIDRs",
			   "Invalid value: %.200s: may specify no more than one CIDR for each IP "
			   "family",
			   all->bytes);
		text_unref(all);
	}
}

void admit_node(cJSON *object, const cJSON *old, struct rule_causes *causes)
{
	cJSON *spec = js_object(object, "spec");

	default_pod_cidrs(spec);
	if (old == NULL)
		check_pod_cidrs(js_at(spec, "podCIDRs"), causes);
	if (cJSON_GetArraySize(js_at(old, "spec.podCIDRs")) > 0 &&
	    !same_field(object, old, "spec.podCIDRs"))
		cause_forbidden(causes, "spec.podCIDRs",
				"node updates may not change podCIDR except from \"\" to valid");
	if (text_at(old, "spec.providerID")[0] != '\0' &&
	    !same_field(object, old, "spec.providerID"))
		cause_forbidden(causes, "spec.providerID",
				"node updates may not change providerID except from \"\" to valid");
}

/* --- Pod ------------------------------------------------------------------------------- */

static void default_text(cJSON *object, const char *name, const char *value)
{
	if (js_at(object, name) == NULL)
		js_set_text(object, name, value);
}

static void default_container(cJSON *container)
{
	const char *image = text_at(container, "image"), *tag = strrchr(image, ':');
	bool latest = tag == NULL || strchr(tag, '/') != NULL || strcmp(tag, ":latest") == 0;
	cJSON *port;

	default_text(container, "imagePullPolicy", latest ? "Always" : "IfNotPresent");
	default_text(container, "terminationMessagePath", "/dev/termination-log");
	default_text(container, "terminationMessagePolicy", "File");
	cJSON_ArrayForEach (port, js_at(container, "ports"))
		if (text_at(port, "protocol")[0] == '\0')
			js_set_text(port, "protocol", "TCP");
}

static void default_pod(cJSON *object)
{
	cJSON *spec = js_object(object, "spec"), *status = js_object(object, "status"), *c;

	default_text(spec, "dnsPolicy", "ClusterFirst");
	default_text(spec, "restartPolicy", "Always");
	default_text(spec, "schedulerName", "default-scheduler");
	if (js_at(spec, "enableServiceLinks") == NULL)
		js_set(spec, "enableServiceLinks", cJSON_CreateTrue());
	if (js_at(spec, "terminationGracePeriodSeconds") == NULL)
		js_set_int(spec, "terminationGracePeriodSeconds", 30);
	if (js_at(spec, "securityContext") == NULL)
		js_object(spec, "securityContext");
	cJSON_ArrayForEach (c, js_at(spec, "initContainers"))
		default_container(c);
	cJSON_ArrayForEach (c, js_at(spec, "containers"))
		default_container(c);
	if (text_at(status, "phase")[0] == '\0')
		js_set_text(status, "phase", "Pending");
}

void admit_pod(cJSON *object, const cJSON *old, struct rule_causes *causes)
{
	const cJSON *list = js_at(object, "spec.containers"), *c;
	int i = 0;

	if (old == NULL)
		default_pod(object);
	if (cJSON_GetArraySize(list) == 0)
		cause_required(causes, "spec.containers");
	cJSON_ArrayForEach (c, list) {
		const char *name = text_at(c, "name");

		if (name[0] == '\0')
			cause_required(causes, FIELD("spec.containers[%d].name", i));
		else
			name_check_label(causes, FIELD("spec.containers[%d].name", i), name);
		if (text_at(c, "image")[0] == '\0')
			cause_required(causes, FIELD("spec.containers[%d].image", i));
		i++;
	}
}

/* --- Event ----------------------------------------------------------------------------- */

void admit_event(cJSON *object, const cJSON *old, struct rule_causes *causes)
{
	const char *about = text_at(object, "involvedObject.namespace");
	const char *ns = text_at(object, "metadata.namespace");

	(void)old;
	if (about[0] == '\0' ? strcmp(ns, "default") != 0 : strcmp(about, ns) != 0)
		cause_invalid_text(causes, "involvedObject.namespace", about,
				   "does not match event.namespace");
}
