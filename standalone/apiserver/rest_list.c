// SPDX-License-Identifier: Apache-2.0
/* Lists: selectors, pages, tables. All pages show the moment of the first one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/endpoints.h"
#include "standalone/apiserver/listing.h"
#include "standalone/apiserver/rest_impl.h"
#include "standalone/apiserver/status.h"

/* The list is complete: it is the answer. */
static void reply_list(struct reply *r, struct listing *l, uint64_t rv, const char *next,
		       size_t remaining)
{
	listing_begin(l, rv, next, remaining);
	r->code = 200;
	r->content_type = JSON_TYPE;
	r->list = l;
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

static void list_stored(struct api *a, const struct route *at, const struct query *query,
			const struct page *p, struct listing *l, struct reply *r)
{
	const struct snapshot_item *last = NULL;
	struct snapshot snap;
	size_t remaining = 0;

	if (!snapshot_take(a->store, at->kind, at->ns[0] == '\0' ? NULL : at->ns,
			   p->resumed ? p->ns : NULL, p->resumed ? p->name : NULL, p->rv, &snap)) {
		listing_free(l);
		reply_status(r, status_expired("The provided continue parameter is too old to "
					       "display a consistent list result. You can start a "
					       "new list without the continue parameter."));
		return;
	}
	for (size_t i = 0; i < snap.count; i++) {
		const struct snapshot_item *item = &snap.items[i];

		if (!query_matches(query, item->ns, item->name, item->text))
			continue;
		if (p->limit != 0 && listing_count(l) >= p->limit) {
			remaining++;
		} else {
			listing_add(l, item->text);
			last = item;
		}
		/* With a selector Kubernetes does not count what remains; one more is enough. */
		if (remaining > 0 && !query_empty(query))
			break;
	}
	char *next = remaining == 0 ? NULL
				    : mem_printf("%" PRIu64 "~%s~%s", p->rv, last->ns, last->name);
	reply_list(r, l, p->rv, next, query_empty(query) ? remaining : 0);
	free(next);
	snapshot_done(&snap);
}

static void list_derived(struct api *a, const struct route *at, const struct query *query,
			 const struct page *p, struct listing *l, struct reply *r)
{
	cJSON *list = endpoints_list(a, at->ns[0] == '\0' ? NULL : at->ns), *item;

	cJSON_ArrayForEach (item, list) {
		struct text *t = query_text(at->kind, item);
		if (query_matches(query, js_text(item, "metadata.namespace"),
				  js_text(item, "metadata.name"), t))
			listing_add(l, t);
		text_unref(t);
	}
	cJSON_Delete(list);
	reply_list(r, l, p->rv, NULL, 0);
}

void rest_list(struct api *a, const struct request *q, const struct route *at, struct reply *r)
{
	const struct view view = rest_view(q);
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
	struct listing *l = listing_new(at->kind, at->version, &view);
	if (at->kind->id == KIND_ENDPOINTS)
		list_derived(a, at, &query, &p, l, r);
	else
		list_stored(a, at, &query, &p, l, r);
	query_done(&query);
}
