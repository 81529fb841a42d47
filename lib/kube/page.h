// SPDX-License-Identifier: Apache-2.0
/*
 * One page of a Kubernetes list, decoded object by object.
 *
 * The tree of a whole page of 500 Services costs several times its text; here only one object is
 * a tree at a time. Pure.
 */
#ifndef BELLMAN_KUBE_PAGE_H
#define BELLMAN_KUBE_PAGE_H

#include <stddef.h>

#include <cjson/cJSON.h>

struct page {
	char *version; /* metadata.resourceVersion */
	char *next;    /* metadata.continue; NULL: this was the last page */
};

/* One object, lent; it has its kind and apiVersion. Non-zero ends the decoding. */
typedef int (*page_item)(void *arg, cJSON *object);

/*
 * Decode @text. Returns 0 and *ret for page_done(); what @item returned when that was not zero;
 * or -EBADMSG: no list, or its JSON is broken, in which case some objects may have been told.
 * *ret is untouched on failure. Memory that runs out counts as broken JSON.
 */
int page_decode(const char *text, size_t len, page_item item, void *arg, struct page *ret);
void page_done(struct page *p);

#endif
