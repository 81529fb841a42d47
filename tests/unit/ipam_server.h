// SPDX-License-Identifier: Apache-2.0
/*
 * An IPAM server in memory, as docs/ipam-hook.md wants one: a JSON object of leases, {key:
 * [address]}. It gives 192.0.2.1 to .10 and 2001:db8::1 to ::b to whoever asks, whatever the pool.
 * Included by test_*ipam.c.
 */
#ifndef BELLMAN_TESTS_IPAM_SERVER_H
#define BELLMAN_TESTS_IPAM_SERVER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "allocator/ipam_call.h"

#define ADDRESSES 10 /* of IPv4; IPv6 has one more */

static inline bool server_leased(const cJSON *leases, const char *ip, const char *but)
{
	const cJSON *lease, *a;

	cJSON_ArrayForEach (lease, leases) {
		cJSON_ArrayForEach (a, lease) {
			if (strcmp(a->valuestring, ip) == 0 &&
			    (but == NULL || strcmp(lease->string, but) != 0))
				return true;
		}
	}
	return false;
}

static inline bool texts_have(const cJSON *list, const char *text)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, list) {
		if (strcmp(item->valuestring, text) == 0)
			return true;
	}
	return false;
}

/* An address of @family for @key that it holds already, else the first that is free. */
static inline bool server_pick(const cJSON *leases, const cJSON *lease, bool v6, char ip[static 64])
{
	const cJSON *a;

	cJSON_ArrayForEach (a, lease) {
		if ((strchr(a->valuestring, ':') != NULL) == v6) {
			snprintf(ip, 64, "%s", a->valuestring);
			return true;
		}
	}
	for (unsigned i = 0; i < ADDRESSES + (v6 ? 1 : 0); i++) {
		snprintf(ip, 64, v6 ? "2001:db8::%u" : "192.0.2.%u", i + 1);
		if (!server_leased(leases, ip, NULL))
			return true;
	}
	return false;
}

static inline int server_allocate(cJSON *leases, const cJSON *body, cJSON *answer)
{
	const char *key = cJSON_GetObjectItem(body, "key")->valuestring;
	cJSON *lease = cJSON_GetObjectItemCaseSensitive(leases, key);
	cJSON *list = cJSON_AddArrayToObject(answer, "addresses");
	const cJSON *item;
	char ip[64];

	cJSON_ArrayForEach (item, cJSON_GetObjectItem(body, "families")) {
		if (!server_pick(leases, lease, strcmp(item->valuestring, "IPv6") == 0, ip))
			return 409;
		cJSON_AddItemToArray(list, cJSON_CreateString(ip));
	}
	cJSON_ArrayForEach (item, cJSON_GetObjectItem(body, "addresses")) {
		if (server_leased(leases, item->valuestring, key))
			return 409;
		cJSON_AddItemToArray(list, cJSON_CreateString(item->valuestring));
	}
	if (lease == NULL)
		lease = cJSON_AddArrayToObject(leases, key);
	cJSON_ArrayForEach (item, list) {
		if (!texts_have(lease, item->valuestring))
			cJSON_AddItemToArray(lease, cJSON_CreateString(item->valuestring));
	}
	return 200;
}

static inline int server_release(cJSON *leases, const cJSON *body)
{
	const char *key = cJSON_GetObjectItem(body, "key")->valuestring;
	const cJSON *addresses = cJSON_GetObjectItem(body, "addresses");
	cJSON *lease = cJSON_GetObjectItemCaseSensitive(leases, key);

	if (lease == NULL)
		return 404;
	for (int i = cJSON_GetArraySize(lease) - 1; i >= 0; i--) {
		if (addresses == NULL ||
		    texts_have(addresses, cJSON_GetArrayItem(lease, i)->valuestring))
			cJSON_DeleteItemFromArray(lease, i);
	}
	if (cJSON_GetArraySize(lease) == 0)
		cJSON_DeleteItemFromObjectCaseSensitive(leases, key);
	return 200;
}

static inline void server_list(const cJSON *leases, cJSON *answer)
{
	cJSON *list = cJSON_AddArrayToObject(answer, "leases");
	const cJSON *lease;

	cJSON_ArrayForEach (lease, leases) {
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddStringToObject(entry, "key", lease->string);
		cJSON_AddItemToObject(entry, "addresses", cJSON_Duplicate(lease, true));
		cJSON_AddItemToArray(list, entry);
	}
}

/* The server does what @c says. */
static inline void serve(cJSON *leases, const struct ipam_call *c, struct ipam_answer *ret)
{
	cJSON *answer = cJSON_CreateObject();
	cJSON *body = c->body != NULL ? cJSON_Parse(c->body) : NULL;
	int status = 200;

	if (c->kind == IPAM_ALLOCATE)
		status = server_allocate(leases, body, answer);
	else if (c->kind == IPAM_RELEASE)
		status = server_release(leases, body);
	else
		server_list(leases, answer);
	char *text = cJSON_PrintUnformatted(answer);
	ipam_answer_parse(c->kind, status, text, strlen(text), 0, ret);
	free(text);
	cJSON_Delete(answer);
	cJSON_Delete(body);
}

#endif
