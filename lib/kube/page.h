// SPDX-License-Identifier: Apache-2.0
/*
 * One page of a Kubernetes list, decoded object by object while its bytes arrive.
 *
 * Neither the text of a page nor its tree is ever whole in memory: only the text of the object
 * under way, and while it is told, its tree. Pure.
 */
#ifndef BELLMAN_KUBE_PAGE_H
#define BELLMAN_KUBE_PAGE_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "lib/kube/json_scan.h"

#define PAGE_VALUE_MAX (8u << 20) /* bytes of one object; etcd takes 1.5 MiB */

struct page {
	char *version; /* metadata.resourceVersion */
	char *next;    /* metadata.continue; NULL: this was the last page */
};

/* One object, lent; it has its kind and apiVersion. Non-zero ends the decoding. */
typedef int (*page_item)(void *arg, cJSON *object);

/* Fields are of page.c. */
struct page_reader {
	page_item item;
	void *arg;
	int state;
	int rc; /* what ended it; 0: nothing yet */
	struct json_scan scan;
	char *text; /* of the value under way; kept for the next one */
	size_t len, cap;
	enum { FIELD_OTHER, FIELD_KIND, FIELD_API_VERSION, FIELD_METADATA, FIELD_ITEMS } field;
	bool collecting; /* a value is under way */
	bool has_items;
	char *kind, *api_version; /* of the list, once read */
	cJSON *held;              /* objects that wait for these two; an array, or NULL */
	size_t held_len;          /* bytes of their text */
	struct page page;
};

/* Get ready for a page. No memory is held until the first byte. */
void page_begin(struct page_reader *r, page_item item, void *arg);

/*
 * More bytes of it; objects are told from in here. Returns 0; what @item returned when that was not
 * zero; -EBADMSG: no list, or its JSON is broken; -EFBIG: an object is larger than PAGE_VALUE_MAX;
 * -ENOMEM. After a failure, which some objects may have preceded, nothing more is told. @text is
 * not looked at again once @item has returned non-zero.
 */
int page_feed(struct page_reader *r, const char *text, size_t len);

/*
 * There are no more bytes. Returns 0 and *ret for page_done(), or as page_feed(); *ret is untouched
 * on failure. A page that breaks off is -EBADMSG.
 */
int page_end(struct page_reader *r, struct page *ret);

/* Free what it holds, at any time; zeroed is fine. */
void page_abandon(struct page_reader *r);

void page_done(struct page *p);

#endif
