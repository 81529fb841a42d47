// SPDX-License-Identifier: Apache-2.0
/* What a change costs: how many Services are decided anew, counted, among ten thousand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocator/engine.h"

#define SERVICES 10000

struct bench {
	struct allocator *a;
	unsigned long version;
	unsigned written;
};

static struct config *config_of(const char *spec)
{
	char *text = NULL;
	struct config_inputs inputs = { 0 };
	struct faults faults = { 0 };
	struct config *c = NULL;

	assert_true(asprintf(&text,
			     "{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\","
			     "\"metadata\":{\"name\":\"a\"},\"spec\":{%s}}",
			     spec) > 0);
	cJSON *object = cJSON_Parse(text);
	struct config_input *in = array_push(&inputs);
	in->object = object;
	assert_int_equal(config_build(&inputs, &faults, &c), 0);
	array_free(&inputs);
	faults_free(&faults);
	cJSON_Delete(object);
	free(text);
	return c;
}

static void apply(struct bench *b, unsigned i, const char *annotations)
{
	char text[1024];
	struct faults faults = { 0 };
	struct service *s = NULL;

	snprintf(
		text, sizeof(text),
		"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"web\","
		"\"name\":\"s%05u\",\"uid\":\"u%u\",\"resourceVersion\":\"%lu\",\"annotations\":"
		"{%s}},\"spec\":{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\","
		"\"clusterIPs\":[\"10.96.0.1\"],\"ipFamilies\":[\"IPv4\"],\"ports\":[{\"protocol\":"
		"\"TCP\",\"port\":80}]}}",
		i, i, ++b->version, annotations);
	cJSON *json = cJSON_Parse(text);
	assert_int_equal(service_decode(json, (struct where){ 0 }, &faults, &s), 0);
	faults_free(&faults);
	cJSON_Delete(json);
	allocator_service_upsert(b->a, s);
}

/* Run until nothing is left to do; every write lands. How many Services were decided? */
static uint64_t settle(struct bench *b)
{
	uint64_t before = allocator_recomputed(b->a);

	for (size_t count = 1; count > 0;) {
		struct allocator_actions out = { 0 };

		allocator_run(b->a, 1, &out);
		count = out.count;
		for (size_t i = 0; i < out.count; i++) {
			char version[32];

			if (out.items[i].type != ALLOCATOR_WRITE)
				continue;
			b->written++;
			snprintf(version, sizeof(version), "%lu", ++b->version);
			allocator_written(b->a, out.items[i].ns, out.items[i].name,
					  ALLOCATOR_WRITTEN, version, 1);
		}
		allocator_actions_done(&out);
	}
	return allocator_recomputed(b->a) - before;
}

static void begin(struct bench *b, const char *pool, const char *annotations)
{
	const struct allocator_cfg cfg = { 0 };
	struct config *c = config_of(pool);

	*b = (struct bench){ .a = allocator_new(&cfg) };
	allocator_set_config(b->a, c, true);
	config_unref(c);
	for (unsigned i = 0; i < SERVICES; i++)
		apply(b, i, annotations);
	allocator_synced(b->a);
	settle(b);
}

static void end(struct bench *b)
{
	allocator_free(b->a);
}

static void expect_ip(struct bench *b, unsigned i, const char *ip)
{
	struct allocator_service_view v;
	char name[16], text[IP_TEXT_MAX];

	snprintf(name, sizeof(name), "s%05u", i);
	assert_true(allocator_service(b->a, "web", name, &v));
	assert_string_equal(v.ip_count > 0 ? ip_format(&v.ips[0], text) : "", ip);
}

/* Decided by its change, and once more by the answer to the write that it comes to. */
static void test_one_service_changed_is_one_service_decided(void **state)
{
	struct bench b;
	(void)state;

	begin(&b, "\"addresses\":[\"10.0.0.0/16\"]", "");
	assert_int_equal(b.written, SERVICES);
	apply(&b, 5000, "");
	assert_true(settle(&b) <= 2);
	apply(&b, 5000, "\"metallb.io/loadBalancerIPs\":\"10.0.255.1\"");
	assert_true(settle(&b) <= 2);
	expect_ip(&b, 5000, "10.0.255.1");
	apply(&b, SERVICES, ""); /* a new one takes what was freed */
	assert_true(settle(&b) <= 2);
	expect_ip(&b, SERVICES, "10.0.19.136");
	allocator_service_remove(b.a, "web", "s00007");
	assert_int_equal(settle(&b), 0);
	end(&b);
}

/* 5,000 wait in a full pool. An address that becomes free is for the first of them. */
static void test_one_address_freed_is_for_the_first_of_thousands(void **state)
{
	struct bench b;
	(void)state;

	begin(&b, "\"addresses\":[\"10.0.0.0-10.0.19.135\"]", ""); /* 5,000 addresses */
	expect_ip(&b, 5000, "");
	apply(&b, 9000, "\"a\":\"b\""); /* one of those that wait */
	assert_int_equal(settle(&b), 1);
	allocator_service_remove(b.a, "web", "s00007");
	assert_true(settle(&b) <= 2);
	expect_ip(&b, 5000, "10.0.0.7");
	expect_ip(&b, 5001, "");
	for (unsigned i = 100; i < 110; i++) {
		char name[16];

		snprintf(name, sizeof(name), "s%05u", i);
		allocator_service_remove(b.a, "web", name);
	}
	assert_true(settle(&b) <= 20);
	expect_ip(&b, 5010, "10.0.0.109");
	expect_ip(&b, 5011, "");
	end(&b);
}

/* One key and one port: an address each, and none of them asks all the others in turn. */
static void test_services_of_one_key_and_port_do_not_ask_each_other(void **state)
{
	struct bench b;
	(void)state;

	begin(&b, "\"addresses\":[\"10.0.0.0/16\"]", "\"metallb.io/allow-shared-ip\":\"k\"");
	assert_int_equal(b.written, SERVICES);
	expect_ip(&b, SERVICES - 1, "10.0.39.15");
	apply(&b, 5000, "\"metallb.io/allow-shared-ip\":\"k\",\"a\":\"b\"");
	assert_true(settle(&b) <= 2);
	end(&b);
}

/* The same where 5,000 of them wait. What changes nothing for them calls none of them. */
static void test_services_of_one_key_and_port_wait_for_an_address_and_not_for_news(void **state)
{
	struct bench b;
	(void)state;

	begin(&b, "\"addresses\":[\"10.0.0.0-10.0.19.135\"]",
	      "\"metallb.io/allow-shared-ip\":\"k\"");
	expect_ip(&b, 5000, "");
	for (unsigned i = 0; i < 100; i++) /* the watch tells what was written */
		apply(&b, i, "\"metallb.io/allow-shared-ip\":\"k\"");
	assert_true(settle(&b) <= 200);
	allocator_service_remove(b.a, "web", "s00007");
	assert_true(settle(&b) <= 2);
	expect_ip(&b, 5000, "10.0.0.7");
	/* One without a key makes room for nobody where he joins them. */
	apply(&b, 8, "");
	assert_true(settle(&b) <= 2);
	end(&b);
}

/* 9,000 ask for one address that is taken. What becomes of others is no matter to them. */
static void test_requests_wait_for_their_address_alone(void **state)
{
	struct bench b;
	(void)state;

	begin(&b, "\"addresses\":[\"10.0.0.0/16\"]", "");
	for (unsigned i = 1000; i < SERVICES; i++)
		apply(&b, i, "\"metallb.io/loadBalancerIPs\":\"10.0.0.7\"");
	settle(&b);
	allocator_service_remove(b.a, "web", "s00100");
	assert_int_equal(settle(&b), 0);
	allocator_service_remove(b.a, "web", "s00007");
	/* The first has it, gives his own back, and all are told who has it now. */
	assert_true(settle(&b) <= 9001);
	expect_ip(&b, 1000, "10.0.0.7");
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_service_changed_is_one_service_decided),
		cmocka_unit_test(test_one_address_freed_is_for_the_first_of_thousands),
		cmocka_unit_test(test_services_of_one_key_and_port_do_not_ask_each_other),
		cmocka_unit_test(
			test_services_of_one_key_and_port_wait_for_an_address_and_not_for_news),
		cmocka_unit_test(test_requests_wait_for_their_address_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
