// SPDX-License-Identifier: Apache-2.0
/* One HTTP exchange: its request for libcurl, the bytes of its answer, and when its owner is told.
 */
#include "lib/kube/curl_socket.h"
#include "lib/kube/internal.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEEPALIVE_IDLE_S  30L
#define KEEPALIVE_EVERY_S 10L
#define CA_CACHE_S        60L
#define UPLOAD_BUFFER     (16L << 10) /* the least that libcurl takes */
#define ANSWER_BUFFER     (4L << 10)  /* to a write: one object */
#define BODY_KEEP         (64u << 10) /* an empty buffer larger than this is given back */

static void transfer_ready(struct transfer *t)
{
	if (t->is_ready)
		return;
	t->is_ready = true;
	TAILQ_INSERT_TAIL(&t->kube->ready, t, ready);
}

/* --- bytes ---------------------------------------------------------------------------------- */

/* Called by libcurl. Fewer bytes returned than given end the transfer. */
static size_t on_write(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	struct transfer_body *b = &t->body;
	size_t len = size * count;

	t->pool->heard_ms = uv_now(t->kube->loop);
	if (len > t->body_max - b->len) {
		t->too_big = true;
		return 0;
	}
	if (b->cap - b->len < len) {
		size_t cap = b->cap == 0 ? 4096 : b->cap;
		while (cap - b->len < len)
			cap *= 2;
		char *bigger = realloc(b->text, cap);
		if (bigger == NULL)
			return 0;
		b->text = bigger;
		b->cap = cap;
	}
	memcpy(b->text + b->len, bytes, len);
	b->len += len;
	if (t->ops->data != NULL)
		transfer_ready(t);
	return len;
}

/* Does the value of a header line begin with a digit? The line has an end. */
static bool is_number(const char *value)
{
	while (*value == ' ' || *value == '\t')
		value++;
	return isdigit((unsigned char)*value);
}

/* Called by libcurl with each line of the head; the empty one ends it. */
static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
	static const char retry_after[] = "Retry-After:";
	struct transfer *t = arg;
	size_t len = size * count;
	long status = 0;

	/* "0" is a wish too, which CURLINFO_RETRY_AFTER does not tell from none. */
	if (len > sizeof(retry_after) &&
	    strncasecmp(bytes, retry_after, sizeof(retry_after) - 1) == 0)
		t->retry_at_once = is_number(bytes + sizeof(retry_after) - 1);
	/* Some servers end their lines with "\n" alone, and libcurl takes it. */
	if (bytes[0] != '\n' && (len > 2 || bytes[0] != '\r'))
		return len;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200) {
		t->status = (int)status;
		transfer_ready(t); /* kube_heard() tells users, so not from in here */
	}
	return len;
}

/* Called by libcurl for more of the request's body. */
static size_t on_read(char *to, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t left = strlen(t->unread);

	t->unsent = !t->may_send(t->may_send_arg);
	if (t->unsent)
		return CURL_READFUNC_ABORT;
	if (left > size * count)
		left = size * count;
	// NOLINTNEXTLINE(bugprone-not-null-terminated-result): libcurl takes bytes, not a text
	memcpy(to, t->unread, left);
	t->unread += left;
	return left;
}

/* Called by libcurl to begin the body again, when a kept connection proves to be dead. */
static int on_rewind(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;

	if (offset != 0 || origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	t->unread = t->request_body;
	return CURL_SEEKFUNC_OK;
}

void transfer_consume(struct transfer *t, size_t len)
{
	struct transfer_body *b = &t->body;

	b->len -= len;
	memmove(b->text, b->text + len, b->len);
	if (b->len == 0 && b->cap > BODY_KEEP) {
		free(b->text);
		*b = (struct transfer_body){ 0 };
	}
}

/* --- one transfer --------------------------------------------------------------------------- */

static void set_credentials(const struct kube *k, CURL *easy)
{
	const struct credentials *c = &k->credentials;

	if (c->token != NULL) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, c->token);
	}
	if (c->cert_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, c->cert_file);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, c->key_file);
	}
}

static void set_server(const struct kube *k, CURL *easy)
{
	const struct credentials *c = &k->credentials;

	if (c->ca_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* this CA and no other */
#if LIBCURL_VERSION_NUM >= 0x075700 /* 7.87: caches the CA for a day unless told */
		curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_S);
#endif
	}
	/* A session that is resumed keeps the client certificate that it began with. */
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	if (c->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (c->proxy_url != NULL)
		curl_easy_setopt(easy, CURLOPT_PROXY, c->proxy_url);
	else if (k->direct)
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

static int set_request(struct transfer *t, const struct transfer_request *req)
{
	CURL *easy = t->easy;
	char *url = NULL, *type = NULL;
	struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json");
	const struct credentials *c = &t->kube->credentials;
	int rc = -ENOMEM;

	if (list == NULL)
		return -ENOMEM;
	t->headers = list;
	if (asprintf(&url, "%s%s", c->tls_server != NULL ? c->tls_server : c->server, req->path) <
	    0)
		return -ENOMEM;
	if (curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK)
		goto out;
	if (c->tls_server != NULL) {
		/* To libcurl the server is called as its certificate says, and lives elsewhere. */
		t->connect_to = curl_slist_append(NULL, c->connect_to);
		if (t->connect_to == NULL || curl_slist_append(list, c->host_header) == NULL)
			goto out;
		curl_easy_setopt(easy, CURLOPT_CONNECT_TO, t->connect_to);
	}
	if (strcmp(req->method, "GET") != 0)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, req->method);
	/* A body that may be withheld is asked for when it is needed, else libcurl has it. */
	if (req->body != NULL) {
		/* "Expect:": do not ask whether a large body is welcome. */
		if (asprintf(&type, "Content-Type: %s", req->content_type) < 0 ||
		    curl_slist_append(list, type) == NULL ||
		    curl_slist_append(list, "Expect:") == NULL)
			goto out;
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(req->body));
		if (req->may_send == NULL) {
			curl_easy_setopt(easy, CURLOPT_POSTFIELDS, req->body);
		} else {
			t->unread = t->request_body = req->body;
			curl_easy_setopt(easy, CURLOPT_POST, 1L);
			curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
			curl_easy_setopt(easy, CURLOPT_READDATA, t);
			curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
			curl_easy_setopt(easy, CURLOPT_SEEKDATA, t);
		}
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
	rc = 0;
out:
	free(url);
	free(type);
	return rc;
}

/* Give back libcurl's part. */
static void easy_release(struct transfer *t)
{
	if (t->pool != NULL)
		pool_remove(t);
	else if (t->waits)
		TAILQ_REMOVE(&t->kube->uncredentialed, t, turn);
	t->waits = false;
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->connect_to);
	t->easy = NULL;
	t->headers = t->connect_to = NULL;
}

void transfer_stop(struct transfer *t)
{
	if (t->easy != NULL)
		easy_release(t);
	if (t->is_ready)
		TAILQ_REMOVE(&t->kube->ready, t, ready);
	t->is_ready = false;
	free(t->error);
	t->error = NULL;
	free(t->body.text);
	t->body = (struct transfer_body){ 0 };
}

/* The credentials are there. */
static int transfer_go(struct transfer *t)
{
	t->identity = t->kube->credentials.version;
	t->began_ms = uv_now(t->kube->loop);
	set_credentials(t->kube, t->easy);
	return pool_add(t->kube, t);
}

int transfer_start(struct kube *k, struct transfer *t, const struct transfer_request *req)
{
	CURL *easy = curl_easy_init();
	char *error = calloc(1, TRANSFER_ERROR_SIZE);

	if (easy == NULL || error == NULL) {
		curl_easy_cleanup(easy);
		free(error);
		return -ENOMEM;
	}
	kube_refresh_credentials(k, false);
	*t = (struct transfer){
		.kube = k,
		.ops = t->ops,
		.easy = easy,
		.channel = req->channel,
		.stream = req->stream,
		.error = error,
		.body_max = req->body_max,
		.timeout_ms = req->timeout_ms,
		.may_send = req->may_send,
		.may_send_arg = req->may_send_arg,
		.began_ms = uv_now(k->loop),
		.retry_after_s = -1,
	};
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy is no server */
	curl_easy_setopt(easy, CURLOPT_USERAGENT, k->user_agent);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
#if LIBCURL_VERSION_NUM >= 0x075700 /* 7.87: do not wait for the thread that resolves the name */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	/* There may be dozens under way: libcurl's own 64 kB each for a body would be megabytes. */
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
	if (req->body != NULL)
		curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, ANSWER_BUFFER);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
	/* Keepalive alone does not end a connection that has bytes under way. */
	curl_socket_set(easy, req->channel == CHANNEL_REQUEST ? k->unacked_ms : UNACKED_MAX_MS);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	set_server(k, easy);
	if (set_request(t, req) < 0)
		goto fail;
	if (kube_has_credentials(k)) {
		if (transfer_go(t) < 0)
			goto fail;
	} else {
		t->waits = true;
		TAILQ_INSERT_TAIL(&k->uncredentialed, t, turn);
		kube_get_credentials(k);
	}
	return 0;
fail:
	transfer_stop(t);
	return -ENOMEM;
}

void transfers_credentialed(struct kube *k, const char *failure)
{
	struct transfer *t;

	while ((t = TAILQ_FIRST(&k->uncredentialed)) != NULL) {
		TAILQ_REMOVE(&k->uncredentialed, t, turn);
		t->waits = false;
		t->unsent = failure != NULL;
		if (failure != NULL)
			transfer_failed(t, failure);
		else
			transfer_go(t);
	}
	transfers_tell(k);
}

/* --- telling -------------------------------------------------------------------------------- */

void transfer_failed(struct transfer *t, const char *why)
{
	snprintf(t->error, TRANSFER_ERROR_SIZE, "%s", why);
	t->failed = t->ended = true;
	transfer_ready(t);
}

void transfer_ended(struct transfer *t, CURLcode result)
{
	long status = 0;
	curl_off_t retry_after_s = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	t->status = status < 200 ? 0 : (int)status; /* 1xx announces an answer and is none */
	if (retry_after_s > 0 || t->retry_at_once)
		t->retry_after_s = retry_after_s > INT_MAX ? INT_MAX : (int)retry_after_s;
	t->failed = result != CURLE_OK;
	t->timed_out = result == CURLE_OPERATION_TIMEDOUT;
	if (t->failed && t->unsent)
		snprintf(t->error, TRANSFER_ERROR_SIZE, "not sent, its time is over");
	else if (t->failed)
		transfer_explain(t, result);
	t->ended = true;
	transfer_ready(t);
}

/* A Status object in the body, as API servers write them and gateways do not? */
static bool has_status_body(const struct transfer *t)
{
	cJSON *json = transfer_json(t);
	const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "kind"));
	bool yes = kind != NULL && strcmp(kind, "Status") == 0;

	cJSON_Delete(json);
	return yes;
}

cJSON *transfer_json(const struct transfer *t)
{
	return t->body.len == 0 ? NULL : cJSON_ParseWithLength(t->body.text, t->body.len);
}

bool transfer_is_unheard(const struct transfer *t)
{
	if (t->status < 502 || t->status > 504)
		return t->status == 0;
	return !t->ended || !has_status_body(t);
}

/* Its owner sees it idle, but still with the body. */
static void transfer_end(struct transfer *t)
{
	t->outdated = t->pool != t->kube->pools[t->channel];
	easy_release(t);
	t->ops->end(t);
}

void transfers_tell(struct kube *k)
{
	struct transfer *t;

	/* Any of these callbacks may stop this or another transfer, or close the client: all of
	 * them leave the list in order, and no memory goes before the loop's next turn. */
	while ((t = TAILQ_FIRST(&k->ready)) != NULL) {
		TAILQ_REMOVE(&k->ready, t, ready);
		t->is_ready = false;
		if (t->status != 0 && !t->heard) {
			t->heard = true;
			pool_answered(t);
		}
		if (!transfer_is_unheard(t))
			kube_heard(k, t);
		if (t->easy != NULL && t->ops->data != NULL && t->body.len > 0)
			t->ops->data(t);
		if (t->easy != NULL && t->ended)
			transfer_end(t);
	}
}
