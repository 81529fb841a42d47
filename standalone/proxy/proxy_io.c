// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/proxy_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/base/log.h"
#include "lib/daemon/loop.h"
#include "lib/model/cluster.h"
#include "lib/model/service.h"
#include "standalone/proxy/affinity.h"
#include "standalone/proxy/checks_io.h"
#include "standalone/proxy/conntrack_io.h"
#include "standalone/proxy/nft_io.h"
#include "standalone/proxy/rules.h"
#include "standalone/proxy/table_io.h"
#include "standalone/proxy/text.h"
#include "standalone/proxy/transaction.h"

#define BACKOFF_MAX_NS     (30 * NS_PER_S)
#define UNHEALTHY_AFTER_NS (60 * NS_PER_S)
/* How often to look whether somebody took the table away: `nft flush ruleset` does. */
#define PROBE_EVERY_NS     (30 * NS_PER_S)
/* How often to ask a table that is to be replaced who was sent where. */
#define RECALL_TRIES_MAX   4

/* A kind of object that is watched. */
struct kind {
	const char *name, *path;
	/* Decode and hand over. Returns 0, or why not as negative errno and in @faults. */
	int (*take)(struct rules *rules, const cJSON *object, struct faults *faults);
	void (*gone)(struct rules *rules, const char *ns, const char *name);
};

#define KINDS 3

struct watched {
	struct proxy *proxy;
	const struct kind *kind;
	struct kube_watch *watch;
};

struct proxy {
	uv_loop_t *loop;
	uv_timer_t timer; /* for the next turn */
	struct rules *rules;
	struct conntrack *conntrack;
	struct checks_io *checks;
	struct watched watched[KINDS];
	struct names undecodable; /* "KIND NAMESPACE/NAME" of what was logged */

	bool running; /* nft is, or a look at the table */
	bool applied; /* the kernel has taken a whole rule set */
	bool beside_kube_proxy;
	bool starting_over; /* it has not taken all since the last look at it */
	bool stopping;
	bool recall[2]; /* families whose affinity to ask for before the next pass; [0]: IPv4 */
	unsigned recall_failures; /* in a row, as are the next */
	unsigned failures;
	uint64_t not_before_ns, probe_due_ns, started_ns;

	int64_t *services, *endpoints, *refused, *transactions, *errors;
	struct metric_family *undecodable_total;
};

/* --- turns --------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

/* Have a turn at @at_ns, or when the back-off is over. Replaces an earlier call. */
static void wake(struct proxy *p, uint64_t at_ns)
{
	uint64_t now = daemon_now_ns();

	if (at_ns < p->not_before_ns)
		at_ns = p->not_before_ns;
	uv_timer_start(&p->timer, on_timer,
		       at_ns <= now ? 0 : (at_ns - now + NS_PER_MS - 1) / NS_PER_MS, 0);
}

static bool synced(const struct proxy *p)
{
	for (unsigned i = 0; i < KINDS; i++)
		if (!kube_watch_synced(p->watched[i].watch))
			return false;
	return true;
}

static void failed(struct proxy *p, const char *error)
{
	uint64_t now = daemon_now_ns(), pause = NS_PER_S << (p->failures < 5 ? p->failures : 5);
	bool at_once = rules_refused(p->rules, now, error);

	++*p->errors;
	if (!rules_must_look(p->rules)) {
		log_debug("proxy", "nft failed, finding out why", "err=\"%s\"", error);
		return;
	}
	if (at_once)
		pause = 0;
	else if (pause > BACKOFF_MAX_NS)
		pause = BACKOFF_MAX_NS;
	p->failures += !at_once;
	p->not_before_ns = now + pause;
	log_error("proxy", "nft failed, starting over", "err=\"%s\" in_s=%llu%s", error,
		  (unsigned long long)(pause / NS_PER_S),
		  strstr(error, "not permitted") != NULL ? " hint=\"needs CAP_NET_ADMIN\"" : "");
}

/* The kernel has what was given out: what had to wait for it. */
static void follow_up(struct proxy *p, uint64_t now)
{
	rules_done(p->rules);
	p->failures = 0;
	if (p->stopping)
		return;
	conntrack_sweep(p->conntrack, rules_flows(p->rules));
	checks_change(p->checks, rules_checks(p->rules));
	if (!rules_settled(p->rules))
		return;
	if (p->starting_over)
		log_info("proxy", "rules in place", "services=%u endpoints=%u ms=%llu",
			 rules_services(p->rules), rules_endpoints(p->rules),
			 (unsigned long long)((now - p->started_ns) / NS_PER_MS));
	p->applied = true;
	p->starting_over = false;
}

static void on_nft_done(void *arg, const char *error)
{
	struct proxy *p = arg;
	uint64_t now = daemon_now_ns();

	p->running = false;
	if (error != NULL) {
		failed(p, error);
	} else {
		*p->transactions += !rules_is_trial(p->rules);
		follow_up(p, now);
	}
	if (!p->stopping)
		wake(p, 0);
}

static uint8_t recalled_family(const struct proxy *p)
{
	return p->recall[0] ? IP_V4 : IP_V6;
}

/* Who was sent where. */
static void on_recalled(void *arg, const char *error, const char *output)
{
	struct proxy *p = arg;
	uint8_t family = recalled_family(p);
	uint64_t pause = NS_PER_S << p->recall_failures;

	p->running = false;
	if (error != NULL && ++p->recall_failures < RECALL_TRIES_MAX) {
		log_warn("proxy", "cannot read the session affinity there is, trying again",
			 "family=ipv%u err=\"%s\" in_s=%llu", family, error,
			 (unsigned long long)(pause / NS_PER_S));
		p->not_before_ns = daemon_now_ns() + pause;
	} else {
		if (error == NULL)
			rules_recall(p->rules, family, affinity_elements(family, output));
		else
			log_error("proxy", "session affinity is lost: it cannot be read",
				  "family=ipv%u err=\"%s\"", family, error);
		p->recall_failures = 0;
		p->recall[family == IP_V6] = false;
	}
	if (!p->stopping)
		wake(p, 0);
}

static void recall(struct proxy *p)
{
	p->running = true;
	nft_ask(p->loop, affinity_question(recalled_family(p)), on_recalled, p);
}

static void on_looked(void *arg, int error, struct table_seen *seen)
{
	struct proxy *p = arg;

	p->running = false;
	p->starting_over = true;
	p->started_ns = daemon_now_ns();
	p->probe_due_ns = p->started_ns + PROBE_EVERY_NS;
	p->recall[0] = p->recall[1] = false;
	rules_now(p->rules, p->started_ns);
	if (seen->kube_proxy && !p->beside_kube_proxy)
		log_warn("proxy", "kube-proxy has a table here too: one of the two should not run",
			 "table=kube-proxy");
	p->beside_kube_proxy = seen->kube_proxy;
	if (seen->frame) {
		rules_take_over(p->rules, seen->found, seen->affinity);
		seen->found = NULL;
	} else if (error == 0 && !seen->table) {
		rules_restart_on_nothing(p->rules);
	} else {
		if (error != 0)
			log_warn("proxy", "cannot see what rules there are, replacing them",
				 "err=\"%s\"", strerror(-error));
		rules_restart(p->rules);
		p->recall[0] = error != 0 || seen->affinity[0];
		p->recall[1] = error != 0 || seen->affinity[1];
	}
	if (!p->stopping)
		wake(p, 0);
}

static void look(struct proxy *p)
{
	p->running = true;
	table_look(p->loop, on_looked, p);
}

/* Returns whether it is, by a short question; else a look at all that there is has begun. */
static bool is_there(struct proxy *p, uint64_t now)
{
	int rc = table_probe();

	p->probe_due_ns = now + PROBE_EVERY_NS;
	if (rc == 0)
		return true;
	log_warn("proxy",
		 rc == -ENODATA ? "the table has lost its rules, building it again"
				: "the table is gone, building it again",
		 "err=\"%s\"", strerror(-rc));
	look(p);
	return false;
}

static void run(struct proxy *p, char *json)
{
	p->running = true;
	log_debug("proxy", "transaction", "bytes=%zu", strlen(json));
	if (rules_is_trial(p->rules))
		nft_check(p->loop, json, on_nft_done, p);
	else
		nft_run(p->loop, json, on_nft_done, p);
}

static void on_timer(uv_timer_t *timer)
{
	struct proxy *p = timer->data;
	uint64_t now = daemon_now_ns();

	if (p->running || !synced(p))
		return; /* what runs wakes it again, and so does on_synced() */
	if (rules_must_look(p->rules)) {
		look(p);
		return;
	}
	if (p->recall[0] || p->recall[1]) {
		recall(p);
		return;
	}
	/* Before the pass: under steady changes there is always one, and it may be all in vain. */
	if (now >= p->probe_due_ns && rules_stand(p->rules) && !is_there(p, now))
		return;
	char *json = rules_pass(p->rules, now);
	if (json != NULL) {
		conntrack_expect(p->conntrack, rules_coming(p->rules));
		run(p, json);
		return;
	}
	follow_up(p, now);
	uint64_t due = rules_wake_ns(p->rules);
	wake(p, due < p->probe_due_ns ? due : p->probe_due_ns);
}

/* --- what the API server tells --------------------------------------------------------------- */

static int take_service(struct rules *rules, const cJSON *object, struct faults *faults)
{
	struct service *s;
	int rc = service_decode(object, (struct where){ 0 }, faults, &s);

	return rc != 0 ? rc : rules_service(rules, s);
}

static int take_slice(struct rules *rules, const cJSON *object, struct faults *faults)
{
	struct endpoint_slice *s;
	int rc = endpoint_slice_decode(object, (struct where){ 0 }, faults, &s);

	return rc != 0 ? rc : rules_slice(rules, s);
}

static int take_node(struct rules *rules, const cJSON *object, struct faults *faults)
{
	struct node *n;
	int rc = node_decode(object, (struct where){ 0 }, faults, &n);

	if (rc == 0)
		rules_node(rules, n);
	return rc;
}

static void node_gone(struct rules *rules, const char *ns, const char *name)
{
	(void)ns;
	rules_node_gone(rules, name);
}

static const struct kind kinds[KINDS] = {
	{ "Service", "/api/v1/services", take_service, rules_service_gone },
	{ "EndpointSlice", "/apis/discovery.k8s.io/v1/endpointslices", take_slice,
	  rules_slice_gone },
	{ "Node", "/api/v1/nodes", take_node, node_gone },
};

static const char *text_of(const cJSON *object, const char *field)
{
	const cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, field));

	return text != NULL ? text : "";
}

/* What the list of bad objects calls one; interned. */
static const char *label_of(const struct kind *kind, const char *ns, const char *name)
{
	struct text t = { 0 };

	text_printf(&t, "%s %s/%s", kind->name, ns, name);
	const char *label = intern(t.at);
	text_free(&t);
	return label;
}

/* It is gone, or good again: the next fault of it is news. */
static void forgive(struct proxy *p, const struct kind *kind, const char *ns, const char *name)
{
	struct names *bad = &p->undecodable;

	if (bad->count == 0)
		return;
	const char *label = label_of(kind, ns, name);

	for (size_t i = 0; i < bad->count; i++)
		if (bad->items[i] == label) {
			intern_unref(label);
			bad->items[i] = bad->items[--bad->count];
			break;
		}
	intern_unref(label);
}

/* Count an object that is passed over, and log it once. What was known of it before stays. */
static void pass_over(struct proxy *p, const struct kind *kind, const cJSON *object,
		      const struct faults *faults)
{
	const char *label = label_of(kind, text_of(object, "namespace"), text_of(object, "name"));
	char why[256] = "a name that is no DNS name";

	++*metric_value1(p->undecodable_total, kind->name);
	if (names_contain(&p->undecodable, label)) {
		intern_unref(label);
		return;
	}
	if (faults->count > 0)
		fault_format(&faults->items[0], why, sizeof(why));
	log_warn("proxy", "object passed over", "object=\"%s\" why=\"%s\"", label, why);
	*(const char **)must(array_push(&p->undecodable)) = label;
}

static void on_upsert(void *arg, const cJSON *object)
{
	struct watched *w = arg;
	struct faults faults = { 0 };

	rules_now(w->proxy->rules, daemon_now_ns());
	if (w->kind->take(w->proxy->rules, object, &faults) == 0)
		forgive(w->proxy, w->kind, text_of(object, "namespace"), text_of(object, "name"));
	else
		pass_over(w->proxy, w->kind, object, &faults);
	faults_free(&faults);
	wake(w->proxy, 0);
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	struct watched *w = arg;

	rules_now(w->proxy->rules, daemon_now_ns());
	w->kind->gone(w->proxy->rules, ns, name);
	forgive(w->proxy, w->kind, ns, name);
	wake(w->proxy, 0);
}

static void on_synced(void *arg)
{
	struct watched *w = arg;

	wake(w->proxy, 0);
}

static const struct kube_watch_ops watch_ops = { .upsert = on_upsert,
						 .remove = on_remove,
						 .synced = on_synced };

/* --- life ------------------------------------------------------------------------------------ */

/* As kube-proxy has it: not while a change has been waiting for the kernel for so long. */
static bool healthy(void *arg)
{
	const struct proxy *p = arg;
	uint64_t since = rules_behind_since_ns(p->rules), now = daemon_now_ns();

	return since >= now || now - since < UNHEALTHY_AFTER_NS;
}

struct proxy *proxy_new(uv_loop_t *loop, struct kube *kube, struct metrics *metrics,
			const char *node)
{
	static const char *const kind_label[] = { "kind", NULL };
	struct proxy *p = must(calloc(1, sizeof(*p)));

	p->loop = loop;
	p->rules = rules_new(node);
	uv_timer_init(loop, &p->timer);
	p->timer.data = p;
	p->services = metric_value0(metrics_family(metrics, "bellman_proxy_services",
						   "Services that have a way in on this node.",
						   METRIC_GAUGE, NULL));
	p->endpoints = metric_value0(metrics_family(metrics, "bellman_proxy_endpoints",
						    "Endpoints that Services are translated to.",
						    METRIC_GAUGE, NULL));
	p->refused = metric_value0(metrics_family(metrics, "bellman_proxy_services_refused",
						  "Services that the kernel refuses; their rules "
						  "are as they were before.",
						  METRIC_GAUGE, NULL));
	p->transactions = metric_value0(
		metrics_family(metrics, "bellman_proxy_nft_transactions_total",
			       "Transactions that the kernel took.", METRIC_COUNTER, NULL));
	p->errors = metric_value0(metrics_family(metrics, "bellman_proxy_nft_errors_total",
						 "Transactions that nft or the kernel refused.",
						 METRIC_COUNTER, NULL));
	p->conntrack = conntrack_open(
		loop,
		metric_value0(metrics_family(
			metrics, "bellman_proxy_conntrack_flows_deleted_total",
			"UDP flows that the kernel was told to forget: their endpoint is gone, "
			"or they had none.",
			METRIC_COUNTER, NULL)));
	p->checks = checks_open(loop, &(struct checks_cfg){ .kube = kube,
							    .metrics = metrics,
							    .node = node,
							    .healthy = healthy,
							    .arg = p });
	p->undecodable_total = metrics_family(metrics, "bellman_objects_undecodable_total",
					      "Objects passed over because they do not decode.",
					      METRIC_COUNTER, kind_label);
	for (unsigned i = 0; i < KINDS; i++) {
		struct watched *w = &p->watched[i];

		*w = (struct watched){ .proxy = p, .kind = &kinds[i] };
		w->watch = must(kube_watch_start(kube, kinds[i].path, NULL, &watch_ops, w));
	}
	return p;
}

bool proxy_ready(const struct proxy *p)
{
	return p->applied && synced(p);
}

void proxy_before_scrape(struct proxy *p)
{
	*p->services = rules_services(p->rules);
	*p->endpoints = rules_endpoints(p->rules);
	*p->refused = rules_refusals(p->rules);
}

void proxy_look(struct proxy *p)
{
	p->probe_due_ns = 0;
	wake(p, 0);
}

void proxy_stop(struct proxy *p)
{
	p->stopping = true;
	for (unsigned i = 0; i < KINDS; i++)
		p->watched[i].watch = kube_watch_stop(p->watched[i].watch);
	p->conntrack = conntrack_close(p->conntrack);
	p->checks = checks_close(p->checks);
	uv_close((uv_handle_t *)&p->timer, NULL);
}

struct proxy *proxy_free(struct proxy *p)
{
	if (p == NULL)
		return NULL;
	rules_free(p->rules);
	names_done(&p->undecodable);
	free(p);
	return NULL;
}
