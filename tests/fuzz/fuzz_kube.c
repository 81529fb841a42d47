// SPDX-License-Identifier: Apache-2.0
/*
 * What an API server answers: a page of a list, and after a NUL the bytes of the watch behind it,
 * then the same page as a new list. Whatever it says, only objects that were told are removed.
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
	if (reflector_init(&r, "/api/v1/services", NULL, &ops, &told) != 0)
		return 0;
	reflector_page(&r, text, page_len);
	if (end != NULL && reflector_watching(&r))
		reflector_lines(&r, end + 1, watch_len, &used);
	free(reflector_url(&r, &rng));
	if (!reflector_watching(&r))
		reflector_page(&r, text, page_len);
	if (told.count != r.keys.count)
		abort();
	reflector_done(&r);
	keyset_free(&told);
	return 0;
}
