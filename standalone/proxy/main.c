// SPDX-License-Identifier: Apache-2.0
/*
 * bellman-proxy: cluster IPs, node ports and EXTERNAL-IPs lead to pods, by nftables, on a node that
 * runs no kube-proxy.
 *
 * The rules outlive the program, so that it can be replaced without a gap; --cleanup removes
 * them. When somebody else removes them (`nft flush ruleset`) it notices within half a minute,
 * or at once on SIGHUP. Forwarding (net.ipv4.ip_forward, net.ipv6.conf.all.forwarding) is the
 * node's business: it is looked at and never changed.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/log.h"
#include "lib/daemon/health.h"
#include "lib/daemon/loop.h"
#include "lib/daemon/options.h"
#include "standalone/proxy/instance_io.h"
#include "standalone/proxy/nft_io.h"
#include "standalone/proxy/proxy_io.h"
#include "standalone/proxy/text.h"
#include "standalone/proxy/transaction.h"

#define PROGRAM      "bellman-proxy"
#define METRICS_PORT 7474

struct program {
	struct daemon daemon;
	struct kube *kube;
	struct proxy *proxy;
	struct httpd *health;
};

static bool is_ready(void *arg)
{
	struct program *m = arg;

	return proxy_ready(m->proxy);
}

static void before_scrape(void *arg)
{
	struct program *m = arg;

	proxy_before_scrape(m->proxy);
}

static void on_stop(void *arg)
{
	struct program *m = arg;

	m->health = httpd_close(m->health);
	proxy_stop(m->proxy);
	m->kube = kube_close(m->kube);
}

/* SIGHUP */
static void on_reload(void *arg)
{
	struct program *m = arg;

	proxy_look(m->proxy);
}

/* Each health check takes a descriptor. There may be more Services than the 1024 that are usual. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void check_forwarding(void)
{
	static const char *const keys[] = { "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding" };

	for (size_t i = 0; i < 2; i++) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/sys/%s", keys[i]);
		FILE *f = fopen(path, "re");

		if (f == NULL)
			continue; /* a kernel without that family */
		if (fgetc(f) == '0')
			log_warn("proxy",
				 "the node does not forward: only its own pods are reached",
				 "sysctl=%s value=0", keys[i]);
		fclose(f);
	}
}

static void on_cleaned(void *arg, const char *error)
{
	int *status = arg;

	*status = error != NULL;
	if (error != NULL)
		log_error("proxy", "rules not removed", "err=\"%s\"", error);
	else
		log_info("proxy", "rules removed", "table=bellman");
}

/* Returns whether this is the only proxy here. What it holds for that goes with the process. */
static bool alone(void)
{
	pid_t pid = 0;
	int rc = instance_claim(&pid);

	if (rc == -EEXIST && pid > 0)
		log_error("proxy", "another proxy runs in this network namespace", "pid=%d",
			  (int)pid);
	else if (rc == -EEXIST)
		log_error("proxy", "another proxy runs in this network namespace",
			  "hint=\"ss -xlp src @bellman-proxy\"");
	else if (rc < 0)
		log_error("proxy", "cannot see whether another proxy runs here", "err=\"%s\"",
			  strerror(-rc));
	return rc >= 0;
}

/* --cleanup: returns the exit status. */
static int clean_up(void)
{
	uv_loop_t *loop = uv_default_loop();
	int status = 1;

	signal(SIGPIPE, SIG_IGN);
	nft_run(loop, must(strdup(transaction_cleanup())), on_cleaned, &status);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	return status;
}

int main(int argc, char **argv)
{
	const char *server = NULL, *kubeconfig = NULL, *node = NULL;
	const char *listen = NULL, *cert = NULL, *key = NULL;
	bool cleanup = false;
	const struct option_spec options[] = {
		{ "kubeconfig", OPT_TEXT, &kubeconfig, NULL, "FILE",
		  "how to reach the API server; default: in-cluster credentials" },
		{ "server", OPT_TEXT, &server, NULL, "URL",
		  "the API server, instead of the kubeconfig's" },
		{ "node-name", OPT_TEXT, &node, "METALLB_NODE_NAME", "NAME",
		  "the Node that this host is (required)" },
		{ "metrics", OPT_LISTEN, &listen, NULL, "ADDR:PORT",
		  "serve /metrics, /healthz and /readyz here; default port 7474" },
		{ "metrics-tls-cert", OPT_TEXT, &cert, NULL, "FILE", "and do so over TLS" },
		{ "metrics-tls-key", OPT_TEXT, &key, NULL, "FILE", "its private key" },
		{ "cleanup", OPT_FLAG, &cleanup, NULL, NULL,
		  "remove the rules that an earlier run left, and end" },
		{ 0 },
	};
	struct program m = { 0 };
	char why[512];

	options_parse(PROGRAM, "Service proxy on nftables", options, argc, argv);
	if (cleanup)
		return alone() ? clean_up() : 1;
	if (node == NULL || *node == '\0')
		options_usage(PROGRAM, "--node-name is required");
	options_check_tls(PROGRAM, "metrics-tls", cert, key);
	if (listen == NULL)
		listen = health_default_listen(METRICS_PORT);

	if (!alone())
		return 1;
	raise_descriptor_limit();
	if (daemon_init(&m.daemon, on_stop, on_reload, &m) != 0)
		return 1;
	const struct kube_cfg kube = { .server = server,
				       .kubeconfig = kubeconfig,
				       .user_agent = PROGRAM "/" BELLMAN_VERSION };
	int rc = kube_open(m.daemon.loop, &kube, &m.kube, why, sizeof(why));
	if (rc != 0) {
		log_error("proxy", "no way to the API server", "err=\"%s\"", why);
		daemon_done(&m.daemon);
		return 1;
	}
	struct metrics *metrics = metrics_new();
	m.proxy = proxy_new(m.daemon.loop, m.kube, metrics, node);
	const struct health_cfg health = { .listen = listen,
					   .cert_file = cert,
					   .key_file = key,
					   .metrics = metrics,
					   .ready = is_ready,
					   .before_scrape = before_scrape,
					   .arg = &m };
	rc = health_open(m.daemon.loop, &health, &m.health);
	if (rc != 0) {
		log_error("proxy", "cannot serve metrics", "listen=%s err=\"%s\"", listen,
			  strerror(-rc));
		on_stop(&m);
	} else {
		log_info("proxy", "started", "node=%s server=%s", node, kube_server(m.kube));
		check_forwarding();
	}
	daemon_run(&m.daemon);

	proxy_free(m.proxy);
	metrics_free(metrics);
	daemon_done(&m.daemon);
	return rc != 0;
}
