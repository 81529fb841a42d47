// SPDX-License-Identifier: Apache-2.0
/* Opening and closing the client, and whether its server can be reached. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "lib/base/log.h"
#include "lib/kube/internal.h"
#include "lib/kube/kubeconfig.h"

#define SILENCE_MS  90000 /* bookmarks come about each minute */
#define TIMEOUT_S   15
#define PLUGIN_MS   60000
/* A server that is reached and does not answer keeps others waiting for so long. */
#define PATIENCE_MS 2000

/* Does the URL name this very machine? A proxy that the environment sets is not meant for it. */
static bool is_loopback(const char *server)
{
	const char *at = strstr(server, "://") + 3;
	char host[INET6_ADDRSTRLEN];
	struct in6_addr v6;
	struct in_addr v4;
	size_t len;

	at += *at == '[';
	len = strcspn(at, at[-1] == '[' ? "]" : ":/");
	if (len >= sizeof(host))
		return false;
	memcpy(host, at, len);
	host[len] = '\0';
	if (at[-1] == '[')
		return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	return strcasecmp(host, "localhost") == 0;
}

static int credentials_load(const struct kube_cfg *cfg, struct credentials *ret, char *err,
			    size_t err_size)
{
	if (cfg->kubeconfig != NULL)
		return credentials_from_kubeconfig(cfg->kubeconfig, cfg->server, ret, err,
						   err_size);
	if (cfg->server != NULL)
		return credentials_from_server(cfg->server, ret, err, err_size);
	return credentials_in_cluster(SERVICE_ACCOUNT_DIR, getenv("KUBERNETES_SERVICE_HOST"),
				      getenv("KUBERNETES_SERVICE_PORT"), ret, err, err_size);
}

int kube_open(uv_loop_t *loop, const struct kube_cfg *cfg, struct kube **ret, char *err,
	      size_t err_size)
{
	struct kube *k = calloc(1, sizeof(*k));
	uint64_t seed;
	int rc = -ENOMEM;

	snprintf(err, err_size, "out of memory");
	if (k == NULL)
		return -ENOMEM;
	k->loop = loop;
	k->silence_ms = SILENCE_MS;
	k->timeout_s = TIMEOUT_S;
	k->unacked_ms = cfg->unacked_ms != 0 ? cfg->unacked_ms : UNACKED_MAX_MS;
	k->plugin_ms = PLUGIN_MS;
	k->patience_ms = PATIENCE_MS;
	TAILQ_INIT(&k->watches);
	for (size_t i = 0; i < REQUEST_CLASS_MAX; i++) {
		TAILQ_INIT(&k->queues[i].waiting);
		TAILQ_INIT(&k->queues[i].running);
		TAILQ_INIT(&k->queues[i].resting);
	}
	k->user_agent = strdup(cfg->user_agent != NULL ? cfg->user_agent : "bellman");
	if (k->user_agent == NULL)
		goto fail;
	rc = credentials_load(cfg, &k->credentials, err, err_size);
	if (rc < 0)
		goto fail;
	k->direct = is_loopback(k->credentials.server);
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = uv_hrtime();
	k->rng = rng_seeded(seed);
	TAILQ_INIT(&k->ready);
	TAILQ_INIT(&k->uncredentialed);
	rc = pools_init(k);
	if (rc == 0) {
		*ret = k;
		return 0;
	}
	if (k->handles > 0) { /* the last of them takes @k along */
		k->closing = true;
		return rc;
	}
	credentials_done(&k->credentials);
fail:
	free(k->user_agent);
	free(k);
	return rc;
}

struct kube *kube_close(struct kube *k)
{
	if (k == NULL || k->closing)
		return NULL;
	k->closing = true;
	struct kube_watch *w;
	while ((w = TAILQ_FIRST(&k->watches)) != NULL)
		kube_watch_stop(w);
	requests_close(k);
	exec_close(k);
	pools_close(k);
	return NULL;
}

void kube_handle_opened(struct kube *k)
{
	k->handles++;
}

void kube_handle_closed(struct kube *k)
{
	if (--k->handles > 0 || !k->closing)
		return;
	event_book_free(k->events);
	credentials_done(&k->credentials);
	free(k->user_agent);
	free(k);
}

void kube_heard(struct kube *k, const struct transfer *t)
{
	k->answered = true;
	k->heard_ms = uv_now(k->loop);
	/* A watch goes on with the credentials that it began with, be they outdated. */
	if (t->status != 401 && t->identity == k->credentials.version)
		k->credentials.accepted = true;
	if (!k->down)
		return;
	k->down = false;
	backoff_reset(&k->backoff);
	log_info("kube", "API server reachable again", "server=%s", k->credentials.server);
	watches_wake(k);
}

const char *unheard_reason(const struct transfer *t, char *buf, size_t size)
{
	if (t->status == 0)
		snprintf(buf, size, "%s", t->error);
	else
		snprintf(buf, size, "gateway answers %d", t->status);
	return buf;
}

bool kube_unheard(struct kube *k, const char *path, const struct transfer *t)
{
	char reason[TRANSFER_ERROR_SIZE];

	if (t->unsent)
		return false;
	/* Where nothing arrives any more, watches stand open for long: a time-out says more, unless
	 * somebody was heard meanwhile. */
	if (watches_hear(k) && (!t->timed_out || k->heard_ms >= t->began_ms))
		return false;
	if (!k->down)
		log_warn("kube", "API server unreachable, going on with what is known",
			 "server=%s path=%.*s reason=\"%s\"", k->credentials.server,
			 (int)strcspn(path, "?"), path, unheard_reason(t, reason, sizeof(reason)));
	k->down = true;
	return true;
}

void kube_credentialed(struct kube *k, const char *failure)
{
	bool before = k->locked_out;

	k->locked_out = failure != NULL;
	if (k->locked_out && !before)
		log_warn("kube", "no credentials for the API server, going on with what is known",
			 "server=%s reason=\"%s\"", k->credentials.server, failure);
	if (!k->locked_out && before) {
		log_info("kube", "credentials are there again", "server=%s", k->credentials.server);
		backoff_reset(&k->backoff);
		watches_wake(k);
	}
	transfers_credentialed(k, failure);
}

uint64_t kube_retry_in(struct kube *k)
{
	uint64_t now = uv_now(k->loop);

	/* The first failure of a round lengthens the wait, the others join it: ten watches knock
	 * about as often as one. */
	if (now >= k->retry_at_ms)
		k->retry_at_ms = now + backoff_next(&k->backoff, &k->rng);
	uint64_t left = k->retry_at_ms - now;
	return left + rng_below(&k->rng, left / 8 + 1);
}

bool kube_connected(const struct kube *k)
{
	return k->answered && !k->down && !k->locked_out;
}

const char *kube_server(const struct kube *k)
{
	return k->credentials.server;
}

const char *kube_namespace(const struct kube *k)
{
	return k->credentials.ns;
}
