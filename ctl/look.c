// SPDX-License-Identifier: Apache-2.0
#include "ctl/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/leader.h"
#include "ctl/peek.h"
#include "ctl/report.h"
#include "lib/base/must.h"

#define OPTIONS_MAX 12

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

int look_options(struct look *look, const struct option_spec *own, int argc, char **argv)
{
	const struct option_spec common[] = {
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
	struct option_spec specs[OPTIONS_MAX], *next = specs;
	int first = argc;

	while (own->name != NULL)
		*next++ = *own++;
	memcpy(next, common, sizeof(common));
	if (look->words != NULL)
		options_parse_words(look->program, look->summary, look->words, specs, argc, argv,
				    &first);
	else
		options_parse(look->program, look->summary, specs, argc, argv);
	if (strcmp(look->output, "table") != 0 && strcmp(look->output, "json") != 0)
		options_usage(look->program, "-o: '%s' is neither table nor json", look->output);
	if (!cluster_cidrs_valid(look->service_cidrs))
		options_usage(look->program,
			      "--service-cidr: '%s' is not a prefix, nor one of each family",
			      look->service_cidrs);
	return first;
}

void look_from(struct look *look, const char *from)
{
	if (from != NULL && strcmp(from, "live") != 0)
		options_usage(look->program, "--from: '%s' is not live", from);
	look->live = from != NULL;
}

struct reading {
	const struct look *look;
	struct sight *sight;
	cJSON *lease;
	char *leases_refused; /* why; NULL: they are not */
};

/* Is @event on the Service that @look is about? */
static bool is_about(const struct look *look, const cJSON *event)
{
	const cJSON *about = peek(event, "involvedObject");

	return look->about_name != NULL &&
	       strcmp(peek_text(about, "name"), look->about_name) == 0 &&
	       strcmp(peek_text(about, "namespace"), look->about_ns) == 0;
}

static void on_event(const struct reading *r, const cJSON *event)
{
	since_note(&r->sight->since, event);
	if (!is_about(r->look, event))
		return;
	if (r->sight->events == NULL)
		r->sight->events = must(cJSON_CreateArray());
	cJSON_AddItemToArray(r->sight->events, must(cJSON_Duplicate(event, true)));
}

static void on_live(void *arg, const cJSON *object)
{
	struct reading *r = arg;

	if (since_is_event(object)) {
		on_event(r, object);
		return;
	}
	if (strcmp(peek_text(object, "kind"), "Lease") == 0) {
		if (strcmp(peek_text(peek(object, "metadata"), "name"), LEADER_LEASE) == 0 &&
		    r->lease == NULL)
			r->lease = must(cJSON_Duplicate(object, true));
		return;
	}
	world_add_live(&r->sight->world, object);
	if (r->look->compare)
		world_add_live(&r->sight->now, object);
}

static void on_refused(void *arg, const char *plural, const char *why)
{
	struct reading *r = arg;

	if (strcmp(plural, "leases") != 0) {
		fprintf(stderr, "bellman: addresses that are reserved are not known: %s\n", why);
		return;
	}
	free(r->leases_refused);
	r->leases_refused = must(strdup(why));
}

/* Returns CTL_DONE or CTL_UNREACHABLE. */
static enum ctl_exit read_live(const struct look *look, const char *ns, struct sight *ret)
{
	static const struct live_ops ops = { on_live, on_refused };
	struct live_cfg cfg = look->cfg;
	struct reading reading = { look, ret };

	cfg.ns = ret->now.ns = ns;
	int rc = live_read(&cfg, &ops, &reading);
	if (rc == 0)
		ret->leader = leader_tell(reading.lease, ns, reading.leases_refused);
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

enum ctl_exit look_decode(const struct look *look, struct sight *ret)
{
	struct faults *faults = &ret->world.faults;

	world_settle(&ret->world);
	cluster_build(&ret->world, look->service_cidrs, &ret->cluster);
	faults_print(faults, stderr);
	if (faults->errors == 0)
		return CTL_DONE;
	if (look_wants_json(look)) {
		cJSON *report = report_of_faults(faults);
		report_json(report, stdout);
		cJSON_Delete(report);
	}
	return CTL_FAULT;
}

void sight_done(struct sight *s)
{
	cluster_done(&s->cluster);
	since_done(&s->since);
	cJSON_Delete(s->leader);
	cJSON_Delete(s->events);
	world_done(&s->now);
	world_done(&s->world);
}
