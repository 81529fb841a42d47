// SPDX-License-Identifier: Apache-2.0
/* sim/report.h: the timeline in words, the tables and the JSON of a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/must.h"
#include "sim/report_words.h"
#include "tests/unit/sim_result.h"

static char *words_of(const struct sim_journal *j)
{
	char *text = NULL;
	size_t len;
	FILE *to = must(open_memstream(&text, &len));

	sim_report_words(j, to);
	fclose(to);
	return must(text);
}

static char *table_of(const struct sim_result *r)
{
	char *text = NULL;
	size_t len;
	FILE *to = must(open_memstream(&text, &len));

	sim_report_table(r, to);
	fclose(to);
	return must(text);
}

static void assert_words(struct sim_journal *j, const char *expected)
{
	char *words = words_of(j);

	assert_string_equal(words, expected);
	free(words);
	sim_journal_done(j);
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' is not in:\n%s", part, text);
}

static void test_a_planned_move_reads_as_a_story(void **state)
{
	struct sim_journal j = { 0 };
	struct sim_result r;

	(void)state;
	planned_move(&j);
	planned_result(&r, &j);
	char *table = table_of(&r);
	assert_string_equal(
		table,
		"planned-move, seed 7, 60.000 s\n"
		"\n"
		"    0.002 s  allocator-1 leads\n"
		"    0.100 s  given out: web/front 10.0.0.240\n"
		"    0.100 s  given out: web/front fd00:10::240\n"
		"    0.112 s  node2 announces web/front 10.0.0.240\n"
		"    0.112 s  node2 announces web/front fd00:10::240\n"
		"    0.113 s  node2 tells of web/front: announcing from node \"node2\"\n"
		"   10.000 s  exclude node2\n"
		"   10.009 s  node2 withdraws web/front 10.0.0.240: another node is first\n"
		"   10.009 s  nobody answers for web/front 10.0.0.240\n"
		"   10.012 s  node3 announces web/front 10.0.0.240 (node2 did before: another node "
		"is first)\n"
		"   10.012 s  node3 answers for web/front 10.0.0.240: dark for 3.1 ms\n"
		"   10.012 s  node3 announces web/front fd00:10::240 (node2 still does)\n"
		"   10.013 s  node2 withdraws web/front fd00:10::240: another node is first\n"
		"   11.000 s  holds: web/front is node3's within 1 s\n"
		"\n"
		"SERVICE    ADDRESS       OWNER  MOVES  ANNOUNCED-AFTER  DARK    LONGEST\n"
		"web/front  10.0.0.240    node3  1      12 ms            3.1 ms  3.1 ms\n"
		"web/front  fd00:10::240  node3  1      12 ms            -       -\n"
		"\n"
		"CLIENT               ATTEMPTS  FAILED  FOREIGN  LONGEST-GAP\n"
		"laptop -> web/front  600       1       0        200 ms\n"
		"\n"
		"Expectations held: 1 of 1. Invariants broken: 0 times.\n");
	free(table);
	sim_result_done(&r);
	sim_journal_done(&j);
}

static void test_who_had_an_address_before_is_told(void **state)
{
	struct sim_journal j = { 0 };

	(void)state;
	note(&j, 1 * S, SIM_ANNOUNCES, "node1", V4, "");
	note(&j, 2 * S, SIM_LOST, "node1", V4, "");
	note(&j, 3 * S, SIM_ANNOUNCES, "node2", V4, "");
	note(&j, 4 * S, SIM_WITHDRAWS, "node2", V4, "");
	note(&j, 5 * S, SIM_ANNOUNCES, "node2", V4, "first again");
	note(&j, 6 * S, SIM_ANNOUNCES, "node2", V6, "");
	assert_words(&j, "    1.000 s  node1 announces web/front 10.0.0.240\n"
			 "    2.000 s  node1 is gone, and with it web/front 10.0.0.240\n"
			 "    3.000 s  node2 announces web/front 10.0.0.240 (node1 did, and is "
			 "gone)\n"
			 "    4.000 s  node2 withdraws web/front 10.0.0.240\n"
			 "    5.000 s  node2 announces web/front 10.0.0.240: first again\n"
			 "    6.000 s  node2 announces web/front fd00:10::240\n");
}

static void test_two_clients_of_one_service_are_told_apart(void **state)
{
	struct sim_journal j = { 0 };
	struct sim_result r;
	struct sim_client_outcome c;

	(void)state;
	planned_result(&r, &j);
	c = r.clients.items[0];
	c.family = IP_V6;
	*(struct sim_client_outcome *)must(array_push(&r.clients)) = c;
	c.protocol = 17; /* UDP */
	*(struct sim_client_outcome *)must(array_push(&r.clients)) = c;
	char *table = table_of(&r);
	assert_has(table, "\nlaptop -> web/front              600 ");
	assert_has(table, "\nlaptop -> web/front (IPv6)       600 ");
	assert_has(table, "\nlaptop -> web/front (IPv6, UDP)  600 ");
	free(table);
	sim_result_done(&r);
}

static void test_every_kind_of_entry_has_a_sentence(void **state)
{
	struct sim_journal j = { 0 };

	(void)state;
	note_fault(&j, 0, SIM_HEALED, "heal lan");
	note(&j, 0, SIM_CLEARED, "", V4, "its pool is gone");
	sim_journal_add(&j, 0, SIM_LEADS_NOT, "allocator-1", NULL, NULL, "%s", "killed");
	note(&j, 0, SIM_TOLD, "allocator-1", NULL, "no address is free")->warning = true;
	sim_journal_add(&j, 0, SIM_TOLD, "node1", NULL, NULL, "keeps what it has")->warning = true;
	note(&j, 0, SIM_STOLEN, "printer", V4, "");
	note(&j, 0, SIM_NOT_COVERED, "", V4, "lan2");
	note_fault(&j, 0, SIM_DISAPPOINTED, "web/front is node3's within 1 s: it is node2's");
	note_fault(&j, 0, SIM_BROKEN, "two owners");
	assert_words(&j, "    0.000 s  heal lan\n"
			 "    0.000 s  taken back: web/front 10.0.0.240: its pool is gone\n"
			 "    0.000 s  allocator-1 leads no more: killed\n"
			 "    0.000 s  allocator-1 warns of web/front: no address is free\n"
			 "    0.000 s  node1 warns: keeps what it has\n"
			 "    0.000 s  printer answers for web/front 10.0.0.240, too\n"
			 "    0.000 s  not covered: web/front 10.0.0.240 on lan2\n"
			 "    0.000 s  DOES NOT HOLD: web/front is node3's within 1 s: it is "
			 "node2's\n"
			 "    0.000 s  BROKEN: two owners\n");
}

/* --- many at once ---------------------------------------------------------------------------- */

static void note_many(struct sim_journal *j, uint64_t at_ns, uint64_t step_ns,
		      enum sim_entry_type type, const char *node, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct ip_addr ip = ip_from_number(IP_V4, 0x0a010000 + i);
		char why[32] = "";
		if (type == SIM_ANNOUNCES) /* an election is about each address for itself */
			snprintf(why, sizeof(why), "first by hash %u", i);
		sim_journal_add(j, at_ns + i * step_ns, type, node, "web/front", &ip, "%s", why)
			->value_ns = (i + 1) * MS;
	}
}

static void test_many_of_one_kind_are_one_line(void **state)
{
	struct sim_journal j = { 0 };

	(void)state;
	note_many(&j, S, MS, SIM_ANNOUNCES, "node1", SIM_WORDS_SINGLE + 1);
	note_many(&j, 2 * S, 0, SIM_DARK, "", SIM_WORDS_SINGLE + 1);
	note_many(&j, 3 * S, 0, SIM_LIT, "node2", SIM_WORDS_SINGLE + 1);
	note_many(&j, 4 * S, 0, SIM_ANNOUNCES, "node2", SIM_WORDS_SINGLE + 1);
	assert_words(&j,
		     "    1.000 s  node1 announces 6 addresses within 5 ms, first web/front "
		     "10.1.0.0\n"
		     "    2.000 s  nobody answers for 6 addresses, first web/front 10.1.0.0\n"
		     "    3.000 s  node2 answers for 6 addresses, first web/front 10.1.0.0: dark "
		     "for 1 ms to 6 ms\n"
		     "    4.000 s  node2 announces 6 addresses, first web/front 10.1.0.0 (node1 "
		     "still does)\n");
}

static size_t lines_of(struct sim_journal *j)
{
	char *words = words_of(j);
	size_t lines = 0;

	for (const char *at = words; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	free(words);
	sim_journal_done(j);
	return lines;
}

static void test_few_of_one_kind_are_a_line_each(void **state)
{
	struct sim_journal j = { 0 };

	(void)state;
	note_many(&j, S, MS, SIM_ANNOUNCES, "node1", SIM_WORDS_SINGLE);
	assert_int_equal(lines_of(&j), SIM_WORDS_SINGLE);
}

static void test_what_is_not_alike_is_not_put_together(void **state)
{
	struct sim_journal j = { 0 };

	(void)state;
	/* Two nodes in turn: two lines, whatever the order. */
	for (unsigned i = 0; i < 20; i++)
		note(&j, S, SIM_DARK, i % 2 == 0 ? "node1" : "node2", V4, "");
	assert_int_equal(lines_of(&j), 2);
	/* Too far apart in time. */
	note_many(&j, S, SIM_WORDS_GROUP_NS + 1, SIM_DARK, "", 20);
	assert_int_equal(lines_of(&j), 20);
	/* A step of the timeline between, which may be what the rest came of. */
	note_many(&j, S, 0, SIM_DARK, "", 20);
	note_fault(&j, S, SIM_FAULT, "kill node1");
	note_many(&j, S, 0, SIM_DARK, "", 20);
	assert_int_equal(lines_of(&j), 3);
}

static void test_of_a_large_cluster_only_what_matters_is_listed(void **state)
{
	struct sim_journal j = { .left_out = 12 };
	struct sim_result r;

	(void)state;
	planned_result(&r, &j);
	for (unsigned i = 0; i < 300; i++) {
		struct sim_outcome *o = must(array_push(&r.addresses));
		*o = (struct sim_outcome){ .service = "web/many", .ip = ip_of(V4), .owner = "n" };
	}
	r.addresses.items[200].owner = NULL;
	char *table = table_of(&r);
	assert_has(table, "12 entries are left out: the journal is full\n");
	assert_has(table, "\nweb/front  10.0.0.240    node3  1      12 ms            3.1 ms  3.1 "
			  "ms\nweb/front  fd00:10::240  node3  1      12 ms            -       "
			  "-\nweb/many   10.0.0.240    -      0      -                -       -\n"
			  "and 299 that have an owner, did not move and were never dark\n");
	free(table);
	for (size_t i = 0; i < r.addresses.count; i++)
		r.addresses.items[i].moves = 1;
	table = table_of(&r);
	assert_has(table, "and 102 more; -o json has all of them\n");
	free(table);
	sim_result_done(&r);
}

static void test_a_failure_is_told_with_the_seed_and_the_moment(void **state)
{
	struct sim_journal j = { 0 };
	struct sim_result r;

	(void)state;
	note_fault(&j, 1 * S, SIM_EXPECTED, "all is well");
	note_fault(&j, 2 * S, SIM_BROKEN, "two owners");
	note_fault(&j, 3 * S, SIM_DISAPPOINTED, "nothing is");
	planned_result(&r, &j);
	r.addresses.items[0].first_ns = UINT64_MAX;
	char *table = table_of(&r);
	assert_has(table, "\nExpectations held: 1 of 2. Invariants broken: 1 times.\nFAILED with "
			  "seed 7, first at 2.000 s: two owners\n");
	assert_has(table, " never ");
	free(table);
	sim_result_done(&r);
	sim_journal_done(&j);
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void test_json_has_all_of_it_to_the_nanosecond(void **state)
{
	struct sim_journal j = { 0 };
	struct sim_result r;

	(void)state;
	planned_move(&j);
	planned_result(&r, &j);
	r.seed = UINT64_MAX;
	cJSON *json = sim_report_json(&r);
	char *text = must(cJSON_PrintUnformatted(json));
	assert_has(text, "{\"scenario\":\"planned-move\",\"seed\":18446744073709551615,"
			 "\"until\":60.000000000,\"ok\":true,\"disappointed\":0,\"broken\":0,"
			 "\"timeline\":[{\"at\":0.002000000,\"type\":\"leads\",\"node\":"
			 "\"allocator-1\"},");
	assert_has(text, "{\"at\":10.012100000,\"type\":\"lit\",\"node\":\"node3\",\"service\":"
			 "\"web/front\",\"address\":\"10.0.0.240\",\"dark\":0.003100000}");
	assert_has(text, "\"addresses\":[{\"service\":\"web/front\",\"address\":\"10.0.0.240\","
			 "\"owner\":\"node3\",\"moves\":1,\"assigned\":0.100000000,"
			 "\"announcedAfter\":0.012000000,\"dark\":0.003100000,"
			 "\"longestDark\":0.003100000},");
	assert_has(text, "\"clients\":[{\"host\":\"laptop\",\"service\":\"web/front\","
			 "\"protocol\":\"TCP\",\"family\":null,\"attempts\":600,\"failed\":1,"
			 "\"foreign\":0,\"longestGap\":0.200000000,"
			 "\"longestGapAt\":0.000000000}]");
	cJSON *again = cJSON_Parse(text);
	assert_non_null(again);
	cJSON_Delete(again);
	cJSON_Delete(json);
	free(text);
	sim_result_done(&r);
	sim_journal_done(&j);
}

static void test_json_of_nothing(void **state)
{
	struct sim_journal j = { 0 };
	struct sim_result r;

	(void)state;
	note_fault(&j, 0, SIM_BROKEN, "\"<&");
	planned_result(&r, &j);
	r.addresses.items[0].first_ns = UINT64_MAX;
	r.addresses.items[0].owner = NULL;
	cJSON *json = sim_report_json(&r);
	char *text = must(cJSON_PrintUnformatted(json));
	assert_has(text, "\"ok\":false");
	assert_has(text, "\"text\":\"\\\"<&\"");
	assert_has(text, "\"owner\":null");
	assert_has(text, "\"announcedAfter\":null");
	cJSON_Delete(json);
	free(text);
	sim_result_done(&r);
	sim_journal_done(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_planned_move_reads_as_a_story),
		cmocka_unit_test(test_who_had_an_address_before_is_told),
		cmocka_unit_test(test_two_clients_of_one_service_are_told_apart),
		cmocka_unit_test(test_every_kind_of_entry_has_a_sentence),
		cmocka_unit_test(test_many_of_one_kind_are_one_line),
		cmocka_unit_test(test_few_of_one_kind_are_a_line_each),
		cmocka_unit_test(test_what_is_not_alike_is_not_put_together),
		cmocka_unit_test(test_of_a_large_cluster_only_what_matters_is_listed),
		cmocka_unit_test(test_a_failure_is_told_with_the_seed_and_the_moment),
		cmocka_unit_test(test_json_has_all_of_it_to_the_nanosecond),
		cmocka_unit_test(test_json_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
