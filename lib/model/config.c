// SPDX-License-Identifier: Apache-2.0
/*
 * From objects to a configuration: names first (the file wins over resources), then each
 * object against its schema, then the addresses of all pools against each other.
 *
 * Everything that compares all with all goes by sorting, so ten thousand pools cost what
 * they should, and the outcome does not depend on the order in which a list arrived.
 */
#include "lib/model/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/model/config_build.h"
#include "lib/model/pool_own.h"
#include "lib/model/schema.h"

struct config *config_ref(struct config *c)
{
	c->refs++;
	return c;
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

struct config *config_unref(struct config *c)
{
	if (c == NULL || --c->refs > 0)
		return NULL;
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
	array_free(&c->spans);
	free(c);
	return NULL;
}

/* --- one object: its schema held, so what is read here is of the right type ------------ */

static int names_read(const struct json *list, struct names *ret)
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
static int selectors_read(const struct json *of, const char *name, struct selectors *ret)
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
		rc = names_read(&namespaces, &p->namespaces);
	if (rc == 0)
		rc = selectors_read(&allocation, "namespaceSelectors", &p->namespace_selectors);
	if (rc == 0)
		rc = selectors_read(&allocation, "serviceSelectors", &p->service_selectors);
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
	int rc = names_read(&pools, &a->pools);
	if (rc == 0)
		rc = names_read(&interfaces, &a->interfaces);
	if (rc == 0)
		rc = selectors_read(&spec, "ipAddressPoolSelectors", &a->pool_selectors);
	if (rc == 0)
		rc = selectors_read(&spec, "nodeSelectors", &a->node_selectors);
	if (rc == 0)
		rc = selectors_read(&spec, "serviceSelectors", &a->service_selectors);
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

static int entry_read(struct build_entry *e, struct config *c)
{
	if (strcmp(e->kind->name, "IPAddressPool") == 0) {
		struct pool *p = array_push(&c->pools);
		if (p == NULL)
			return -ENOMEM;
		p->from_file = e->input->from_file;
		return pool_read(e, p);
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
	return 0; /* the kinds of BGP: checked, nothing reads them yet */
}

/* --- all of them ------------------------------------------------------------------------ */

static bool is_of_pools(const struct kind *kind)
{
	return strcmp(kind->name, "IPAddressPool") == 0 || strcmp(kind->name, "Community") == 0;
}

static int entries_collect(const struct config_inputs *inputs, struct build_entries *entries,
			   struct faults *faults)
{
	for (size_t i = 0; i < inputs->count; i++) {
		const struct config_input *in = &inputs->items[i];
		const struct kind *kind = kind_of(in->object);

		if (kind == NULL) {
			kind_mistaken(in->object, in->where, faults);
			continue;
		}
		if (!in->from_file && inputs->scope == CONFIG_POOLS && !is_of_pools(kind))
			continue;
		struct build_entry *e = array_push(entries);
		if (e == NULL)
			return -ENOMEM;
		const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(in->object, "metadata");
		const cJSON *name = cJSON_GetObjectItemCaseSensitive(metadata, "name");
		e->input = in;
		e->kind = kind;
		e->name = cJSON_IsString(name) ? name->valuestring : "";
		e->order = i;
	}
	return 0;
}

/* By kind and name; the file's before the resources, then as they came. */
static int entry_cmp(const void *a, const void *b)
{
	const struct build_entry *x = *(struct build_entry *const *)a;
	const struct build_entry *y = *(struct build_entry *const *)b;
	int c = strcmp(x->kind->name, y->kind->name);

	if (c == 0)
		c = strcmp(x->name, y->name);
	if (c == 0)
		c = (int)y->input->from_file - (int)x->input->from_file;
	return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

static void report_twin(const struct build_entry *first, struct build_entry *second,
			struct faults *faults)
{
	const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(second->input->object, "metadata");
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(metadata, "name");
	const struct doc *doc = first->input->where.doc;
	char buf[256];
	struct where where = build_where(second, buf, sizeof(buf));
	size_t from = faults->count;

	second->dropped = true;
	if (first->input->from_file && !second->input->from_file)
		doc_warn(where, name, faults, "metadata.name",
			 "ignored, %s \"%s\" of %s line %u wins", second->kind->name, second->name,
			 doc_file(doc), doc_line(doc, first->input->object));
	else
		doc_fault(where, name, faults, "metadata.name",
			  "%s \"%s\" is already there (%s line %u)", second->kind->name,
			  second->name, doc_file(doc), doc_line(doc, first->input->object));
	build_rank_own(second, faults, from);
}

static int names_check(struct build_entries *entries, struct faults *faults)
{
	struct build_entry **order = calloc(entries->count + 1, sizeof(struct build_entry *));

	if (order == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < entries->count; i++)
		order[i] = &entries->items[i];
	qsort(order, entries->count, sizeof(struct build_entry *), entry_cmp);
	const struct build_entry *first = NULL;
	for (size_t i = 0; i < entries->count; i++) {
		struct build_entry *e = order[i];
		e->place = (uint32_t)i;
		/* Without a name it has no twin; its own check says that it needs one. */
		if (first != NULL && *e->name != '\0' && strcmp(first->name, e->name) == 0 &&
		    strcmp(first->kind->name, e->kind->name) == 0)
			report_twin(first, e, faults);
		else
			first = e;
	}
	free(order);
	return 0;
}

static void entries_check(struct build_entries *entries, struct faults *faults)
{
	for (size_t i = 0; i < entries->count; i++) {
		struct build_entry *e = &entries->items[i];
		size_t from = faults->count;
		char buf[256];

		if (e->dropped)
			continue;
		struct where where = build_where(e, buf, sizeof(buf));
		if (kind_check(e->kind, e->input->object, where, faults) != 0)
			e->dropped = true;
		build_rank_own(e, faults, from);
	}
}

static int pool_cmp(const void *a, const void *b)
{
	return strcmp(((const struct pool *)a)->name, ((const struct pool *)b)->name);
}

static int l2_advertisement_cmp(const void *a, const void *b)
{
	return strcmp(((const struct l2_advertisement *)a)->name,
		      ((const struct l2_advertisement *)b)->name);
}

static int entries_read(struct build_entries *entries, struct config *c)
{
	for (size_t i = 0; i < entries->count; i++) {
		int rc = entries->items[i].dropped ? 0 : entry_read(&entries->items[i], c);
		if (rc != 0)
			return rc;
	}
	if (c->pools.count > 1)
		qsort(c->pools.items, c->pools.count, sizeof(*c->pools.items), pool_cmp);
	if (c->l2_advertisements.count > 1)
		qsort(c->l2_advertisements.items, c->l2_advertisements.count,
		      sizeof(*c->l2_advertisements.items), l2_advertisement_cmp);
	array_trim(&c->pools);
	array_trim(&c->l2_advertisements);
	return 0;
}

int config_build(const struct config_inputs *inputs, struct faults *faults, struct config **ret)
{
	size_t errors = faults->errors;
	struct build_entries entries = { 0 };
	struct config *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->refs = 1;
	int rc = entries_collect(inputs, &entries, faults);
	if (rc == 0)
		rc = names_check(&entries, faults);
	if (rc == 0) {
		entries_check(&entries, faults);
		rc = build_overlaps_check(&entries, faults);
	}
	if (rc == 0)
		rc = entries_read(&entries, c);
	if (rc == 0)
		rc = build_spans(c);
	if (rc == 0 && faults->errors > errors)
		rc = -EBADMSG;
	array_free(&entries);
	if (rc != 0) {
		config_unref(c);
		return rc;
	}
	*ret = c;
	return 0;
}

/* --- questions -------------------------------------------------------------------------- */

const struct pool *config_pool(const struct config *c, const char *name)
{
	struct pool key = { .name = name };

	return name == NULL || c->pools.count == 0
		       ? NULL
		       : bsearch(&key, c->pools.items, c->pools.count, sizeof(key), pool_cmp);
}

const char *config_setting(const struct config *c, const char *key)
{
	for (size_t i = 0; i < c->settings.count; i++)
		if (strcmp(c->settings.items[i].key, key) == 0)
			return c->settings.items[i].value;
	return NULL;
}

bool ip_is_buggy(const struct ip_addr *ip)
{
	return ip->family == IP_V4 && (ip->bytes[3] == 0 || ip->bytes[3] == 255);
}

static bool ranges_contain(const struct pool_ranges *r, const struct ip_addr *ip)
{
	for (size_t i = 0; i < r->count; i++)
		if (ip_range_contains(&r->items[i].range, ip))
			return true;
	return false;
}

bool pool_contains(const struct pool *p, const struct ip_addr *ip, bool ignore_buggy)
{
	return (ignore_buggy || !p->avoid_buggy_ips || !ip_is_buggy(ip)) &&
	       ranges_contain(&p->addresses, ip);
}

bool pool_excludes(const struct pool *p, const struct ip_addr *ip)
{
	return ranges_contain(&p->exclude, ip);
}

bool l2_advertisement_covers_pool(const struct l2_advertisement *a, const struct pool *p)
{
	if (a->pools.count == 0 && a->pool_selectors.count == 0)
		return true;
	return names_contain(&a->pools, p->name) || selectors_match(&a->pool_selectors, &p->labels);
}
