// SPDX-License-Identifier: Apache-2.0
/* `bellman simulate`: the command line of all its ways. */
#include "ctl/simulate.h"

#include <stdio.h>
#include <string.h>

static void refuse(const char *name, bool given, const char *with)
{
	if (given)
		options_usage(SIMULATE, "--%s: only with %s", name, with);
}

static void refuse_of_scenarios(const struct simulate *o)
{
	const char *scenario = "a scenario";

	refuse("seed", o->seed_given, scenario);
	refuse("runs", o->runs_given, scenario);
	refuse("until", o->until_given, scenario);
	refuse("pcap", o->pcap != NULL, scenario);
	refuse("svg", o->svg != NULL, scenario);
}

static void refuse_of_replays(const struct simulate *o)
{
	refuse("node", o->replay.node != NULL, "--replay");
	refuse("interface", o->replay.interface != NULL, "--replay");
}

static void check_cidrs(const struct simulate *o)
{
	if (o->service_cidrs != NULL && !cluster_cidrs_valid(o->service_cidrs))
		options_usage(SIMULATE,
			      "--service-cidr: '%s' is not a prefix, nor one of each family",
			      o->service_cidrs);
}

static void check_from(const char *from)
{
	if (from != NULL && strcmp(from, "live") != 0)
		options_usage(SIMULATE, "--from: '%s' is not live", from);
}

static void check_live(const struct simulate *o, int words)
{
	if (o->exclude == NULL)
		options_usage(SIMULATE, "--from live needs --exclude, or --replay");
	if (words > 0)
		options_usage(SIMULATE, "--from live takes no scenario");
	refuse_of_scenarios(o);
	refuse_of_replays(o);
	refuse("service-cidr", o->service_cidrs != NULL, "a scenario, or --replay");
}

static void check_replay(struct simulate *o, int words)
{
	if (o->replay.node == NULL)
		options_usage(SIMULATE, "--replay needs --node");
	if (words == 0 && o->look.config == NULL && !o->look.live)
		options_usage(SIMULATE, "--replay needs the files of a cluster, or --from live");
	refuse_of_scenarios(o);
	refuse("exclude", o->exclude != NULL, "--from live, without --replay");
	check_cidrs(o);
	o->look.service_cidrs = o->service_cidrs != NULL ? o->service_cidrs : SERVICE_CIDRS;
}

static void check_play(const struct simulate *o, int words)
{
	const char *live = "--from live, a scenario says that itself";

	if (words == 0)
		options_usage(SIMULATE, "a scenario is needed");
	if (words > 1)
		options_usage(SIMULATE, "one scenario at a time");
	if (o->runs_given && o->runs == 0)
		options_usage(SIMULATE, "--runs: there is nothing to play 0 times");
	if (o->runs_given && o->runs - 1 > UINT64_MAX - o->seed)
		options_usage(SIMULATE, "--runs: there are not so many seeds from that one on");
	if (o->pcap != NULL && o->svg != NULL && strcmp(o->pcap, o->svg) == 0)
		options_usage(SIMULATE, "--pcap and --svg: '%s' cannot be both", o->pcap);
	if (o->until_given && o->until_ns == 0)
		options_usage(SIMULATE, "--until: nothing happens in no time");
	check_cidrs(o);
	refuse_of_replays(o);
	refuse("pcap", o->pcap != NULL && o->runs > 1, "one run");
	refuse("svg", o->svg != NULL && o->runs > 1, "one run");
	refuse("exclude", o->exclude != NULL, live);
	refuse("config", o->look.config != NULL, live);
	refuse("lb-class", o->look.lb_class != NULL, live);
}

int ctl_simulate(int argc, char **argv)
{
	const char *from = NULL, *fail = NULL;
	struct simulate o = { .look = look_new(SIMULATE, NULL, NULL) };
	struct option_spec specs[12 + LOOK_SPECS] = {
		{ "seed", OPT_NUMBER, &o.seed, NULL, "N",
		  "what all that is random follows from (the scenario's, else 1)", &o.seed_given },
		{ "runs", OPT_NUMBER, &o.runs, NULL, "N",
		  "play so many seeds from that one on, and tell those that fail", &o.runs_given },
		{ "until", OPT_DURATION, &o.until_ns, NULL, "TIME",
		  "how long to play (as the scenario says)", &o.until_given },
		{ "pcap", OPT_TEXT, &o.pcap, NULL, "FILE",
		  "write every frame, and why it was sent, as pcapng" },
		{ "svg", OPT_TEXT, &o.svg, NULL, "FILE", "draw who announces what over time" },
		{ "service-cidr", OPT_TEXT, &o.service_cidrs, NULL, "CIDRS",
		  "where cluster IPs come from (the scenario's, else " SERVICE_CIDRS ")" },
		{ "from", OPT_TEXT, &from, NULL, "live",
		  "play nothing, and look at what the API holds" },
		{ "exclude", OPT_TEXT, &o.exclude, NULL, "NODES",
		  "tell what would move without these nodes, with commas between" },
		{ "replay", OPT_TEXT, &o.replay.capture, NULL, "CAPTURE",
		  "tell what a speaker would answer to these frames" },
		{ "node", OPT_TEXT, &o.replay.node, NULL, "NODE", "that hears them" },
		{ "interface", OPT_TEXT, &o.replay.interface, NULL, "NAME=MAC",
		  "on which it hears them (eth0, and a MAC that nobody has)" },
		{ "fail", OPT_TEXT, &fail, NULL, "NODES", NULL },
	};
	int first;

	look_specs(&o.look, specs + 12);
	options_parse_words(
		SIMULATE, "Play failures of a network and a cluster, and tell what comes of them.",
		"SCENARIO | FILE...", specs, argc, argv, &first);
	look_check(&o.look);
	if (fail != NULL)
		options_usage(SIMULATE, "--fail comes with gossip: until then nobody notices that "
					"a node has failed; see --exclude");
	check_from(from);
	o.look.live = from != NULL;
	if (o.replay.capture != NULL) {
		check_replay(&o, argc - first);
		return simulate_replay(&o.replay, &o.look, argv + first, argc - first);
	}
	if (o.look.live) {
		check_live(&o, argc - first);
		o.look.status = true;
		return simulate_live(&o);
	}
	check_play(&o, argc - first);
	o.scenario = argv[first];
	return simulate_play(&o);
}
