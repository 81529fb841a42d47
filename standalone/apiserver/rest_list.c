// SPDX-License-Identifier: Apache-2.0
/* Lists: selectors, pages, tables. All pages show the moment of the first one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/endpoints.h"
#include "standalone/apiserver/rest_impl.h"
#include "standalone/apiserver/status.h"
#include "standalone/apiserver/table.h"

/* What a list collects: either text after text, or table rows. */
struct listing {
	const struct route *at;
	struct view view;
	struct buf items;
	cJSON *table;
	size_t count;
};

static void list_add(struct listing *l, struct text *text, const cJSON *json)
{
	l->count++;
	if (l->table != NULL) {
		cJSON *own = json == NULL ? js_parse(text->bytes, text->len) : NULL;

		table_add(l->table, l->at->kind, l->at->version, &l->view,
			  json == NULL ? own : json);
		cJSON_Delete(own);
		return;
	}
	struct text *out = rest_convert(l->at->kind, l->at->version, text);
	if (l->items.len > 0)
		buf_add(&l->items, ",", 1);
	buf_add(&l->items, out->bytes, out->len);
	text_unref(out);
}

static void list_finish(struct listing *l, struct reply *r, uint64_t rv, const char *next,
			size_t remaining)
{
	char version[256], rv_text[24];

	snprintf(rv_text, sizeof(rv_text), "%" PRIu64, rv);
	if (l->table != NULL) {
		cJSON *meta = js_object(l->table, "metadata");

		js_set_text(meta, "resourceVersion", rv_text);
		if (next != NULL)
			js_set_text(meta, "continue", next);
		if (remaining > 0)
			js_set_int(meta, "remainingItemCount", (long long)remaining);
		reply_json(r, 200, l->table);
		cJSON_Delete(l->table);
		return;
	}
	r->code = 200;
	r->content_type = JSON_TYPE;
	// NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a kind that was found has a version
	kind_api_version(l->at->kind, l->at->version->name, version, sizeof(version));
	buf_printf(&r->body, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{",
		   l->at->kind->list, version);
	buf_printf(&r->body, "\"resourceVersion\":\"%s\"", rv_text);
	if (next != NULL)
		buf_printf(&r->body, ",\"continue\":\"%s\"", next);
	if (remaining > 0)
		buf_printf(&r->body, ",\"remainingItemCount\":%zu", remaining);
	buf_puts(&r->body, "},\"items\":[");
	buf_add(&r->body, l->items.bytes, l->items.len);
	buf_puts(&r->body, "]}");
	buf_done(&l->items);
}

/* "RV~NAMESPACE~NAME" of the last object given: no state is kept between pages. */
static bool parse_continue(const char *text, uint64_t *rv, char ns[SEGMENT_LEN],
			   char name[SEGMENT_LEN])
{
	char rest;

	return sscanf(text, "%" SCNu64 "~%253[^~]~%253[^~]%c", rv, ns, name, &rest) == 3 ||
	       (ns[0] = '\0', sscanf(text, "%" SCNu64 "~~%253[^~]%c", rv, name, &rest) == 2);
}

struct page {
	uint64_t limit, rv;
	bool resumed;
	char ns[SEGMENT_LEN], name[SEGMENT_LEN];
};

static cJSON *page_of(struct api *a, const struct request *q, struct page *p)
{
	const char *token = rest_param(q, "continue");

	memset(p, 0, sizeof(*p));
	p->rv = store_rv(a->store);
	if (rest_param_number(q, "limit", &p->limit) != 0)
		return status_bad_request("limit must be a number");
	if (token == NULL)
		return NULL;
	if (!parse_continue(token, &p->rv, p->ns, p->name) || p->rv > store_rv(a->store))
		return status_bad_request("continue key is not valid");
	p->resumed = true;
	return NULL;
}

bool rest_matches(const struct query *query, const struct snapshot_item *item, cJSON **ret_json)
{
	*ret_json = NULL;
	if (query_empty(query))
		return true;
	if (!query_by_name(query))
		*ret_json = js_parse(item->text->bytes, item->text->len);
	return query_matches(query, item->ns, item->name, *ret_json);
}

static void list_stored(struct api *a, const struct route *at, const struct query *query,
			const struct page *p, struct listing *l, struct reply *r)
{
	const struct snapshot_item *last = NULL;
	struct snapshot snap;
	size_t remaining = 0;
	cJSON *json;

	if (!snapshot_take(a->store, at->kind, at->ns[0] == '\0' ? NULL : at->ns,
			   p->resumed ? p->ns : NULL, p->resumed ? p->name : NULL, p->rv, &snap)) {
		cJSON_Delete(l->table);
		reply_status(r, status_expired("The provided continue parameter is too old to "
					       "display a consistent list result. You can start a "
					       "new list without the continue parameter."));
		return;
	}
	for (size_t i = 0; i < snap.count; i++) {
		const struct snapshot_item *item = &snap.items[i];

		if (rest_matches(query, item, &json)) {
			if (p->limit != 0 && l->count >= p->limit) {
				remaining++;
			} else {
				list_add(l, item->text, json);
				last = item;
			}
		}
		cJSON_Delete(json);
		/* With a selector Kubernetes does not count what remains; one more is enough. */
		if (remaining > 0 && !query_empty(query))
			break;
	}
	char *next = remaining == 0 ? NULL
				    : mem_printf("%" PRIu64 "~%s~%s", p->rv, last->ns, last->name);
	list_finish(l, r, p->rv, next, query_empty(query) ? remaining : 0);
	free(next);
	snapshot_done(&snap);
}

void rest_list(struct api *a, const struct request *q, const struct route *at, struct reply *r)
{
	struct listing l = { .at = at, .view = rest_view(q) };
	struct query query;
	struct page p;
	uint64_t rv = 0;
	cJSON *wrong = query_parse(at->kind, rest_param(q, "labelSelector"),
				   rest_param(q, "fieldSelector"), &query);

	if (wrong == NULL)
		wrong = page_of(a, q, &p);
	else
		query = (struct query){ 0 };
	if (wrong == NULL && rest_param_number(q, "resourceVersion", &rv) != 0)
		wrong = status_bad_request("resourceVersion must be a number");
	if (wrong == NULL && rv > store_rv(a->store))
		wrong = status_failure(504, "Timeout",
				       "Too large resource version: %" PRIu64 ", current: %" PRIu64,
				       rv, store_rv(a->store));
	if (wrong != NULL) {
		reply_status(r, wrong);
		query_done(&query);
		return;
	}
	if (l.view.table)
		l.table = table_new(at->kind, at->version, &l.view, true);
	if (at->kind->id == KIND_ENDPOINTS) {
		cJSON *list = endpoints_list(a, at->ns[0] == '\0' ? NULL : at->ns), *item;

		cJSON_ArrayForEach (item, list) {
			struct text *t = js_print(item);
			if (query_matches(&query, js_text(item, "metadata.namespace"),
					  js_text(item, "metadata.name"), item))
				list_add(&l, t, item);
			text_unref(t);
		}
		cJSON_Delete(list);
		list_finish(&l, r, p.rv, NULL, 0);
	} else {
		list_stored(a, at, &query, &p, &l, r);
	}
	query_done(&query);
}
