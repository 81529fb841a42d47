// SPDX-License-Identifier: Apache-2.0
/*
 * libcurl's multi-socket interface on libuv: a uv_poll_t for each socket that libcurl names, one
 * timer, and curl_multi_socket_action() whenever one of them has something to say.
 */
#include "lib/kube/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 5000L
#define KEEPALIVE_IDLE_S   30L
#define KEEPALIVE_EVERY_S  10L
#define UNACKED_MAX_MS     30000 /* sent bytes that nobody acknowledges: the connection is dead */
#define CA_CACHE_S         60L
#define BODY_KEEP          (64u << 10) /* an empty buffer larger than this is given back */

struct socket_poll {
	uv_poll_t handle;
	struct kube *kube;
	curl_socket_t fd;
};

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

/* Called by libcurl with each line of the head; the empty one ends it. */
static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * count;
	long status = 0;

	if (len > 2 || bytes[0] != '\r')
		return len;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200) {
		t->status = (int)status;
		transfer_ready(t); /* kube_heard() tells users, so not from in here */
	}
	return len;
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

/* Called by libcurl for each new connection. Keepalive alone does not end one that has bytes
 * under way: the kernel would send them again for a quarter of an hour. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	unsigned ms = UNACKED_MAX_MS;

	(void)arg;
	(void)purpose;
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	return CURL_SOCKOPT_OK;
}

static void set_credentials(const struct kube *k, CURL *easy)
{
	const struct credentials *c = &k->credentials;

	if (c->token != NULL) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, c->token);
	}
	if (c->ca_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* this CA and no other */
#if LIBCURL_VERSION_NUM >= 0x075700 /* 7.87: caches the CA for a day unless told */
		curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_S);
#endif
	}
	if (c->cert_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, c->cert_file);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, c->key_file);
	}
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
	int rc = -ENOMEM;

	if (list == NULL)
		return -ENOMEM;
	t->headers = list;
	if (asprintf(&url, "%s%s", t->kube->credentials.server, req->path) < 0)
		return -ENOMEM;
	if (curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK)
		goto out;
	if (strcmp(req->method, "GET") != 0)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, req->method);
	if (req->body != NULL) {
		/* "Expect:": do not ask whether a large body is welcome. */
		if (asprintf(&type, "Content-Type: %s", req->content_type) < 0 ||
		    curl_slist_append(list, type) == NULL ||
		    curl_slist_append(list, "Expect:") == NULL)
			goto out;
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(req->body));
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, req->body);
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
	rc = 0;
out:
	free(url);
	free(type);
	return rc;
}

/* Give back libcurl's part. That it was never added, after a failed start, is fine with libcurl. */
static void easy_release(struct transfer *t)
{
	curl_multi_remove_handle(t->kube->multi, t->easy);
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	t->easy = NULL;
	t->headers = NULL;
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

int transfer_start(struct kube *k, struct transfer *t, const struct transfer_request *req)
{
	CURL *easy = curl_easy_init();
	char *error = calloc(1, CURL_ERROR_SIZE);

	if (easy == NULL || error == NULL) {
		curl_easy_cleanup(easy);
		free(error);
		return -ENOMEM;
	}
	credentials_refresh(&k->credentials, false, uv_now(k->loop));
	*t = (struct transfer){
		.kube = k,
		.ops = t->ops,
		.easy = easy,
		.error = error,
		.body_max = req->body_max,
	};
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, k->user_agent);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)req->timeout_s);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
	/* Over TLS all share an HTTP/2 connection once there is one. CURLOPT_PIPEWAIT, which makes
	 * them wait for the first, is not for us: libcurl 7.88 forgets some of those that wait when
	 * the server turns out to speak HTTP/1.1. */
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, req->fresh_connection ? 1L : 0L);
	set_credentials(k, easy);
	if (set_request(t, req) < 0 || curl_multi_add_handle(k->multi, easy) != CURLM_OK) {
		transfer_stop(t);
		return -ENOMEM;
	}
	return 0;
}

/* --- the loop ------------------------------------------------------------------------------- */

/* libcurl is done with @t: its owner sees it idle, but still with the body. */
static void transfer_end(struct transfer *t)
{
	easy_release(t);
	if (t->too_big) /* not earlier: libcurl has its own words for it until here */
		snprintf(t->error, CURL_ERROR_SIZE, "answer of more than %zu MiB",
			 t->body_max >> 20);
	t->ops->end(t);
}

static void hand_on(struct kube *k)
{
	struct transfer *t;

	/* Any of these callbacks may stop this or another transfer, or close the client: all of
	 * them leave the list in order, and no memory goes before the loop's next turn. */
	while ((t = TAILQ_FIRST(&k->ready)) != NULL) {
		TAILQ_REMOVE(&k->ready, t, ready);
		t->is_ready = false;
		if (t->status != 0)
			kube_heard(k, t->status);
		if (t->easy != NULL && t->ops->data != NULL && t->body.len > 0)
			t->ops->data(t);
		if (t->easy != NULL && t->ended)
			transfer_end(t);
	}
}

static void end_of(const CURLMsg *m)
{
	struct transfer *t = NULL;
	long status = 0;

	curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
	curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
	t->status = (int)status;
	t->failed = m->data.result != CURLE_OK;
	if (t->failed && t->error[0] == '\0')
		snprintf(t->error, CURL_ERROR_SIZE, "%s", curl_easy_strerror(m->data.result));
	t->ended = true;
	transfer_ready(t);
}

static void drive(struct kube *k, curl_socket_t fd, int events)
{
	CURLMsg *m;
	int left;

	curl_multi_socket_action(k->multi, fd, events, &left);
	while ((m = curl_multi_info_read(k->multi, &left)) != NULL) {
		if (m->msg == CURLMSG_DONE)
			end_of(m);
	}
	hand_on(k);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct socket_poll *p = handle->data;
	int what = 0;

	if (status < 0)
		what |= CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		what |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		what |= CURL_CSELECT_OUT;
	drive(p->kube, p->fd, what);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct socket_poll *p = handle->data;

	kube_handle_closed(p->kube);
	free(p);
}

/* Called by libcurl: watch @fd for @what. @socket_arg is what we assigned to it, or NULL. */
static int on_interest(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct kube *k = arg;
	struct socket_poll *p = socket_arg;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (p != NULL)
			uv_close((uv_handle_t *)&p->handle, on_poll_closed);
		curl_multi_assign(k->multi, fd, NULL);
		return 0;
	}
	if (p == NULL) {
		p = calloc(1, sizeof(*p));
		if (p == NULL)
			return -1;
		if (uv_poll_init_socket(k->loop, &p->handle, fd) < 0) {
			free(p);
			return -1;
		}
		kube_handle_opened(k);
		p->handle.data = p;
		p->kube = k;
		p->fd = fd;
		curl_multi_assign(k->multi, fd, p);
	}
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	return uv_poll_start(&p->handle, events, on_poll) < 0 ? -1 : 0;
}

static void on_curl_timer(uv_timer_t *timer)
{
	drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* Called by libcurl. It must not be entered from here, so 0 ms is the next turn of the loop. */
static int on_wish(CURLM *multi, long timeout_ms, void *arg)
{
	struct kube *k = arg;

	(void)multi;
	if (timeout_ms < 0)
		uv_timer_stop(&k->curl_timer);
	else
		uv_timer_start(&k->curl_timer, on_curl_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

int transfers_init(struct kube *k)
{
	TAILQ_INIT(&k->ready);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	k->multi = curl_multi_init();
	if (k->multi == NULL) {
		curl_global_cleanup();
		return -ENOMEM;
	}
	uv_timer_init(k->loop, &k->curl_timer);
	k->curl_timer.data = k;
	kube_handle_opened(k);
	curl_multi_setopt(k->multi, CURLMOPT_SOCKETFUNCTION, on_interest);
	curl_multi_setopt(k->multi, CURLMOPT_SOCKETDATA, k);
	curl_multi_setopt(k->multi, CURLMOPT_TIMERFUNCTION, on_wish);
	curl_multi_setopt(k->multi, CURLMOPT_TIMERDATA, k);
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	kube_handle_closed(handle->data);
}

void transfers_close(struct kube *k)
{
	curl_multi_cleanup(k->multi);
	curl_global_cleanup();
	k->multi = NULL;
	uv_close((uv_handle_t *)&k->curl_timer, on_timer_closed);
}
