// SPDX-License-Identifier: Apache-2.0
/* Opening and closing the client, and whether its server can be reached. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/log.h"
#include "lib/kube/internal.h"
#include "lib/kube/kubeconfig.h"

#define SILENCE_MS 90000 /* bookmarks come about each minute */
#define TIMEOUT_S  15
#define PLUGIN_MS  60000

/* Does the URL name this very machine? A proxy that the environment sets is not meant for it. */
static bool is_loopback(const char *server)
{
	const char *host = strstr(server, "://") + 3;

	return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 ||
	       strncmp(host, "localhost", 9) == 0;
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
	k->plugin_ms = PLUGIN_MS;
	TAILQ_INIT(&k->watches);
	for (size_t i = 0; i < REQUEST_CLASS_MAX; i++) {
		TAILQ_INIT(&k->queues[i].waiting);
		TAILQ_INIT(&k->queues[i].running);
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

void kube_heard(struct kube *k, int status)
{
	if (is_no_answer(status))
		return;
	k->answered = true;
	if (status != 401)
		k->credentials.accepted = true;
	if (!k->down)
		return;
	k->down = false;
	backoff_reset(&k->backoff);
	log_info("kube", "API server reachable again", "server=%s", k->credentials.server);
	watches_wake(k);
}

void kube_unheard(struct kube *k, const char *path, const struct transfer *t)
{
	char gateway[48];

	snprintf(gateway, sizeof(gateway), "gateway answers %d", t->status);
	if (!k->down)
		log_warn("kube", "API server unreachable, going on with what is known",
			 "server=%s path=%.*s reason=\"%s\"", k->credentials.server,
			 (int)strcspn(path, "?"), path, t->status == 0 ? t->error : gateway);
	k->down = true;
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
	return k->answered && !k->down;
}

const char *kube_server(const struct kube *k)
{
	return k->credentials.server;
}

const char *kube_namespace(const struct kube *k)
{
	return k->credentials.ns;
}
