// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "lib/base/duration.h"
#include "lib/base/log.h"
#include "lib/daemon/httpd.h"
#include "lib/daemon/loop.h"
#include "lib/model/file_io.h"
#include "standalone/apiserver/listing.h"
#include "standalone/apiserver/objects.h"
#include "standalone/apiserver/rest.h"
#include "standalone/apiserver/status.h"
#include "standalone/apiserver/streams.h"
#include "standalone/apiserver/tokens.h"

enum {
	BODY_MAX = 3 << 20, /* as Kubernetes */
	CONNECTIONS_MAX = 512,
	LIST_BLOCK = 32 << 10,
	TICK_MS = 1000, /* how late a bookmark or the end of a watch may be */
	EXPIRE_TICKS = 600,
	/* Bytes of bodies that come in and of answers that go out, lent texts that the store has
	 * forgotten meanwhile included: above the first the slowest client has to go, above the
	 * second newcomers that cost more are told to come again. */
	HELD_MANY = 64 << 20,
	HELD_MAX = 128 << 20,
};

/* One request, from its header to the last byte of its answer. */
struct exchange {
	struct http *http;
	struct MHD_Connection *connection;
	struct buf body;
	bool allowed;            /* it has a token, or needs none */
	bool nameless;           /* HTTP/1.1 without Host */
	bool ambiguous;          /* two of a header that says where the request ends or goes */
	bool lent;               /* the answer is a stored text, or a list of them */
	bool too_large, crowded; /* the body is not kept */
	bool handled;            /* there is a reply, which waits for the commit or was sent */
	bool waiting;            /* suspended until the commit */
	size_t held;             /* its part of http.held */
	struct reply reply;
	TAILQ_ENTRY(exchange) entry; /* among those that wait */
};

struct http {
	struct api *api;
	struct httpd *httpd;
	struct tokens *tokens;
	TAILQ_HEAD(, exchange) waiting;
	struct streams *streams;
	unsigned ticks;
	size_t held;       /* bytes for requests that are not answered to the end */
	bool relief;       /* somebody was dropped for them and is not gone yet */
	uv_check_t commit; /* at the end of the turn that wrote */
	uv_idle_t at_once; /* keeps that turn from waiting for events */
	uv_timer_t tick;
	void (*failed)(void *arg);
	void *arg;
	int open_handles;
};

static uint64_t now_s(void)
{
	return daemon_now_ns() / NS_PER_S;
}

/* --- time ------------------------------------------------------------------------------ */

static void on_tick(uv_timer_t *timer)
{
	struct http *h = timer->data;

	streams_tick(h->streams);
	if (++h->ticks % EXPIRE_TICKS != 0)
		return;
	if (!objects_expire_events(h->api))
		log_warn("store", "events not expired, trying again in ten minutes", "err=\"%s\"",
			 store_error(h->api->store));
	if (store_dirty(h->api->store))
		http_written(h);
}

/* --- commits --------------------------------------------------------------------------- */

/* Make what was written durable, then let those that wait for it go on. */
static void commit(struct http *h)
{
	struct exchange *x;

	uv_check_stop(&h->commit);
	uv_idle_stop(&h->at_once);
	if (store_commit(h->api->store) != 0) {
		log_error("store", "commit failed, ending: nothing after the last one was answered",
			  "err=\"%s\"", store_error(h->api->store));
		h->failed(h->arg);
		return;
	}
	streams_wake(h->streams);
	while ((x = TAILQ_FIRST(&h->waiting)) != NULL) {
		TAILQ_REMOVE(&h->waiting, x, entry);
		x->waiting = false;
		MHD_resume_connection(x->connection);
	}
	httpd_kick(h->httpd);
}

static void on_commit(uv_check_t *check)
{
	commit(check->data);
}

static void on_at_once(uv_idle_t *idle)
{
	(void)idle;
}

void http_written(struct http *h)
{
	uv_check_start(&h->commit, on_commit);
	uv_idle_start(&h->at_once, on_at_once);
}

/* --- requests -------------------------------------------------------------------------- */

static const char *header(struct exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

static const char *get_param(void *arg, const char *name)
{
	struct exchange *x = arg;
	const char *value = NULL;
	size_t len;

	/* A parameter without a value, as in `?watch`, is "". */
	if (MHD_lookup_connection_value_n(x->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name),
					  &value, &len) != MHD_YES)
		return NULL;
	return value == NULL ? "" : value;
}

static bool is_public(const char *path)
{
	static const char *const paths[] = { "/healthz", "/readyz", "/livez", "/version" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strcmp(paths[i], path) == 0)
			return true;
	return false;
}

/*
 * Is this a page of some web site, in a browser on this host? Without tokens nothing else keeps
 * it out. A write of a page names its origin; a read that the browser lets the page see comes
 * under a name that its DNS has bent to us.
 */
static bool is_foreign_page(struct exchange *x, const char *method)
{
	const char *host = header(x, MHD_HTTP_HEADER_HOST);
	struct sockaddr_storage addr;
	char with_port[80];

	if (strcmp(method, "GET") != 0 && header(x, MHD_HTTP_HEADER_ORIGIN) != NULL)
		return true;
	if (host == NULL)
		return false;
	size_t name = host[0] == '[' ? strcspn(host, "]") : strcspn(host, ":");
	bool has_port = strchr(host + name, ':') != NULL;
	int n = snprintf(with_port, sizeof(with_port), "%s%s", host, has_port ? "" : ":0");
	return n >= (int)sizeof(with_port) || httpd_address(with_port, &addr) != 0;
}

/* Count what @x has now. */
static void hold(struct exchange *x, size_t bytes)
{
	x->http->held = x->http->held - x->held + bytes;
	x->held = bytes;
}

/* Is there no memory for one more body? */
static bool is_crowded(struct http *h)
{
	size_t held = h->held + text_lent_bytes();

	if (held > HELD_MANY && !h->relief)
		h->relief = httpd_drop_slowest(h->httpd);
	return held > HELD_MAX;
}

/* Does the answer cost memory, or may it once the store goes on? */
static bool is_large(const struct reply *r)
{
	return r->body.len > LIST_BLOCK || r->list != NULL ||
	       (r->text != NULL && r->text->len > LIST_BLOCK);
}

/* In place of any other answer. */
static void refuse_for_now(struct exchange *x, const char *what)
{
	reply_done(&x->reply);
	x->reply = (struct reply){ 0 };
	cJSON *s = status_failure(429, "TooManyRequests", "Too many %s, please try again later.",
				  what);

	js_set_int(js_object(s, "details"), "retryAfterSeconds", 1);
	reply_status(&x->reply, s);
}

static void handle(struct exchange *x, const char *path, const char *method)
{
	struct http *h = x->http;
	struct request q = {
		.method = method,
		.path = path,
		.accept = header(x, MHD_HTTP_HEADER_ACCEPT),
		.content_type = header(x, MHD_HTTP_HEADER_CONTENT_TYPE),
		.param = get_param,
		.arg = x,
		.body_len = x->body.len,
	};

	x->handled = true;
	if (x->nameless) { /* RFC 9112 section 3.2 */
		reply_status(&x->reply, status_bad_request("missing required Host header"));
		return;
	}
	if (!x->allowed) {
		reply_status(&x->reply, status_failure(401, "Unauthorized", "Unauthorized"));
		return;
	}
	if (x->too_large) {
		reply_status(&x->reply,
			     status_failure(413, "RequestEntityTooLarge",
					    "Request entity too large: limit is %d", BODY_MAX));
		return;
	}
	if (x->crowded) {
		refuse_for_now(x, "requests");
		return;
	}
	if (h->tokens == NULL && is_foreign_page(x, method)) {
		reply_status(&x->reply,
			     status_failure(403, "Forbidden",
					    "not for pages of other sites: ask by address, "
					    "or start the server with --token-file"));
		return;
	}
	buf_add(&x->body, "", 1);
	q.body = x->body.bytes;
	rest_handle(h->api, &q, &x->reply);
	if (x->reply.watch != NULL && !streams_have_room(h->streams, x->connection))
		refuse_for_now(x, "watches");
	/* What was made for a read need not go out; a write is done. */
	else if (strcmp(method, "GET") == 0 && is_large(&x->reply) && is_crowded(h))
		refuse_for_now(x, "requests");
	log_debug("http", "request", "method=%s path=%s code=%d", method, path, x->reply.code);
	buf_done(&x->body);
	hold(x, x->reply.body.cap);
	x->lent = x->reply.text != NULL || x->reply.list != NULL;
}

static ssize_t read_list(void *cls, uint64_t position, char *to, size_t max)
{
	(void)position;
	size_t n = listing_read(cls, to, max);
	return n == 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)n;
}

static void free_list(void *cls)
{
	listing_free(cls);
}

static void free_text(void *cls)
{
	text_unref(cls);
}

/* A long list is read from it block by block, a stored object is lent; all else is one buffer. */
static struct MHD_Response *body_of(struct reply *reply)
{
	struct buf *b = &reply->body;
	struct MHD_Response *r;

	if (reply->list != NULL && listing_bytes(reply->list) > LIST_BLOCK) {
		r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, LIST_BLOCK, read_list,
						      reply->list, free_list);
		if (r != NULL)
			reply->list = NULL; /* the response's now */
		return r;
	}
	if (reply->text != NULL) {
		r = MHD_create_response_from_buffer_with_free_callback_cls(reply->text->len,
									   reply->text->bytes,
									   free_text, reply->text);
		if (r != NULL)
			reply->text = NULL;
		return r;
	}
	reply_gather(reply);
	r = MHD_create_response_from_buffer(b->len, b->bytes == NULL ? "" : b->bytes,
					    b->bytes == NULL ? MHD_RESPMEM_PERSISTENT
							     : MHD_RESPMEM_MUST_FREE);
	if (r != NULL)
		*b = (struct buf){ 0 };
	return r;
}

/* RFC 7234 section 5.5: 299 is "miscellaneous persistent warning", and says nothing of who. */
static void add_warning(struct MHD_Response *r, const char *text)
{
	struct buf b = { 0 };

	buf_puts(&b, "299 - \"");
	for (const char *c = text; *c != '\0'; c++)
		buf_printf(&b, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	buf_puts(&b, "\"");
	char *value = buf_take(&b);
	MHD_add_response_header(r, "Warning", value);
	free(value);
}

static enum MHD_Result send_reply(struct exchange *x)
{
	struct MHD_Response *r = body_of(&x->reply);

	if (r == NULL)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, x->reply.content_type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache, private");
	for (size_t i = 0; i < x->reply.warnings.count; i++)
		add_warning(r, x->reply.warnings.items[i]);
	if (x->ambiguous)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	if (x->reply.code == 429)
		MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	if (x->reply.code == 401)
		MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
					"Bearer realm=\"bellman-apiserver\"");
	enum MHD_Result rc = MHD_queue_response(x->connection, (unsigned)x->reply.code, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result count_header(void *cls, enum MHD_ValueKind kind, const char *name,
				    const char *value)
{
	unsigned *counts = cls;

	(void)kind;
	(void)value;
	counts[0] += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
	counts[1] += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
	counts[1] += strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
	return MHD_YES;
}

/*
 * Would another reader of these bytes see other requests in them, or one to another host? Then it
 * is answered at once, and nothing behind it is read (RFC 9112 sections 3.2, 6.1 and 6.3).
 */
static bool is_ambiguous(struct MHD_Connection *connection)
{
	unsigned counts[2] = { 0 };

	MHD_get_connection_values(connection, MHD_HEADER_KIND, count_header, counts);
	return counts[0] > 1 || counts[1] > 1;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **con_cls)
{
	struct http *h = cls;
	struct exchange *x = *con_cls;

	if (x == NULL) {
		x = mem_zero(sizeof(*x));
		x->http = h;
		x->connection = connection;
		x->nameless = strcmp(version, MHD_HTTP_VERSION_1_1) == 0 &&
			      header(x, MHD_HTTP_HEADER_HOST) == NULL;
		x->allowed =
			h->tokens == NULL || is_public(url) ||
			tokens_allow(h->tokens, header(x, MHD_HTTP_HEADER_AUTHORIZATION), now_s());
		*con_cls = x;
		x->ambiguous = is_ambiguous(connection);
		if (!x->ambiguous)
			return MHD_YES;
		reply_status(&x->reply, status_bad_request("more than one Host, Content-Length or "
							   "Transfer-Encoding header"));
		return send_reply(x);
	}
	if (*upload_size > 0) {
		/* Read to the end in any case, so that the client hears why. */
		x->too_large = x->too_large || x->body.len + *upload_size > BODY_MAX;
		x->crowded = x->crowded || is_crowded(h);
		if (x->allowed && !x->too_large && !x->crowded)
			buf_add(&x->body, upload, *upload_size);
		else
			buf_done(&x->body);
		hold(x, x->body.cap);
		*upload_size = 0;
		return MHD_YES;
	}
	if (!x->handled) {
		handle(x, url, method);
		/* Reads too: what was told must not be lost again. */
		if (store_dirty(h->api->store)) {
			http_written(h);
			MHD_suspend_connection(connection);
			x->waiting = true;
			TAILQ_INSERT_TAIL(&h->waiting, x, entry);
			return MHD_YES;
		}
	}
	if (x->reply.watch == NULL)
		return send_reply(x);
	struct watch_spec *spec = x->reply.watch;
	x->reply.watch = NULL; /* the stream's now */
	return streams_begin(h->streams, connection, spec, x->reply.content_type);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
			 enum MHD_RequestTerminationCode how)
{
	struct http *h = cls;
	struct exchange *x = *con_cls;

	(void)connection;
	(void)how;
	if (x == NULL)
		return;
	if (x->waiting)
		TAILQ_REMOVE(&h->waiting, x, entry);
	if (x->held > 0 || x->lent)
		h->relief = false;
	hold(x, 0);
	buf_done(&x->body);
	reply_done(&x->reply);
	free(x);
	*con_cls = NULL;
}

/* --- open, close ----------------------------------------------------------------------- */

static void free_http(struct http *h)
{
	streams_free(h->streams);
	tokens_free(h->tokens);
	free(h);
}

static void on_closed(uv_handle_t *handle)
{
	struct http *h = handle->data;

	if (--h->open_handles == 0)
		free_http(h);
}

int http_open(uv_loop_t *loop, struct api *a, const struct http_cfg *cfg, struct http **ret)
{
	struct http *h = mem_zero(sizeof(*h));
	const struct httpd_cfg httpd = {
		.listen = cfg->listen,
		.cert_file = cfg->cert_file,
		.key_file = cfg->key_file,
		.handler = on_request,
		.completed = on_completed,
		.arg = h,
		.connections_max = CONNECTIONS_MAX,
	};
	int rc = cfg->token_file == NULL ? 0 : tokens_open(cfg->token_file, &h->tokens);

	if (rc != 0)
		log_error("http", "no tokens", "file=%s err=\"%s\"", cfg->token_file,
			  rc == -EINVAL ? "it holds no token" : file_error(rc));
	if (rc == 0) {
		rc = httpd_open(loop, &httpd, &h->httpd);
		if (rc != 0)
			log_error("http", "cannot listen", "address=%s err=\"%s\"", cfg->listen,
				  strerror(-rc));
	}
	if (rc != 0) {
		free_http(h);
		return rc;
	}
	h->api = a;
	h->failed = cfg->failed;
	h->arg = cfg->arg;
	TAILQ_INIT(&h->waiting);
	h->streams = streams_new(a, h->httpd);
	uv_check_init(loop, &h->commit);
	uv_idle_init(loop, &h->at_once);
	uv_timer_init(loop, &h->tick);
	h->commit.data = h->at_once.data = h->tick.data = h;
	h->open_handles = 3;
	uv_timer_start(&h->tick, on_tick, TICK_MS, TICK_MS);
	*ret = h;
	return 0;
}

unsigned http_port(const struct http *h)
{
	return httpd_port(h->httpd);
}

struct http *http_close(struct http *h)
{
	struct exchange *x;

	if (h == NULL)
		return NULL;
	while ((x = TAILQ_FIRST(&h->waiting)) != NULL) {
		TAILQ_REMOVE(&h->waiting, x, entry);
		x->waiting = false;
		MHD_resume_connection(x->connection);
	}
	streams_end(h->streams);
	httpd_close(h->httpd);
	uv_close((uv_handle_t *)&h->commit, on_closed);
	uv_close((uv_handle_t *)&h->at_once, on_closed);
	uv_close((uv_handle_t *)&h->tick, on_closed);
	return NULL;
}
