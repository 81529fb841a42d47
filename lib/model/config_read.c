// SPDX-License-Identifier: Apache-2.0
/*
 * One object into its struct. Its schema held, so what is read here is of the right type.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/model/config_build.h"
#include "lib/model/pool_own.h"
#include "lib/model/schema.h"

int build_read_names(const struct json *list, struct names *ret)
{
	if (!json_is_list(list))
		return 0;
	json_each (j, list) {
		const char **name = array_push(ret);
		if (name == NULL)
			return -ENOMEM;
		*name = intern(json_text(&j));
	}
	array_trim(ret);
	return 0;
}

static int ranges_read(const struct json *list, bool single, struct pool_ranges *ret)
{
	if (!json_is_list(list))
		return 0;
	json_each (j, list) {
		struct pool_range *r = array_push(ret);
		if (r == NULL)
			return -ENOMEM;
		r->text = intern(json_text(&j));
		if (schema_range_parse(r->text, single, &r->range) != 0)
			return -EBADMSG;
	}
	array_trim(ret);
	return 0;
}

/* An empty path: the schema has told all there is to tell. */
int build_read_selectors(const struct json *of, const char *name, struct selectors *ret)
{
	struct json j = json_get(of, name);

	return selectors_decode(j.value, (struct where){ 0 }, NULL, "", ret);
}

static int pool_read(const struct build_entry *e, struct pool *p)
{
	struct json_source source = { .where = e->input->where };
	struct json root = json_root(&source, e->input->object, "");
	struct json spec = json_get(&root, "spec"), addresses = json_get(&spec, "addresses");
	struct json metadata = json_get(&root, "metadata"), labels = json_get(&metadata, "labels");
	struct json auto_assign = json_get(&spec, "autoAssign");
	struct json avoid = json_get(&spec, "avoidBuggyIPs");
	struct json allocation = json_get(&spec, "serviceAllocation");
	struct json priority = json_get(&allocation, "priority");
	struct json namespaces = json_get(&allocation, "namespaces");

	p->name = intern(e->name);
	p->from_file = e->input->from_file;
	p->auto_assign = json_bool(&auto_assign, true);
	p->avoid_buggy_ips = json_bool(&avoid, false);
	p->pinned = !json_absent(&allocation);
	p->priority = (int)json_int(&priority, INT32_MIN, INT32_MAX, 0);

	cJSON *own = kind_own_field(e->input->object, e->input->where, "exclude");
	struct json exclude = json_root(&source, own, "");
	int rc = ranges_read(&exclude, true, &p->exclude);
	cJSON_Delete(own);
	if (rc == 0)
		rc = pool_own_read(e->input->object, e->input->where, p);
	if (rc == 0)
		rc = ranges_read(&addresses, false, &p->addresses);
	if (rc == 0)
		rc = labels_decode(labels.value, source.where, NULL, "", &p->labels);
	if (rc == 0)
		rc = build_read_names(&namespaces, &p->namespaces);
	if (rc == 0)
		rc = build_read_selectors(&allocation, "namespaceSelectors",
					  &p->namespace_selectors);
	if (rc == 0)
		rc = build_read_selectors(&allocation, "serviceSelectors", &p->service_selectors);
	return rc;
}

static int preferences_read(const struct json *list, struct l2_advertisement *a)
{
	if (!json_is_list(list))
		return 0;
	json_each (j, list) {
		struct json weight = json_get(&j, "weight"), selector = json_get(&j, "preference");
		struct preference *p = array_push(&a->preferred);
		if (p == NULL)
			return -ENOMEM;
		p->weight = (int)json_int(&weight, 1, 100, 1);
		int rc = selector_decode(selector.value, (struct where){ 0 }, NULL, "",
					 &p->selector);
		if (rc != 0)
			return rc;
	}
	array_trim(&a->preferred);
	return 0;
}

static int l2_advertisement_read(const struct build_entry *e, struct l2_advertisement *a)
{
	struct json_source source = { .where = e->input->where };
	struct json root = json_root(&source, e->input->object, "");
	struct json spec = json_get(&root, "spec"), pools = json_get(&spec, "ipAddressPools");
	struct json interfaces = json_get(&spec, "interfaces");
	struct json preferred = json_get(&spec, "preferredNodeSelectors");

	a->name = intern(e->name);
	int rc = build_read_names(&pools, &a->pools);
	if (rc == 0)
		rc = build_read_names(&interfaces, &a->interfaces);
	if (rc == 0)
		rc = build_read_selectors(&spec, "ipAddressPoolSelectors", &a->pool_selectors);
	if (rc == 0)
		rc = build_read_selectors(&spec, "nodeSelectors", &a->node_selectors);
	if (rc == 0)
		rc = build_read_selectors(&spec, "serviceSelectors", &a->service_selectors);
	if (rc == 0)
		rc = preferences_read(&preferred, a);
	return rc;
}

/* Members of groups within are called by the group's name and theirs. */
static int settings_read(const struct json *map, const char *group, struct settings *ret)
{
	if (!json_is_object(map))
		return 0;
	json_each (j, map) {
		char key[128], number[32];
		int64_t n = 0;

		snprintf(key, sizeof(key), "%s%s%s", group, *group != '\0' ? "." : "", j.key);
		if (cJSON_IsObject(j.value)) {
			int rc = settings_read(&j, key, ret);
			if (rc != 0)
				return rc;
			continue;
		}
		struct setting *s = array_push(ret);
		if (s == NULL)
			return -ENOMEM;
		json_integer(j.value, &n);
		snprintf(number, sizeof(number), "%lld", (long long)n);
		s->key = intern(key);
		s->value = intern(cJSON_IsString(j.value)  ? json_text(&j)
				  : !cJSON_IsBool(j.value) ? number
				  : cJSON_IsTrue(j.value)  ? "true"
							   : "false");
	}
	return 0;
}

int build_read(struct build *b, struct build_entry *e)
{
	struct config *c = b->config;

	if (strcmp(e->kind->name, "IPAddressPool") == 0) {
		struct pool *p = array_push(&c->pools);
		return p == NULL ? -ENOMEM : pool_read(e, p);
	}
	if (strcmp(e->kind->name, "L2Advertisement") == 0) {
		struct l2_advertisement *a = array_push(&c->l2_advertisements);
		return a == NULL ? -ENOMEM : l2_advertisement_read(e, a);
	}
	if (strcmp(e->kind->name, "Settings") == 0) {
		struct json_source source = { .where = e->input->where };
		struct json root = json_root(&source, e->input->object, "");
		struct json spec = json_get(&root, "spec");
		return settings_read(&spec, "", &c->settings);
	}
	return build_read_bgp(b, e);
}

static void ranges_done(struct pool_ranges *r)
{
	for (size_t i = 0; i < r->count; i++)
		intern_unref(r->items[i].text);
	array_free(r);
}

static void pool_done(struct pool *p)
{
	intern_unref(p->name);
	labels_done(&p->labels);
	ranges_done(&p->addresses);
	ranges_done(&p->exclude);
	pool_own_done(p);
	names_done(&p->namespaces);
	selectors_done(&p->namespace_selectors);
	selectors_done(&p->service_selectors);
}

static void l2_advertisement_done(struct l2_advertisement *a)
{
	intern_unref(a->name);
	names_done(&a->pools);
	selectors_done(&a->pool_selectors);
	selectors_done(&a->node_selectors);
	selectors_done(&a->service_selectors);
	names_done(&a->interfaces);
	for (size_t i = 0; i < a->preferred.count; i++)
		selector_done(&a->preferred.items[i].selector);
	array_free(&a->preferred);
}

void config_pools_done(struct config *c)
{
	for (size_t i = 0; i < c->pools.count; i++)
		pool_done(&c->pools.items[i]);
	for (size_t i = 0; i < c->l2_advertisements.count; i++)
		l2_advertisement_done(&c->l2_advertisements.items[i]);
	for (size_t i = 0; i < c->settings.count; i++) {
		intern_unref(c->settings.items[i].key);
		intern_unref(c->settings.items[i].value);
	}
	array_free(&c->pools);
	array_free(&c->l2_advertisements);
	array_free(&c->settings);
}
