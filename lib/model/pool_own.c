// SPDX-License-Identifier: Apache-2.0
#include "lib/model/pool_own.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/model/pool_exclude.h"

#define IPAM_TIMEOUT_NS     (2 * NS_PER_S)
#define IPAM_TIMEOUT_MAX_NS (60 * NS_PER_S)

static const char *const strategies[] = { "firstFit", "leastUsedRange", "random", NULL };
static const char *const ip_modes[] = { "VIP", "Proxy", NULL };

/* --- quota ---------------------------------------------------------------------------- */

static bool is_number(const char *text, uint64_t max, uint64_t *ret)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 10 || text[digits] != '\0')
		return false;
	*ret = strtoull(text, NULL, 10);
	return *ret <= max;
}

/* A name of a namespace (RFC 1123), or "*". */
static bool is_namespace(const char *text, size_t len)
{
	static const char alnum[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	if (len == 1 && *text == '*')
		return true;
	for (size_t i = 0; i < len; i++) {
		bool inner = i > 0 && i + 1 < len;

		if (strchr(alnum, text[i]) == NULL && !(inner && text[i] == '-'))
			return false;
	}
	return len > 0 && len <= 63;
}

/* "NAMESPACE=N" or "*=N". Returns the length of the name, 0 when it is not of that form. */
static size_t quota_parse(const char *text, uint64_t *ret_max)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || !is_namespace(text, (size_t)(equals - text)) ||
	    !is_number(equals + 1, UINT32_MAX, ret_max))
		return 0;
	return (size_t)(equals - text);
}

/* By the names in front of the equals signs, then as they were written. */
static int entry_cmp(const void *a, const void *b)
{
	const struct json *x = a, *y = b;
	const char *s = x->value->valuestring, *t = y->value->valuestring;
	size_t n = strcspn(s, "="), m = strcspn(t, "=");
	int c = strncmp(s, t, n < m ? n : m);

	if (c == 0)
		c = (n > m) - (n < m);
	return c != 0 ? c : (x->index > y->index) - (x->index < y->index);
}

static void quota_list_check(const struct json *list)
{
	size_t n = 0;
	struct json *entries = calloc(json_count(list) + 1, sizeof(*entries));

	if (entries == NULL) {
		json_fault(list, "out of memory");
		return;
	}
	json_each (entry, list) {
		const char *text = json_need_text(&entry);
		uint64_t max;

		if (text == NULL || *text == '\0')
			continue;
		if (quota_parse(text, &max) == 0)
			json_fault(&entry, "\"%s\" is not of the form NAMESPACE=NUMBER", text);
		else
			entries[n++] = entry;
	}
	qsort(entries, n, sizeof(*entries), entry_cmp);
	for (size_t i = 1; i < n; i++) {
		const char *text = entries[i].value->valuestring;
		size_t len = strcspn(text, "=") + 1;

		if (strncmp(entries[i - 1].value->valuestring, text, len) == 0)
			json_fault(&entries[i], "\"%.*s\" is there twice", (int)len - 1, text);
	}
	free(entries);
}

static void quota_check(const struct json *j)
{
	if (cJSON_IsArray(j->value))
		quota_list_check(j);
	else if (cJSON_IsNumber(j->value) || cJSON_IsRaw(j->value))
		json_int(j, 0, UINT32_MAX, 0);
	else
		json_fault(j, "must be a number or a list of \"NAMESPACE=NUMBER\", not %s",
			   json_type_name(j->value));
}

static int quota_cmp(const void *a, const void *b)
{
	return strcmp(((const struct pool_quota *)a)->ns, ((const struct pool_quota *)b)->ns);
}

static int quota_read(const struct json *j, struct pool *p)
{
	uint64_t max;
	int64_t n;

	p->quota_others = POOL_NO_QUOTA;
	if (json_absent(j))
		return 0;
	if (json_integer(j->value, &n)) {
		p->quota_others = (uint64_t)n;
		return 0;
	}
	json_each (entry, j) {
		const char *text = json_text(&entry);
		size_t len = text != NULL ? quota_parse(text, &max) : 0;

		if (len == 0)
			return -EBADMSG;
		if (*text == '*') {
			p->quota_others = max;
			continue;
		}
		struct pool_quota *q = array_push(&p->quota);
		char ns[64];
		if (q == NULL)
			return -ENOMEM;
		snprintf(ns, sizeof(ns), "%.*s", (int)len, text);
		*q = (struct pool_quota){ intern(ns), max };
	}
	array_trim(&p->quota);
	if (p->quota.count > 1)
		qsort(p->quota.items, p->quota.count, sizeof(*p->quota.items), quota_cmp);
	return 0;
}

uint64_t pool_quota(const struct pool *p, const char *ns)
{
	struct pool_quota key = { .ns = ns };
	const struct pool_quota *q =
		p->quota.count == 0
			? NULL
			: bsearch(&key, p->quota.items, p->quota.count, sizeof(key), quota_cmp);

	return q != NULL ? q->max : p->quota_others;
}

/* --- ipam ----------------------------------------------------------------------------- */

/* HOST or HOST:PORT up to @end. False when it is neither; else whether it is this machine. */
static bool authority_check(const char *at, const char *end, bool *ret_local)
{
	char host[256];
	struct ip_addr ip;
	uint64_t port;
	const char *host_end = memchr(at, ':', (size_t)(end - at));

	if (*at == '[') {
		at++;
		host_end = memchr(at, ']', (size_t)(end - at));
		if (host_end == NULL)
			return false;
	} else if (host_end == NULL) {
		host_end = end;
	}
	size_t len = (size_t)(host_end - at);
	if (len == 0 || len >= sizeof(host))
		return false;
	memcpy(host, at, len);
	host[len] = '\0';
	bool is_ip = ip_parse(host, &ip) == 0;
	if (*host_end == ']') {
		if (!is_ip || ip.family != IP_V6)
			return false;
		host_end++;
	} else if (strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."
				"_") != len) {
		return false;
	}
	if (host_end < end) {
		char text[8];

		len = (size_t)(end - host_end) - 1;
		if (*host_end != ':' || len >= sizeof(text))
			return false;
		memcpy(text, host_end + 1, len);
		text[len] = '\0';
		if (!is_number(text, UINT16_MAX, &port) || port == 0)
			return false;
	}
	*ret_local = is_ip ? (ip.family == IP_V4 ? ip.bytes[0] == 127 : ip_to_number(&ip) == 1)
			   : strcmp(host, "localhost") == 0;
	return true;
}

#define UNIX  "http+unix://"
#define HTTP  "http://"
#define HTTPS "https://"

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* What would go over a network in the clear, and what would show in a log, is refused. */
static void url_check(const struct json *j)
{
	const char *text = json_text(j);
	bool local = false;

	if (text == NULL || *text == '\0')
		return; /* told as missing */
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c <= ' ' || *c == 0x7f) {
			json_fault(j, "has blanks or control characters in it");
			return;
		}
	}
	if (begins(text, UNIX)) {
		size_t len = strlen(text) - strlen(UNIX);

		if (len < 2 || text[strlen(UNIX)] != '/')
			json_fault(j, "needs the path of a socket, as in " UNIX "/run/ipam.sock");
		else if (len >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
			json_fault(j, "the path of a socket has at most %zu bytes",
				   sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
		return;
	}
	if (!begins(text, HTTP) && !begins(text, HTTPS)) {
		json_fault(j, "\"%s\" begins with none of " UNIX ", " HTTPS ", " HTTP, text);
		return;
	}
	const char *at = strstr(text, "://") + 3, *end = at + strcspn(at, "/?#");
	if (memchr(at, '@', (size_t)(end - at)) != NULL)
		json_fault(j, "must not hold a user or a password");
	else if (*end == '?' || strpbrk(end, "?#") != NULL)
		json_fault(j, "must not hold a query or a fragment");
	else if (!authority_check(at, end, &local))
		json_fault(j, "\"%s\" names no host, or no port in 1..65535", text);
	else if (begins(text, HTTP) && !local)
		json_fault(j, "plain http is for this machine only, use " HTTPS);
}

static void timeout_check(const struct json *j)
{
	const char *text = json_text(j);
	uint64_t ns;

	if (text == NULL)
		return;
	if (duration_parse(text, &ns) != 0)
		json_fault(j, "\"%s\" is no duration such as \"2s\" or \"500ms\"", text);
	else if (ns == 0 || ns > IPAM_TIMEOUT_MAX_NS)
		json_fault(j, "must be more than 0 and at most %llus",
			   IPAM_TIMEOUT_MAX_NS / NS_PER_S);
}

static void path_check(const struct json *j)
{
	const char *text = json_need_text(j);

	if (text != NULL && *text != '\0' && *text != '/')
		json_fault(j, "\"%s\" is no absolute path", text);
}

/* caFile says whom to trust, which only a URL with TLS asks for. */
static void ipam_check(const struct json *j)
{
	struct json url = json_get(j, "url"), ca = json_get(j, "caFile");

	if (!json_absent(&ca) && cJSON_IsString(url.value) &&
	    !begins(url.value->valuestring, HTTPS))
		json_fault(&ca, "goes with a url that begins with " HTTPS);
}

static const struct field ipam_fields[] = {
	{ .name = "url", .type = FIELD_CHECKED, .check = url_check, .required = true },
	{ .name = "timeout", .type = FIELD_CHECKED, .check = timeout_check },
	{ .name = "caFile", .type = FIELD_CHECKED, .check = path_check, .file_only = true },
	{ .name = "tokenFile", .type = FIELD_CHECKED, .check = path_check, .file_only = true },
	{ .name = NULL },
};

static void ipam_read(const struct json *j, struct pool_ipam *ipam)
{
	struct json url = json_get(j, "url"), timeout = json_get(j, "timeout");
	struct json ca = json_get(j, "caFile"), token = json_get(j, "tokenFile");

	ipam->url = intern(json_text(&url));
	ipam->ca_file = json_absent(&ca) ? NULL : intern(json_text(&ca));
	ipam->token_file = json_absent(&token) ? NULL : intern(json_text(&token));
	ipam->timeout_ns = IPAM_TIMEOUT_NS;
	if (!json_absent(&timeout))
		duration_parse(json_text(&timeout), &ipam->timeout_ns);
}

/* --- all of them ---------------------------------------------------------------------- */

const struct field pool_own_fields[] = {
	{ .name = "exclude", .type = FIELD_ADDRESSES },
	{ .name = "strategy", .type = FIELD_WORD, .words = strategies },
	{ .name = "drain", .type = FIELD_BOOL },
	{ .name = "perRange", .type = FIELD_BOOL },
	{ .name = "quota", .type = FIELD_CHECKED, .check = quota_check },
	{ .name = "reserve", .type = FIELD_DURATION },
	{ .name = "ipam", .type = FIELD_MAP, .fields = ipam_fields, .check = ipam_check },
	{ .name = "ipMode", .type = FIELD_WORD, .words = ip_modes },
	{ .name = NULL },
};

/* The own fields of @object as members of one object, for the caller; NULL: out of memory. */
static cJSON *own_collect(const cJSON *object, struct where where)
{
	cJSON *all = cJSON_CreateObject();

	for (const struct field *f = pool_own_fields; all != NULL && f->name != NULL; f++) {
		cJSON *value = kind_own_field(object, where, f->name);

		if (value != NULL)
			cJSON_AddItemToObject(all, f->name, value);
	}
	return all;
}

void pool_rules(const struct json *spec)
{
	struct json addresses = json_get(spec, "addresses");
	size_t ranges = cJSON_IsArray(addresses.value) ? json_count(&addresses) : 0;
	cJSON *own = own_collect(spec->up->value, spec->source->where);
	struct json metadata = json_get(spec->up, "metadata");
	struct json annotations = json_get(&metadata, "annotations");
	struct json exclude = doc_is_config_file(spec->source->where.doc)
				      ? json_get(spec, "exclude")
				      : json_get(&annotations, "bellman.io/exclude");

	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(own, "perRange"))) {
		if (ranges > POOL_RANGES_MAX)
			json_fault(&addresses, "with perRange there are at most %d ranges, not %zu",
				   POOL_RANGES_MAX, ranges);
		if (cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(own, "ipam")))
			json_fault(&addresses, "perRange and ipam exclude each other");
	}
	pool_exclude_check(&addresses, cJSON_GetObjectItemCaseSensitive(own, "exclude"), &exclude);
	cJSON_Delete(own);
}

int pool_own_read(const cJSON *object, struct where where, struct pool *p)
{
	struct json_source source = { .where = where };
	cJSON *all = own_collect(object, where);
	struct json own = json_root(&source, all, "");
	struct json strategy = json_get(&own, "strategy"), drain = json_get(&own, "drain");
	struct json per_range = json_get(&own, "perRange"), quota = json_get(&own, "quota");
	struct json reserve = json_get(&own, "reserve"), ipam = json_get(&own, "ipam");
	struct json ip_mode = json_get(&own, "ipMode");

	if (all == NULL)
		return -ENOMEM;
	p->strategy = (enum pool_strategy)json_word(&strategy, strategies, STRATEGY_FIRST_FIT);
	p->drain = json_bool(&drain, false);
	p->per_range = json_bool(&per_range, false);
	p->ip_mode = (enum pool_ip_mode)(json_word(&ip_mode, ip_modes, -1) + 1);
	int rc = quota_read(&quota, p);
	if (rc == 0 && !json_absent(&reserve))
		rc = duration_parse(json_text(&reserve), &p->reserve_ns);
	if (rc == 0 && !json_absent(&ipam))
		ipam_read(&ipam, &p->ipam);
	cJSON_Delete(all);
	return rc;
}

void pool_own_done(struct pool *p)
{
	for (size_t i = 0; i < p->quota.count; i++)
		intern_unref(p->quota.items[i].ns);
	array_free(&p->quota);
	intern_unref(p->ipam.url);
	intern_unref(p->ipam.ca_file);
	intern_unref(p->ipam.token_file);
}
