// SPDX-License-Identifier: Apache-2.0
#include "allocator/ipam_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "lib/base/must.h"
#include "lib/kube/url.h"

const char *ipam_kind_name(enum ipam_kind kind)
{
	static const char *const names[IPAM_KINDS] = {
		[IPAM_ALLOCATE] = "allocate",
		[IPAM_RELEASE] = "release",
		[IPAM_LIST] = "leases",
	};

	return names[kind];
}

struct ipam_call *ipam_call_free(struct ipam_call *c)
{
	if (c == NULL)
		return NULL;
	free(c->pool);
	free(c->url);
	free(c->ca_file);
	free(c->token_file);
	free(c->path);
	free(c->body);
	free(c);
	return NULL;
}

/* --- requests -------------------------------------------------------------------------------- */

static void add_text(cJSON *object, const char *key, const char *text)
{
	must(cJSON_AddStringToObject(object, key, text));
}

static void push_text(cJSON *list, const char *text)
{
	if (!cJSON_AddItemToArray(list, must(cJSON_CreateString(text))))
		abort();
}

char *ipam_body(const char *key, const char *pool, const char *ns, const char *name,
		const char *uid, unsigned families, struct ips ips)
{
	cJSON *body = must(cJSON_CreateObject());

	add_text(body, "key", key);
	add_text(body, "pool", pool);
	if (ns != NULL) {
		cJSON *service = must(cJSON_AddObjectToObject(body, "service"));

		add_text(service, "namespace", ns);
		add_text(service, "name", name);
		if (uid != NULL)
			add_text(service, "uid", uid);
	}
	if (families != 0) {
		cJSON *list = must(cJSON_AddArrayToObject(body, "families"));

		if (families & FAMILIES_V4)
			push_text(list, "IPv4");
		if (families & FAMILIES_V6)
			push_text(list, "IPv6");
	}
	if (ips.count > 0) {
		cJSON *list = must(cJSON_AddArrayToObject(body, "addresses"));
		char text[IP_TEXT_MAX];

		for (unsigned i = 0; i < ips.count; i++)
			push_text(list, ip_format(&ips.items[i], text));
	}
	char *text = must(cJSON_PrintUnformatted(body));
	cJSON_Delete(body);
	return text;
}

char *ipam_list_path(const char *prefix)
{
	char *path = NULL;
	size_t len;
	FILE *to = must(open_memstream(&path, &len));

	fputs("/v1/leases?prefix=", to);
	url_write(to, prefix);
	must_0(fclose(to));
	return path;
}

/* --- answers --------------------------------------------------------------------------------- */

static const cJSON *member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* Does a character of UTF-8 begin here that is no control character? Its length, or 0. */
static size_t printable(const unsigned char *at)
{
	size_t len = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;

	if (at[0] < 0x20 || at[0] == 0x7f || (at[0] >= 0x80 && at[0] < 0xc2) || at[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return at[0] == 0xc2 && at[1] < 0xa0 ? 0 : len; /* C1 controls */
}

/* Append @text to @why: each run of what cannot be printed as one blank, cut where it is full. */
static void why_plain(char why[static IPAM_WHY_MAX], const char *text)
{
	size_t to = strlen(why), from = to;

	for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
		size_t len = printable(at);
		size_t room = IPAM_WHY_MAX - 1 - to;

		if (len > room || room == 0)
			break;
		if (len == 0 || *at == ' ') {
			if (to > from && why[to - 1] != ' ')
				why[to++] = ' ';
			at++;
			continue;
		}
		memcpy(why + to, at, len);
		to += len;
		at += len;
	}
	while (to > from && why[to - 1] == ' ')
		to--;
	why[to] = '\0';
}

static void failed(struct ipam_answer *ret, const char *why)
{
	ret->result = IPAM_FAILED;
	ret->why[0] = '\0';
	why_plain(ret->why, why);
}

/* A list of addresses, none twice. */
static bool ips_parse(const cJSON *list, struct ip_list *ret)
{
	const cJSON *item;

	ret->count = 0;
	if (!cJSON_IsArray(list))
		return false;
	cJSON_ArrayForEach (item, list) {
		struct ip_addr ip;

		if (ret->count == IP_LIST_MAX || !cJSON_IsString(item) ||
		    ip_parse(item->valuestring, &ip) != 0 || ips_have(ip_list_lend(ret), &ip))
			return false;
		ret->ips[ret->count++] = ip;
	}
	return true;
}

static bool leases_parse(const cJSON *list, struct ipam_entries *ret)
{
	const cJSON *item;

	if (!cJSON_IsArray(list))
		return false;
	cJSON_ArrayForEach (item, list) {
		const cJSON *key = member(item, "key");
		struct ip_list ips;

		if (ret->count == IPAM_LEASES_MAX || !cJSON_IsString(key) ||
		    !ips_parse(member(item, "addresses"), &ips))
			return false;
		struct ipam_entry *e = must(array_push(ret));
		e->key = must(strdup(key->valuestring));
		ip_kept_set(&e->ips, ip_list_lend(&ips));
	}
	return true;
}

static void done_parse(enum ipam_kind kind, const cJSON *json, struct ipam_answer *ret)
{
	ret->result = IPAM_OK;
	if (kind == IPAM_ALLOCATE &&
	    (!ips_parse(member(json, "addresses"), &ret->ips) || ret->ips.count == 0))
		failed(ret, "it answers without a list of addresses");
	else if (kind == IPAM_LIST && !leases_parse(member(json, "leases"), &ret->leases))
		failed(ret, "it answers without a list of leases");
}

void ipam_answer_parse(enum ipam_kind kind, int status, const char *body, size_t len,
		       unsigned retry_after_s, struct ipam_answer *ret)
{
	cJSON *json = len > 0 ? cJSON_ParseWithLength(body, len) : NULL;
	const char *message = cJSON_GetStringValue(member(json, "message"));

	*ret = (struct ipam_answer){ .result = IPAM_OK };
	if (status == 200) {
		done_parse(kind, json, ret);
	} else if (kind == IPAM_RELEASE && status == 404 && cJSON_IsObject(json)) {
		; /* what is not there is released */
	} else if (kind == IPAM_ALLOCATE && (status == 404 || status == 409) &&
		   cJSON_IsObject(json)) {
		ret->result = IPAM_REFUSED;
		why_plain(ret->why, message != NULL ? message : "");
	} else {
		char *why = must_text("it answers %d%s%s", status, message != NULL ? ": " : "",
				      message != NULL ? message : "");
		failed(ret, why);
		free(why);
		if (status == 429 || status == 503)
			ret->retry_after_s =
				retry_after_s < IPAM_RETRY_MAX_S ? retry_after_s : IPAM_RETRY_MAX_S;
	}
	cJSON_Delete(json);
}

void ipam_answer_none(const char *why, struct ipam_answer *ret)
{
	*ret = (struct ipam_answer){ .result = IPAM_FAILED };
	failed(ret, why);
}

void ipam_answer_done(struct ipam_answer *a)
{
	for (size_t i = 0; i < a->leases.count; i++) {
		free(a->leases.items[i].key);
		ip_kept_unref(a->leases.items[i].ips);
	}
	array_free(&a->leases);
}
