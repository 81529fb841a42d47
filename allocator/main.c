// SPDX-License-Identifier: Apache-2.0
/* bellman-allocator: gives every Service of type LoadBalancer its addresses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/io.h"
#include "allocator/lead_io.h"
#include "allocator/webhook_io.h"
#include "lib/base/duration.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/base/must.h"
#include "lib/daemon/health.h"
#include "lib/daemon/loop.h"
#include "lib/daemon/options.h"
#include "lib/kube/kube.h"
#include "lib/kube/lease.h"

#define PROGRAM      "bellman-allocator"
#define METRICS_PORT 7473

struct options {
	const char *config, *kubeconfig, *server, *ns, *pod_name, *lb_class, *ml_secret,
		*deployment;
	const char *metrics, *metrics_cert, *metrics_key;
	const char *webhook, *webhook_cert, *webhook_key;
	uint64_t lease_duration, renew_deadline, retry_period;
	bool ignore_metallb;
};

struct program {
	struct daemon daemon;
	struct kube *kube;
	struct metrics *metrics;
	struct httpd *health;
	char *ns; /* of the custom resources and of the Lease */
	struct gate_io *gate;
	struct allocator_io *io;
	struct webhook_io *webhook;
	struct lead_io *lead;
};

static void options_read(struct options *o, int argc, char **argv)
{
	const struct option_spec specs[] = {
		{ "config", OPT_TEXT, &o->config, NULL, "FILE",
		  "pools of this file, beside those of the custom resources" },
		{ "kubeconfig", OPT_TEXT, &o->kubeconfig, NULL, "FILE",
		  "how to reach the API server (default: the pod's own account)" },
		{ "server", OPT_TEXT, &o->server, NULL, "URL", "the API server" },
		{ "namespace", OPT_TEXT, &o->ns, "METALLB_NAMESPACE", "NS",
		  "where the custom resources are (default: the pod's, else metallb-system)" },
		{ "pod-name", OPT_TEXT, &o->pod_name, "METALLB_POD_NAME", "NAME",
		  "this pod, which owns what is written about the configuration" },
		{ "ml-secret-name", OPT_TEXT, &o->ml_secret, "METALLB_ML_SECRET_NAME", "NAME",
		  "create this Secret for the speakers if there is none; \"\": do not "
		  "(default: memberlist)" },
		{ "lb-class", OPT_TEXT, &o->lb_class, NULL, "CLASS",
		  "serve Services of this loadBalancerClass (default: those without one)" },
		{ "metrics", OPT_LISTEN, &o->metrics, NULL, "ADDR:PORT",
		  "serve /metrics, /healthz and /readyz here (default: port 7473)" },
		{ "metrics-tls-cert", OPT_TEXT, &o->metrics_cert, NULL, "FILE",
		  "serve them over TLS with this certificate" },
		{ "metrics-tls-key", OPT_TEXT, &o->metrics_key, NULL, "FILE", "and this key" },
		{ "webhook", OPT_LISTEN, &o->webhook, NULL, "ADDR:PORT",
		  "serve the validating webhook here (default: none)" },
		{ "webhook-tls-cert", OPT_TEXT, &o->webhook_cert, NULL, "FILE",
		  "with this certificate" },
		{ "webhook-tls-key", OPT_TEXT, &o->webhook_key, NULL, "FILE", "and this key" },
		{ "lease-duration", OPT_DURATION, &o->lease_duration, NULL, "TIME",
		  "a replica takes over when the Lease has stood still for so long (15s)" },
		{ "renew-deadline", OPT_DURATION, &o->renew_deadline, NULL, "TIME",
		  "who cannot renew it for so long stops leading (10s)" },
		{ "retry-period", OPT_DURATION, &o->retry_period, NULL, "TIME",
		  "between renewals, and between attempts to get it (2s)" },
		{ "ignore-metallb", OPT_FLAG, &o->ignore_metallb, NULL, NULL,
		  "lead although a Ready pod of MetalLB's controller is in the namespace" },
		/* MetalLB's controller */
		{ .name = "port", .type = OPT_IGNORED },
		{ .name = "deployment", .type = OPT_IGNORED },
		{ .name = "pprof-bind-address", .type = OPT_IGNORED },
		{ .name = "health-probe-port", .type = OPT_IGNORED },
		{ .name = "disable-cert-rotation", .type = OPT_IGNORED_FLAG },
		{ .name = "cert-dir", .type = OPT_IGNORED },
		{ .name = "cert-service-name", .type = OPT_IGNORED },
		{ .name = "webhook-mode", .type = OPT_IGNORED },
		{ .name = "webhook-secret", .type = OPT_IGNORED },
		{ .name = "webhook-http2", .type = OPT_IGNORED_FLAG },
		{ .name = "tls-min-version", .type = OPT_IGNORED },
		{ .name = "tls-cipher-suites", .type = OPT_IGNORED },
		{ .name = "tls-curve-preferences", .type = OPT_IGNORED },
		{ .name = "metrics-cert-dir", .type = OPT_IGNORED },
		{ 0 },
	};

	options_parse(PROGRAM, "gives Services of type LoadBalancer their addresses", specs, argc,
		      argv);
	options_check_tls(PROGRAM, "metrics-tls", o->metrics_cert, o->metrics_key);
	options_check_tls(PROGRAM, "webhook-tls", o->webhook_cert, o->webhook_key);
	if (o->webhook != NULL && o->webhook_cert == NULL)
		options_usage(PROGRAM, "--webhook needs --webhook-tls-cert and --webhook-tls-key: "
				       "an API server speaks to it over TLS only");
	const char *fault =
		kube_lease_times_fault(o->lease_duration, o->renew_deadline, o->retry_period);
	if (fault != NULL)
		options_usage(PROGRAM, "--lease-duration %s", fault);
}

/* A standby is ready, too; who could never lead is not. */
static const char *why_not_ready(void *arg)
{
	const struct program *p = arg;

	const char *why = p->lead != NULL ? lead_io_trouble(p->lead) : NULL;

	return why == NULL && p->io != NULL ? allocator_io_trouble(p->io) : why;
}

static bool is_ready(void *arg)
{
	const struct program *p = arg;

	return p->io != NULL && allocator_io_ready(p->io) && why_not_ready(arg) == NULL;
}

static void on_lead(void *arg, bool lead)
{
	struct program *p = arg;

	allocator_io_lead(p->io, lead);
}

static void on_configured(void *arg)
{
	struct program *p = arg;

	lead_io_stand(p->lead);
}

static bool is_leaderless(void *arg)
{
	const struct program *p = arg;

	return p->lead != NULL && lead_io_leaderless(p->lead);
}

static void on_renewed(void *arg)
{
	struct program *p = arg;

	allocator_io_go_on(p->io);
}

static void before_scrape(void *arg)
{
	struct program *p = arg;

	if (p->io != NULL)
		allocator_io_measure(p->io);
}

static void on_reload(void *arg)
{
	struct program *p = arg;

	if (p->io != NULL)
		allocator_io_reload(p->io);
}

/* Close everything there is; the loop ends when the handles are closed. */
static void on_left(void *arg)
{
	struct program *p = arg;

	p->webhook = webhook_io_close(p->webhook);
	p->lead = lead_io_close(p->lead);
	p->io = allocator_io_close(p->io);
	p->kube = kube_close(p->kube);
	p->health = httpd_close(p->health);
}

/* Let another replica go on at once. */
static void on_stop(void *arg)
{
	struct program *p = arg;

	if (p->lead != NULL)
		lead_io_leave(p->lead);
	else
		on_left(p);
}

/* The namespace of the custom resources: flag, else our own, else MetalLB's. */
static const char *namespace_of(const struct options *o, const struct kube *k)
{
	if (o->ns != NULL && o->ns[0] != '\0')
		return o->ns;
	return kube_namespace(k) != NULL ? kube_namespace(k) : "metallb-system";
}

static bool webhook_inputs(void *arg, struct config_inputs *ret)
{
	const struct program *p = arg;

	return allocator_io_inputs(p->io, ret);
}

static int webhook_start(struct program *p, const struct options *o)
{
	const struct webhook_io_cfg cfg = {
		.loop = p->daemon.loop,
		.listen = o->webhook,
		.cert_file = o->webhook_cert,
		.key_file = o->webhook_key,
		.ns = p->ns,
		.inputs = webhook_inputs,
		.arg = p,
	};
	int rc = o->webhook == NULL ? 0 : webhook_io_open(&cfg, &p->webhook);

	if (rc != 0)
		log_error("allocator", "cannot serve the webhook", "listen=%s err=\"%s\"",
			  o->webhook, strerror(-rc));
	return rc;
}

static int start(struct program *p, const struct options *o)
{
	char err[512];
	const struct kube_cfg kube_cfg = {
		.server = o->server,
		.kubeconfig = o->kubeconfig,
		.user_agent = PROGRAM "/" BELLMAN_VERSION,
		/* No kernel carries a write that its allocator has given up. */
		.unacked_ms = (unsigned)(kube_lease_write_ns(o->lease_duration) / NS_PER_MS),
	};
	int rc = kube_open(p->daemon.loop, &kube_cfg, &p->kube, err, sizeof(err));
	if (rc != 0) {
		log_error("allocator", "cannot reach the API", "why=\"%s\"", err);
		return rc;
	}
	const struct health_cfg health_cfg = {
		.listen = o->metrics != NULL ? o->metrics : health_default_listen(METRICS_PORT),
		.cert_file = o->metrics_cert,
		.key_file = o->metrics_key,
		.metrics = p->metrics,
		.ready = is_ready,
		.why_not = why_not_ready,
		.before_scrape = before_scrape,
		.arg = p,
	};
	rc = health_open(p->daemon.loop, &health_cfg, &p->health);
	if (rc != 0) {
		log_error("allocator", "cannot serve metrics", "listen=%s err=\"%s\"",
			  health_cfg.listen, strerror(-rc));
		return rc;
	}
	p->ns = must(strdup(namespace_of(o, p->kube)));
	p->gate = gate_io_new(p->kube, p->metrics);
	const struct allocator_io_cfg io_cfg = {
		.loop = p->daemon.loop,
		.kube = p->kube,
		.gate = p->gate,
		.metrics = p->metrics,
		.config_file = o->config,
		.ns = p->ns,
		.pod = o->pod_name,
		.ml_secret = o->ml_secret,
		.lb_class = o->lb_class,
		.frr = config_frr_limits(getenv("METALLB_BGP_TYPE"), FRR_LIMITS_IGNORE),
		.webhook = o->webhook != NULL,
		.seed = daemon_seed(),
		.configured = on_configured,
		.leaderless = is_leaderless,
		.arg = p,
	};
	const struct lead_io_cfg lead_cfg = {
		.loop = p->daemon.loop,
		.kube = p->kube,
		.gate = p->gate,
		.metrics = p->metrics,
		.ns = p->ns,
		.pod = o->pod_name,
		.ignore_metallb = o->ignore_metallb,
		.lease_duration_ns = o->lease_duration,
		.renew_deadline_ns = o->renew_deadline,
		.retry_period_ns = o->retry_period,
		.seed = daemon_seed(),
		.lead = on_lead,
		.renewed = on_renewed,
		.left = on_left,
		.arg = p,
	};
	rc = allocator_io_open(&io_cfg, &p->io);
	if (rc == 0)
		rc = lead_io_open(&lead_cfg, &p->lead);
	if (rc != 0) {
		log_error("allocator", "cannot start", "err=\"%s\"", strerror(-rc));
		return rc;
	}
	rc = webhook_start(p, o);
	if (rc == 0)
		log_info("allocator", "started", "server=%s namespace=%s class=\"%s\"",
			 kube_server(p->kube), p->ns, o->lb_class != NULL ? o->lb_class : "");
	return rc;
}

int main(int argc, char **argv)
{
	struct options o = {
		.ml_secret = "memberlist",
		.lease_duration = KUBE_LEASE_DURATION_NS,
		.renew_deadline = KUBE_LEASE_RENEW_DEADLINE_NS,
		.retry_period = KUBE_LEASE_RETRY_NS,
	};
	struct program p = { 0 };

	options_read(&o, argc, argv);
	int rc = daemon_init(&p.daemon, on_stop, on_reload, &p);
	if (rc != 0) {
		log_error("allocator", "cannot start", "err=\"%s\"", uv_strerror(rc));
		return EXIT_FAILURE;
	}
	p.metrics = metrics_new();
	rc = start(&p, &o);
	if (rc != 0)
		on_stop(&p);
	daemon_run(&p.daemon);
	daemon_done(&p.daemon);
	gate_io_free(p.gate);
	free(p.ns);
	metrics_free(p.metrics);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
