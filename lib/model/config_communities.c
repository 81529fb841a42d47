// SPDX-License-Identifier: Apache-2.0
/*
 * Names of communities: each is given once, over all Community objects (the file's wins), and then
 * stands for its value wherever an advertisement uses it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/model/config_build.h"
#include "lib/model/schema.h"

/* One entry of one Community. */
struct alias {
	const char *name; /* borrowed from the object */
	struct community value;
	struct build_entry *entry;
	unsigned index; /* in spec.communities */
};

struct aliases {
	ARRAY_OF(struct alias);
};

static int aliases_collect(struct build *b, struct aliases *ret)
{
	char why[256];

	for (size_t i = 0; i < b->order.count; i++) {
		struct build_entry *e = b->order.items[i];
		if (e->dropped || strcmp(e->kind->name, "Community") != 0)
			continue;
		struct json_source source = { .where = e->input->where };
		struct json root = json_root(&source, e->input->object, "");
		struct json spec = json_get(&root, "spec"), list = json_get(&spec, "communities");

		if (!json_is_list(&list))
			continue;
		json_each (j, &list) {
			struct json name = json_get(&j, "name"), value = json_get(&j, "value");
			struct alias *a = array_push(ret);
			if (a == NULL)
				return -ENOMEM;
			*a = (struct alias){ .name = json_absent(&name) ? "" : json_text(&name),
					     .entry = e,
					     .index = j.index };
			if (community_parse(json_text(&value), &a->value, why, sizeof(why)) != 0)
				return -EBADMSG;
		}
	}
	return 0;
}

/* By name; the file's before the resources', then as MetalLB reads them. */
static int alias_cmp(const void *a, const void *b)
{
	const struct alias *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	if (c == 0)
		c = (int)y->entry->input->from_file - (int)x->entry->input->from_file;
	if (c == 0)
		c = (x->entry->place > y->entry->place) - (x->entry->place < y->entry->place);
	return c != 0 ? c : (x->index > y->index) - (x->index < y->index);
}

static void report_twin(struct build *b, const struct alias *first, const struct alias *second)
{
	struct build_cursor at;
	char summary[256];

	build_cursor_at(b, second->entry, &at);
	struct json list = json_get(&at.spec, "communities"), j = json_first(&list);
	while (j.index < second->index)
		j = json_next(&j);
	struct json name = json_get(&j, "name");
	snprintf(summary, sizeof(summary), "duplicate definition of community \"%s\"",
		 second->name);
	build_refuse(b, second->entry, first->entry, BUILD_COMMUNITIES, &name, summary,
		     "\"%s\" is already a name in Community \"%s\"", second->name,
		     first->entry->name);
}

static int aliases_settle(struct build *b, struct aliases *aliases)
{
	const struct alias *first = NULL;

	if (aliases->count > 1)
		qsort(aliases->items, aliases->count, sizeof(*aliases->items), alias_cmp);
	for (size_t i = 0; i < aliases->count; i++) {
		const struct alias *a = &aliases->items[i];
		if (first != NULL && strcmp(first->name, a->name) == 0) {
			report_twin(b, first, a);
			continue;
		}
		first = a;
		struct community_alias *new = array_push(&b->config->communities);
		if (new == NULL)
			return -ENOMEM;
		*new = (struct community_alias){ intern(a->name), a->value };
	}
	array_trim(&b->config->communities);
	return 0;
}

static int community_alias_cmp(const void *a, const void *b)
{
	return strcmp(((const struct community_alias *)a)->name,
		      ((const struct community_alias *)b)->name);
}

const struct community *config_community(const struct config *c, const char *name)
{
	const struct community_alias key = { .name = name };
	const struct community_alias *found =
		c->communities.count == 0
			? NULL
			: bsearch(&key, c->communities.items, c->communities.count, sizeof(key),
				  community_alias_cmp);

	return found == NULL ? NULL : &found->value;
}

/* --- in advertisements ------------------------------------------------------------------------ */

static int value_cmp(const void *a, const void *b)
{
	return community_cmp(a, b);
}

/* Sorted, and each once: an alias may stand for what is also written out. */
static void communities_sort(struct bgp_communities *list)
{
	size_t kept = 0;

	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items), value_cmp);
	for (size_t i = 0; i < list->count; i++)
		if (kept == 0 || community_cmp(&list->items[kept - 1], &list->items[i]) != 0)
			list->items[kept++] = list->items[i];
	list->count = kept;
	array_trim(list);
}

/* Is it sure that no Community names it? Not while one of them is faulty, or not there yet. */
static bool is_sure(const struct build *b)
{
	if (b->inputs->references_may_come)
		return false;
	for (size_t i = 0; i < b->entries.count; i++)
		if (b->entries.items[i].dropped &&
		    strcmp(b->entries.items[i].kind->name, "Community") == 0)
			return false;
	return true;
}

/* @text is neither a community nor the name of one. */
static void report_unknown(struct build *b, size_t index, const struct json *at, const char *text,
			   const char *why)
{
	char summary[512];

	snprintf(summary, sizeof(summary), "%s\ninvalid community \"%s\" in BGP advertisement", why,
		 text);
	build_refuse(b, b->bgp_advertisements.items[index], NULL, BUILD_BGP_ADVERTISEMENTS, at,
		     summary, "%s%s", why,
		     strchr(text, ':') == NULL ? ", and no Community has that name" : "");
}

static int resolve(struct build *b, size_t index, bool sure)
{
	struct bgp_advertisement *a = &b->config->bgp_advertisements.items[index];
	struct build_cursor at;

	build_cursor_at(b, b->bgp_advertisements.items[index], &at);
	struct json list = json_get(&at.spec, "communities");
	if (!json_is_list(&list))
		return 0;
	json_each (j, &list) {
		const char *text = json_text(&j);
		const struct community *named = config_community(b->config, text);
		struct community value = { 0 };
		char why[256];

		if (named != NULL) {
			value = *named;
		} else if (community_parse(text, &value, why, sizeof(why)) != 0) {
			if (build_concerns(b, &a->node_selectors) &&
			    (sure || strchr(text, ':') != NULL))
				report_unknown(b, index, &j, text, why);
			continue;
		}
		struct community *new = array_push(&a->communities);
		if (new == NULL)
			return -ENOMEM;
		*new = value;
	}
	communities_sort(&a->communities);
	return 0;
}

int build_communities(struct build *b)
{
	struct aliases aliases = { 0 };
	bool sure = is_sure(b);

	int rc = aliases_collect(b, &aliases);
	if (rc == 0)
		rc = aliases_settle(b, &aliases);
	for (size_t i = 0; rc == 0 && i < b->bgp_advertisements.count; i++)
		rc = resolve(b, i, sure);
	array_free(&aliases);
	return rc;
}
