// SPDX-License-Identifier: Apache-2.0
#include "ctl/look.h"

#include <stdio.h>
#include <string.h>

#include "ctl/report.h"

#define OPTIONS_MAX 12

struct look look_new(const char *program, const char *summary)
{
	return (struct look){
		.program = program,
		.summary = summary,
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
	int first;

	while (own->name != NULL)
		*next++ = *own++;
	memcpy(next, common, sizeof(common));
	options_parse_words(look->program, look->summary, specs, argc, argv, &first);
	if (strcmp(look->output, "table") != 0 && strcmp(look->output, "json") != 0)
		options_usage(look->program, "-o: '%s' is neither table nor json", look->output);
	if (!cluster_cidrs_valid(look->service_cidrs))
		options_usage(look->program,
			      "--service-cidr: '%s' is not a prefix, nor one of each family",
			      look->service_cidrs);
	return first;
}

struct reading {
	const struct look *look;
	struct sight *sight;
};

static void on_live(void *arg, const cJSON *object)
{
	struct reading *r = arg;

	if (since_is_event(object)) {
		since_note(&r->sight->since, object);
		return;
	}
	world_add_live(&r->sight->world, object);
	if (r->look->compare)
		world_add_live(&r->sight->now, object);
}

enum ctl_exit look_read(const struct look *look, char **words, int count, struct sight *ret)
{
	struct live_cfg cfg = look->cfg;
	struct reading reading = { look, ret };

	ret->world.ns = cfg.ns;
	if (look->config != NULL)
		world_load(&ret->world, look->config);
	for (int i = 0; i < count; i++)
		world_load(&ret->world, words[i]);
	cfg.ns = ret->now.ns = world_namespace(&ret->world);
	if (look->live && live_read(&cfg, on_live, &reading) != 0)
		return CTL_UNREACHABLE;
	return CTL_DONE;
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
	world_done(&s->now);
	world_done(&s->world);
}
