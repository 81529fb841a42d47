// SPDX-License-Identifier: Apache-2.0
#include "allocator/ipam_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/duration.h"
#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/daemon/loop.h"
#include "lib/kube/curl_loop.h"
#include "lib/kube/curl_socket.h"
#include "lib/kube/secret.h"

#define UNIX         "http+unix://"
#define USER_AGENT   "bellman-allocator/" BELLMAN_VERSION
#define CA_CACHE_S   60L
#define CONNECTS_MAX 32L /* kept, for all pools together */

struct errand {
	TAILQ_ENTRY(errand) next;
	struct ipam_io *io;
	struct ipam_call *call;
	CURL *easy; /* NULL: it could not begin */
	struct curl_slist *headers;
	struct {
		char *text;
		size_t len, cap;
	} body;
	uint64_t began_ns;
	struct gate_call sent; /* unless it only asks */
	char *why;             /* there is no answer; the errand's */
	bool ended;            /* it is in ->ended, to be told */
};

TAILQ_HEAD(errands, errand);

struct ipam_io {
	struct ipam_io_cfg cfg;
	struct curl_loop curl;
	uv_timer_t timer; /* tells of those that could not begin */
	unsigned handles;
	struct errands running, ended;
	struct metric_family *calls, *milliseconds, *up, *leases, *waiting;
	struct {
		ARRAY_OF(char *);
	} away; /* pools whose server did not answer the last call */
};

/* --- one call -------------------------------------------------------------------------------- */

static size_t body_max(const struct errand *e)
{
	return e->call->kind == IPAM_LIST ? IPAM_LIST_BODY : IPAM_BODY_MAX;
}

static void errand_fail(struct errand *e, const char *why)
{
	if (e->why == NULL)
		e->why = must(strdup(why));
}

/* Called by libcurl. Fewer bytes returned than given end the transfer. */
static size_t on_write(char *bytes, size_t size, size_t count, void *arg)
{
	struct errand *e = arg;
	size_t len = size * count;

	if (len > body_max(e) - e->body.len) {
		errand_fail(e, "its answer is too long");
		return 0;
	}
	if (e->body.cap - e->body.len < len) {
		size_t cap = e->body.cap == 0 ? 1024 : e->body.cap;

		while (cap - e->body.len < len)
			cap *= 2;
		e->body.text = must(realloc(e->body.text, cap));
		e->body.cap = cap;
	}
	memcpy(e->body.text + e->body.len, bytes, len);
	e->body.len += len;
	return len;
}

static void add_header(struct errand *e, const char *line)
{
	e->headers = must(curl_slist_append(e->headers, line));
}

/* Where to: a socket's path, or a URL. */
static void set_target(struct errand *e)
{
	const char *base = e->call->url;
	size_t len = strlen(base);

	if (strncmp(base, UNIX, strlen(UNIX)) == 0) {
		curl_easy_setopt(e->easy, CURLOPT_UNIX_SOCKET_PATH, base + strlen(UNIX));
		base = "http://localhost";
		len = strlen(base);
	}
	while (len > 0 && base[len - 1] == '/')
		len--;
	char *url = must_text("%.*s%s", (int)len, base, e->call->path);
	must_0(curl_easy_setopt(e->easy, CURLOPT_URL, url));
	free(url);
}

/* False and why when there is no token where one should be. */
static bool set_token(struct errand *e)
{
	char *token = NULL;
	int rc;

	if (e->call->token_file == NULL)
		return true;
	rc = secret_word_read(e->call->token_file, &token);
	if (rc != 0) {
		char *why = must_text("tokenFile %s: %s", e->call->token_file, strerror(-rc));
		errand_fail(e, why);
		free(why);
		return false;
	}
	curl_easy_setopt(e->easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
	must_0(curl_easy_setopt(e->easy, CURLOPT_XOAUTH2_BEARER, token));
	secret_free(token);
	return true;
}

/* A write of a leader may not take longer than its lease is good for. */
static uint64_t timeout_ns(const struct errand *e)
{
	uint64_t most_ns = gate_timeout_ns(gate_io_gate(e->io->cfg.gate));

	return e->call->kind != IPAM_LIST && e->call->timeout_ns > most_ns ? most_ns
									   : e->call->timeout_ns;
}

static void set_options(struct errand *e)
{
	CURL *easy = e->easy;
	uint64_t ms = timeout_ns(e) / NS_PER_MS;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, e);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, ms > 0 ? (long)ms : 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	/* Not this call's own: who keeps a connection may use it for any. */
	curl_socket_set(easy,
			(unsigned)(gate_timeout_ns(gate_io_gate(e->io->cfg.gate)) / NS_PER_MS));
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, e);
#if LIBCURL_VERSION_NUM >= 0x075700 /* 7.87: do not wait for the thread that resolves the name */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	if (e->call->ca_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, e->call->ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* this CA and no other */
	}
#if LIBCURL_VERSION_NUM >= 0x075700 /* 7.87: caches the CA for a day unless told */
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_S);
#endif
	add_header(e, "Accept: application/json");
	if (e->call->body != NULL) {
		add_header(e, "Content-Type: application/json");
		add_header(e, "Expect:");
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, e->call->body);
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, e->headers);
}

static void errand_free(struct errand *e)
{
	struct ipam_io *io = e->io;

	TAILQ_REMOVE(e->ended ? &io->ended : &io->running, e, next);
	gate_end(&e->sent, false);
	if (e->easy != NULL) {
		curl_multi_remove_handle(io->curl.multi, e->easy); /* never added is fine */
		curl_easy_cleanup(e->easy);
	}
	curl_slist_free_all(e->headers);
	ipam_call_free(e->call);
	free(e->body.text);
	free(e->why);
	free(e);
}

/* --- its end --------------------------------------------------------------------------------- */

static void errand_ended(struct errand *e)
{
	TAILQ_REMOVE(&e->io->running, e, next);
	TAILQ_INSERT_TAIL(&e->io->ended, e, next);
	e->ended = true;
}

static void errand_count(struct errand *e, const struct ipam_answer *answer)
{
	static const char *const results[] = {
		[IPAM_OK] = "ok",
		[IPAM_REFUSED] = "refused",
		[IPAM_FAILED] = "failed",
	};
	const char *pool = e->call->pool, *call = ipam_kind_name(e->call->kind);
	const char *const values[] = { pool, call, results[answer->result] };
	uint64_t took_ns = daemon_now_ns() - e->began_ns;

	++*metric_value(e->io->calls, values);
	*metric_value(e->io->milliseconds, values) += (int64_t)(took_ns / NS_PER_MS);
}

/* That a server is away, and that it is back, is said once each. */
static void errand_log(struct errand *e, const struct ipam_answer *answer)
{
	struct ipam_io *io = e->io;
	bool failed = answer->result == IPAM_FAILED;
	size_t at = 0;

	while (at < io->away.count && strcmp(io->away.items[at], e->call->pool) != 0)
		at++;
	if (failed && at == io->away.count) {
		*(char **)must(array_push(&io->away)) = must(strdup(e->call->pool));
		log_warn("ipam", "call failed, retrying", "pool=%s call=%s url=%s why=\"%s\"",
			 e->call->pool, ipam_kind_name(e->call->kind), e->call->url, answer->why);
	} else if (!failed && at < io->away.count) {
		free(io->away.items[at]);
		io->away.items[at] = io->away.items[--io->away.count];
		log_info("ipam", "server answers again", "pool=%s url=%s", e->call->pool,
			 e->call->url);
	}
}

static void errand_tell(struct errand *e)
{
	struct ipam_io *io = e->io;
	struct ipam_answer answer;
	curl_off_t retry_after_s = 0;
	long status = 0;

	if (e->why != NULL) {
		ipam_answer_none(e->why, &answer);
	} else {
		curl_easy_getinfo(e->easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(e->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
		ipam_answer_parse(e->call->kind, (int)status, e->body.text, e->body.len,
				  retry_after_s > IPAM_RETRY_MAX_S ? IPAM_RETRY_MAX_S
								   : (unsigned)retry_after_s,
				  &answer);
	}
	/* Only what is no answer may still be done. */
	gate_end(&e->sent, answer.result != IPAM_FAILED);
	errand_count(e, &answer);
	errand_log(e, &answer);
	allocator_ipam_answered(io->cfg.engine, e->call->id, &answer, daemon_now_ns());
	ipam_answer_done(&answer);
	errand_free(e);
}

static void tell_all(struct ipam_io *io)
{
	bool any = !TAILQ_EMPTY(&io->ended);

	while (!TAILQ_EMPTY(&io->ended))
		errand_tell(TAILQ_FIRST(&io->ended));
	if (any)
		io->cfg.changed(io->cfg.arg);
}

static void on_ended(void *arg, CURL *easy, CURLcode result)
{
	struct errand *e = NULL;

	(void)arg;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &e);
	if (result != CURLE_OK)
		errand_fail(e, curl_easy_strerror(result)); /* without volatile numbers */
	errand_ended(e);
}

static void on_driven(void *arg)
{
	tell_all(arg);
}

static void on_timer(uv_timer_t *timer)
{
	tell_all(timer->data);
}

void ipam_io_call(struct ipam_io *io, struct ipam_call *call)
{
	struct errand *e = must(calloc(1, sizeof(*e)));

	e->io = io;
	e->call = call;
	e->began_ns = daemon_now_ns();
	TAILQ_INSERT_TAIL(&io->running, e, next);
	if (!gate_io_is_open(io->cfg.gate)) {
		errand_fail(e, "this allocator does not lead");
	} else {
		e->easy = must(curl_easy_init());
		set_options(e);
		set_target(e);
		if (set_token(e) && curl_multi_add_handle(io->curl.multi, e->easy) != CURLM_OK)
			errand_fail(e, "out of memory");
	}
	log_debug("ipam", "call", "pool=%s call=%s body=%s", call->pool, ipam_kind_name(call->kind),
		  call->body != NULL ? call->body : "");
	if (e->why != NULL) {
		errand_ended(e);
		uv_timer_start(&io->timer, on_timer, 0, 0);
	} else if (call->kind != IPAM_LIST) {
		gate_io_call_begin(io->cfg.gate, &e->sent);
	}
}

/* --- metrics --------------------------------------------------------------------------------- */

static void metrics_declare(struct ipam_io *io, struct metrics *m)
{
	static const char *const by_pool[] = { "pool", NULL };
	static const char *const by_call[] = { "pool", "call", NULL };
	static const char *const by_result[] = { "pool", "call", "result", NULL };

	io->calls = metrics_family(m, "bellman_ipam_calls_total",
				   "Calls of IPAM servers that ended.", METRIC_COUNTER, by_result);
	io->milliseconds =
		metrics_family(m, "bellman_ipam_call_milliseconds_total",
			       "Time that calls of IPAM servers took.", METRIC_COUNTER, by_call);
	io->up = metrics_family(m, "bellman_ipam_up",
				"Did the last call of the IPAM server not fail?", METRIC_GAUGE,
				by_pool);
	io->leases =
		metrics_family(m, "bellman_ipam_leases",
			       "Leases at the IPAM server that are known.", METRIC_GAUGE, by_pool);
	io->waiting = metrics_family(m, "bellman_ipam_waiting",
				     "Calls of the IPAM server that wait for their turn.",
				     METRIC_GAUGE, by_pool);
}

static void measure(void *arg, const struct ipam_hook_view *v)
{
	struct ipam_io *io = arg;

	*metric_value1(io->up, v->pool) = v->up;
	*metric_value1(io->leases, v->pool) = v->leases;
	*metric_value1(io->waiting, v->pool) = v->waiting;
}

void ipam_io_measure(struct ipam_io *io)
{
	metric_clear(io->up);
	metric_clear(io->leases);
	metric_clear(io->waiting);
	allocator_ipam_hooks(io->cfg.engine, measure, io);
}

/* --- life ------------------------------------------------------------------------------------ */

static void handle_closed(struct ipam_io *io)
{
	if (--io->handles > 0)
		return;
	for (size_t i = 0; i < io->away.count; i++)
		free(io->away.items[i]);
	array_free(&io->away);
	free(io);
}

static void on_curl_closed(void *arg)
{
	handle_closed(arg);
}

static void on_timer_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

int ipam_io_open(const struct ipam_io_cfg *cfg, struct ipam_io **ret)
{
	static const struct curl_loop_ops ops = {
		.ended = on_ended,
		.driven = on_driven,
		.closed = on_curl_closed,
	};
	struct ipam_io *io = must(calloc(1, sizeof(*io)));
	int rc = curl_loop_init(&io->curl, cfg->loop, &ops, io);

	if (rc != 0) {
		free(io);
		return rc;
	}
	io->cfg = *cfg;
	curl_multi_setopt(io->curl.multi, CURLMOPT_MAXCONNECTS, CONNECTS_MAX);
	uv_timer_init(cfg->loop, &io->timer);
	io->timer.data = io;
	io->handles = 2;
	TAILQ_INIT(&io->running);
	TAILQ_INIT(&io->ended);
	metrics_declare(io, cfg->metrics);
	*ret = io;
	return 0;
}

struct ipam_io *ipam_io_close(struct ipam_io *io)
{
	if (io == NULL)
		return NULL;
	while (!TAILQ_EMPTY(&io->running))
		errand_free(TAILQ_FIRST(&io->running));
	while (!TAILQ_EMPTY(&io->ended))
		errand_free(TAILQ_FIRST(&io->ended));
	curl_loop_close(&io->curl);
	uv_close((uv_handle_t *)&io->timer, on_timer_closed);
	return NULL;
}
