// SPDX-License-Identifier: Apache-2.0
/*
 * The outer object and its `items` are walked byte by byte; every other value is collected up to
 * its end (json_scan.h) and then parsed by cJSON.
 *
 * Go writes kind, apiVersion, metadata, items in this order for its own types, whose objects do not
 * say what they are, and by the alphabet for custom resources, whose objects do. Any other order is
 * read too: objects without a kind wait until the list has told it.
 */
#include "lib/kube/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	AT_START,      /* { */
	AT_FIRST_NAME, /* "name" or } */
	AT_NAME,       /* "name" */
	AT_COLON,      /* : */
	AT_VALUE,      /* anything; [ or null for items */
	AT_NEXT,       /* , or } */
	AT_FIRST_ITEM, /* an object or ] */
	AT_ITEM,       /* an object */
	AT_NEXT_ITEM,  /* , or ] */
	AT_END,        /* nothing */
};

void page_begin(struct page_reader *r, page_item item, void *arg)
{
	*r = (struct page_reader){ .item = item, .arg = arg, .state = AT_START };
}

void page_abandon(struct page_reader *r)
{
	free(r->text);
	free(r->kind);
	free(r->api_version);
	cJSON_Delete(r->held);
	page_done(&r->page);
	*r = (struct page_reader){ .state = AT_START };
}

/* --- what the values mean ------------------------------------------------------------------- */

static char *text_of(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text == NULL || *text == '\0' ? NULL : strdup(text);
}

static int add_missing(cJSON *object, const char *name, const char *value)
{
	if (value == NULL || cJSON_GetObjectItemCaseSensitive(object, name) != NULL)
		return 0;
	return cJSON_AddStringToObject(object, name, value) == NULL ? -ENOMEM : 0;
}

/* In a list of a built-in type the objects do not say what they are: "ServiceList" does. */
static int tell(struct page_reader *r, cJSON *object)
{
	int rc = add_missing(object, "kind", r->kind);

	if (rc == 0)
		rc = add_missing(object, "apiVersion", r->api_version);
	return rc != 0 ? rc : r->item(r->arg, object);
}

/* Tell what was held back. */
static int tell_held(struct page_reader *r)
{
	int rc = 0;

	while (rc == 0 && r->held != NULL && r->held->child != NULL) {
		cJSON *object = cJSON_DetachItemViaPointer(r->held, r->held->child);

		rc = tell(r, object);
		cJSON_Delete(object);
	}
	if (rc == 0) {
		cJSON_Delete(r->held);
		r->held = NULL;
		r->held_len = 0;
	}
	return rc;
}

static int hold(struct page_reader *r, cJSON *object)
{
	r->held_len += r->len;
	if (r->held_len > PAGE_VALUE_MAX) {
		cJSON_Delete(object);
		return -EFBIG;
	}
	if (r->held == NULL)
		r->held = cJSON_CreateArray();
	if (!cJSON_AddItemToArray(r->held, object)) {
		cJSON_Delete(object);
		return -ENOMEM;
	}
	return 0;
}

static int item_value(struct page_reader *r, cJSON *object)
{
	int rc;

	if (!cJSON_IsObject(object)) {
		cJSON_Delete(object);
		return -EBADMSG;
	}
	if ((r->kind == NULL && !cJSON_HasObjectItem(object, "kind")) ||
	    (r->api_version == NULL && !cJSON_HasObjectItem(object, "apiVersion")))
		return hold(r, object);
	rc = tell(r, object);
	cJSON_Delete(object);
	return rc;
}

static int keep_text(char **at, const char *text, size_t len)
{
	free(*at);
	*at = strndup(text, len);
	return *at == NULL ? -ENOMEM : 0;
}

/* Keep what a list says about itself. */
static int field_value(struct page_reader *r, const cJSON *value)
{
	const char *text = cJSON_GetStringValue(value);
	size_t len = text == NULL ? 0 : strlen(text);
	int rc = 0;

	switch (r->field) {
	case FIELD_ITEMS: /* null: Go's empty slice */
		r->has_items = true;
		return cJSON_IsNull(value) ? 0 : -EBADMSG;
	case FIELD_METADATA:
		page_done(&r->page);
		r->page.version = text_of(value, "resourceVersion");
		r->page.next = text_of(value, "continue");
		return 0;
	case FIELD_KIND:
		if (len > 4 && strcmp(text + len - 4, "List") == 0)
			rc = keep_text(&r->kind, text, len - 4);
		break;
	case FIELD_API_VERSION:
		if (len > 0)
			rc = keep_text(&r->api_version, text, len);
		break;
	case FIELD_OTHER:
		return 0;
	}
	if (rc == 0 && r->kind != NULL && r->api_version != NULL)
		rc = tell_held(r);
	return rc;
}

static int name_value(struct page_reader *r, const cJSON *value)
{
	static const char *const names[] = {
		[FIELD_KIND] = "kind",
		[FIELD_API_VERSION] = "apiVersion",
		[FIELD_METADATA] = "metadata",
		[FIELD_ITEMS] = "items",
	};
	const char *name = cJSON_GetStringValue(value);

	if (name == NULL)
		return -EBADMSG;
	r->field = FIELD_OTHER;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i] != NULL && strcmp(name, names[i]) == 0)
			r->field = i;
	}
	/* Twice is not believed: which of them would be the list? */
	return r->field == FIELD_ITEMS && r->has_items ? -EBADMSG : 0;
}

/* --- the walk ------------------------------------------------------------------------------- */

/* A whole value lies in r->text. */
static int value_complete(struct page_reader *r)
{
	const char *after = NULL;
	cJSON *value = cJSON_ParseWithLengthOpts(r->text, r->len, &after, false);
	int rc = value != NULL && after == r->text + r->len ? 0 : -EBADMSG;

	r->collecting = false;
	if (rc != 0) {
		cJSON_Delete(value);
		return rc;
	}
	switch (r->state) {
	case AT_ITEM:
		r->state = AT_NEXT_ITEM;
		return item_value(r, value);
	case AT_NAME:
		r->state = AT_COLON;
		rc = name_value(r, value);
		break;
	default:
		r->state = AT_NEXT;
		rc = field_value(r, value);
	}
	cJSON_Delete(value);
	return rc;
}

static int collect(struct page_reader *r, const char *text, size_t len)
{
	if (len > PAGE_VALUE_MAX - r->len)
		return -EFBIG;
	if (r->cap - r->len < len) {
		size_t cap = r->cap == 0 ? 4096 : r->cap;

		while (cap - r->len < len)
			cap *= 2;
		char *bigger = realloc(r->text, cap);
		if (bigger == NULL)
			return -ENOMEM;
		r->text = bigger;
		r->cap = cap;
	}
	memcpy(r->text + r->len, text, len);
	r->len += len;
	return 0;
}

/* A value begins; @state says what it is when it is complete. */
static int begin_value(struct page_reader *r, int state)
{
	r->state = state;
	r->scan = (struct json_scan){ 0 };
	r->len = 0;
	r->collecting = true;
	return 0;
}

/*
 * The first byte, not blank, that stands outside of any value. Returns 1 when it has been taken,
 * 0 when a value begins with it.
 */
static int step(struct page_reader *r, char c)
{
	switch (r->state) {
	case AT_START:
		r->state = AT_FIRST_NAME;
		return c == '{' ? 1 : -EBADMSG;
	case AT_FIRST_NAME:
	case AT_NEXT:
		if (c == '}') {
			r->state = AT_END;
			return 1;
		}
		if (r->state == AT_FIRST_NAME)
			return c == '"' ? begin_value(r, AT_NAME) : -EBADMSG;
		r->state = AT_NAME;
		return c == ',' ? 1 : -EBADMSG;
	case AT_NAME:
		return c == '"' ? begin_value(r, AT_NAME) : -EBADMSG;
	case AT_COLON:
		r->state = AT_VALUE;
		return c == ':' ? 1 : -EBADMSG;
	case AT_VALUE:
		if (r->field != FIELD_ITEMS || c != '[')
			return begin_value(r, AT_VALUE);
		r->has_items = true;
		r->state = AT_FIRST_ITEM;
		return 1;
	case AT_FIRST_ITEM:
	case AT_NEXT_ITEM:
		if (c == ']') {
			r->state = AT_NEXT;
			return 1;
		}
		if (r->state == AT_FIRST_ITEM)
			return begin_value(r, AT_ITEM);
		r->state = AT_ITEM;
		return c == ',' ? 1 : -EBADMSG;
	case AT_ITEM:
		return begin_value(r, AT_ITEM);
	default:
		return -EBADMSG;
	}
}

static int feed(struct page_reader *r, const char *text, size_t len)
{
	size_t at = 0;
	int rc = 0;

	while (rc == 0 && at < len) {
		if (r->collecting) {
			size_t used = json_scan(&r->scan, text + at, len - at);

			rc = r->scan.too_deep ? -EBADMSG : collect(r, text + at, used);
			at += used;
			if (rc == 0 && r->scan.done)
				rc = value_complete(r);
		} else if (json_is_blank(text[at])) {
			at++;
		} else {
			rc = step(r, text[at]);
			if (rc == 1) {
				at++;
				rc = 0;
			}
		}
	}
	return rc;
}

int page_feed(struct page_reader *r, const char *text, size_t len)
{
	if (r->rc == 0)
		r->rc = feed(r, text, len);
	return r->rc;
}

int page_end(struct page_reader *r, struct page *ret)
{
	/* Only what says so is an empty list: an answer of some other kind must not be one. */
	if (r->rc == 0 && (r->state != AT_END || !r->has_items || r->page.version == NULL))
		r->rc = -EBADMSG;
	if (r->rc == 0) /* of a list that does not say what it is */
		r->rc = tell_held(r);
	int rc = r->rc;
	if (rc == 0) {
		*ret = r->page;
		r->page = (struct page){ NULL, NULL };
	}
	page_abandon(r);
	return rc;
}

void page_done(struct page *p)
{
	free(p->version);
	free(p->next);
	*p = (struct page){ NULL, NULL };
}
