// SPDX-License-Identifier: Apache-2.0
#include "lib/daemon/config_secrets.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/must.h"
#include "lib/model/json.h"
#include "lib/model/meta.h"

struct config_secrets {
	void (*changed)(void *arg, const char *name);
	void *arg;
	struct kube_watch *watch;
	bool complete; /* listed once */
	bool refused;  /* the server does not tell */
	ARRAY_OF(const cJSON *);
};

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static void copy(cJSON *to, const cJSON *from, const char *key)
{
	const cJSON *item = get(from, key);

	if (item != NULL)
		cJSON_AddItemToObject(to, key, must(cJSON_Duplicate(item, true)));
}

static cJSON *reduce(const cJSON *secret)
{
	cJSON *to = must(cJSON_CreateObject());

	copy(must(cJSON_AddObjectToObject(to, "metadata")), get(secret, "metadata"), "name");
	copy(to, secret, "type");
	copy(must(cJSON_AddObjectToObject(to, "data")), get(secret, "data"), "password");
	return to;
}

static void wipe(const cJSON *secret)
{
	cJSON *password = cJSON_GetObjectItemCaseSensitive(get(secret, "data"), "password");

	if (cJSON_IsString(password))
		explicit_bzero(password->valuestring, strlen(password->valuestring));
	cJSON_Delete((cJSON *)(uintptr_t)secret);
}

static size_t find(const struct config_secrets *s, const char *name)
{
	size_t i = 0;

	while (i < s->count && strcmp(meta_text_or_empty(s->items[i], "name"), name) != 0)
		i++;
	return i;
}

static void on_upsert(void *arg, const cJSON *object)
{
	struct config_secrets *s = arg;
	const cJSON *secret = reduce(object);
	size_t i = find(s, meta_text_or_empty(secret, "name"));

	if (i < s->count && json_equal(s->items[i], secret)) {
		wipe(secret);
		return;
	}
	if (i < s->count)
		wipe(s->items[i]);
	else
		must(array_push(s));
	s->items[i] = secret;
	s->changed(s->arg, meta_text_or_empty(secret, "name"));
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	struct config_secrets *s = arg;
	size_t i = find(s, name);

	(void)ns;
	if (i == s->count)
		return;
	wipe(s->items[i]);
	s->items[i] = s->items[--s->count];
	s->changed(s->arg, name);
}

static void on_synced(void *arg)
{
	struct config_secrets *s = arg;

	if (s->complete)
		return; /* another list: what differs was told one by one */
	s->complete = true;
	s->changed(s->arg, NULL);
}

static void on_refused(void *arg, int status, const char *reason)
{
	struct config_secrets *s = arg;

	(void)status;
	(void)reason; /* the watch has logged them */
	if (s->refused)
		return; /* and is refused again and again */
	s->refused = true;
	s->changed(s->arg, NULL);
}

static const struct kube_watch_ops ops = {
	.upsert = on_upsert,
	.remove = on_remove,
	.synced = on_synced,
	.refused = on_refused,
};

struct config_secrets *config_secrets_open(struct kube *kube, const char *ns,
					   void (*changed)(void *arg, const char *name), void *arg)
{
	struct config_secrets *s = must(calloc(1, sizeof(*s)));
	char *path = must(kube_path("/api/v1", ns, "secrets", NULL, NULL));

	s->changed = changed;
	s->arg = arg;
	s->watch = kube_watch_start(kube, path, NULL, &ops, s);
	free(path);
	return s->watch != NULL ? s : config_secrets_close(s);
}

bool config_secrets_answered(const struct config_secrets *s, bool *ret_complete)
{
	*ret_complete = s->complete;
	return s->complete || s->refused;
}

const cJSON *const *config_secrets_list(const struct config_secrets *s, size_t *ret_count)
{
	*ret_count = s->count;
	return s->items;
}

struct config_secrets *config_secrets_close(struct config_secrets *s)
{
	if (s == NULL)
		return NULL;
	kube_watch_stop(s->watch);
	for (size_t i = 0; i < s->count; i++)
		wipe(s->items[i]);
	array_free(s);
	free(s);
	return NULL;
}
