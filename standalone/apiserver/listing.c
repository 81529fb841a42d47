// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/listing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/table.h"

struct listing {
	const struct kind *kind;
	const struct kind_version *version;
	struct columns *columns; /* of the version when the list began */
	struct view view;
	struct {
		ARRAY_OF(struct text *);
	} objects;
	size_t bytes;       /* of all objects */
	size_t next;        /* object to begin with when the piece is sent */
	struct text *piece; /* being sent */
	size_t sent;        /* of the piece */
	bool comma;         /* one goes before the next object */
	bool closed;        /* the piece is the last one */
};

struct listing *listing_new(const struct kind *kind, const struct kind_version *version,
			    const struct view *view)
{
	struct listing *l = mem_zero(sizeof(*l));

	l->kind = kind;
	l->version = version;
	l->columns = columns_ref(version->columns);
	l->view = *view;
	return l;
}

struct listing *listing_free(struct listing *l)
{
	if (l == NULL)
		return NULL;
	for (size_t i = l->next; i < l->objects.count; i++)
		text_unref(l->objects.items[i]);
	array_free(&l->objects);
	text_unref(l->piece);
	columns_unref(l->columns);
	free(l);
	return NULL;
}

void listing_add(struct listing *l, struct text *object)
{
	struct text **slot = array_push(&l->objects);

	if (slot == NULL)
		abort();
	*slot = text_ref(object);
	l->bytes += object->len;
}

size_t listing_bytes(const struct listing *l)
{
	return l->bytes;
}

/* --- pieces ---------------------------------------------------------------------------- */

/* The list or table without what is in it, up to and with the bracket that opens its items. */
static struct text *make_head(const struct listing *l, uint64_t rv, const char *next,
			      size_t remaining)
{
	char version[256], rv_text[24];
	cJSON *list;

	if (l->view.as == AS_TABLE) {
		list = table_new(l->kind, l->columns, &l->view, true);
	} else {
		bool partial = l->view.as != AS_OBJECT;

		list = cJSON_CreateObject();
		js_set_text(list, "kind", partial ? "PartialObjectMetadataList" : l->kind->list);
		if (partial)
			snprintf(version, sizeof(version), "meta.k8s.io/%s", l->view.meta_version);
		else
			// NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a found kind has it
			kind_api_version(l->kind, l->version->name, version, sizeof(version));
		js_set_text(list, "apiVersion", version);
	}
	cJSON *meta = js_object(list, "metadata");
	snprintf(rv_text, sizeof(rv_text), "%" PRIu64, rv);
	js_set_text(meta, "resourceVersion", rv_text);
	if (next != NULL)
		js_set_text(meta, "continue", next);
	if (remaining > 0)
		js_set_int(meta, "remainingItemCount", (long long)remaining);
	if (l->view.as != AS_TABLE)
		js_set(list, "items", cJSON_CreateArray());

	/* The empty array is the last member: it ends in "[]}". */
	struct text *whole = js_print(list), *head = text_new(whole->bytes, whole->len - 2);
	text_unref(whole);
	cJSON_Delete(list);
	return head;
}

static struct text *make_row(const struct listing *l, const struct text *object)
{
	cJSON *json = js_parse(object->bytes, object->len);
	cJSON *row = table_row(l->kind, l->columns, &l->view, json);
	struct text *t = js_print(row);

	cJSON_Delete(row);
	cJSON_Delete(json);
	return t;
}

void listing_begin(struct listing *l, uint64_t rv, const char *next, size_t remaining)
{
	l->piece = make_head(l, rv, next, remaining);
}

/* The piece was sent: the next one. False: there is none. */
static bool turn(struct listing *l)
{
	l->piece = text_unref(l->piece);
	l->sent = 0;
	if (l->closed)
		return false;
	if (l->next == l->objects.count) {
		l->piece = text_new("]}", 2);
		l->closed = true;
	} else if (l->comma) {
		l->piece = text_new(",", 1);
		l->comma = false;
	} else {
		struct text *object = l->objects.items[l->next++];

		l->piece = l->view.as == AS_TABLE
				   ? make_row(l, object)
				   : view_text(&l->view, l->kind, l->version, object);
		text_unref(object);
		l->comma = true;
	}
	return true;
}

size_t listing_read(struct listing *l, char *to, size_t max)
{
	size_t done = 0;

	while (done < max) {
		if (l->piece == NULL || l->sent == l->piece->len) {
			if (!turn(l))
				break;
		}
		size_t n = l->piece->len - l->sent;
		n = n > max - done ? max - done : n;
		memcpy(to + done, l->piece->bytes + l->sent, n);
		l->sent += n;
		done += n;
	}
	return done;
}
