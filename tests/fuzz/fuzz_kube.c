// SPDX-License-Identifier: Apache-2.0
/*
 * What an API server answers: a page of a list, and after a NUL the bytes of the watch behind it,
 * then the same page as a new list, in pieces of another size. Whatever it says, only objects that
 * were told are removed, and pieces of any size say the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/kube/reflector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_upsert(void *arg, const cJSON *object)
{
	const cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");
	const char *ns = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, "namespace"));
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, "name"));

	keyset_add(arg, ns == NULL ? "" : ns, name);
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	if (!keyset_remove(arg, ns, name))
		abort();
}

static const struct kube_watch_ops ops = { .upsert = on_upsert, .remove = on_remove };

/* Feed in pieces of @piece bytes, each a copy, so that one read too many is seen. */
static void feed_page(struct reflector *r, const char *text, size_t len, size_t piece)
{
	enum reflector_next next = REFLECTOR_WAIT;

	for (size_t at = 0; next == REFLECTOR_WAIT && at < len; at += piece) {
		size_t n = len - at < piece ? len - at : piece;
		char *copy = malloc(n);

		if (copy == NULL)
			abort();
		memcpy(copy, text + at, n);
		next = reflector_page(r, copy, n);
		free(copy);
	}
	if (next == REFLECTOR_WAIT)
		reflector_page_end(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *end = memchr(text, '\0', size);
	size_t page_len = end == NULL ? size : (size_t)(end - text);
	size_t watch_len = end == NULL ? 0 : size - page_len - 1;
	struct keyset told = { 0 };
	struct rng rng = rng_seeded(size);
	struct reflector r;
	size_t used;

	log_setup("fuzz", LOG_LEVEL_NONE, LOG_TEXT);
	if (reflector_init(&r, "http://x", "/api/v1/services", NULL, &ops, &told) != 0)
		return 0;
	feed_page(&r, text, page_len, page_len);
	size_t at_once = r.keys.count;
	bool listed = reflector_watching(&r);
	if (end != NULL && reflector_watching(&r))
		reflector_lines(&r, end + 1, watch_len, &used);
	free(reflector_url(&r, &rng));
	if (!reflector_watching(&r)) {
		feed_page(&r, text, page_len, 1 + size % 61);
		if (reflector_watching(&r) != listed || (listed && r.keys.count != at_once))
			abort();
	}
	if (told.count != r.keys.count)
		abort();
	reflector_done(&r);
	keyset_free(&told);
	return 0;
}
