// SPDX-License-Identifier: Apache-2.0
/* For tests of the proxy's engine beside a kernel that has something already, or that refuses. */
#ifndef BELLMAN_TESTS_PROXY_KERNEL_H
#define BELLMAN_TESTS_PROXY_KERNEL_H

#include "tests/unit/proxy_rules.h"

static inline void put(struct rules *r, unsigned number)
{
	struct faults faults = { 0 };
	struct service *s = NULL;
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web-%u\"},\"spec\":{"
		 "\"clusterIPs\":[\"10.96.%u.%u\"],\"ipFamilies\":[\"IPv4\"],"
		 "\"ports\":[{\"port\":80,\"protocol\":\"UDP\"}]}}",
		 number, number / 200, 1 + number % 200);
	cJSON *object = cJSON_Parse(text);
	assert_int_equal(service_decode(object, (struct where){ 0 }, &faults, &s), 0);
	cJSON_Delete(object);
	assert_int_equal(rules_service(r, s), 0);
}

static inline const char *chain_of(unsigned number)
{
	static char name[64];

	snprintf(name, sizeof(name), "svc4/default/web-%u/udp/80", number);
	return name;
}

static inline struct element element_of(unsigned number, enum rule_set set)
{
	char text[32];
	struct element e = { .set = (uint8_t)set, .family = IP_V4 };

	snprintf(text, sizeof(text), "10.96.%u.%u", number / 200, 1 + number % 200);
	ip_parse(text, &e.addr);
	if (set == SET_SERVICES) {
		e.protocol = L4_UDP;
		e.port = 80;
	}
	return e;
}

/* What put() leads to in the kernel, with the element going to the chain of @chain. */
static inline void inherit(struct inherited *i, unsigned number, unsigned chain)
{
	const enum rule_set sets[] = { SET_ADDRESSES, SET_CLUSTER_IPS };
	struct element e = element_of(number, SET_SERVICES);

	inherited_add_chain(i, chain_of(number));
	inherited_add_chain(i, chain_of(chain));
	inherited_add_element(i, &e, chain_of(chain));
	for (size_t s = 0; s < 2; s++) {
		e = element_of(number, sets[s]);
		inherited_add_element(i, &e, NULL);
	}
}

static inline bool has(const char *json, const char *what)
{
	return json != NULL && strstr(json, what) != NULL;
}

/* The beginning of a command for @name. */
static inline const char *command(const char *verb, const char *object, const char *name)
{
	static char text[256];

	snprintf(text, sizeof(text),
		 "{\"%s\":{\"%s\":{\"family\":\"inet\",\"table\":\"bellman\",\"name\":\"%s\"", verb,
		 object, name);
	return text;
}

#define COMMAND(verb, object, number) command(verb, object, chain_of(number))

/* How many Services a transaction makes. */
static inline unsigned services_in(const char *json)
{
	unsigned count = 0;

	for (const char *at = json; at != NULL && (at = strstr(at, "\"add\":{\"chain\":")) != NULL;
	     at++)
		count += strncmp(strstr(at, "\"name\":"), "\"name\":\"svc4/", 13) == 0;
	return count;
}

static const bool no_affinity[2] __attribute__((unused));

/*
 * Go on until all is given out, with a kernel that refuses whatever has @bad in it. Returns how
 * many transactions that took.
 */
static inline unsigned go_on(struct rules *r, const char *bad, uint64_t now_ns)
{
	unsigned count = 0;

	for (;;) {
		if (rules_must_look(r))
			rules_take_over(r, inherited_new(), no_affinity);
		char *json = rules_pass(r, now_ns);

		if (json == NULL)
			return count;
		assert_in_range(++count, 1, 100);
		if (has(json, bad))
			assert_true(rules_refused(r, now_ns, "No"));
		else
			rules_done(r);
		free(json);
	}
}

#endif
