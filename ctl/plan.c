// SPDX-License-Identifier: Apache-2.0
/*
 * `bellman plan`: what would come of these files, alone or applied to a cluster.
 * `bellman status`: what is in a cluster, and why.
 *
 * Both are one run of the engines over a world; they differ in where it comes from, and in
 * whether what the allocator decides is taken as done.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>

#include "ctl/live.h"
#include "ctl/outcome.h"
#include "ctl/report.h"
#include "ctl/since.h"
#include "lib/daemon/options.h"

#define PLAN   "bellman plan"
#define STATUS "bellman status"

struct look {
	const char *program;
	bool status; /* what is, not what would be */
	bool live;   /* files are applied to what the API holds */
	const char *output, *service_cidrs, *lb_class;
	struct live_cfg cfg;
};

struct reading {
	struct world *world;
	struct since *since;
};

static void on_live(void *arg, const cJSON *object)
{
	struct reading *r = arg;

	if (since_is_event(object))
		since_note(r->since, object);
	else
		world_add_live(r->world, object);
}

static void print(const struct look *look, const cJSON *report)
{
	if (strcmp(look->output, "json") == 0)
		report_json(report, stdout);
	else
		report_table(report, look->status, stdout);
}

/* The faults are told; in JSON they are the answer too. */
static int refuse(const struct look *look, const struct faults *faults)
{
	if (strcmp(look->output, "json") == 0) {
		cJSON *report = report_of_faults(faults);
		report_json(report, stdout);
		cJSON_Delete(report);
	}
	return CTL_FAULT;
}

static int tell(const struct look *look, struct world *w, struct since *since)
{
	struct outcome_cfg cfg = { .lb_class = look->lb_class, .status = look->status };
	struct cluster c;
	size_t losses = 0;
	int code;

	world_settle(w);
	cluster_build(w, look->service_cidrs, &c);
	faults_print(&w->faults, stderr);
	if (w->faults.errors > 0) {
		code = refuse(look, &w->faults);
	} else {
		cJSON *report = outcome_run(&c, &cfg, &losses);
		if (look->status)
			since_fill(since, &c, report);
		print(look, report);
		cJSON_Delete(report);
		code = losses > 0 ? CTL_LOSS : CTL_DONE;
	}
	cluster_done(&c);
	return code;
}

static int look_at(const struct look *look, char **files, int count)
{
	struct live_cfg cfg = look->cfg;
	struct world w = { .ns = cfg.ns };
	struct since since = { 0 };
	struct reading reading = { &w, &since };
	int code = CTL_DONE;

	if (strcmp(look->output, "table") != 0 && strcmp(look->output, "json") != 0)
		options_usage(look->program, "-o: '%s' is neither table nor json", look->output);
	for (int i = 0; i < count; i++)
		world_load(&w, files[i]);
	cfg.ns = world_namespace(&w);
	if (look->live && live_read(&cfg, on_live, &reading) != 0)
		code = CTL_UNREACHABLE;
	if (code == CTL_DONE)
		code = tell(look, &w, &since);
	since_done(&since);
	world_done(&w);
	return code;
}

#define OPTIONS_MAX 10

/* @own, and behind them what both understand; @ret has room for OPTIONS_MAX. */
static void join_options(struct look *look, const struct option_spec *own, struct option_spec *ret)
{
	const struct option_spec common[] = {
		{ "o", OPT_TEXT, &look->output, NULL, "FORMAT", "table or json (table)" },
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

	while (own->name != NULL)
		*ret++ = *own++;
	memcpy(ret, common, sizeof(common));
}

static struct look look_new(const char *program)
{
	return (struct look){
		.program = program,
		.output = "table",
		.service_cidrs = SERVICE_CIDRS,
	};
}

int ctl_plan(int argc, char **argv)
{
	struct look look = look_new(PLAN);
	const char *from = NULL;
	const struct option_spec own[] = {
		{ "from", OPT_TEXT, &from, NULL, "live", "apply the files to what the API holds" },
		{ "service-cidr", OPT_TEXT, &look.service_cidrs, NULL, "CIDRS",
		  "where cluster IPs come from (" SERVICE_CIDRS ")" },
		{ 0 },
	};
	struct option_spec specs[OPTIONS_MAX];
	int first;

	join_options(&look, own, specs);
	options_parse_words(PLAN, "Tell who would get which address, and which node announces it.",
			    specs, argc, argv, &first);
	look.live = from != NULL;
	if (from != NULL && strcmp(from, "live") != 0)
		options_usage(PLAN, "--from: '%s' is not live", from);
	if (!cluster_cidrs_valid(look.service_cidrs))
		options_usage(PLAN, "--service-cidr: '%s' is not a prefix, nor one of each family",
			      look.service_cidrs);
	if (first == argc && !look.live)
		options_usage(PLAN, "a file is needed");
	return look_at(&look, argv + first, argc - first);
}

int ctl_status(int argc, char **argv)
{
	struct look look = look_new(STATUS);
	char *config = NULL;
	const struct option_spec own[] = {
		{ "config", OPT_TEXT, &config, NULL, "FILE",
		  "the configuration file of the daemons" },
		{ 0 },
	};
	struct option_spec specs[OPTIONS_MAX];

	look.status = look.live = true;
	join_options(&look, own, specs);
	options_parse(
		STATUS,
		"Tell who has which address, which node announces it, and why.\n"
		"\n"
		"NODE is computed here, by the election that the speakers hold too. STATE is\n"
		"  announced  the speaker of that node has said so: the last event tells\n"
		"  elected    the node should announce; no event says that it does\n"
		"  allocated  it has an address, and no node may announce it\n"
		"  pending    it has no address\n"
		"  foreign    another controller serves it",
		specs, argc, argv);
	return look_at(&look, &config, config == NULL ? 0 : 1);
}
