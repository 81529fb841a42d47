// SPDX-License-Identifier: Apache-2.0
/* lib/base/metrics.h: Prometheus' text format, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/metrics.h"

static const char *const by_pool[] = { "pool", NULL };
static const char *const by_service[] = { "service", "protocol", "node", "ip", NULL };

static void assert_text(const struct metrics *m, const char *want)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	metrics_write(m, to);
	fclose(to);
	assert_string_equal(text, want);
	free(text);
}

static void test_families_come_in_order_of_declaration(void **state)
{
	struct metrics *m = metrics_new();
	struct metric_family *z =
		metrics_family(m, "z_total", "Last name first.", METRIC_COUNTER, NULL);
	struct metric_family *a =
		metrics_family(m, "a_addresses", "By pool.", METRIC_GAUGE, by_pool);

	(void)state;
	assert_text(m, "# HELP z_total Last name first.\n# TYPE z_total counter\n"
		       "# HELP a_addresses By pool.\n# TYPE a_addresses gauge\n");
	*metric_value0(z) += 3;
	*metric_value1(a, "b") = -1;
	*metric_value1(a, "a") = INT64_MAX;
	assert_text(m, "# HELP z_total Last name first.\n# TYPE z_total counter\nz_total 3\n"
		       "# HELP a_addresses By pool.\n# TYPE a_addresses gauge\n"
		       "a_addresses{pool=\"a\"} 9223372036854775807\n"
		       "a_addresses{pool=\"b\"} -1\n");
	metrics_free(m);
}

static void test_a_series_is_found_again_until_dropped(void **state)
{
	struct metrics *m = metrics_new();
	struct metric_family *f = metrics_family(m, "f", "F.", METRIC_GAUGE, by_pool);
	int64_t *value = metric_value1(f, "one");

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char name[16];
		snprintf(name, sizeof(name), "p%d", i);
		*metric_value1(f, name) = i;
	}
	assert_ptr_equal(metric_value1(f, "one"), value); /* a hot path may keep it */
	*value = 5;
	metric_drop(f, (const char *const[]){ "one" });
	metric_drop(f, (const char *const[]){ "never was" });
	assert_int_equal(*metric_value1(f, "one"), 0);
	assert_int_equal(*metric_value1(f, "p999"), 999);
	metric_clear(f);
	assert_text(m, "# HELP f F.\n# TYPE f gauge\n");
	metrics_free(m);
	assert_null(metrics_free(NULL));
}

/* "ab"+"c" and "a"+"bc" are two series, though their bytes in a row are the same. */
static void test_label_values_do_not_run_together(void **state)
{
	struct metrics *m = metrics_new();
	struct metric_family *f = metrics_family(m, "f", "F.", METRIC_GAUGE, by_service);
	const char *const one[] = { "ab", "c", "", "x" }, *const two[] = { "a", "bc", "", "x" };

	(void)state;
	*metric_value(f, one) = 1;
	*metric_value(f, two) = 2;
	assert_int_equal(*metric_value(f, one), 1);
	assert_text(m, "# HELP f F.\n# TYPE f gauge\n"
		       "f{service=\"a\",protocol=\"bc\",node=\"\",ip=\"x\"} 2\n"
		       "f{service=\"ab\",protocol=\"c\",node=\"\",ip=\"x\"} 1\n");
	metrics_free(m);
}

static void test_label_values_are_escaped(void **state)
{
	struct metrics *m = metrics_new();
	struct metric_family *f = metrics_family(m, "f", "F.", METRIC_GAUGE, by_pool);

	(void)state;
	*metric_value1(f, "a\"b\\c\nd") = 1;
	assert_text(m, "# HELP f F.\n# TYPE f gauge\nf{pool=\"a\\\"b\\\\c\\nd\"} 1\n");
	metrics_free(m);
}

static void note_series(void *arg, const char *const *values, int64_t value)
{
	fprintf(arg, "%s/%s/%s/%s=%d ", values[0], values[1], values[2], values[3], (int)value);
}

static void test_the_series_of_one_family_are_told_with_all_their_labels(void **state)
{
	struct metrics *m = metrics_new();
	struct metric_family *f = metrics_family(m, "f", "F.", METRIC_GAUGE, by_service);
	char text[100];
	FILE *to = fmemopen(text, sizeof(text), "w");

	(void)state;
	assert_non_null(to);
	*metric_value1(metrics_family(m, "g", "G.", METRIC_GAUGE, by_pool), "b") = 3;
	*metric_value(f, (const char *[]){ "s", "", "n2", "10.0.0.1" }) = 2;
	*metric_value(f, (const char *[]){ "s", "", "n1", "10.0.0.1" }) = 1;
	metrics_each(m, "f", note_series, to);
	metrics_each(m, "none", note_series, to);
	fclose(to);
	assert_string_equal(text, "s//n1/10.0.0.1=1 s//n2/10.0.0.1=2 ");
	metrics_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_families_come_in_order_of_declaration),
		cmocka_unit_test(test_a_series_is_found_again_until_dropped),
		cmocka_unit_test(test_label_values_do_not_run_together),
		cmocka_unit_test(test_label_values_are_escaped),
		cmocka_unit_test(test_the_series_of_one_family_are_told_with_all_their_labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
