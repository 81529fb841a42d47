// SPDX-License-Identifier: Apache-2.0
/* lib/base/log.h: one event is one line, and valid JSON whatever was logged. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "lib/base/log.h"

static int saved_stderr;
static FILE *sink;

/* The log writes to the descriptor, not the stream: put a file in its place for one line. */
static void catch_stderr(void)
{
	sink = tmpfile();
	assert_non_null(sink);
	saved_stderr = dup(STDERR_FILENO);
	dup2(fileno(sink), STDERR_FILENO);
}

/* Heap text of what was written since; the caller frees it. */
static char *caught(void)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	long len = lseek(fileno(sink), 0, SEEK_END);
	char *text = calloc(1, (size_t)len + 1);
	assert_int_equal(pread(fileno(sink), text, (size_t)len, 0), len);
	fclose(sink);
	return text;
}

static cJSON *json_line(const char *event, const char *pairs)
{
	catch_stderr();
	log_setup("bellman-test", LOG_LEVEL_INFO, LOG_JSON);
	log_info("arp", event, "%s", pairs);
	char *text = caught();
	char *newline = strchr(text, '\n');

	assert_non_null(newline);
	assert_string_equal(newline, "\n"); /* one line, ended */
	cJSON *json = cJSON_Parse(text);
	assert_non_null(json);
	free(text);
	return json;
}

static void assert_field(const cJSON *json, const char *field, const char *want)
{
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, field)),
			    want);
}

static void test_json_has_every_field(void **state)
{
	cJSON *json = json_line("announcing", "vip=10.0.0.1 if=eth0");

	(void)state;
	assert_field(json, "level", "info");
	assert_field(json, "program", "bellman-test");
	assert_field(json, "subsystem", "arp");
	assert_field(json, "event", "announcing");
	assert_field(json, "msg", "vip=10.0.0.1 if=eth0");
	const char *ts = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "ts"));
	assert_int_equal(strlen(ts), strlen("2026-01-01T00:00:00.000Z"));
	assert_int_equal(ts[10], 'T');
	assert_int_equal(ts[23], 'Z');
	cJSON_Delete(json);
}

static void test_json_escapes_what_would_break_it(void **state)
{
	static const char nasty[] = "a=\"b\" c=\\ d=\n\t\x01\x7f e=\xc3\xa9";
	cJSON *json = json_line("event \"quoted\"\n", nasty);

	(void)state;
	assert_field(json, "event", "event \"quoted\"\n");
	assert_field(json, "msg", nasty);
	cJSON_Delete(json);
}

/* cJSON does not check UTF-8, so the bytes are compared. Rows: RFC 3629 section 4. */
static void test_bytes_that_are_no_utf8_become_replacement_characters(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "\xff", "\xef\xbf\xbd" },
		{ "a\xc3", "a\xef\xbf\xbd" },                               /* cut at the end */
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },                 /* too long a form */
		{ "\xe0\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* the same */
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* surrogate */
		{ "\xf4\x90\x80\x80x", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx" },
		{ "\xf0\x9f\x94\x94 \xe2\x82\xac", "\xf0\x9f\x94\x94 \xe2\x82\xac" }, /* fine */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cJSON *json = json_line("e", rows[i].in);
		assert_field(json, "msg", rows[i].out);
		cJSON_Delete(json);
	}
}

static void test_too_long_a_line_is_cut_and_stays_whole_json(void **state)
{
	static char huge[10000];

	(void)state;
	for (int c = 0; c < 3; c++) {
		memset(huge, "x\x01\""[c], sizeof(huge) - 1);
		cJSON *json = json_line(huge, huge);
		const char *msg =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "msg"));
		assert_in_range(strlen(msg), 500, 4200);
		cJSON_Delete(json);
	}
}

static void test_text_is_one_line_whatever_a_name_holds(void **state)
{
	(void)state;
	catch_stderr();
	log_setup("bellman-test", LOG_LEVEL_DEBUG, LOG_TEXT);
	log_warn("arp", "odd\nevent", "name=%s", "a\nb\tc\x1b[31m");
	log_debug("arp", "no pairs", "");
	char *text = caught();
	char *second = strchr(text, '\n');

	assert_non_null(second);
	*second++ = '\0';
	assert_string_equal(text + strlen("2026-01-01T00:00:00.000Z "),
			    "warn  arp: odd event name=a b c [31m");
	assert_string_equal(second + strlen("2026-01-01T00:00:00.000Z "), "debug arp: no pairs\n");
	free(text);
}

static void test_quotes_in_quoted_values_do_not_end_them(void **state)
{
	(void)state;
	catch_stderr();
	log_setup("bellman-test", LOG_LEVEL_INFO, LOG_TEXT);
	log_info("a", "b", "x=\"%s\" none=\"%s\" why=\"%s\"", "pool \"p\" is \"\"", "",
		 "say \"no\"");
	char *text = caught();

	assert_string_equal(text + strlen("2026-01-01T00:00:00.000Z "),
			    "info  a: b x=\"pool 'p' is ''\" none=\"\" why=\"say 'no'\"\n");
	free(text);
}

static int evaluated;

static int evaluate(void)
{
	return ++evaluated;
}

static void test_levels_silence_what_is_below_them(void **state)
{
	static const struct {
		const char *name;
		enum log_level level;
	} names[] = { { "all", LOG_LEVEL_DEBUG },   { "debug", LOG_LEVEL_DEBUG },
		      { "info", LOG_LEVEL_INFO },   { "warn", LOG_LEVEL_WARN },
		      { "error", LOG_LEVEL_ERROR }, { "none", LOG_LEVEL_NONE } };
	enum log_level level = LOG_LEVEL_WARN;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(log_level_parse(names[i].name, &level), 0);
		assert_int_equal(level, names[i].level);
	}
	level = LOG_LEVEL_WARN;
	assert_int_equal(log_level_parse("loud", &level), -EINVAL);
	assert_int_equal(level, LOG_LEVEL_WARN);

	catch_stderr();
	log_setup("bellman-test", LOG_LEVEL_WARN, LOG_TEXT);
	log_info("a", "silent", "n=%d", evaluate());
	log_setup("bellman-test", LOG_LEVEL_NONE, LOG_TEXT);
	log_error("a", "silent", "n=%d", evaluate());
	char *text = caught();
	assert_string_equal(text, "");
	assert_int_equal(evaluated, 0); /* pairs are not even worked out */
	free(text);
}

static void test_a_limit_passes_a_burst_then_one_each_interval(void **state)
{
	struct log_limit l = { .every_ns = 100, .burst = 3 };
	uint64_t now = 1000000;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(log_limit_pass(&l, now));
	assert_false(log_limit_pass(&l, now));
	assert_false(log_limit_pass(&l, now + 99));
	assert_int_equal(l.suppressed, 2);
	assert_true(log_limit_pass(&l, now + 100));
	assert_false(log_limit_pass(&l, now + 100));
	/* A long silence fills the bucket again, but never beyond the burst. */
	now += 1000000;
	for (int i = 0; i < 3; i++)
		assert_true(log_limit_pass(&l, now));
	assert_false(log_limit_pass(&l, now));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_has_every_field),
		cmocka_unit_test(test_json_escapes_what_would_break_it),
		cmocka_unit_test(test_bytes_that_are_no_utf8_become_replacement_characters),
		cmocka_unit_test(test_too_long_a_line_is_cut_and_stays_whole_json),
		cmocka_unit_test(test_text_is_one_line_whatever_a_name_holds),
		cmocka_unit_test(test_quotes_in_quoted_values_do_not_end_them),
		cmocka_unit_test(test_levels_silence_what_is_below_them),
		cmocka_unit_test(test_a_limit_passes_a_burst_then_one_each_interval),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
