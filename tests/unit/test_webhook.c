// SPDX-License-Identifier: Apache-2.0
/*
 * The validating webhook's verdicts (compatibility page 1.10): for each review and each state of
 * the cluster, whether it is allowed and in which words it is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/webhook.h"
#include "lib/model/cluster.h"
#include "lib/model/doc.h"

#define NS       "metallb-system"
#define POOLS    "/validate-metallb-io-v1beta1-ipaddresspool"
#define L2_ADS   "/validate-metallb-io-v1beta1-l2advertisement"
#define BGP_ADS  "/validate-metallb-io-v1beta1-bgpadvertisement"
#define PEERS    "/validate-metallb-io-v1beta2-bgppeer"
#define ALIASES  "/validate-metallb-io-v1beta1-community"
#define PROFILES "/validate-metallb-io-v1beta1-bfdprofile"

#define OBJECT(version, kind, name, ns, spec)                                                      \
	"{\"apiVersion\":\"metallb.io/" version "\",\"kind\":\"" kind                              \
	"\",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"" ns "\"},\"spec\":" spec "}"
#define POOL(name, spec)    OBJECT("v1beta1", "IPAddressPool", name, NS, spec)
#define L2_AD(name, spec)   OBJECT("v1beta1", "L2Advertisement", name, NS, spec)
#define BGP_AD(name, spec)  OBJECT("v1beta1", "BGPAdvertisement", name, NS, spec)
#define PEER(name, spec)    OBJECT("v1beta2", "BGPPeer", name, NS, spec)
#define ALIAS(name, spec)   OBJECT("v1beta1", "Community", name, NS, spec)
#define PROFILE(name, spec) OBJECT("v1beta1", "BFDProfile", name, NS, spec)

#define ADDRESSES(list) "{\"addresses\":[" list "]}"
#define A_PEER(more)    "{\"myASN\":1,\"peerASN\":2" more "}"
#define RACK(name)      "\"nodeSelectors\":[{\"matchLabels\":{\"rack\":\"" name "\"}}]"
#define ROW(name)       "\"nodeSelectors\":[{\"matchLabels\":{\"row\":\"" name "\"}}]"

/* What is known, and an answer. */
struct bench {
	struct doc *docs[2]; /* resources, a configuration file */
	struct config_inputs known;
	cJSON *answer, *response;
};

static void known_add(struct bench *b, size_t at, const char *path, const char *text)
{
	struct faults faults = { 0 };

	assert_int_equal(doc_load_text(path, text, strlen(text), &faults, &b->docs[at]), 0);
	assert_int_equal(faults.errors, 0);
	const struct doc_objects *objects = doc_objects(b->docs[at]);
	for (size_t i = 0; i < objects->count; i++) {
		struct config_input *in = array_push(&b->known);
		assert_non_null(in);
		*in = (struct config_input){ .object = objects->items[i].json };
		if (at == 1) {
			in->where = objects->items[i].where;
			in->from_file = true;
		}
	}
}

static void bench_done(struct bench *b)
{
	cJSON_Delete(b->answer);
	array_free(&b->known);
	doc_free(b->docs[0]);
	doc_free(b->docs[1]);
}

/* @known: resources, one a line; NULL: none. @file: in libconfig; NULL: none. */
static struct bench bench_new(const char *known, const char *file)
{
	struct bench b = { 0 };
	char *list = NULL;

	if (known != NULL) {
		assert_true(asprintf(&list, "{\"kind\":\"List\",\"items\":[%s]}", known) > 0);
		known_add(&b, 0, "known.json", list);
		free(list);
	}
	if (file != NULL)
		known_add(&b, 1, "bellman.conf", file);
	return b;
}

static void ask(struct bench *b, const char *path, const char *operation, const char *object)
{
	bool gone = strcmp(operation, "DELETE") == 0;
	char *body = NULL, *text = NULL;

	assert_true(
		asprintf(
			&body,
			"{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
			"\"request\":{\"uid\":\"u-1\",\"operation\":\"%s\",\"%s\":%s,\"%s\":null}}",
			operation, gone ? "oldObject" : "object", object,
			gone ? "object" : "oldObject") > 0);
	assert_int_equal(webhook_decide(path, body, strlen(body), NS, &b->known, &text), 0);
	b->answer = cJSON_Parse(text);
	assert_non_null(b->answer);
	b->response = cJSON_GetObjectItem(b->answer, "response");
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(b->response, "uid")), "u-1");
	free(text);
	free(body);
}

static bool is_allowed(const struct bench *b)
{
	return cJSON_IsTrue(cJSON_GetObjectItem(b->response, "allowed"));
}

static const char *refusal_of(const struct bench *b)
{
	const cJSON *status = cJSON_GetObjectItem(b->response, "status");
	const char *message = cJSON_GetStringValue(cJSON_GetObjectItem(status, "message"));

	return message == NULL ? "" : message;
}

/* The warning that has @part in it; NULL: none has. */
static const char *warning_with(const struct bench *b, const char *part)
{
	const cJSON *warning;

	cJSON_ArrayForEach (warning, cJSON_GetObjectItem(b->response, "warnings"))
		if (strstr(warning->valuestring, part) != NULL)
			return warning->valuestring;
	return NULL;
}

struct row {
	const char *rule, *known, *path, *operation, *object;
	const char *refusal; /* a part of it; NULL: allowed */
};

static const struct row rows[] = {
	{ "a good pool", NULL, POOLS, "CREATE", POOL("a", ADDRESSES("\"192.0.2.0/24\"")) },
	{ "a good advertisement", NULL, L2_ADS, "CREATE", L2_AD("a", "{}") },
	{ "a good advertisement to peers", NULL, BGP_ADS, "CREATE", BGP_AD("a", "{}") },
	{ "a good peer", NULL, PEERS, "CREATE",
	  PEER("a", A_PEER(",\"peerAddress\":\"192.0.2.1\"")) },
	{ "a good alias", NULL, ALIASES, "CREATE",
	  ALIAS("a", "{\"communities\":[{\"name\":\"x\",\"value\":\"1:2\"}]}") },
	{ "a good profile", NULL, PROFILES, "CREATE", PROFILE("a", "{\"detectMultiplier\":3}") },

	/* Compatibility page 7.7, case 110. */
	{ "a pool elsewhere", NULL, POOLS, "CREATE",
	  OBJECT("v1beta1", "IPAddressPool", "a", "web", "{}"),
	  "resource must be created in metallb-system namespace" },
	{ "an advertisement elsewhere", NULL, L2_ADS, "CREATE",
	  OBJECT("v1beta1", "L2Advertisement", "a", "web", "{}"),
	  "resource must be created in metallb-system namespace" },
	{ "an advertisement to peers elsewhere", NULL, BGP_ADS, "CREATE",
	  OBJECT("v1beta1", "BGPAdvertisement", "a", "web", "{}"),
	  "resource must be created in metallb-system namespace" },
	{ "a peer elsewhere", NULL, PEERS, "CREATE", OBJECT("v1beta2", "BGPPeer", "a", "web", "{}"),
	  "resource must be created in metallb-system namespace" },
	{ "an alias elsewhere", NULL, ALIASES, "CREATE",
	  OBJECT("v1beta1", "Community", "a", "web", "{}"),
	  "resource must be created in metallb-system namespace" },
	{ "a profile elsewhere", NULL, PROFILES, "CREATE",
	  OBJECT("v1beta1", "BFDProfile", "a", "web", "{}"),
	  "resource must be created in metallb-system namespace" },
	{ "what is elsewhere already may change", NULL, POOLS, "UPDATE",
	  OBJECT("v1beta1", "IPAddressPool", "a", "web", "{}") },

	/* Case 103. */
	{ "a pool that overlaps", POOL("a", ADDRESSES("\"192.0.2.0/24\"")), POOLS, "CREATE",
	  POOL("b", ADDRESSES("\"192.0.2.7-192.0.2.9\"")), "overlaps with already defined CIDR" },
	{ "a pool that comes to overlap",
	  POOL("a", ADDRESSES("\"192.0.2.0/25\"")) "," POOL("b", ADDRESSES("\"192.0.2.128/25\"")),
	  POOLS, "UPDATE", POOL("a", ADDRESSES("\"192.0.2.0/24\"")),
	  "overlaps with already defined CIDR" },
	{ "a pool does not overlap with what it was", POOL("a", ADDRESSES("\"192.0.2.0/24\"")),
	  POOLS, "UPDATE", POOL("a", ADDRESSES("\"192.0.2.0/25\"")) },
	{ "a pool that is deleted stays as it is", POOL("a", ADDRESSES("\"192.0.2.0/24\"")), POOLS,
	  "UPDATE",
	  "{\"apiVersion\":\"metallb.io/"
	  "v1beta1\",\"kind\":\"IPAddressPool\",\"metadata\":{\"name\":"
	  "\"b\",\"namespace\":\"" NS "\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"},\"spec\":"
	  "{\"addresses\":[\"192.0.2.0/24\"]}}" },
	{ "a pool in use may go", POOL("a", ADDRESSES("\"192.0.2.0/24\"")), POOLS, "DELETE",
	  POOL("a", ADDRESSES("\"192.0.2.0/24\"")) },
	{ "another pool's mistake is not held against this one",
	  POOL("a", ADDRESSES("\"192.0.2.0\"")), POOLS, "CREATE",
	  POOL("b", ADDRESSES("\"198.51.100.0/24\"")) },

	/* Case 104. */
	{ "an aggregation wider than what the pool lists", POOL("p", ADDRESSES("\"1.1.1.0/28\"")),
	  BGP_ADS, "CREATE", BGP_AD("a", "{\"aggregationLength\":26,\"ipAddressPools\":[\"p\"]}"),
	  "invalid aggregation length 26: prefix 28 in this pool is more specific than the "
	  "aggregation length for addresses 1.1.1.0/28" },
	{ "a pool may come to be narrower than an aggregation",
	  POOL("p", ADDRESSES("\"1.1.1.0/24\"")) "," BGP_AD(
		  "a", "{\"aggregationLength\":26,\"ipAddressPools\":[\"p\"]}"),
	  POOLS, "UPDATE", POOL("p", ADDRESSES("\"1.1.1.0/28\"")) },

	/* Case 105. */
	{ "an aggregation with selectors", NULL, BGP_ADS, "CREATE",
	  BGP_AD("a", "{\"aggregationLength\":26,\"serviceSelectors\":[{}]}"),
	  "serviceSelectors and aggregationLength are mutually exclusive" },
	{ "an alias that may come later", NULL, BGP_ADS, "CREATE",
	  BGP_AD("a", "{\"communities\":[\"no-export\"]}") },
	{ "a community that no alias can be", NULL, BGP_ADS, "CREATE",
	  BGP_AD("a", "{\"communities\":[\"1:99999\"]}"),
	  "invalid community value: invalid section" },
	{ "a pool twice", NULL, L2_ADS, "CREATE", L2_AD("a", "{\"ipAddressPools\":[\"p\",\"p\"]}"),
	  "duplicate definition of ipAddressPools" },

	/* Case 106. */
	{ "a peer that is no address", NULL, PEERS, "CREATE",
	  PEER("a", A_PEER(",\"peerAddress\":\"router\"")), "invalid BGPPeer address" },
	{ "a profile that may come later", NULL, PEERS, "CREATE",
	  PEER("a", A_PEER(",\"peerAddress\":\"192.0.2.1\",\"bfdProfile\":\"fast\"")) },

	/* Case 107 is about FRR: below. */
	{ "a peer that is there already", PEER("p", A_PEER(",\"peerAddress\":\"192.0.2.1\"")),
	  PEERS, "CREATE",
	  PEER("q", A_PEER(",\"peerAddress\":\"192.0.2.1\",\"holdTime\":\"9s\"")) },
	{ "the same peer for other nodes",
	  PEER("p", A_PEER(",\"peerAddress\":\"192.0.2.1\"," RACK("a"))), PEERS, "CREATE",
	  PEER("q", A_PEER(",\"peerAddress\":\"192.0.2.1\"," RACK("b"))) },

	/* Case 108. */
	{ "an alias for too much", NULL, ALIASES, "CREATE",
	  ALIAS("a", "{\"communities\":[{\"name\":\"x\",\"value\":\"1:99999\"}]}"),
	  "invalid community value: invalid section" },
	{ "an alias that comes to be too much",
	  ALIAS("a", "{\"communities\":[{\"name\":\"x\",\"value\":\"1:1\"}]}"), ALIASES, "UPDATE",
	  ALIAS("a", "{\"communities\":[{\"name\":\"x\",\"value\":\"lar:1:1:1\"}]}"),
	  "expected community to be of format large" },

	{ "a name for two communities",
	  ALIAS("a", "{\"communities\":[{\"name\":\"x\",\"value\":\"1:1\"}]}"), ALIASES, "CREATE",
	  ALIAS("b", "{\"communities\":[{\"name\":\"x\",\"value\":\"1:2\"}]}"),
	  "duplicate definition of community" },

	/* Case 109. */
	{ "a profile that a peer names",
	  PEER("p", A_PEER(",\"peerAddress\":\"192.0.2.1\",\"bfdProfile\":\"fast\"")), PROFILES,
	  "DELETE", PROFILE("fast", "{}"), "failed to delete BFDProfile fast, used by BGPPeer p" },
	{ "a profile that nobody names",
	  PEER("p", A_PEER(",\"peerAddress\":\"192.0.2.1\",\"bfdProfile\":\"fast\"")), PROFILES,
	  "DELETE", PROFILE("slow", "{}") },
	{ "a profile elsewhere that has the name of one in use",
	  PEER("p", A_PEER(",\"peerAddress\":\"192.0.2.1\",\"bfdProfile\":\"fast\"")), PROFILES,
	  "DELETE", OBJECT("v1beta1", "BFDProfile", "fast", "web", "{}") },
};

static void test_verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		struct bench b = bench_new(row->known, NULL);

		ask(&b, row->path, row->operation, row->object);
		if (is_allowed(&b) != (row->refusal == NULL))
			fail_msg("%s: %s", row->rule, refusal_of(&b));
		if (row->refusal != NULL && strstr(refusal_of(&b), row->refusal) == NULL)
			fail_msg("%s: \"%s\" lacks \"%s\"", row->rule, refusal_of(&b),
				 row->refusal);
		bench_done(&b);
	}
}

/* Only the Nodes can tell whether different selectors mean the same one. Refused for FRR alone. */
static void test_peers_that_meet_on_a_node(void **state)
{
	static const char text[] =
		"{\"metadata\":{\"name\":\"n\",\"labels\":{\"rack\":\"a\",\"row\":\"1\"}}}";
	static const char known[] = PEER("p", A_PEER(",\"peerAddress\":\"192.0.2.1\"," RACK("a")));
	static const char asked[] = PEER("q", A_PEER(",\"peerAddress\":\"192.0.2.1\"," ROW("1")));
	struct bench b = bench_new(known, NULL);
	cJSON *json = cJSON_Parse(text);
	struct faults faults = { 0 };
	struct node *node = NULL;

	(void)state;
	ask(&b, PEERS, "CREATE", asked);
	assert_true(is_allowed(&b));
	bench_done(&b);

	b = bench_new(known, NULL);
	b.known.frr = FRR_LIMITS_REFUSE;
	assert_int_equal(node_decode(json, (struct where){ 0 }, &faults, &node), 0);
	b.known.nodes = (const struct node *const[]){ node };
	b.known.node_count = 1;
	ask(&b, PEERS, "CREATE", asked);
	assert_false(is_allowed(&b));
	assert_non_null(strstr(refusal_of(&b), "already exists"));
	b.known.frr = FRR_LIMITS_IGNORE;
	cJSON_Delete(b.answer);
	ask(&b, PEERS, "CREATE", asked);
	assert_true(is_allowed(&b));
	bench_done(&b);
	node_free(node);
	cJSON_Delete(json);
}

/* Someone who has two mistakes to mend can only mend one after the other. */
static void test_mending_one_of_two_mistakes_passes(void **state)
{
	struct bench b =
		bench_new(POOL("a", "{\"addresses\":[\"192.0.2.1\"],\"autoAssign\":1}"), NULL);

	(void)state;
	ask(&b, POOLS, "UPDATE", POOL("a", "{\"addresses\":[\"192.0.2.1\"]}"));
	assert_true(is_allowed(&b));
	assert_non_null(warning_with(&b, "192.0.2.1"));
	assert_null(warning_with(&b, "autoAssign"));
	bench_done(&b);
}

static void test_a_new_mistake_beside_an_old_one_is_told(void **state)
{
	struct bench b = bench_new(POOL("a", "{\"addresses\":[\"192.0.2.1\"]}"), NULL);

	(void)state;
	ask(&b, POOLS, "UPDATE", POOL("a", "{\"addresses\":[\"192.0.2.1\"],\"autoAssign\":1}"));
	assert_false(is_allowed(&b));
	assert_non_null(strstr(refusal_of(&b), "autoAssign"));
	bench_done(&b);
}

static void test_what_the_file_has_wins_with_a_warning(void **state)
{
	struct bench b =
		bench_new(NULL, "pools = ( { name = \"f\"; addresses = ( \"192.0.2.0/24\" ); } );");

	(void)state;
	ask(&b, POOLS, "CREATE", POOL("a", ADDRESSES("\"192.0.2.0/25\"")));
	assert_true(is_allowed(&b));
	assert_non_null(warning_with(&b, "ignored"));
	bench_done(&b);
}

static void test_deprecated_fields_warn(void **state)
{
	struct bench b = bench_new(NULL, NULL);

	(void)state;
	ask(&b, PEERS, "CREATE",
	    PEER("a", A_PEER(",\"peerAddress\":\"192.0.2.1\",\"disableMP\":true")));
	assert_true(is_allowed(&b));
	assert_non_null(warning_with(&b, "disableMP is deprecated"));
	bench_done(&b);
}

/* MetalLB would let it in, whatever else is wrong with it. */
static void test_a_deprecated_field_excuses_nothing(void **state)
{
	struct bench b = bench_new(NULL, NULL);

	(void)state;
	ask(&b, PEERS, "CREATE", PEER("a", A_PEER(",\"peerAddress\":\"x\",\"disableMP\":true")));
	assert_false(is_allowed(&b));
	bench_done(&b);
}

static void test_what_is_no_review_is_refused(void **state)
{
	static const char *const bodies[] = {
		"",
		"{",
		"[]",
		"null",
		"{}",
		"{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\"}",
		/* the version before */
		"{\"apiVersion\":\"admission.k8s.io/v1beta1\",\"kind\":\"AdmissionReview\","
		"\"request\":{\"uid\":\"1\",\"operation\":\"CREATE\",\"object\":" POOL("a",
										       "{}") "}}",
		/* no uid */
		"{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
		"\"request\":{\"operation\":\"CREATE\",\"object\":" POOL("a", "{}") "}}",
		/* of another path */
		"{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
		"\"request\":{\"uid\":\"1\",\"operation\":\"CREATE\",\"object\":" L2_AD("a",
											"{}") "}}",
		/* nothing that goes */
		"{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
		"\"request\":{\"uid\":\"1\",\"operation\":\"DELETE\",\"object\":" POOL("a",
										       "{}") "}}",
	};
	struct config_inputs none = { 0 };
	char *text = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
		assert_int_equal(webhook_decide(POOLS, bodies[i], strlen(bodies[i]), NS, &none,
						&text),
				 -EBADMSG);
	assert_int_equal(webhook_decide("/convert", "{}", 2, NS, &none, &text), -ENOENT);
	assert_null(text);
}

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static void test_the_sample_names_the_webhooks_that_there_are(void **state)
{
	struct faults faults = { 0 };
	struct doc *doc = NULL;
	const cJSON *hook;
	int count = 0;

	(void)state;
	assert_int_equal(doc_load("config/webhook.yaml", &faults, &doc), 0);
	assert_int_equal(doc_objects(doc)->count, 2);
	cJSON_ArrayForEach (hook, get(doc_objects(doc)->items[1].json, "webhooks")) {
		const cJSON *rule = cJSON_GetArrayItem(get(hook, "rules"), 0);
		const char *version = cJSON_GetArrayItem(get(rule, "apiVersions"), 0)->valuestring;
		const char *path = cJSON_GetStringValue(
			get(get(get(hook, "clientConfig"), "service"), "path"));

		assert_true(webhook_has(path));
		assert_non_null(strstr(path, version));
		assert_string_equal(cJSON_GetStringValue(get(hook, "failurePolicy")), "Ignore");
		count++;
	}
	assert_int_equal(count, 6);
	doc_free(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_peers_that_meet_on_a_node),
		cmocka_unit_test(test_mending_one_of_two_mistakes_passes),
		cmocka_unit_test(test_a_new_mistake_beside_an_old_one_is_told),
		cmocka_unit_test(test_what_the_file_has_wins_with_a_warning),
		cmocka_unit_test(test_deprecated_fields_warn),
		cmocka_unit_test(test_a_deprecated_field_excuses_nothing),
		cmocka_unit_test(test_what_is_no_review_is_refused),
		cmocka_unit_test(test_the_sample_names_the_webhooks_that_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
