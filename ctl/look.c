// SPDX-License-Identifier: Apache-2.0
#include "ctl/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/metallb_pod.h"
#include "ctl/leader.h"
#include "ctl/peek.h"
#include "ctl/report.h"
#include "lib/base/must.h"

struct look look_new(const char *program, const char *summary, const char *words)
{
	return (struct look){
		.program = program,
		.summary = summary,
		.words = words,
		.output = "table",
		.service_cidrs = SERVICE_CIDRS,
	};
}

void look_specs(struct look *look, struct option_spec to[static LOOK_SPECS])
{
	const struct option_spec specs[LOOK_SPECS] = {
		{ "o", OPT_TEXT, &look->output, NULL, "FORMAT", "table or json (table)" },
		{ "config", OPT_TEXT, &look->config, NULL, "FILE",
		  "the configuration file of the daemons" },
		{ "lb-class", OPT_TEXT, &look->lb_class, NULL, "CLASS",
		  "the loadBalancerClass that is served (what settings say, else none)" },
		{ "server", OPT_TEXT, &look->cfg.server, NULL, "URL",
		  "the API server (what the kubeconfig says)" },
		{ "kubeconfig", OPT_TEXT, &look->cfg.kubeconfig, "KUBECONFIG", "FILE",
		  "credentials (~/.kube/config, or those of the pod it runs in)" },
		{ "namespace", OPT_TEXT, &look->cfg.ns, "METALLB_NAMESPACE", "NS",
		  "of the daemons (what settings say, else metallb-system)" },
		{ 0 },
	};

	memcpy(to, specs, sizeof(specs));
}

void look_check(const struct look *look)
{
	if (strcmp(look->output, "table") != 0 && strcmp(look->output, "json") != 0)
		options_usage(look->program, "-o: '%s' is neither table nor json", look->output);
	if (!cluster_cidrs_valid(look->service_cidrs))
		options_usage(look->program,
			      "--service-cidr: '%s' is not a prefix, nor one of each family",
			      look->service_cidrs);
}

int look_options(struct look *look, int argc, char **argv)
{
	const char *from = NULL;
	struct option_spec specs[2 + LOOK_SPECS] = {
		/* Of those that take files. */
		{ "from", OPT_TEXT, &from, NULL, "live", "apply the files to what the API holds" },
		{ "service-cidr", OPT_TEXT, &look->service_cidrs, NULL, "CIDRS",
		  "where cluster IPs come from (" SERVICE_CIDRS ")" },
	};
	int first = argc;

	look_specs(look, specs + 2);
	if (look->words != NULL)
		options_parse_words(look->program, look->summary, look->words, specs, argc, argv,
				    &first);
	else
		options_parse(look->program, look->summary, specs + 2, argc, argv);
	look_check(look);
	if (from != NULL && strcmp(from, "live") != 0)
		options_usage(look->program, "--from: '%s' is not live", from);
	look->live = from != NULL;
	return first;
}

struct reading {
	const struct look *look;
	struct sight *sight;
	const char *ns; /* of the daemons */
	cJSON *lease;
	char *leases_refused; /* why; NULL: they are not */
	char metallb[600];    /* what is known of MetalLB's controller there; "": nothing */
	bool metallb_seen;    /* itself, not only what was said of it */
};

/* Is @event on the Service that @look is about? */
static bool is_about(const struct look *look, const cJSON *event)
{
	const cJSON *about = peek(event, "involvedObject");

	return look->about_name != NULL &&
	       strcmp(peek_text(about, "name"), look->about_name) == 0 &&
	       strcmp(peek_text(about, "namespace"), look->about_ns) == 0;
}

/* What is said of MetalLB's controller; who may see its pods knows better. */
static void on_pod_event(struct reading *r, const cJSON *event)
{
	if (!r->metallb_seen)
		snprintf(
			r->metallb, sizeof(r->metallb),
			"Bellman's allocator does not lead beside MetalLB's controller, pod %s/%s, "
			"which was at work at %s",
			r->ns, peek_text(peek(event, "involvedObject"), "name"),
			peek_text(event, "lastTimestamp"));
}

static void on_event(struct reading *r, const cJSON *event)
{
	if (strcmp(peek_text(peek(event, "involvedObject"), "kind"), "Pod") == 0) {
		on_pod_event(r, event);
		return;
	}
	since_note(&r->sight->since, event);
	if (!is_about(r->look, event))
		return;
	if (r->sight->events == NULL)
		r->sight->events = must(cJSON_CreateArray());
	cJSON_AddItemToArray(r->sight->events, must(cJSON_Duplicate(event, true)));
}

/* Pods are asked for by the labels of MetalLB's controller alone. */
static void on_pod(struct reading *r, const cJSON *pod)
{
	if (!metallb_pod_at_work(pod))
		return;
	r->metallb_seen = true;
	snprintf(
		r->metallb, sizeof(r->metallb),
		"MetalLB's controller is at work, pod %s/%s, and Bellman's allocator does not lead "
		"beside it",
		r->ns, peek_text(peek(pod, "metadata"), "name"));
}

static void add_text(struct sight_texts *to, const char *ns, const char *name, const char *more)
{
	*(char **)must(array_push(to)) = must_text("%s/%s%s", ns, name, more);
}

/* Keep what a daemon has to say about its configuration. */
static void on_state(struct reading *r, const cJSON *state)
{
	const char *summary = peek_text(peek(state, "status"), "errorSummary");
	char text[2048];

	if (*summary == '\0')
		return;
	snprintf(text, sizeof(text), ": %s", summary);
	for (char *at = text; (at = strchr(at, '\n')) != NULL;)
		*at = ' ';
	add_text(&r->sight->states, r->ns, peek_text(peek(state, "metadata"), "name"), text);
}

static void on_live(void *arg, const cJSON *object)
{
	struct reading *r = arg;
	const char *kind = peek_text(object, "kind");
	const cJSON *meta = peek(object, "metadata");

	if (since_is_event(object)) {
		on_event(r, object);
	} else if (strcmp(kind, "Pod") == 0) {
		on_pod(r, object);
	} else if (strcmp(kind, "ConfigurationState") == 0) {
		on_state(r, object);
	} else if (strcmp(kind, "IPAddressPool") == 0 &&
		   strcmp(peek_text(meta, "namespace"), r->ns) != 0) {
		add_text(&r->sight->elsewhere, peek_text(meta, "namespace"),
			 peek_text(meta, "name"), "");
	} else if (strcmp(kind, "Lease") == 0) {
		if (strcmp(peek_text(meta, "name"), LEADER_LEASE) == 0 && r->lease == NULL)
			r->lease = must(cJSON_Duplicate(object, true));
	} else {
		world_add_live(&r->sight->world, object);
		if (r->look->compare)
			world_add_live(&r->sight->now, object);
	}
}

static void on_refused(void *arg, const char *plural, const char *why)
{
	struct reading *r = arg;

	if (strcmp(plural, "configmaps") == 0)
		fprintf(stderr, "bellman: addresses that are reserved are not known: %s\n", why);
	if (strcmp(plural, "leases") != 0)
		return; /* what else may be refused only helps to understand */
	free(r->leases_refused);
	r->leases_refused = must(strdup(why));
}

/* Returns CTL_DONE or CTL_UNREACHABLE. */
static enum ctl_exit read_live(const struct look *look, const char *ns, struct sight *ret)
{
	static const struct live_ops ops = { on_live, on_refused };
	struct live_cfg cfg = look->cfg;
	struct reading reading = { look, ret, .ns = ns };

	cfg.ns = ret->now.ns = ns;
	int rc = live_read(&cfg, &ops, &reading);
	if (rc == 0)
		ret->leader = leader_tell(reading.lease, ns, reading.leases_refused,
					  *reading.metallb == '\0' ? NULL : reading.metallb);
	cJSON_Delete(reading.lease);
	free(reading.leases_refused);
	return rc == 0 ? CTL_DONE : CTL_UNREACHABLE;
}

enum ctl_exit look_read(const struct look *look, char **words, int count, struct sight *ret)
{
	ret->world.ns = look->cfg.ns;
	if (look->config != NULL)
		world_load(&ret->world, look->config);
	for (int i = 0; i < count; i++)
		world_load(&ret->world, words[i]);
	return look->live ? read_live(look, world_namespace(&ret->world), ret) : CTL_DONE;
}

bool look_wants_json(const struct look *look)
{
	return strcmp(look->output, "json") == 0;
}

/* Are all faults those of objects of the API? */
static bool are_of_the_api(const struct faults *faults)
{
	for (size_t i = 0; i < faults->count; i++)
		if (!faults->items[i].warning && *faults->items[i].file != '\0')
			return false;
	return true;
}

enum ctl_exit look_decode(const struct look *look, struct sight *ret)
{
	struct faults *faults = &ret->world.faults;

	world_settle(&ret->world);
	cluster_build(&ret->world, look->service_cidrs, &ret->cluster);
	faults_print(faults, stderr);
	if (faults->errors == 0)
		return CTL_DONE;
	if (look->status && are_of_the_api(faults)) {
		ret->blind = ret->cluster.config == NULL;
		if (ret->blind)
			cluster_do_without_config(&ret->cluster);
		return CTL_DONE;
	}
	if (look_wants_json(look)) {
		cJSON *report = report_of_faults(faults);
		report_json(report, stdout);
		cJSON_Delete(report);
	}
	return CTL_FAULT;
}

enum ctl_exit sight_code(const struct sight *s)
{
	return s->world.faults.errors > 0 ? CTL_FAULT : CTL_DONE;
}

static void texts_done(struct sight_texts *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->items[i]);
	array_free(t);
}

void sight_done(struct sight *s)
{
	cluster_done(&s->cluster);
	since_done(&s->since);
	cJSON_Delete(s->leader);
	cJSON_Delete(s->events);
	texts_done(&s->states);
	texts_done(&s->elsewhere);
	world_done(&s->now);
	world_done(&s->world);
}
