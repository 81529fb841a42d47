// SPDX-License-Identifier: Apache-2.0
/*
 * Annotations of a Service and of a pool, as anybody may write them, through the whole of the
 * allocator. A line each: loadBalancerIPs, spec.loadBalancerIP, address-pool, allow-shared-ip; the
 * lines after them are FIELD=VALUE for annotations bellman.io/FIELD of a pool.
 *
 * Whatever they say, an address that is given out is in a pool and not excluded.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char pools_text[] =
	"pools = ( { name = \"one\"; addresses = ( \"192.0.2.0/28\", \"2001:db8::/120\" );\n"
	"  exclude = ( \"192.0.2.1\" ); },\n"
	"{ name = \"vips\"; perRange = true;\n"
	"  addresses = ( \"10.1.0.0/24\", \"10.2.0.0/24\", \"fd00:1::/64\" ); } );";

static const char pool_text[] =
	"{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\",\"metadata\":{\"name\":"
	"\"fuzzed\",\"annotations\":{}},\"spec\":{\"addresses\":[\"198.51.100.0/24\",\"fd00:2::/"
	"64\"]}}";

static const char service_text[] =
	"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"s\",\"namespace\":"
	"\"n\","
	"\"uid\":\"u\",\"resourceVersion\":\"1\",\"annotations\":{}},\"spec\":{\"type\":"
	"\"LoadBalancer\",\"clusterIPs\":[\"10.96.0.1\",\"fd00::1\"],\"ipFamilies\":[\"IPv4\","
	"\"IPv6\"],\"ipFamilyPolicy\":\"PreferDualStack\",\"ports\":[{\"port\":80}]}}";

static cJSON *member(cJSON *object, const char *a, const char *b)
{
	cJSON *at = cJSON_GetObjectItemCaseSensitive(object, a);

	return b == NULL ? at : cJSON_GetObjectItemCaseSensitive(at, b);
}

/* The next line of what is left, or NULL. */
static char *line_next(char **rest)
{
	char *line = *rest, *end = line == NULL ? NULL : strchr(line, '\n');

	if (end != NULL)
		*end++ = '\0';
	*rest = end;
	return line;
}

static void add(cJSON *to, const char *key, const char *value)
{
	if (value != NULL && *value != '\0')
		cJSON_AddStringToObject(to, key, value);
}

static cJSON *service_read(char **rest)
{
	cJSON *object = cJSON_Parse(service_text);
	cJSON *annotations = member(object, "metadata", "annotations");

	add(annotations, "metallb.io/loadBalancerIPs", line_next(rest));
	add(cJSON_GetObjectItemCaseSensitive(object, "spec"), "loadBalancerIP", line_next(rest));
	add(annotations, "metallb.io/address-pool", line_next(rest));
	add(annotations, "metallb.io/allow-shared-ip", line_next(rest));
	return object;
}

static cJSON *pool_read(char **rest)
{
	cJSON *object = cJSON_Parse(pool_text);
	cJSON *annotations = member(object, "metadata", "annotations");

	for (char *line; (line = line_next(rest)) != NULL;) {
		char *value = strchr(line, '='), key[128];
		if (value == NULL)
			continue;
		*value++ = '\0';
		snprintf(key, sizeof(key), "bellman.io/%s", line);
		add(annotations, key, value);
	}
	return object;
}

/* With the fuzzed pool if it is none that is refused, else without. */
static struct config *config_read(const cJSON *pool)
{
	struct faults faults = { 0 };
	struct config_inputs inputs = { 0 };
	struct config *config = NULL;
	struct doc *doc = NULL;

	if (doc_load_text("f.conf", pools_text, strlen(pools_text), &faults, &doc) != 0)
		abort();
	for (size_t i = 0; i < doc_objects(doc)->count; i++) {
		const struct doc_object *o = &doc_objects(doc)->items[i];
		*array_push(&inputs) = (struct config_input){ o->json, o->where, true };
	}
	*array_push(&inputs) = (struct config_input){ .object = pool };
	if (config_build(&inputs, &faults, &config) != 0) {
		if (faults.errors == 0) /* refused without a reason */
			abort();
		inputs.count--;
		if (config_build(&inputs, &faults, &config) != 0)
			abort();
	}
	array_free(&inputs);
	faults_free(&faults);
	doc_free(doc);
	return config;
}

static void check(const struct config *c, const struct allocator_service_view *view)
{
	for (unsigned i = 0; i < view->ip_count; i++) {
		const struct pool *p = config_pool_of(c, &view->ips[i], false);
		if (p == NULL || pool_excludes(p, &view->ips[i]) ||
		    strcmp(p->name, view->pool) != 0)
			abort();
	}
	if (view->ip_count == 0 && *view->reason == '\0')
		abort(); /* it waits and nobody says why */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct allocator_cfg cfg = { .seed = 1 };
	struct allocator_actions actions = { 0 };
	struct allocator_service_view view;
	struct faults faults = { 0 };
	struct service *service = NULL;
	char *text = strndup((const char *)data, size), *rest = text;

	if (text == NULL)
		abort();
	cJSON *service_json = service_read(&rest), *pool_json = pool_read(&rest);
	struct config *config = config_read(pool_json);
	struct allocator *a = allocator_new(&cfg);

	allocator_set_config(a, config, true);
	if (service_decode(service_json, (struct where){ 0 }, &faults, &service) == 0)
		allocator_service_upsert(a, service);
	else if (faults.errors == 0)
		abort();
	allocator_synced(a);
	allocator_run(a, 1, &actions);
	if (allocator_service(a, "n", "s", &view))
		check(config, &view);
	allocator_actions_done(&actions);
	allocator_free(a);
	config_unref(config);
	faults_free(&faults);
	cJSON_Delete(service_json);
	cJSON_Delete(pool_json);
	free(text);
	return 0;
}
