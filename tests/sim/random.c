// SPDX-License-Identifier: Apache-2.0
/*
 * Play made-up scenarios by their seeds, and say of which something did not hold.
 *
 *	random [--twice-every N] [--nodes MAX] FIRST[-LAST]
 *	random --trace SEED
 *
 * One line for each seed that failed: what, when, and how to see it again. Every Nth seed is played
 * twice, and the two must be the same byte for byte. Exit 1 if any failed. tests/sim/play.py runs
 * many of these.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"
#include "sim/random.h"
#include "sim/report.h"
#include "sim/world.h"

struct options {
	bool trace;
	uint64_t twice_every, first, last;
	unsigned nodes_max;
};

/* --- a digest of all that happened ------------------------------------------------------- */

struct digest {
	uint64_t hash;
};

/* FNV-1a, 64 bits. */
static void digest_add(struct digest *d, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i++)
		d->hash = (d->hash ^ b[i]) * 0x100000001b3u;
}

static void digest_text(struct digest *d, const char *text)
{
	digest_add(d, text, strlen(text) + 1);
}

static void digest_frame(void *arg, const struct sim_link *l, const struct sim_port *from,
			 const uint8_t *bytes, size_t len, const char *why)
{
	struct digest *d = arg;

	digest_text(d, sim_link_name(l));
	digest_text(d, sim_port_name(from));
	digest_text(d, why != NULL ? why : "");
	digest_add(d, bytes, len);
}

static void digest_journal(struct digest *d, const struct sim_journal *j)
{
	for (size_t i = 0; i < j->count; i++) {
		const struct sim_entry *e = &j->items[i];

		digest_add(d, &e->at_ns, sizeof(e->at_ns));
		digest_add(d, &e->value_ns, sizeof(e->value_ns));
		digest_add(d, &e->type, sizeof(e->type));
		digest_add(d, &e->ip, sizeof(e->ip));
		digest_text(d, e->node);
		digest_text(d, e->service);
		digest_text(d, e->text);
	}
}

/* --- one seed ---------------------------------------------------------------------------- */

static void tell_failure(uint64_t seed, const struct sim_journal *j)
{
	for (size_t i = 0; i < j->count; i++) {
		const struct sim_entry *e = &j->items[i];
		char ip[IP_TEXT_MAX];

		if (e->type != SIM_BROKEN && e->type != SIM_DISAPPOINTED)
			continue;
		printf("seed %" PRIu64 " at %.3f s: %s (%s %s); see --trace %" PRIu64 "\n", seed,
		       (double)e->at_ns / 1e9, e->text, e->service, ip_format(&e->ip, ip), seed);
		return;
	}
}

static void tell_all(const struct sim_world *w)
{
	struct sim_result result;

	sim_result_of(w, &result);
	sim_report_table(&result, stdout);
	printf("Looked at all invariants: %" PRIu64 " times.\n", sim_world_counts(w).looks);
	sim_result_done(&result);
}

/* True: all held. */
static bool play(uint64_t seed, const struct options *o, bool quietly, uint64_t *ret_digest)
{
	const struct sim_random_cfg random = { .seed = seed, .nodes_max = o->nodes_max };
	struct sim_scenario *scenario = sim_random_scenario(&random);
	const struct sim_world_cfg cfg = { .scenario = scenario,
					   .check_all = true,
					   .stop_early = true };
	struct digest digest = { 0xcbf29ce484222325u };
	char err[256];
	struct sim_world *w = sim_world_new(&cfg, err, sizeof(err));

	if (w == NULL) {
		printf("seed %" PRIu64 ": %s\n", seed, err);
		sim_scenario_free(scenario);
		return false;
	}
	sim_net_tap(sim_world_net(w), digest_frame, &digest);
	bool held = sim_world_run(w) == 0;
	if (!held && !quietly)
		tell_failure(seed, sim_world_journal(w));
	if (o->trace)
		tell_all(w);
	digest_journal(&digest, sim_world_journal(w));
	*ret_digest = digest.hash;
	sim_world_free(w);
	sim_scenario_free(scenario);
	return held;
}

static bool play_twice(uint64_t seed, const struct options *o)
{
	uint64_t first = 0, second = 0;
	bool held = play(seed, o, false, &first);

	play(seed, o, true, &second);
	if (first == second)
		return held;
	printf("seed %" PRIu64 ": it is another run the second time\n", seed);
	return false;
}

/* --- the program ------------------------------------------------------------------------- */

static int usage(void)
{
	fprintf(stderr, "usage: random [--twice-every N] [--nodes MAX] FIRST[-LAST]\n"
			"       random --trace SEED\n");
	return 2;
}

static bool read_seeds(const char *text, struct options *o)
{
	char *end;

	o->first = o->last = strtoull(text, &end, 10);
	if (*end == '-')
		o->last = strtoull(end + 1, &end, 10);
	return *end == '\0' && end != text;
}

static bool read_options(int argc, char **argv, struct options *o)
{
	int i = 1;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--trace") == 0)
			o->trace = true;
		else if (i + 1 < argc && strcmp(argv[i], "--twice-every") == 0)
			o->twice_every = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--nodes") == 0)
			o->nodes_max = (unsigned)strtoul(argv[++i], NULL, 10);
		else
			return false;
	}
	return i + 1 == argc && read_seeds(argv[i], o);
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	uint64_t failed = 0, digest;

	if (!read_options(argc, argv, &o))
		return usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (uint64_t seed = o.first; seed <= o.last; seed++) {
		bool twice = o.twice_every > 0 && seed % o.twice_every == 0;

		failed += twice ? !play_twice(seed, &o) : !play(seed, &o, false, &digest);
	}
	return failed > 0;
}
