// SPDX-License-Identifier: Apache-2.0
/* Events: their JSON, their names, and sending them through the book and the event queue. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/log.h"
#include "lib/base/utf8.h"
#include "lib/kube/event_book.h"
#include "lib/kube/internal.h"

#define MESSAGE_MAX 1024 /* bytes; the API refuses longer ones */
#define NAME_PART   230  /* of the object's name in the event's, which may have 253 in all */

/* FNV-1a over the texts and the NUL behind each; never 0. */
static uint64_t hash_texts(uint64_t h, const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = texts[i] == NULL ? "" : texts[i];

		do
			h = (h ^ (unsigned char)*text) * 1099511628211u;
		while (*text++ != '\0');
	}
	return h | 1;
}

/* Events of what has no namespace live in "default". */
static const char *event_namespace(const struct kube_event *e)
{
	return e->ns == NULL || *e->ns == '\0' ? "default" : e->ns;
}

const char *kube_time_text(char buf[KUBE_TIME_TEXT])
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(buf, KUBE_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

/* "<object>.<hex>", a DNS name: what is cut off must not leave a dot or dash at the end. */
static char *event_name(const struct kube_event *e, struct rng *rng)
{
	size_t len = strnlen(e->name, NAME_PART);
	char *name;

	while (len > 0 && strchr(".-", e->name[len - 1]) != NULL)
		len--;
	if (asprintf(&name, "%.*s.%016llx", (int)len, e->name, (unsigned long long)rng_next(rng)) <
	    0)
		return NULL;
	return name;
}

/* Bytes of @text up to MESSAGE_MAX, without cutting a UTF-8 character. */
static char *message_of(const char *text)
{
	size_t len = strnlen(text, MESSAGE_MAX + 1);

	return strndup(text, len > MESSAGE_MAX ? utf8_whole(text, MESSAGE_MAX) : len);
}

static void add_text(cJSON *to, const char *name, const char *text)
{
	if (text != NULL && *text != '\0')
		cJSON_AddStringToObject(to, name, text);
}

static char *new_event_text(const struct kube_event *e, const char *name)
{
	char now[KUBE_TIME_TEXT];
	char *message = message_of(e->message);
	cJSON *event = cJSON_CreateObject();
	cJSON *meta = cJSON_AddObjectToObject(event, "metadata");
	cJSON *about = cJSON_AddObjectToObject(event, "involvedObject");
	cJSON *source = cJSON_AddObjectToObject(event, "source");

	kube_time_text(now);
	add_text(event, "kind", "Event");
	add_text(event, "apiVersion", "v1");
	add_text(meta, "name", name);
	add_text(meta, "namespace", event_namespace(e));
	add_text(about, "kind", e->kind);
	add_text(about, "apiVersion", e->api_version);
	add_text(about, "namespace", e->ns);
	add_text(about, "name", e->name);
	add_text(about, "uid", e->uid);
	add_text(about, "resourceVersion", e->resource_version);
	add_text(event, "type", e->type);
	add_text(event, "reason", e->reason);
	add_text(event, "message", message);
	add_text(source, "component", e->component);
	add_text(source, "host", e->host);
	add_text(event, "firstTimestamp", now);
	add_text(event, "lastTimestamp", now);
	cJSON_AddNumberToObject(event, "count", 1);

	char *text = cJSON_PrintUnformatted(event);
	cJSON_Delete(event);
	free(message);
	return text;
}

static char *repeat_text(unsigned count)
{
	char now[KUBE_TIME_TEXT], *text;

	if (asprintf(&text, "{\"count\":%u,\"lastTimestamp\":\"%s\"}", count, kube_time_text(now)) <
	    0)
		return NULL;
	return text;
}

/* An event on its way: one at a time of each, or a PATCH would overtake the POST of its object. */
struct sent_event {
	struct kube *kube;
	uint64_t key;
	char ns[];
};

static void on_answer(void *arg, int status, const cJSON *json, const char *error);

/* Takes over @body, NULL: no memory. */
static void send_text(struct kube *k, struct event_recent *recent, const char *ns, bool is_new,
		      char *body)
{
	struct sent_event *sent = malloc(sizeof(*sent) + strlen(ns) + 1);
	char *path = kube_path("/api/v1", ns, "events", is_new ? NULL : recent->name, NULL);
	int rc = -1;

	if (sent != NULL) {
		sent->kube = k;
		sent->key = recent->key;
		strcpy(sent->ns, ns);
	}
	recent->sent = recent->count;
	if (sent != NULL && path != NULL && body != NULL)
		rc = request_send(k, REQUEST_EVENT,
				  &(struct kube_call){
					  .method = is_new ? "POST" : "PATCH",
					  .path = path,
					  .content_type = is_new ? KUBE_JSON : KUBE_MERGE_PATCH,
					  .body = body,
					  .done = on_answer,
					  .arg = sent,
				  });
	if (rc < 0) { /* too many are waiting, or no memory */
		event_book_forget(k->events, recent->key);
		free(sent);
	}
	free(path);
	free(body);
}

/* An event that did not arrive, or that the server has dropped since, is no ground to count on. */
static void on_answer(void *arg, int status, const cJSON *json, const char *error)
{
	struct sent_event *sent = arg;
	struct kube *k = sent->kube;
	struct event_recent *recent = event_book_find(k->events, sent->key);

	(void)json;
	if (error != NULL) {
		event_book_forget(k->events, sent->key);
		if (status != 0)
			log_debug("kube", "event refused", "error=\"%s\"", error);
	} else if (recent != NULL && recent->sent < recent->count) {
		send_text(k, recent, sent->ns, false, repeat_text(recent->count));
	} else if (recent != NULL) {
		recent->sent = 0;
	}
	free(sent);
}

static void send_event(struct kube *k, const struct kube_event *e, struct event_recent *recent)
{
	bool is_new = recent->count == 1;

	if (recent->sent != 0)
		return; /* on_answer() sees that there are more by now */
	if (is_new)
		recent->name = event_name(e, &k->rng);
	if (recent->name == NULL)
		event_book_forget(k->events, recent->key);
	else
		send_text(k, recent, event_namespace(e), is_new,
			  is_new ? new_event_text(e, recent->name) : repeat_text(recent->count));
}

void kube_event(struct kube *k, const struct kube_event *e)
{
	const char *const object[] = { e->kind, e->ns, e->name, e->uid };
	const char *const event[] = { e->type, e->reason, e->message };
	uint64_t object_key = hash_texts(14695981039346656037u, object, 4);
	uint64_t event_key = hash_texts(object_key, event, 3);
	uint64_t now_s = uv_now(k->loop) / 1000;

	if (k->down || k->locked_out || k->closing)
		return;
	if (k->events == NULL)
		k->events = calloc(1, sizeof(*k->events));
	if (k->events == NULL || !event_book_allow(k->events, object_key, now_s))
		return;
	send_event(k, e, event_book_count(k->events, event_key, now_s));
}
