// SPDX-License-Identifier: Apache-2.0
/* Lists: selectors, pages, tables. All pages show the moment of the first one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/listing.h"
#include "standalone/apiserver/rest_impl.h"
#include "standalone/apiserver/status.h"

void rest_reply_list(struct reply *r, struct listing *l, uint64_t rv, const char *next,
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

/* A negative limit is none. */
static cJSON *page_of(struct api *a, const struct request *q, struct page *p)
{
	const char *token = rest_param(q, "continue");
	int64_t limit = 0;

	memset(p, 0, sizeof(*p));
	p->rv = store_rv(a->store);
	if (rest_param_number(q, "limit", &limit) != 0)
		return rest_not_a_number(q, "limit");
	p->limit = limit < 0 ? 0 : (uint64_t)limit;
	if (token == NULL)
		return NULL;
	if (!parse_continue(token, &p->rv, p->ns, p->name) || p->rv > store_rv(a->store))
		return status_bad_request("invalid continue token: continue key is not valid");
	p->resumed = true;
	return NULL;
}

/*
 * What of the past is asked for: without resourceVersion the present, with it something not older,
 * which the present is, too; with resourceVersionMatch=Exact that very version.
 */
static cJSON *moment_of(struct api *a, const struct request *q, struct page *p)
{
	const char *match = rest_param(q, "resourceVersionMatch");
	uint64_t rv = 0;
	cJSON *wrong = rest_list_options(q, false);

	if (wrong == NULL)
		wrong = rest_version(q, &rv);
	if (wrong != NULL)
		return wrong;
	if (rv > store_rv(a->store))
		return status_too_new(rv, store_rv(a->store));
	if (match != NULL && strcmp(match, "Exact") == 0 && !p->resumed)
		p->rv = rv;
	return NULL;
}

static void list_stored(struct api *a, const struct route *at, const struct query *query,
			const struct page *p, struct listing *l, struct reply *r)
{
	const struct snapshot_item *last = NULL;
	struct snapshot snap;
	size_t given = 0, remaining = 0;

	if (!snapshot_take(a->store, at->kind, at->ns[0] == '\0' ? NULL : at->ns,
			   p->resumed ? p->ns : NULL, p->resumed ? p->name : NULL, p->rv, &snap)) {
		listing_free(l);
		reply_status(r,
			     p->resumed
				     ? status_expired(
					       "The provided continue parameter is too old to "
					       "display a consistent list result. You can start a "
					       "new list without the continue parameter.")
				     : status_expired("The resourceVersion for the provided list "
						      "is too old."));
		return;
	}
	for (size_t i = 0; i < snap.count; i++) {
		const struct snapshot_item *item = &snap.items[i];

		if (!query_matches(query, item->ns, item->name, item->text))
			continue;
		if (p->limit != 0 && given == p->limit) {
			/* With a selector Kubernetes does not count what remains. */
			remaining = query_empty(query) ? snap.count - i : 1;
			break;
		}
		listing_add(l, item->text);
		given++;
		last = item;
	}
	char *next = remaining == 0 ? NULL
				    : mem_printf("%" PRIu64 "~%s~%s", p->rv, last->ns, last->name);
	rest_reply_list(r, l, p->rv, next, query_empty(query) ? remaining : 0);
	free(next);
	snapshot_done(&snap);
}

void rest_list(struct api *a, const struct request *q, const struct route *at, struct reply *r)
{
	struct query query = { 0 };
	struct page p;
	cJSON *wrong = query_parse(at->kind, rest_param(q, "labelSelector"),
				   rest_param(q, "fieldSelector"), &query);

	if (wrong == NULL)
		wrong = page_of(a, q, &p);
	if (wrong == NULL)
		wrong = moment_of(a, q, &p);
	if (wrong != NULL)
		reply_status(r, wrong);
	else
		list_stored(a, at, &query, &p, listing_new(at->kind, at->version, &at->view), r);
	query_done(&query);
}
