// SPDX-License-Identifier: Apache-2.0
/*
 * bellman-speaker: decides what this node announces, and does it.
 *
 * Only wiring: watches, configuration, links and frames go into the engine, and its
 * actions out to sockets, events and the log. Every decision is in engine.h.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>

#include "lib/base/log.h"
#include "lib/daemon/config_source.h"
#include "lib/daemon/config_state.h"
#include "lib/daemon/health.h"
#include "lib/daemon/loop.h"
#include "lib/daemon/options.h"
#include "speaker/cluster_io.h"
#include "speaker/exclude_io.h"
#include "speaker/gateway_io.h"
#include "speaker/link_io.h"
#include "speaker/packet_io.h"

#define PROGRAM      "bellman-speaker"
#define COMPONENT    "metallb-speaker" /* what dashboards select on */
#define METRICS_PORT 7472
#define HEAP_SLACK   (128 * 1024)
#define LARGE_CHANGE 1000 /* actions of passes in a row */

struct options {
	const char *config, *kubeconfig, *server, *ns, *node_name, *pod_name, *lb_class;
	const char *metrics, *metrics_cert, *metrics_key;
	bool ignore_exclude_lb;
};

struct program {
	struct options opt;
	struct daemon daemon;
	struct metrics *metrics;
	struct speaker *speaker;
	struct speaker_actions actions;
	struct kube *kube;
	struct config_source *config;
	struct config_state *state;
	struct cluster_io *cluster;
	struct link_io *links;
	struct gateway_io *gateways; /* NULL: the kernel does not tell */
	struct packet_io *packets;   /* NULL: layer 2 is off */
	struct httpd *health;
	uv_timer_t wake; /* for the next pass */
	size_t changes;  /* actions of the passes in a row up to here */
	bool ready, stopping, trimmed, listed;
};

/* --- actions ------------------------------------------------------------------------------- */

static void event_send(struct program *p, const struct speaker_action *a)
{
	const struct kube_event event = {
		.component = COMPONENT,
		.host = p->opt.node_name,
		.kind = "Service",
		.api_version = "v1",
		.ns = a->about.ns,
		.name = a->about.name,
		.uid = a->about.uid,
		.type = a->about.warning ? "Warning" : "Normal",
		.reason = a->about.reason,
		.message = a->about.text,
	};

	if (a->about.warning)
		log_warn("speaker", a->about.reason, "service=%s/%s why=\"%s\"", a->about.ns,
			 a->about.name, a->about.text);
	kube_event(p->kube, &event);
}

static void actions_tell(struct program *p)
{
	for (size_t i = 0; i < p->actions.count; i++) {
		const struct speaker_action *a = &p->actions.items[i];

		if (a->type == SPEAKER_ANNOUNCED) {
			log_info("speaker", "announcing", "service=%s/%s", a->about.ns,
				 a->about.name);
		} else if (a->type == SPEAKER_WITHDRAWN) {
			log_info("speaker", "withdrawn", "service=%s/%s why=\"%s\"", a->about.ns,
				 a->about.name, a->about.text);
		} else if (a->type == SPEAKER_CONFIG) {
			if (a->about.text != NULL)
				log_warn("speaker", "new configuration has to wait", "why=\"%s\"",
					 a->about.text);
			config_source_waits(p->config, a->about.text != NULL);
		} else if (a->type == SPEAKER_EVENT) {
			event_send(p, a);
		}
	}
}

/*
 * The lists of the API come as JSON many times the size of what is kept of them, and the heap keeps
 * the holes. Hand them back when the lists are in, and after a large change.
 */
static void memory_return(struct program *p, bool large)
{
	if (p->ready == p->trimmed && !large)
		return;
	p->trimmed = p->ready;
	malloc_trim(0);
}

static void on_wake(uv_timer_t *timer);

static void pass(struct program *p)
{
	uint64_t now_ns = daemon_now_ns();

	speaker_pass(p->speaker, now_ns, &p->actions);
	if (p->packets != NULL)
		packet_io_do(p->packets, &p->actions);
	actions_tell(p);
	p->changes += p->actions.count;
	speaker_actions_clear(&p->actions);

	uint64_t wake_ns = speaker_wake_ns(p->speaker);
	if (wake_ns > 0) {
		memory_return(p, p->changes >= LARGE_CHANGE);
		p->changes = 0;
	}
	if (wake_ns == UINT64_MAX || p->stopping) {
		uv_timer_stop(&p->wake);
		return;
	}
	uint64_t wait_ns = wake_ns > now_ns ? wake_ns - now_ns : 0;
	uv_update_time(p->daemon.loop);
	uv_timer_start(&p->wake, on_wake, (wait_ns + NS_PER_MS - 1) / NS_PER_MS, 0);
}

static void on_wake(uv_timer_t *timer)
{
	pass(timer->data);
}

/* Inputs that come together are taken in together: the pass is next in the loop. */
static void pass_soon(struct program *p)
{
	if (!p->stopping)
		uv_timer_start(&p->wake, on_wake, 0, 0);
}

/* --- inputs -------------------------------------------------------------------------------- */

static bool is_ready(void *arg)
{
	const struct program *p = arg;

	return p->ready;
}

/* Once, when the Nodes are known: a slip in the name would else only look like a lost election. */
static void node_name_check(struct program *p)
{
	if (p->listed || !cluster_io_synced(p->cluster))
		return;
	p->listed = true;
	if (speaker_node_known(p->speaker))
		return;
	config_source_node(p->config, NULL);
	log_warn("speaker", "no Node has the name of --node-name, nothing is announced", "node=%s",
		 p->opt.node_name);
}

static void on_changed(void *arg)
{
	struct program *p = arg;

	node_name_check(p);

	if (!p->ready && p->packets != NULL && cluster_io_synced(p->cluster) &&
	    config_source_synced(p->config)) {
		p->ready = true;
		speaker_ready_set(p->speaker, true);
		log_info("speaker", "ready", "node=%s", p->opt.node_name);
	}
	pass_soon(p);
}

static void on_own_node(void *arg, const cJSON *object)
{
	struct program *p = arg;

	config_source_node(p->config, object);
}

static const char *uid_of_pool(void *arg, const char *pool)
{
	const struct program *p = arg;

	return config_source_pool_uid(p->config, pool);
}

static void on_config(void *arg, struct config *config)
{
	struct program *p = arg;

	speaker_config_set(p->speaker, config);
	gateway_io_config(p->gateways, config);
	pass_soon(p);
}

static void on_judged(void *arg, const char *error)
{
	struct program *p = arg;

	config_state_set(p->state, error);
}

static void on_link_set(void *arg, const struct l2_link *link)
{
	struct program *p = arg;

	speaker_link_set(p->speaker, link);
	pass_soon(p);
}

static void on_link_remove(void *arg, unsigned ifindex)
{
	struct program *p = arg;

	speaker_link_remove(p->speaker, ifindex);
	pass_soon(p);
}

/* --- life ---------------------------------------------------------------------------------- */

static void on_reload(void *arg)
{
	struct program *p = arg;

	config_source_reload(p->config);
}

/* Withdraw, then close everything; the loop ends when all handles are gone. */
static void on_stop(void *arg)
{
	struct program *p = arg;

	p->ready = false;
	p->stopping = true;
	speaker_ready_set(p->speaker, false);
	do
		pass(p);
	while (speaker_wake_ns(p->speaker) == 0);
	p->config = config_source_close(p->config);
	p->state = config_state_close(p->state);
	p->cluster = cluster_io_close(p->cluster);
	p->gateways = gateway_io_close(p->gateways);
	p->kube = kube_close(p->kube);
	p->links = link_io_close(p->links);
	p->packets = packet_io_close(p->packets);
	p->health = httpd_close(p->health);
	uv_close((uv_handle_t *)&p->wake, NULL);
}

static void options_read(struct options *o, int argc, char **argv)
{
	const struct option_spec specs[] = {
		{ "config", OPT_TEXT, &o->config, NULL, "FILE", "pools and advertisements" },
		{ "kubeconfig", OPT_TEXT, &o->kubeconfig, NULL, "FILE",
		  "how to reach the API; default: as every pod" },
		{ "server", OPT_TEXT, &o->server, NULL, "URL", "the API server's address" },
		{ "namespace", OPT_TEXT, &o->ns, "METALLB_NAMESPACE", "NS",
		  "where custom resources are read" },
		{ "node-name", OPT_TEXT, &o->node_name, "METALLB_NODE_NAME", "N",
		  "this node's name (required)" },
		{ "pod-name", OPT_TEXT, &o->pod_name, "METALLB_POD_NAME", "N",
		  "this pod, which owns what is written about the configuration" },
		{ "lb-class", OPT_TEXT, &o->lb_class, NULL, "C",
		  "announce Services of this loadBalancerClass only" },
		{ "ignore-exclude-lb", OPT_FLAG, &o->ignore_exclude_lb, NULL, NULL,
		  "ignore the label that excludes nodes from load balancers" },
		{ "metrics", OPT_LISTEN, &o->metrics, NULL, "ADDR:PORT",
		  "where to serve /metrics, /healthz, /readyz" },
		{ "metrics-tls-cert", OPT_TEXT, &o->metrics_cert, NULL, "FILE", "PEM" },
		{ "metrics-tls-key", OPT_TEXT, &o->metrics_key, NULL, "FILE", "PEM" },
		{ "host", OPT_IGNORED, NULL, NULL, NULL, NULL },
		{ "port", OPT_IGNORED, NULL, NULL, NULL, NULL },
		{ "health-probe-port", OPT_IGNORED, NULL, NULL, NULL, NULL },
		{ "pprof-bind-address", OPT_IGNORED, NULL, NULL, NULL, NULL },
		{ "bgp-debounce-timeout", OPT_IGNORED, NULL, NULL, NULL, NULL },
		{ "frrk8s-namespace", OPT_IGNORED, NULL, NULL, NULL, NULL },
		{ "frrk8s-secret-passthrough", OPT_IGNORED_FLAG, NULL, NULL, NULL, NULL },
		{ "ml-bindaddr", OPT_IGNORED, NULL, NULL, NULL, NULL },
		{ "ml-bindport", OPT_IGNORED, NULL, NULL, NULL, NULL },
		{ "ml-labels", OPT_IGNORED, NULL, NULL, NULL, NULL },
		{ "ml-secret-key-path", OPT_IGNORED, NULL, NULL, NULL, NULL },
		{ "ml-wan-config", OPT_IGNORED_FLAG, NULL, NULL, NULL, NULL },
		{ "tls-min-version", OPT_IGNORED, NULL, NULL, NULL, NULL },
		{ "tls-cipher-suites", OPT_IGNORED, NULL, NULL, NULL, NULL },
		{ "tls-curve-preferences", OPT_IGNORED, NULL, NULL, NULL, NULL },
		{ "metrics-cert-dir", OPT_IGNORED, NULL, NULL, NULL, NULL },
		{ 0 },
	};

	options_parse(PROGRAM, "announce the addresses of Services from this node", specs, argc,
		      argv);
	if (o->node_name == NULL || o->node_name[0] == '\0')
		options_usage(PROGRAM, "--node-name is required");
	options_check_tls(PROGRAM, "metrics-tls", o->metrics_cert, o->metrics_key);
}

/* The engine; a bad list of excluded interfaces ends the program, as MetalLB's does. */
static int engine_open(struct program *p)
{
	struct speaker_cfg cfg = {
		.node_name = p->opt.node_name,
		.lb_class = p->opt.lb_class,
		.ignore_exclude_lb = p->opt.ignore_exclude_lb,
		.metrics = p->metrics,
		.seed = daemon_seed(),
	};
	char err[256] = "not an expression", *exclude = NULL;
	int rc = exclude_read(EXCLUDE_FILE, &exclude, err, sizeof(err));

	cfg.exclude = exclude;
	if (rc == 0)
		rc = speaker_new(&cfg, &p->speaker);
	free(exclude);
	if (rc < 0)
		log_error("speaker", "cannot use the list of excluded interfaces",
			  "file=" EXCLUDE_FILE " err=\"%s\"", err);
	return rc;
}

static int sockets_open(struct program *p)
{
	const struct packet_io_cfg packets = { .loop = p->daemon.loop, .speaker = p->speaker };
	const struct link_io_cfg links = {
		.loop = p->daemon.loop, .set = on_link_set, .remove = on_link_remove, .arg = p
	};
	int rc = packet_io_open(&packets, &p->packets);

	/* Without the right the feature is off and the program stays, never ready. */
	if (rc == -EPERM)
		log_error("speaker", "layer 2 is off", "needs=CAP_NET_RAW");
	else if (rc < 0)
		log_error("speaker", "cannot open packet sockets", "err=\"%s\"", strerror(-rc));
	return rc < 0 && rc != -EPERM ? rc : link_io_open(&links, &p->links);
}

static int sources_open(struct program *p)
{
	const struct kube_cfg kube = { .server = p->opt.server,
				       .kubeconfig = p->opt.kubeconfig,
				       .user_agent = PROGRAM "/" BELLMAN_VERSION };
	char err[256] = "";
	int rc = kube_open(p->daemon.loop, &kube, &p->kube, err, sizeof(err));

	if (rc < 0) {
		log_error("speaker", "cannot reach the API", "err=\"%s\"", err);
		return rc;
	}
	if (p->opt.ns == NULL)
		p->opt.ns = kube_namespace(p->kube);
	if (p->opt.ns == NULL)
		p->opt.ns = "metallb-system";
	const enum config_frr frr =
		config_frr_limits(getenv("METALLB_BGP_TYPE"), FRR_LIMITS_IGNORE);
	const struct config_source_cfg config = { .loop = p->daemon.loop,
						  .file = p->opt.config,
						  .kube = p->kube,
						  .ns = p->opt.ns,
						  .metrics = p->metrics,
						  .changed = on_config,
						  .synced = on_changed,
						  .frr = frr,
						  .judged = on_judged,
						  .of_node = true,
						  .arg = p };
	const struct config_state_cfg state = { .loop = p->daemon.loop,
						.kube = p->kube,
						.ns = p->opt.ns,
						.node = p->opt.node_name,
						.condition = "configReconcilerValid",
						.pod = p->opt.pod_name,
						.seed = daemon_seed() };
	const struct cluster_io_cfg cluster = { .kube = p->kube,
						.speaker = p->speaker,
						.node_name = p->opt.node_name,
						.own_node = on_own_node,
						.metrics = p->metrics,
						.changed = on_changed,
						.arg = p };
	const struct gateway_io_cfg gateways = { .loop = p->daemon.loop,
						 .node = p->opt.node_name,
						 .report = { .kube = p->kube,
							     .metrics = p->metrics,
							     .component = COMPONENT,
							     .host = p->opt.node_name,
							     .ns = p->opt.ns,
							     .pod = p->opt.pod_name,
							     .uid_of = uid_of_pool,
							     .arg = p } };
	p->gateways = gateway_io_open(&gateways);
	rc = config_state_open(&state, &p->state);
	if (rc == 0)
		rc = config_source_open(&config, &p->config);
	return rc < 0 ? rc : cluster_io_open(&cluster, &p->cluster);
}

static int health_start(struct program *p)
{
	const char *listen = p->opt.metrics;

	if (listen == NULL)
		listen = health_default_listen(METRICS_PORT);
	const struct health_cfg cfg = { .listen = listen,
					.cert_file = p->opt.metrics_cert,
					.key_file = p->opt.metrics_key,
					.metrics = p->metrics,
					.ready = is_ready,
					.arg = p };
	int rc = health_open(p->daemon.loop, &cfg, &p->health);
	if (rc < 0)
		log_error("speaker", "cannot serve metrics", "listen=%s err=\"%s\"", listen,
			  strerror(-rc));
	return rc;
}

int main(int argc, char **argv)
{
	struct program p = { 0 };

	/* Fixed, or one large change would teach malloc to keep megabytes for the next. */
	mallopt(M_MMAP_THRESHOLD, HEAP_SLACK);
	mallopt(M_TRIM_THRESHOLD, HEAP_SLACK);
	options_read(&p.opt, argc, argv);
	int rc = daemon_init(&p.daemon, on_stop, on_reload, &p);
	if (rc < 0) {
		log_error("speaker", "cannot start", "err=\"%s\"", uv_strerror(rc));
		return 1;
	}
	p.metrics = metrics_new();
	uv_timer_init(p.daemon.loop, &p.wake);
	p.wake.data = &p;
	rc = engine_open(&p);
	if (rc == 0)
		rc = sources_open(&p);
	if (rc == 0)
		rc = sockets_open(&p);
	if (rc == 0)
		rc = health_start(&p);
	if (rc == 0)
		daemon_run(&p.daemon);
	else if (p.speaker != NULL)
		on_stop(&p); /* what was opened is closed */
	else
		uv_close((uv_handle_t *)&p.wake, NULL);
	daemon_done(&p.daemon);
	speaker_actions_done(&p.actions);
	speaker_free(p.speaker);
	metrics_free(p.metrics);
	return rc == 0 ? 0 : 1;
}
