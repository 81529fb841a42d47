// SPDX-License-Identifier: Apache-2.0
/*
 * `bellman check`: is what the user wrote what Bellman can take?
 *
 * Every fault of every file is told at its line; nothing is sent anywhere.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>

#include "ctl/advice.h"
#include "ctl/advice_cluster.h"
#include "ctl/cluster.h"
#include "lib/daemon/options.h"

#define PROGRAM "bellman check"

struct tally {
	const char *kind;
	size_t count;
};

struct tallies {
	ARRAY_OF(struct tally);
};

static void count(struct tallies *t, const char *kind)
{
	for (size_t i = 0; i < t->count; i++) {
		if (strcmp(t->items[i].kind, kind) == 0) {
			t->items[i].count++;
			return;
		}
	}
	struct tally *new = array_push(t);
	if (new != NULL)
		*new = (struct tally){ kind, 1 };
}

/* One line a file: "FILE: 2 IPAddressPool, 1 Service". */
static void print_found(const struct world *w)
{
	for (size_t d = 0; d < w->docs.count; d++) {
		struct tallies tallies = { 0 };
		size_t others = 0;

		for (size_t i = 0; i < w->count; i++) {
			const struct world_object *o = &w->items[i];
			if (o->where.doc != w->docs.items[d])
				continue;
			if (o->kind == WORLD_OTHER || o->hidden)
				others++;
			else
				count(&tallies, o->kind_name);
		}
		printf("%s: ok", doc_file(w->docs.items[d]));
		for (size_t i = 0; i < tallies.count; i++)
			printf("%s %zu %s", i == 0 ? ":" : ",", tallies.items[i].count,
			       tallies.items[i].kind);
		if (others > 0)
			printf("%s %zu of no concern to Bellman", tallies.count == 0 ? ":" : ",",
			       others);
		printf("%s\n", tallies.count == 0 && others == 0 ? ": nothing in it" : "");
		array_free(&tallies);
	}
}

/* Who routes by BGP would else take "ok" for "announced". */
static void print_bgp(const struct world *w)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct world_object *o = &w->items[i];
		if (o->kind != WORLD_CONFIG || o->hidden ||
		    (strcmp(o->kind_name, "BGPPeer") != 0 &&
		     strcmp(o->kind_name, "BGPAdvertisement") != 0))
			continue;
		printf("note: the speaker does not speak BGP yet: BGPPeer and BGPAdvertisement are "
		       "checked, and have no effect\n");
		return;
	}
}

int ctl_check(int argc, char **argv)
{
	struct world w = { 0 };
	struct network network = { 0 };
	const char *wrong;
	const struct option_spec specs[] = {
		{ "namespace", OPT_TEXT, &w.ns, "METALLB_NAMESPACE", "NS",
		  "of the daemons (what settings say, else metallb-system)" },
		{ "service-cidr", OPT_TEXT, &network.service_cidrs, NULL, "CIDRS",
		  "of the cluster, which no pool should hold" },
		{ "gateway", OPT_TEXT, &network.gateways, NULL, "ADDRS",
		  "of the network, the same" },
		{ 0 },
	};
	struct cluster c;
	int first;

	options_parse_words(PROGRAM, "Look for faults in configuration files and manifests.",
			    "FILE...", specs, argc, argv, &first);
	if (first == argc)
		options_usage(PROGRAM, "a file is needed");
	if (!network_valid(&network, &wrong))
		options_usage(PROGRAM, "what %s says is none", wrong);
	for (int i = first; i < argc; i++)
		world_load(&w, argv[i]);
	world_settle(&w);
	advise(&w);
	cluster_build(&w, SERVICE_CIDRS, &c);
	advise_on_cluster(&w, &c, &network);

	faults_print(&w.faults, stderr);
	int code = w.faults.errors > 0 ? CTL_FAULT : CTL_DONE;
	if (code == CTL_DONE) {
		print_found(&w);
		print_bgp(&w);
	}
	cluster_done(&c);
	world_done(&w);
	return code;
}
