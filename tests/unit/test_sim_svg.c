// SPDX-License-Identifier: Apache-2.0
/* sim/segment.h and sim/svg.h: what is drawn of a run. tests/golden looks whether it is XML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/segment.h"
#include "sim/svg.h"
#include "sim/svg_draw.h"
#include "tests/unit/sim_result.h"

/* --- segments ------------------------------------------------------------------------------ */

/* "0-1:none 1-2:waits 2-5:a 5-6:a+b", in milliseconds. */
static void assert_segments(const struct sim_segments *s, const char *expected)
{
	static const char *const types[] = { "none", "waits", "", "dark" };
	char *text = NULL;
	size_t len;
	FILE *to = must(open_memstream(&text, &len));

	for (size_t i = 0; i < s->count; i++) {
		const struct sim_segment *g = &s->items[i];
		fprintf(to, "%s%d-%d:%s", i == 0 ? "" : " ", (int)(g->from_ns / MS),
			(int)(g->to_ns / MS), types[g->type]);
		for (unsigned n = 0; n < g->node_count; n++)
			fprintf(to, "%s%s", n == 0 ? "" : "+", g->nodes[n]);
	}
	fclose(to);
	assert_string_equal(text, expected);
	free(text);
}

static void segments_of(struct sim_journal *j, uint64_t until_ns, struct sim_history *h,
			struct sim_segments *ret)
{
	sim_history_of(j, h);
	assert_int_equal(h->count, 1);
	sim_segments_of(&h->items[0], until_ns, ret);
}

static void test_segments_follow_each_other_without_a_gap(void **state)
{
	struct sim_journal j = { 0 };
	struct sim_history h;
	struct sim_segments s;

	(void)state;
	note(&j, 1 * MS, SIM_ASSIGNED, "x", V4, "");
	note(&j, 2 * MS, SIM_ANNOUNCES, "a", V4, "");
	note(&j, 2 * MS, SIM_TOLD, "a", V4, "");
	note(&j, 5 * MS, SIM_ANNOUNCES, "b", V4, "");
	note(&j, 6 * MS, SIM_WITHDRAWS, "a", V4, "");
	note(&j, 8 * MS, SIM_LOST, "b", V4, "");
	note(&j, 8 * MS, SIM_DARK, "", V4, "");
	note(&j, 9 * MS, SIM_ANNOUNCES, "a", V4, "");
	note(&j, 9 * MS, SIM_LIT, "a", V4, "");
	note(&j, 11 * MS, SIM_CLEARED, "x", V4, "");
	note(&j, 12 * MS, SIM_WITHDRAWS, "a", V4, "");
	segments_of(&j, 20 * MS, &h, &s);
	assert_segments(&s, "0-1:none 1-2:waits 2-5:a 5-6:a+b 6-8:b 8-9:dark 9-12:a 12-20:none");
	array_free(&s);
	sim_history_done(&h);
	sim_journal_done(&j);
}

/* Who announces an address while nobody answers, as a paused speaker does, is not drawn. */
static void test_dark_is_dark_whoever_announces(void **state)
{
	struct sim_journal j = { 0 };
	struct sim_history h;
	struct sim_segments s;

	(void)state;
	note(&j, 0, SIM_ANNOUNCES, "a", V4, "");
	note(&j, 2 * MS, SIM_DARK, "", V4, "");
	note(&j, 3 * MS, SIM_ANNOUNCES, "b", V4, "");
	segments_of(&j, 4 * MS, &h, &s);
	assert_segments(&s, "0-2:a 2-4:dark");
	array_free(&s);
	sim_history_done(&h);
	sim_journal_done(&j);
}

static void test_short_overlaps_are_those_of_the_latest(void **state)
{
	struct sim_journal j = { 0 };
	struct sim_history h;
	struct sim_segments s;

	(void)state;
	note(&j, 0, SIM_ANNOUNCES, "a", V4, "");
	note(&j, 4 * MS, SIM_ANNOUNCES, "b", V4, "");
	note(&j, 5 * MS, SIM_WITHDRAWS, "a", V4, "");
	note(&j, 10 * MS, SIM_ANNOUNCES, "a", V4, "");
	note(&j, 12 * MS, SIM_WITHDRAWS, "b", V4, "");
	segments_of(&j, 20 * MS, &h, &s);
	sim_segments_simplify(&s, 2 * MS);
	assert_segments(&s, "0-4:a 4-10:b 10-12:b+a 12-20:a");
	array_free(&s);
	sim_history_done(&h);
	sim_journal_done(&j);
}

static void test_of_many_announcers_the_latest_are_kept(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct sim_journal j = { 0 };
	struct sim_history h;
	struct sim_segments s;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		note(&j, 0, SIM_ANNOUNCES, names[i], V4, "");
	segments_of(&j, MS, &h, &s);
	assert_segments(&s, "0-1:b+c+d");
	array_free(&s);
	sim_history_done(&h);
	sim_journal_done(&j);
}

/* --- texts ----------------------------------------------------------------------------------- */

static void assert_escaped(const char *text, const char *expected)
{
	char *out = NULL;
	size_t len;
	FILE *to = must(open_memstream(&out, &len));

	svg_escape(to, text);
	fclose(to);
	assert_string_equal(out, expected);
	free(out);
}

/* XML 1.0 section 2.2: what is no character cannot even be escaped. */
static void test_texts_are_xml_whatever_they_hold(void **state)
{
	(void)state;
	assert_escaped("<a & \"b\">", "&lt;a &amp; &quot;b&quot;&gt;");
	assert_escaped("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
		       "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
	assert_escaped("\x01\x1f\n", "???");
	assert_escaped("\xc3", "?");                /* cut */
	assert_escaped("\xc3(", "?(");              /* nothing follows */
	assert_escaped("\x80", "?");                /* nothing goes before */
	assert_escaped("\xc0\xaf", "??");           /* too long a form */
	assert_escaped("\xe0\x80\xaf", "???");      /* the same */
	assert_escaped("\xed\xa0\x80", "???");      /* half of a pair of UTF-16 */
	assert_escaped("\xef\xbf\xbe", "???");      /* U+FFFE */
	assert_escaped("\xf4\x90\x80\x80", "????"); /* beyond Unicode */
	assert_escaped("\xff", "?");
}

static void test_a_text_that_is_too_wide_is_cut(void **state)
{
	char *out = NULL;
	size_t len;
	FILE *to = must(open_memstream(&out, &len));
	const struct svg_text how = { .size = 100, .width = 62 * 5 };

	(void)state;
	svg_text(to, &how, "12345");
	svg_text(to, &how, "123456");
	fclose(to);
	assert_non_null(strstr(out, ">12345</text>"));
	assert_non_null(strstr(out, ">1234\xe2\x80\xa6</text>"));
	free(out);
}

/* --- sheets ---------------------------------------------------------------------------------- */

static char *svg_of(const struct sim_result *r)
{
	char *out = NULL;
	size_t len;
	FILE *to = must(open_memstream(&out, &len));

	sim_svg(r, to);
	fclose(to);
	return must(out);
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' is not in:\n%s", part, text);
}

static unsigned count_of(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return n;
}

static void test_a_planned_move_is_drawn(void **state)
{
	struct sim_journal j = { 0 };
	struct sim_result r;

	(void)state;
	planned_move(&j);
	planned_result(&r, &j);
	char *svg = svg_of(&r), *again = svg_of(&r);
	assert_string_equal(svg, again);
	assert_has(svg, ">planned-move, seed 7</text>");
	assert_int_equal(count_of(svg, ">web/front</text>"), 1);
	assert_int_equal(count_of(svg, ">10.0.0.240</text>"), 1);
	assert_int_equal(count_of(svg, ">fd00:10::240</text>"), 1);
	assert_has(svg, "<title>exclude node2</title>");
	assert_has(svg, ">exclude node2</text>");
	assert_has(svg, "<title>dark from 10 s, for 3.1 ms</title>");
	/* Above the bar, and in the column on the right. */
	assert_int_equal(count_of(svg, ">3.1 ms</text>"), 2);
	/* Nodes are named in both rows and in the legend; node1 never announces. */
	assert_int_equal(count_of(svg, ">node2</text>"), 3);
	assert_int_equal(count_of(svg, ">node3</text>"), 3);
	assert_int_equal(count_of(svg, ">node1</text>"), 0);
	assert_int_equal(count_of(svg, "fill=\"#E69F00\"><title>node2"), 2);
	free(svg);
	free(again);
	sim_result_done(&r);
	sim_journal_done(&j);
}

/* A millisecond of an hour is a thousandth of a pixel: it must be seen all the same. */
static void test_what_is_dark_for_an_instant_is_wide_enough_to_be_seen(void **state)
{
	struct sim_journal j = { 0 };
	struct sim_result r;

	(void)state;
	planned_move(&j);
	planned_result(&r, &j);
	r.until_ns = 3600 * S;
	char *svg = svg_of(&r);
	assert_has(svg, "width=\"20\" height=\"150\" fill=\"black\"");
	free(svg);
	sim_result_done(&r);
	sim_journal_done(&j);
}

static void note_rows(struct sim_journal *j, unsigned from, unsigned to, bool move)
{
	for (unsigned i = from; i < to; i++) {
		struct ip_addr ip = ip_from_number(IP_V4, 0x0a000000 + i);
		sim_journal_add(j, S, SIM_ANNOUNCES, "node1", "a/b", &ip, "%s", "");
		if (move)
			sim_journal_add(j, 2 * S, SIM_ANNOUNCES, "node2", "a/b", &ip, "%s", "");
	}
}

static void test_of_many_rows_those_that_are_calm_are_left_out_and_counted(void **state)
{
	struct sim_journal j = { .left_out = 9 };
	struct sim_result r;

	(void)state;
	planned_result(&r, &j);
	note_rows(&j, 0, 200, false);
	char *svg = svg_of(&r);
	assert_int_equal(count_of(svg, ">10.0.0."), 200);
	assert_has(svg, "not known: 9 entries that the journal left out");
	free(svg);

	note_rows(&j, 200, 203, true);
	svg = svg_of(&r);
	assert_int_equal(count_of(svg, ">10.0.0."), 3);
	assert_has(svg, "not drawn: 200 addresses that kept their owner");
	free(svg);

	note_rows(&j, 203, 410, true);
	svg = svg_of(&r);
	assert_int_equal(count_of(svg, ">10.0."), 200);
	assert_has(svg, "not drawn: 200 addresses that kept their owner");
	assert_has(svg, "not drawn: 10 addresses more, for which there is no room");
	free(svg);
	sim_result_done(&r);
	sim_journal_done(&j);
}

static void test_marks_without_room_share_a_sign(void **state)
{
	struct sim_journal j = { 0 };
	struct sim_result r;

	(void)state;
	planned_result(&r, &j);
	for (unsigned i = 0; i < 200; i++)
		note_fault(&j, 5 * S + i * MS, SIM_FAULT, "kill & <restart>");
	note_fault(&j, 6 * S, SIM_BROKEN, "two owners");
	char *svg = svg_of(&r);
	assert_has(svg, ">1\xe2\x80\x93"
			"200</text>");
	assert_has(svg, ">!1</text>");
	assert_has(svg, ">kill &amp; &lt;restart&gt;</text>");
	assert_has(svg, ">and 81 more</text>");
	free(svg);
	sim_result_done(&r);
	sim_journal_done(&j);
}

/* Beyond eight nodes colours come again, with a pattern. */
static void test_every_node_has_a_look_of_its_own(void **state)
{
	struct sim_journal j = { 0 };
	struct sim_result r;
	struct ip_addr ip = ip_of(V4);
	char name[16];

	(void)state;
	planned_result(&r, &j);
	for (unsigned i = 0; i < SVG_STYLES + 4; i++) { /* beyond the three of the scenario */
		snprintf(name, sizeof(name), "n%u", i);
		sim_journal_add(&j, i * S, SIM_ANNOUNCES, name, "a/b", &ip, "%s", "");
		sim_journal_add(&j, i * S + S, SIM_WITHDRAWS, name, "a/b", &ip, "%s", "");
	}
	char *svg = svg_of(&r);
	for (unsigned i = 0; i < SVG_STYLES; i++) {
		snprintf(name, sizeof(name), "id=\"s%u\"", i);
		assert_int_equal(count_of(svg, name), i < SVG_COLOURS ? 0 : 1);
	}
	free(svg);
	sim_result_done(&r);
	sim_journal_done(&j);
}

static void test_nothing_at_all_is_a_sheet_too(void **state)
{
	struct sim_journal j = { 0 };
	struct sim_result r;

	(void)state;
	planned_result(&r, &j);
	r.until_ns = 0;
	char *svg = svg_of(&r);
	assert_has(svg, "</svg>\n");
	free(svg);
	r.until_ns = UINT64_MAX;
	svg = svg_of(&r);
	assert_has(svg, "</svg>\n");
	free(svg);
	sim_result_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments_follow_each_other_without_a_gap),
		cmocka_unit_test(test_dark_is_dark_whoever_announces),
		cmocka_unit_test(test_short_overlaps_are_those_of_the_latest),
		cmocka_unit_test(test_of_many_announcers_the_latest_are_kept),
		cmocka_unit_test(test_texts_are_xml_whatever_they_hold),
		cmocka_unit_test(test_a_text_that_is_too_wide_is_cut),
		cmocka_unit_test(test_a_planned_move_is_drawn),
		cmocka_unit_test(test_what_is_dark_for_an_instant_is_wide_enough_to_be_seen),
		cmocka_unit_test(test_of_many_rows_those_that_are_calm_are_left_out_and_counted),
		cmocka_unit_test(test_marks_without_room_share_a_sign),
		cmocka_unit_test(test_every_node_has_a_look_of_its_own),
		cmocka_unit_test(test_nothing_at_all_is_a_sheet_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
