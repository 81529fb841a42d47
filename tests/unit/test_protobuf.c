// SPDX-License-Identifier: Apache-2.0
/* Kubernetes' protobuf bodies. The vectors are what kubectl 1.32.4 sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "standalone/apiserver/protobuf.h"

/* kubectl create namespace foo */
static const uint8_t namespace_foo[] = {
	0x6b, 0x38, 0x73, 0x00, 0x0a, 0x0f, 0x0a, 0x02, 0x76, 0x31, 0x12, 0x09, 0x4e, 0x61,
	0x6d, 0x65, 0x73, 0x70, 0x61, 0x63, 0x65, 0x12, 0x1b, 0x0a, 0x13, 0x0a, 0x03, 0x66,
	0x6f, 0x6f, 0x12, 0x00, 0x1a, 0x00, 0x22, 0x00, 0x2a, 0x00, 0x32, 0x00, 0x38, 0x00,
	0x42, 0x00, 0x12, 0x00, 0x1a, 0x02, 0x0a, 0x00, 0x1a, 0x00, 0x22, 0x00,
};

/* The envelope of a v1 Service around @raw. */
static size_t service_of(const uint8_t *raw, uint8_t len, uint8_t *to)
{
	static const uint8_t head[] = { 'k',  '8', 's', 0,   0x0a, 0x0d, 0x0a, 2,   'v', '1',
					0x12, 7,   'S', 'e', 'r',  'v',  'i',  'c', 'e', 0x12 };

	memcpy(to, head, sizeof(head));
	to[sizeof(head)] = len;
	memcpy(to + sizeof(head) + 1, raw, len);
	return sizeof(head) + 1 + len;
}

/* A heap copy of exactly @len bytes, so that reading one too many is seen. */
static cJSON *decode_copy(const uint8_t *bytes, size_t len, bool *known)
{
	uint8_t *copy = mem_get(len);

	memcpy(copy, bytes, len);
	cJSON *json = protobuf_decode(copy, len, known);
	free(copy);
	return json;
}

static void assert_json(cJSON *json, const char *want)
{
	assert_non_null(json);
	struct text *t = js_print(json);
	assert_string_equal(t->bytes, want);
	text_unref(t);
	cJSON_Delete(json);
}

static void test_a_namespace_of_kubectl(void **state)
{
	bool known;

	(void)state;
	assert_json(
		decode_copy(namespace_foo, sizeof(namespace_foo), &known),
		"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"foo\"}}");
	assert_true(known);
}

static void test_options_of_a_delete(void **state)
{
	/* kubectl drain: DeleteOptions of v1 */
	static const uint8_t drain[] = {
		0x6b, 0x38, 0x73, 0x00, 0x0a, 0x13, 0x0a, 0x02, 0x76, 0x31, 0x12,
		0x0d, 0x44, 0x65, 0x6c, 0x65, 0x74, 0x65, 0x4f, 0x70, 0x74, 0x69,
		0x6f, 0x6e, 0x73, 0x12, 0x00, 0x1a, 0x00, 0x22, 0x00,
	};
	uint8_t of_group[sizeof(drain)];
	bool known;

	(void)state;
	assert_json(decode_copy(drain, sizeof(drain), &known),
		    "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\"}");
	memcpy(of_group, drain, sizeof(drain));
	of_group[8] = 'w'; /* every group has them */
	assert_json(decode_copy(of_group, sizeof(of_group), &known),
		    "{\"apiVersion\":\"w1\",\"kind\":\"DeleteOptions\"}");
}

static void test_cut_anywhere_nothing_is_read_behind(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(namespace_foo); n++) {
		bool known;
		cJSON_Delete(decode_copy(namespace_foo, n, &known));
	}
}

/* spec.ports {80, targetPort "http"}, selector a=b, allocateLoadBalancerNodePorts false. */
static void test_ports_maps_and_flags(void **state)
{
	static const uint8_t raw[] = {
		0x12, 29,  0x0a, 16,  0x0a, 0, 0x18, 80, 0x22, 10,   0x08, 1,   0x10, 0,    0x1a, 4,
		'h',  't', 't',  'p', 0x12, 6, 0x0a, 1,  'a',  0x12, 1,    'b', 0xa0, 0x01, 0x00,
	};
	uint8_t body[128];
	bool known;
	size_t len = service_of(raw, sizeof(raw), body);

	(void)state;
	assert_json(decode_copy(body, len, &known),
		    "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"spec\":{\"ports\":[{\"port\":80,"
		    "\"targetPort\":\"http\"}],\"selector\":{\"a\":\"b\"},"
		    "\"allocateLoadBalancerNodePorts\":false}}");
}

static void test_wrong_bytes_are_refused(void **state)
{
	static const struct {
		const char *why;
		uint8_t raw[12], len;
	} rows[] = {
		{ "length beyond the end", { 0x0a, 0x7f, 0 }, 3 },
		{ "length of 2^63",
		  { 0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
		  10 },
		{ "varint without end",
		  { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80 },
		  11 },
		{ "wire type 7", { 0x0f, 0 }, 2 },
		{ "metadata that is a number", { 0x08, 1 }, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t body[64];
		bool known;
		size_t len = service_of(rows[i].raw, rows[i].len, body);
		cJSON *json = decode_copy(body, len, &known);

		if (json != NULL)
			print_error("taken: %s\n", rows[i].why);
		assert_null(json);
		assert_true(known);
	}
}

static void test_unknown_fields_are_skipped_unknown_kinds_told(void **state)
{
	static const uint8_t raw[] = { 0xfa, 0x3f, 1, 'x', 0x99, 0x06, 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t body[64];
	bool known;
	size_t len = service_of(raw, sizeof(raw), body);

	(void)state;
	assert_json(decode_copy(body, len, &known), "{\"apiVersion\":\"v1\",\"kind\":\"Service\"}");
	body[12] = 'X'; /* Xervice */
	assert_null(decode_copy(body, len, &known));
	assert_false(known);
	assert_null(decode_copy((const uint8_t *)"{}", 2, &known));
	assert_true(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_namespace_of_kubectl),
		cmocka_unit_test(test_options_of_a_delete),
		cmocka_unit_test(test_cut_anywhere_nothing_is_read_behind),
		cmocka_unit_test(test_ports_maps_and_flags),
		cmocka_unit_test(test_wrong_bytes_are_refused),
		cmocka_unit_test(test_unknown_fields_are_skipped_unknown_kinds_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
