// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/reflector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/log.h"
#include "lib/kube/url.h"
#include "lib/model/meta.h"
#include "lib/model/version.h"

#define PAGE_LIMIT          500 /* objects, as the reference client asks for */
#define WATCH_TIMEOUT_MIN_S 300 /* the server ends a watch then; at random, so that they spread */
#define WATCH_TIMEOUT_MAX_S 600
#define SHORT_WATCH_MS      1000 /* one that ends sooner is not asked again at once */
#define MALFORMED           (-1) /* in `refused`: it was no answer */

int reflector_init(struct reflector *r, const char *server, const char *path, const char *query,
		   const struct kube_watch_ops *ops, void *arg)
{
	*r = (struct reflector){ .ops = ops, .arg = arg, .server = server, .path = strdup(path) };
	if (query != NULL)
		r->query = strdup(query);
	if (r->path == NULL || (query != NULL && r->query == NULL)) {
		reflector_done(r);
		return -ENOMEM;
	}
	return 0;
}

void reflector_done(struct reflector *r)
{
	keyset_free(&r->keys);
	page_abandon(&r->reader);
	free(r->path);
	free(r->query);
	free(r->version);
	free(r->page);
	*r = (struct reflector){ .ended = true };
}

bool reflector_watching(const struct reflector *r)
{
	return r->listed;
}

char *reflector_url(struct reflector *r, struct rng *rng)
{
	char *url = NULL;
	size_t len;
	FILE *to = open_memstream(&url, &len);

	if (to == NULL)
		return NULL;
	fprintf(to, "%s?", r->path);
	if (r->query != NULL)
		fprintf(to, "%s&", r->query);
	if (r->listed) {
		fprintf(to,
			"watch=true&allowWatchBookmarks=true&timeoutSeconds=%u&resourceVersion=",
			WATCH_TIMEOUT_MIN_S +
				(unsigned)rng_below(rng,
						    WATCH_TIMEOUT_MAX_S - WATCH_TIMEOUT_MIN_S));
		url_write(to, r->version);
	} else {
		fprintf(to, "limit=%u", r->unpaged ? 0 : PAGE_LIMIT);
		if (r->page != NULL) {
			fputs("&continue=", to);
			url_write(to, r->page);
		}
	}
	if (fclose(to) != 0) {
		free(url);
		return NULL;
	}
	return url;
}

/* Begin again with a list. */
static void forget_version(struct reflector *r)
{
	free(r->version);
	free(r->page);
	r->version = r->page = NULL;
	r->listed = false;
	page_abandon(&r->reader);
}

void reflector_relist(struct reflector *r)
{
	forget_version(r);
}

enum reflector_next reflector_misunderstood(struct reflector *r, const char *why)
{
	r->malformed++;
	if (r->refused != MALFORMED)
		log_warn("kube", "answer not understood, listing again",
			 "server=%s path=%s why=\"%s\" count=%llu", r->server, r->path, why,
			 (unsigned long long)r->malformed);
	r->refused = MALFORMED;
	forget_version(r);
	return REFLECTOR_LATER;
}

/* A refusal is over. */
static void accepted(struct reflector *r)
{
	if (r->refused != 0)
		log_info("kube", "watch goes on", "server=%s path=%s", r->server, r->path);
	r->refused = 0;
	r->absent = false;
}

/* Namespace ("" for none) and name of an object; false: it has no name. */
static bool key_of(const cJSON *object, struct key *ret)
{
	*ret = (struct key){
		meta_text_or_empty(object, "namespace"),
		meta_text_or_empty(object, "name"),
	};
	return ret->name[0] != '\0';
}

static void upsert(struct reflector *r, const struct key *key, const cJSON *object)
{
	keyset_add(&r->keys, key->ns, key->name);
	r->ops->upsert(r->arg, object);
}

/* page_item: the result ends the page when the user has ended the watch. */
static int listed_object(void *arg, cJSON *object)
{
	struct reflector *r = arg;
	struct key key;

	if (!key_of(object, &key))
		return -EBADMSG;
	upsert(r, &key, object);
	return r->ended ? -ECANCELED : 0;
}

/* The last page is in: remove what no page named, and watch from here. */
static enum reflector_next list_complete(struct reflector *r)
{
	const char *ns, *name;
	size_t at = 0;

	while (!r->ended && keyset_take_unseen(&r->keys, &at, &ns, &name)) {
		r->ops->remove(r->arg, ns, name);
		intern_unref(ns);
		intern_unref(name);
	}
	if (r->ended)
		return REFLECTOR_ENDED;
	r->listed = r->synced = true;
	r->unpaged = false;
	if (r->ops->synced != NULL)
		r->ops->synced(r->arg);
	return r->ended ? REFLECTOR_ENDED : REFLECTOR_NOW;
}

enum reflector_next reflector_page(struct reflector *r, const char *text, size_t len)
{
	int rc;

	if (r->reader.item == NULL) { /* the first of this page */
		page_begin(&r->reader, listed_object, r);
		if (r->page == NULL)
			keyset_unsee(&r->keys);
	}
	rc = page_feed(&r->reader, text, len);
	if (rc == 0)
		return REFLECTOR_WAIT;
	if (rc == -ECANCELED)
		return REFLECTOR_ENDED;
	return reflector_misunderstood(r, rc == -EFBIG ? "an object is too large" : "no list");
}

enum reflector_next reflector_page_end(struct reflector *r)
{
	struct page page;
	int rc = page_end(&r->reader, &page);

	if (rc == -ECANCELED)
		return REFLECTOR_ENDED;
	if (rc < 0)
		return reflector_misunderstood(r, "no list");
	if (page.next != NULL && r->page != NULL && strcmp(page.next, r->page) == 0) {
		page_done(&page);
		return reflector_misunderstood(r, "a page says that it is the next one too");
	}

	accepted(r);
	/* Of the first page: a change that came while the later ones were read is then watched
	 * again rather than missed. */
	if (r->version == NULL) {
		r->version = page.version;
		page.version = NULL;
	}
	free(r->page);
	r->page = page.next;
	page.next = NULL;
	page_done(&page);
	return r->page != NULL ? REFLECTOR_NOW : list_complete(r);
}

/*
 * An event from before our version: the server has been put back to an older state. It will pass
 * over everything up to the version that we asked for, so what we know may be wrong for long.
 */
static enum reflector_next went_back(struct reflector *r, const char *version)
{
	log_warn("kube", "server went back in time, listing again",
		 "server=%s path=%s from=%s to=%s", r->server, r->path, r->version, version);
	forget_version(r);
	return REFLECTOR_LATER;
}

/* Remember how far we are. */
static void advance(struct reflector *r, const cJSON *object)
{
	const char *version = version_of(object);

	if (version == NULL || *version == '\0' || strcmp(version, r->version) == 0 ||
	    version_older(version, r->version))
		return;
	char *copy = strdup(version);
	if (copy != NULL) { /* else the older one does: some events come twice */
		free(r->version);
		r->version = copy;
	}
}

/* An ERROR event carries a Status. */
static enum reflector_next error_event(struct reflector *r, const cJSON *status)
{
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(status, "code");
	const char *message =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(status, "message"));

	return reflector_refused(r, cJSON_IsNumber(code) ? code->valueint : 500,
				 message == NULL ? "" : message);
}

static enum reflector_next event(struct reflector *r, const char *type, const cJSON *object)
{
	struct key key = { NULL, NULL };

	if (strcmp(type, "ERROR") == 0)
		return error_event(r, object);

	bool bookmark = strcmp(type, "BOOKMARK") == 0, deleted = strcmp(type, "DELETED") == 0;
	if (!bookmark && !deleted && strcmp(type, "ADDED") != 0 && strcmp(type, "MODIFIED") != 0)
		return reflector_misunderstood(r, "no event");
	if (!bookmark && !key_of(object, &key))
		return reflector_misunderstood(r, "no event");

	/* What was deleted may bear the version of its last change: it says nothing. */
	const char *version = version_of(object);
	if (!deleted && version != NULL && version_older(version, r->version))
		return went_back(r, version);

	if (deleted) {
		if (keyset_remove(&r->keys, key.ns, key.name))
			r->ops->remove(r->arg, key.ns, key.name);
	} else if (!bookmark) {
		upsert(r, &key, object);
	}
	if (r->ended)
		return REFLECTOR_ENDED;
	advance(r, object);
	accepted(r);
	return REFLECTOR_WAIT;
}

static enum reflector_next line(struct reflector *r, const char *text, size_t len)
{
	cJSON *json = cJSON_ParseWithLength(text, len);
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "type"));
	const cJSON *object = cJSON_GetObjectItemCaseSensitive(json, "object");
	enum reflector_next next = type != NULL && cJSON_IsObject(object)
					   ? event(r, type, object)
					   : reflector_misunderstood(r, "no event");

	cJSON_Delete(json);
	return next;
}

enum reflector_next reflector_lines(struct reflector *r, const char *text, size_t len,
				    size_t *ret_used)
{
	enum reflector_next next = REFLECTOR_WAIT;
	size_t used = 0;
	const char *end;

	while (next == REFLECTOR_WAIT && (end = memchr(text + used, '\n', len - used)) != NULL) {
		size_t line_len = (size_t)(end - text) - used;

		if (line_len > 0)
			next = line(r, text + used, line_len);
		used += line_len + 1;
	}
	*ret_used = used;
	return next;
}

/*
 * Is our version as good as before although the server answers @status? Yes when it may not look
 * (401, 403) or is in trouble (429, 5xx). Anything else may be about the version itself.
 */
static bool version_survives(int status)
{
	return status == 401 || status == 403 || status == 429 || status >= 500;
}

enum reflector_next reflector_refused(struct reflector *r, int status, const char *reason)
{
	if (status == 410 && r->page != NULL)
		r->unpaged = true;
	if (!version_survives(status))
		forget_version(r);
	if (status == 410) { /* in the course of things: the server's history is short */
		log_info("kube", "version too old, listing again", "server=%s path=%s", r->server,
			 r->path);
		return REFLECTOR_LATER;
	}
	if (status == 404 && !r->synced && r->ops->absent != NULL) {
		if (!r->absent) {
			r->absent = true;
			r->ops->absent(r->arg);
		}
		return r->ended ? REFLECTOR_ENDED : REFLECTOR_RARELY;
	}
	if (r->refused != status) {
		r->refused = status;
		log_warn("kube", "watch refused, trying again",
			 "server=%s path=%s status=%d reason=\"%s\"", r->server, r->path, status,
			 reason);
		if (r->synced && r->ops->lost != NULL)
			r->ops->lost(r->arg, status, reason);
		else if (!r->synced && r->ops->refused != NULL)
			r->ops->refused(r->arg, status, reason);
	}
	return r->ended ? REFLECTOR_ENDED : REFLECTOR_LATER;
}

bool reflector_is_ahead(const cJSON *status)
{
	const cJSON *causes = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(status, "details"), "causes");
	const cJSON *cause;

	cJSON_ArrayForEach (cause, causes) {
		const char *reason =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cause, "reason"));

		if (reason != NULL && strcmp(reason, "ResourceVersionTooLarge") == 0)
			return true;
	}
	return false;
}

enum reflector_next reflector_cut(struct reflector *r, uint64_t lived_ms)
{
	page_abandon(&r->reader);
	if (r->listed && lived_ms >= SHORT_WATCH_MS)
		return REFLECTOR_NOW;
	return REFLECTOR_LATER;
}
