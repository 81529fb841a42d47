// SPDX-License-Identifier: Apache-2.0
#include "ctl/replay_text.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>

#include "ctl/frame_text.h"
#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/base/text_table.h"
#include "lib/model/json_write.h"
#include "sim/report_words.h"

#define DROPPED "bellman_frames_dropped_total"

/* What the engine's reasons for not answering mean; those that frames give by being malformed. */
static const struct {
	const char *reason, *means;
} meanings[] = {
	{ "arp_not_a_request", "an ARP reply: it asks nothing" },
	{ "arp_type", "ARP, but not of IPv4 over Ethernet" },
	{ "checksum", "an ICMPv6 checksum that is wrong" },
	{ "ether_type", "neither ARP nor IPv6" },
	{ "hop_limit", "NDP from beyond a router, or forged" },
	{ "not_announced", "asks for an address that this node does not announce here" },
	{ "not_icmpv6", "IPv6, but no neighbour solicitation" },
	{ "not_a_solicitation", "ICMPv6, but no neighbour solicitation" },
	{ "option_length", "NDP with an option of no length" },
	{ "other_host", "sent to the MAC of another station" },
	{ "own_frame", "from the interface's own MAC" },
	{ "sender_mac", "from a MAC that no station can have" },
	{ "short", "cut, or too short for what it says to be" },
	{ "source_multicast", "NDP from a group" },
	{ "source_unspecified", "duplicate address detection that breaks its rules" },
	{ "target_multicast", "NDP that asks for a group" },
};

static const char *meaning_of(const char *reason)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (strcmp(meanings[i].reason, reason) == 0)
			return meanings[i].means;
	return "";
}

struct number {
	char text[24];
};

static const char *number(uint64_t n, struct number *buf)
{
	snprintf(buf->text, sizeof(buf->text), "%" PRIu64, n);
	return buf->text;
}

/* Where the lines below a moment begin. */
#define INDENT "             "

/* The frame in words; one that is neither is not asked about. */
static const char *words_of(const void *bytes, size_t len, char buf[static FRAME_TEXT_MAX])
{
	uint8_t src[ETHER_ADDR_LEN];

	return frame_text(bytes, len, src, buf) == NULL ? "" : buf;
}

/* --- as it comes ------------------------------------------------------------------------------ */

static void put_head(struct replay_text *t, const struct replay_facts *f,
		     const struct replay_tally *tally)
{
	size_t here = 0;
	char mac[ETHER_TEXT_MAX];

	for (size_t i = 0; i < tally->addresses.count; i++)
		here += tally->addresses.items[i].here;
	fprintf(t->to,
		"%s as %s hears it on %s (%s%s): of %zu addresses it announces %zu there\n\n",
		f->capture, f->node, f->interface, f->mac_given ? "" : "with a MAC made up, ",
		ether_format(f->mac, mac), tally->addresses.count, here);
}

void replay_text_begin(struct replay_text *t, const struct replay_facts *f,
		       const struct replay_tally *tally)
{
	if (t->json)
		fputs("{\"answers\": [", t->to);
	else
		put_head(t, f, tally);
}

static cJSON *answer_json(uint64_t at_ns, const char *question, const char *answer, const char *why,
			  const struct speaker_action *a)
{
	cJSON *o = must(cJSON_CreateObject());
	char ip[IP_TEXT_MAX], service[600];

	snprintf(service, sizeof(service), "%s/%s", a->frame.holder->ns, a->frame.holder->name);
	json_add_seconds(o, "at", at_ns);
	json_add_text(o, "question", question);
	json_add_text(o, "answer", answer);
	json_add_text(o, "why", why);
	json_add_text(o, "address", ip_format(&a->frame.ip, ip));
	json_add_text(o, "service", service);
	return o;
}

/* Print @before and then @o, without its first @skip letters, and free it. */
static void put_json(FILE *to, const char *before, cJSON *o, size_t skip)
{
	char *printed = must(cJSON_PrintUnformatted(o));

	fprintf(to, "%s%s", before, printed + skip);
	free(printed);
	cJSON_Delete(o);
}

void replay_text_answer(struct replay_text *t, uint64_t at_ns, const void *bytes, size_t len,
			const struct speaker_action *answer)
{
	char question[FRAME_TEXT_MAX], reply[FRAME_TEXT_MAX], why[SPEAKER_WHY_MAX];
	char moment[SIM_MOMENT_MAX];
	const char *asked = words_of(bytes, len, question);
	const char *said = words_of(answer->frame.bytes, answer->frame.len, reply);

	speaker_why_format(answer, why, sizeof(why));
	if (t->json)
		put_json(t->to, t->said ? ",\n" : "\n",
			 answer_json(at_ns, asked, said, why, answer), 0);
	else
		fprintf(t->to, "%11s  %s\n" INDENT "%s\n" INDENT "%s\n",
			sim_moment_format(at_ns, moment), asked, said, why);
	t->said = true;
}

void replay_text_claim(struct replay_text *t, const struct replay_claim *c, const void *bytes,
		       size_t len)
{
	char words[FRAME_TEXT_MAX], moment[SIM_MOMENT_MAX];

	if (!t->json)
		fprintf(t->to, "%11s  CONFLICT: %s\n" INDENT "but %s announces it here for %s\n",
			sim_moment_format(c->first_ns, moment), words_of(bytes, len, words),
			c->address->node, c->address->service);
}

/* --- the summary in words ----------------------------------------------------------------------
 */

static void put_counts(FILE *to, const struct replay_facts *f, const struct replay_tally *t)
{
	char took[DURATION_TEXT_MAX];

	fprintf(to, "\nFrames: %" PRIu64 " in %s. Answers: %" PRIu64 ".\n", t->frames,
		duration_format(f->took_ns, took), t->answers);
	if (t->cut > 0)
		fprintf(to, "Of %" PRIu64 " frames the capture has the beginning only.\n", t->cut);
	if (f->backwards > 0)
		fprintf(to,
			"%" PRIu64 " frames are older than one before them, and are taken to be "
			"as late.\n",
			f->backwards);
}

static void put_addresses(FILE *to, const struct replay_tally *t)
{
	struct text_table table = { .columns = 5 };

	text_table_add(&table, (const char *const[]){ "ADDRESS", "SERVICE", "ANNOUNCED-BY", "ASKED",
						      "ANSWERED" });
	for (size_t i = 0; i < t->addresses.count; i++) {
		const struct replay_address *a = &t->addresses.items[i];
		struct number asked, answered;
		char ip[IP_TEXT_MAX];
		if (a->asked > 0)
			text_table_add(&table,
				       (const char *const[]){ ip_format(&a->ip, ip), a->service,
							      a->node, number(a->asked, &asked),
							      number(a->answered, &answered) });
	}
	size_t silent = t->addresses.count - (table.count - 1);
	fputc('\n', to);
	text_table_print(&table, to);
	if (silent > 0)
		fprintf(to, "and %zu that nobody asked for\n", silent);
}

static void put_claims(FILE *to, const struct replay_facts *f, const struct replay_tally *t)
{
	struct text_table table = { .columns = 5 };

	if (t->claims.count == 0)
		return;
	text_table_add(&table, (const char *const[]){ "CONFLICT", "SERVICE", "CLAIMED-BY", "FRAMES",
						      "FIRST" });
	for (size_t i = 0; i < t->claims.count; i++) {
		const struct replay_claim *c = &t->claims.items[i];
		char ip[IP_TEXT_MAX], mac[ETHER_TEXT_MAX], first[SIM_MOMENT_MAX];
		struct number frames;
		text_table_add(&table,
			       (const char *const[]){
				       ip_format(&c->address->ip, ip), c->address->service,
				       ether_format(c->mac, mac), number(c->frames, &frames),
				       sim_moment_format(c->first_ns, first) });
	}
	fputc('\n', to);
	text_table_print(&table, to);
	if (t->claims_left_out > 0)
		fprintf(to, "and %" PRIu64 " frames of others\n", t->claims_left_out);
	if (!f->mac_given)
		fprintf(to, "One of these may be %s itself: --interface %s=MAC tells which.\n",
			f->node, f->interface);
}

static void add_reason(void *arg, const char *const *values, int64_t value)
{
	struct text_table *table = arg;
	struct number frames;

	if (table->count == 0)
		text_table_add(table, (const char *const[]){ "NOT-ANSWERED", "FRAMES", "BECAUSE" });
	text_table_add(table, (const char *const[]){ values[0], number((uint64_t)value, &frames),
						     meaning_of(values[0]) });
}

static void put_dropped(FILE *to, const struct replay_facts *f)
{
	struct text_table table = { .columns = 3 };

	metrics_each(f->metrics, DROPPED, add_reason, &table);
	if (table.count > 0)
		fputc('\n', to);
	text_table_print(&table, to);
}

/* How the engine's answers compare with those of the real speaker. */
static void put_own(FILE *to, const struct replay_facts *f, const struct replay_tally *t)
{
	if (!f->mac_given)
		return;
	fprintf(to,
		"\nFrom %s itself: %" PRIu64 " frames, which it does not hear.\n"
		"  that say what an answer above says, within a second: %" PRIu64 " of %" PRIu64
		"\n"
		"  that nobody asked for: %" PRIu64 "\n"
		"  other answers for addresses that are announced: %" PRIu64 "\n",
		f->interface, t->own, t->own_found, t->answers, t->own_unasked, t->own_other);
}

/* --- the summary as JSON ------------------------------------------------------------------------
 */

static void add_addresses(cJSON *to, const struct replay_tally *t)
{
	cJSON *list = must(cJSON_AddArrayToObject(to, "addresses"));
	char ip[IP_TEXT_MAX];

	for (size_t i = 0; i < t->addresses.count; i++) {
		const struct replay_address *a = &t->addresses.items[i];
		cJSON *o = json_add_object(list);
		json_add_text(o, "address", ip_format(&a->ip, ip));
		json_add_text(o, "service", a->service);
		json_add_text(o, "node", a->node);
		must(cJSON_AddBoolToObject(o, "here", a->here));
		json_add_number(o, "asked", a->asked);
		json_add_number(o, "answered", a->answered);
	}
}

static void add_claims(cJSON *to, const struct replay_tally *t)
{
	cJSON *list = must(cJSON_AddArrayToObject(to, "conflicts"));
	char ip[IP_TEXT_MAX], mac[ETHER_TEXT_MAX];

	for (size_t i = 0; i < t->claims.count; i++) {
		const struct replay_claim *c = &t->claims.items[i];
		cJSON *o = json_add_object(list);
		json_add_text(o, "address", ip_format(&c->address->ip, ip));
		json_add_text(o, "service", c->address->service);
		json_add_text(o, "mac", ether_format(c->mac, mac));
		json_add_number(o, "frames", c->frames);
		json_add_seconds(o, "first", c->first_ns);
	}
}

static void add_dropped(void *arg, const char *const *values, int64_t value)
{
	json_add_number(arg, values[0], (uint64_t)value);
}

static cJSON *summary_json(const struct replay_facts *f, const struct replay_tally *t)
{
	cJSON *o = must(cJSON_CreateObject());
	char mac[ETHER_TEXT_MAX];

	json_add_text(o, "capture", f->capture);
	json_add_text(o, "node", f->node);
	json_add_text(o, "interface", f->interface);
	json_add_text(o, "mac", f->mac_given ? ether_format(f->mac, mac) : NULL);
	json_add_number(o, "frames", t->frames);
	json_add_seconds(o, "took", f->took_ns);
	json_add_number(o, "cut", t->cut);
	json_add_number(o, "backwards", f->backwards);
	add_addresses(o, t);
	add_claims(o, t);
	metrics_each(f->metrics, DROPPED, add_dropped, must(cJSON_AddObjectToObject(o, "dropped")));
	cJSON *own = must(cJSON_AddObjectToObject(o, "own"));
	json_add_number(own, "frames", t->own);
	json_add_number(own, "asAnswered", t->own_found);
	json_add_number(own, "otherAnswers", t->own_other);
	json_add_number(own, "unasked", t->own_unasked);
	json_add_text(o, "error", f->failed);
	return o;
}

void replay_text_end(struct replay_text *t, const struct replay_facts *f,
		     const struct replay_tally *tally)
{
	if (t->json) {
		put_json(t->to, t->said ? "\n], " : "], ", summary_json(f, tally), 1);
		fputc('\n', t->to);
		return;
	}
	put_counts(t->to, f, tally);
	put_addresses(t->to, tally);
	put_claims(t->to, f, tally);
	put_dropped(t->to, f);
	put_own(t->to, f, tally);
}
