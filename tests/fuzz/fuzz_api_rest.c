// SPDX-License-Identifier: Apache-2.0
/*
 * Requests to the API server, one after the other, each up to a NUL: a line "METHOD PATH?QUERY
 * TYPE", then the body. Whatever is asked, there is an answer with a code, what says that it is
 * JSON is, a watch can be read and ended, and the store can go on.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/objects.h"
#include "standalone/apiserver/rest.h"
#include "standalone/apiserver/watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS_MAX = 8, PARAMS_MAX = 8 };

struct params {
	char *name[PARAMS_MAX], *value[PARAMS_MAX];
	size_t count;
};

static const char *param(void *arg, const char *name)
{
	const struct params *p = arg;

	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->name[i], name) == 0)
			return p->value[i];
	return NULL;
}

static void split_query(char *query, struct params *p)
{
	while (query != NULL && p->count < PARAMS_MAX) {
		char *next = strchr(query, '&'), *value;

		if (next != NULL)
			*next++ = '\0';
		value = strchr(query, '=');
		if (value != NULL)
			*value++ = '\0';
		p->name[p->count] = query;
		p->value[p->count++] = value == NULL ? query + strlen(query) : value;
		query = next;
	}
}

/* js_parse() takes nothing that RFC 8259 does not; @json ends in a NUL at @len. */
static void check_json(const char *json, size_t len)
{
	cJSON *parsed = js_parse(json, len);

	if (parsed == NULL)
		abort();
	cJSON_Delete(parsed);
}

/* Each line that was told is JSON; what the reading stopped within need not be. */
static void read_watch(struct api *a, struct watch_spec *spec)
{
	struct watch *w = watch_new(a, spec, 1);
	struct buf told = { 0 };
	char piece[512], *end;
	size_t n;

	for (int i = 0; i < 64 && (n = watch_read(w, piece, sizeof(piece), 1)) > 0; i++)
		buf_add(&told, piece, n);
	watch_free(w);
	buf_add(&told, "", 1);
	for (char *line = told.bytes; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		check_json(line, (size_t)(end - line));
	}
	buf_done(&told);
}

static void ask(struct api *a, char *head, const char *body)
{
	struct params params = { 0 };
	struct reply reply = { 0 };
	char *path = strchr(head, ' '), *type = NULL;

	if (path == NULL)
		return;
	*path++ = '\0';
	type = strchr(path, ' ');
	if (type != NULL)
		*type++ = '\0';
	char *query = strchr(path, '?');
	if (query != NULL)
		*query++ = '\0';
	split_query(query, &params);
	const struct request q = {
		.method = head,
		.path = path,
		.content_type = type,
		.accept = param(&params, "accept"),
		.param = param,
		.arg = &params,
		.body = body,
		.body_len = strlen(body),
	};
	rest_handle(a, &q, &reply);
	if (reply.code < 200 || reply.code > 599)
		abort();
	if (reply.watch != NULL) {
		read_watch(a, reply.watch);
		reply.watch = NULL;
	} else {
		reply_gather(&reply);
		if (strncmp(reply.content_type, "application/json", 16) == 0) {
			buf_add(&reply.body, "", 1);
			check_json(reply.body.bytes, reply.body.len - 1);
		}
	}
	reply_done(&reply);
	if (store_commit(a->store) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct store_cfg cfg = { .history_count = 64,
				       .history_bytes = 1 << 20,
				       .first_rv = 1 };
	struct api a = { 0 };
	char err[128];
	char *text = malloc(size + 1);

	if (text == NULL || size > 1 << 16) {
		free(text);
		return 0;
	}
	memcpy(text, data, size);
	text[size] = '\0';
	if (service_books_new("10.96.0.0/29,fd00::/125", "30000-30003", &a.books) != 0)
		abort();
	kinds_init(&a.kinds);
	if (store_open(&cfg, &a.kinds, &a.store, err, sizeof(err)) != 0)
		abort();
	cJSON_Delete(objects_start(&a));
	size_t at = 0;
	for (int i = 0; i < REQUESTS_MAX && at < size; i++) {
		char *head = text + at, *body = strchr(head, '\n');

		at += strlen(head) + 1;
		if (body != NULL)
			*body++ = '\0';
		ask(&a, head, body == NULL ? "" : body);
	}
	objects_done(&a);
	store_close(a.store);
	kinds_done(&a.kinds);
	service_books_free(a.books);
	free(text);
	return 0;
}
