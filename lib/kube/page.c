// SPDX-License-Identifier: Apache-2.0
/*
 * The outer object is walked by hand, every value in it is parsed by cJSON; of these, `items` is
 * the one that is entered. Go writes kind, apiVersion, metadata, items in this order for its own
 * types and by the alphabet for custom resources; either is read.
 */
#include "lib/kube/page.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *at, *end;
	page_item item;
	void *arg;
	char *kind, *api_version; /* of the list, once read */
	struct page page;
	bool has_items;
};

/* The next byte that is no blank, or 0 at the end. */
static char peek(struct reader *r)
{
	while (r->at < r->end && strchr(" \t\r\n", *r->at) != NULL && *r->at != '\0')
		r->at++;
	return r->at < r->end ? *r->at : '\0';
}

static bool take(struct reader *r, char c)
{
	if (peek(r) != c || c == '\0')
		return false;
	r->at++;
	return true;
}

/* Parse one value and step behind it; NULL when it is none. */
static cJSON *take_value(struct reader *r)
{
	const char *after = NULL;
	cJSON *value;

	if (peek(r) == '\0')
		return NULL;
	value = cJSON_ParseWithLengthOpts(r->at, (size_t)(r->end - r->at), &after, false);
	if (value != NULL)
		r->at = after;
	return value;
}

static char *text_of(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text == NULL || *text == '\0' ? NULL : strdup(text);
}

/* In a list of a built-in type the objects do not say what they are: "ServiceList" does. */
static int name_kind(const struct reader *r, cJSON *object)
{
	if (!cJSON_HasObjectItem(object, "kind") && r->kind != NULL &&
	    cJSON_AddStringToObject(object, "kind", r->kind) == NULL)
		return -EBADMSG;
	if (!cJSON_HasObjectItem(object, "apiVersion") && r->api_version != NULL &&
	    cJSON_AddStringToObject(object, "apiVersion", r->api_version) == NULL)
		return -EBADMSG;
	return 0;
}

static int read_items(struct reader *r)
{
	r->has_items = true;
	if (peek(r) == 'n') { /* null: Go's empty slice */
		cJSON *null = take_value(r);
		bool ok = cJSON_IsNull(null);

		cJSON_Delete(null);
		return ok ? 0 : -EBADMSG;
	}
	if (!take(r, '['))
		return -EBADMSG;
	if (take(r, ']'))
		return 0;
	do {
		cJSON *object = take_value(r);
		int rc = cJSON_IsObject(object) ? name_kind(r, object) : -EBADMSG;

		if (rc == 0)
			rc = r->item(r->arg, object);
		cJSON_Delete(object);
		if (rc != 0)
			return rc;
	} while (take(r, ','));
	return take(r, ']') ? 0 : -EBADMSG;
}

/* Keep what a list says about itself. */
static void read_field(struct reader *r, const char *name, const cJSON *value)
{
	const char *text = cJSON_GetStringValue(value);

	if (strcmp(name, "metadata") == 0) {
		page_done(&r->page);
		r->page.version = text_of(value, "resourceVersion");
		r->page.next = text_of(value, "continue");
	} else if (strcmp(name, "apiVersion") == 0 && text != NULL) {
		free(r->api_version);
		r->api_version = strdup(text);
	} else if (strcmp(name, "kind") == 0 && text != NULL) {
		size_t len = strlen(text);

		free(r->kind);
		r->kind = NULL;
		if (len > 4 && strcmp(text + len - 4, "List") == 0)
			r->kind = strndup(text, len - 4);
	}
}

static int read_list(struct reader *r)
{
	if (!take(r, '{'))
		return -EBADMSG;
	if (take(r, '}'))
		return 0;
	do {
		cJSON *name = peek(r) == '"' ? take_value(r) : NULL;
		int rc = -EBADMSG;

		if (name != NULL && take(r, ':')) {
			if (strcmp(name->valuestring, "items") == 0) {
				rc = read_items(r);
			} else {
				cJSON *value = take_value(r);

				if (value != NULL) {
					read_field(r, name->valuestring, value);
					rc = 0;
				}
				cJSON_Delete(value);
			}
		}
		cJSON_Delete(name);
		if (rc != 0)
			return rc;
	} while (take(r, ','));
	return take(r, '}') && peek(r) == '\0' && r->at == r->end ? 0 : -EBADMSG;
}

int page_decode(const char *text, size_t len, page_item item, void *arg, struct page *ret)
{
	struct reader r = { .at = text, .end = text + len, .item = item, .arg = arg };
	int rc = read_list(&r);

	/* Only what says so is an empty list: an answer of some other kind must not be one. */
	if (rc == 0 && (!r.has_items || r.page.version == NULL))
		rc = -EBADMSG;
	if (rc == 0)
		*ret = r.page;
	else
		page_done(&r.page);
	free(r.kind);
	free(r.api_version);
	return rc;
}

void page_done(struct page *p)
{
	free(p->version);
	free(p->next);
	*p = (struct page){ NULL, NULL };
}
