// SPDX-License-Identifier: Apache-2.0
#include "sim/report.h"

#include <inttypes.h>

#include "lib/base/duration.h"
#include "lib/base/text_table.h"
#include "sim/packet.h"
#include "sim/report_words.h"

/* Of a large cluster those addresses are listed of which there is something to tell. */
#define ADDRESSES_MOST 200

struct cell {
	char text[DURATION_TEXT_MAX];
};

static const char *number(uint64_t n, struct cell *c)
{
	snprintf(c->text, sizeof(c->text), "%" PRIu64, n);
	return c->text;
}

/* "" of nothing: a dash in the table. */
static const char *span(uint64_t ns, struct cell *c)
{
	return ns == 0 ? "" : duration_format(ns, c->text);
}

/* --- addresses ------------------------------------------------------------------------------- */

static bool is_of_interest(const struct sim_outcome *o)
{
	return o->owner == NULL || o->moves > 0 || o->dark_ns > 0;
}

static void add_address(struct text_table *t, const struct sim_outcome *o)
{
	char ip[IP_TEXT_MAX];
	struct cell moves, first, dark, longest;

	text_table_add(t, (const char *const[]){
				  o->service,
				  ip_format(&o->ip, ip),
				  o->owner == NULL ? "" : o->owner,
				  number(o->moves, &moves),
				  o->first_ns == UINT64_MAX ? "never" : span(o->first_ns, &first),
				  span(o->dark_ns, &dark),
				  span(o->dark_longest_ns, &longest),
			  });
}

static void put_addresses(const struct sim_result *r, FILE *to)
{
	struct text_table t = { .columns = 7 };
	bool all = r->addresses.count <= ADDRESSES_MOST;
	size_t silent = 0, more = 0;

	text_table_add(&t, (const char *const[]){ "SERVICE", "ADDRESS", "OWNER", "MOVES",
						  "ANNOUNCED-AFTER", "DARK", "LONGEST" });
	for (size_t i = 0; i < r->addresses.count; i++) {
		const struct sim_outcome *o = &r->addresses.items[i];
		if (!all && !is_of_interest(o))
			silent++;
		else if (t.count > ADDRESSES_MOST)
			more++;
		else
			add_address(&t, o);
	}
	fputc('\n', to);
	text_table_print(&t, to);
	if (more > 0)
		fprintf(to, "and %zu more; -o json has all of them\n", more);
	if (silent > 0)
		fprintf(to, "and %zu that have an owner, did not move and were never dark\n",
			silent);
}

/* --- clients --------------------------------------------------------------------------------- */

/* Which way a client goes, where that was said: of one Service there may be several. */
static const char *way_of(const struct sim_client_outcome *c)
{
	bool udp = c->protocol == SIM_UDP;

	switch (c->family) {
	case IP_V4:
		return udp ? " (IPv4, UDP)" : " (IPv4)";
	case IP_V6:
		return udp ? " (IPv6, UDP)" : " (IPv6)";
	default:
		return udp ? " (UDP)" : "";
	}
}

static void add_client(struct text_table *t, const struct sim_client_outcome *c)
{
	struct cell attempts, failed, foreign, gap;
	char name[512];

	snprintf(name, sizeof(name), "%s -> %s%s", c->host, c->service, way_of(c));
	text_table_add(t, (const char *const[]){
				  name,
				  number(c->counts.attempts, &attempts),
				  number(c->counts.failed, &failed),
				  number(c->counts.foreign, &foreign),
				  span(c->counts.gap_ns, &gap),
			  });
}

static void put_clients(const struct sim_result *r, FILE *to)
{
	struct text_table t = { .columns = 5 };

	if (r->clients.count == 0)
		return;
	text_table_add(&t, (const char *const[]){ "CLIENT", "ATTEMPTS", "FAILED", "FOREIGN",
						  "LONGEST-GAP" });
	for (size_t i = 0; i < r->clients.count; i++)
		add_client(&t, &r->clients.items[i]);
	fputc('\n', to);
	text_table_print(&t, to);
}

/* --- was it well? ---------------------------------------------------------------------------- */

static const struct sim_entry *first_failure(const struct sim_journal *j)
{
	for (size_t i = 0; i < j->count; i++)
		if (j->items[i].type == SIM_DISAPPOINTED || j->items[i].type == SIM_BROKEN)
			return &j->items[i];
	return NULL;
}

static void put_verdict(const struct sim_result *r, FILE *to)
{
	const struct sim_journal *j = r->journal;
	const struct sim_entry *first = first_failure(j);
	size_t held = 0;
	char moment[SIM_MOMENT_MAX];

	for (size_t i = 0; i < j->count; i++)
		held += j->items[i].type == SIM_EXPECTED;
	fprintf(to, "\nExpectations held: %zu of %zu. Invariants broken: %u times.\n", held,
		held + j->disappointed, j->broken);
	if (first != NULL)
		fprintf(to, "FAILED with seed %" PRIu64 ", first at %s: %s\n", r->seed,
			sim_moment_format(first->at_ns, moment), first->text);
}

void sim_report_table(const struct sim_result *r, FILE *to)
{
	char moment[SIM_MOMENT_MAX];

	fprintf(to, "%s, seed %" PRIu64 ", %s\n\n", r->scenario, r->seed,
		sim_moment_format(r->until_ns, moment));
	sim_report_words(r->journal, to);
	if (r->journal->left_out > 0)
		fprintf(to, "%" PRIu64 " entries are left out: the journal is full\n",
			r->journal->left_out);
	put_addresses(r, to);
	put_clients(r, to);
	put_verdict(r, to);
}
