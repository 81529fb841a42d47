// SPDX-License-Identifier: Apache-2.0
/*
 * From the text of files to a configuration: every rule of the compatibility page 1.1 to 1.6
 * and of the contracts' "Configuration file", one row or one test each.
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
#include <time.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/model/schema.h"
#include "tests/unit/config_built.h"

static const char *first_fault(const struct built *b, char *buf, size_t size)
{
	buf[0] = '\0';
	return b->faults.count == 0 ? buf : fault_format(&b->faults.items[0], buf, size);
}

/* Build @text as a configuration file and expect it to be good. */
static void build_good(struct built *b, const char *path, const char *text)
{
	built_add(b, path, text);
	built_finish(b);
	if (b->faults.count > 0)
		faults_print(&b->faults, stderr);
	assert_int_equal(b->faults.count, 0);
	assert_int_equal(b->rc, 0);
}

/* Exactly one fault, printed exactly so. */
static void expect_fault(const char *path, const char *text, const char *fault)
{
	struct built b = { 0 };
	char buf[1024];

	built_add(&b, path, text);
	built_finish(&b);
	if (b.faults.count != 1)
		faults_print(&b.faults, stderr);
	assert_string_equal(first_fault(&b, buf, sizeof(buf)), fault);
	assert_int_equal(b.faults.count, 1);
	built_done(&b);
}

/* A member of @map, or of one of the maps that it is a list of. */
static bool has_member(const cJSON *map, const char *name)
{
	const cJSON *item;

	if (cJSON_GetObjectItemCaseSensitive(map, name) != NULL)
		return true;
	if (!cJSON_IsArray(map))
		return false;
	cJSON_ArrayForEach (item, map)
		if (cJSON_GetObjectItemCaseSensitive(item, name) != NULL)
			return true;
	return false;
}

/* Each of @fields stands in an object of @kind, in member @a or in member @b of that. */
static void expect_fields(const struct doc_objects *objects, const char *kind,
			  const struct field *fields, const char *a, const char *b)
{
	for (const struct field *f = fields; f != NULL && f->name != NULL; f++) {
		bool found = false;

		for (size_t i = 0; i < objects->count && !found; i++) {
			const cJSON *json = objects->items[i].json;
			const cJSON *is = cJSON_GetObjectItemCaseSensitive(json, "kind");
			const cJSON *at = cJSON_GetObjectItemCaseSensitive(json, a);
			if (b != NULL)
				at = cJSON_GetObjectItemCaseSensitive(at, b);
			found = strcmp(is->valuestring, kind) == 0 && has_member(at, f->name);
		}
		if (!found)
			fail_msg("the sample has no %s of %s", f->name, kind);
		if (f->fields != NULL && b == NULL)
			expect_fields(objects, kind, f->fields, a, f->name);
	}
}

static void test_sample_is_valid_and_has_every_list_and_field(void **state)
{
	(void)state;
	static const char *const lists[] = { "pools",    "l2Advertisements", "bgpAdvertisements",
					     "bgpPeers", "bfdProfiles",      "communities",
					     "settings" };
	struct faults faults = { 0 };
	struct built b = { 0 };
	struct doc *d = NULL;

	assert_int_equal(doc_load("config/samples/bellman.conf", &faults, &d), 0);
	const struct doc_objects *objects = doc_objects(d);
	for (size_t l = 0; l < sizeof(lists) / sizeof(*lists); l++) {
		size_t found = 0;
		for (size_t i = 0; i < objects->count; i++) {
			const char *base = objects->items[i].where.base;
			found += strncmp(base, lists[l], strlen(lists[l])) == 0;
		}
		assert_true(found > 0);
	}
	for (size_t i = 0; i < objects->count; i++) {
		struct config_input *in = array_push(&b.inputs);
		*in = (struct config_input){ objects->items[i].json, objects->items[i].where,
					     true };
	}
	built_finish(&b);
	faults_print(&b.faults, stderr);
	assert_int_equal(b.rc, 0);
	assert_int_equal(b.faults.count, 0);
	for (const struct kind *k = kinds; k->name != NULL; k++) {
		/* Settings are flags too; not all of them suit two daemons that read one file. */
		if (k->list == NULL || strcmp(k->list, "settings") == 0)
			continue;
		expect_fields(objects, k->name, k->spec, "spec", NULL);
		expect_fields(objects, k->name, k->own, "spec", NULL);
	}
	assert_int_equal(b.config->pools.count, 4);
	assert_int_equal(b.config->l2_advertisements.count, 2);
	assert_int_equal(b.config->bgp_peers.count, 3);
	assert_int_equal(b.config->bfd_profiles.count, 2);
	assert_int_equal(b.config->bgp_advertisements.count, 2);
	assert_int_equal(b.config->communities.count, 2);

	const struct pool *p = config_pool(b.config, "public");
	assert_non_null(p);
	assert_int_equal(p->addresses.count, 3);
	assert_string_equal(p->addresses.items[1].text, "198.51.100.10-198.51.100.20");
	assert_int_equal(p->exclude.count, 1);
	assert_true(p->pinned && p->avoid_buggy_ips && p->auto_assign);
	assert_int_equal(p->priority, 50);
	assert_true(names_contain(&p->namespaces, "web"));
	assert_int_equal(p->namespace_selectors.count, 1);
	assert_int_equal(p->service_selectors.count, 2);
	assert_string_equal(labels_get(&p->labels, "zone"), "edge");
	assert_string_equal(config_setting(b.config, "logLevel"), "info");
	assert_null(config_setting(b.config, "metrics")); /* two daemons on one host read it */
	assert_string_equal(config_setting(b.config, "loadBalancerClass"), "");
	assert_null(config_setting(b.config, "probe"));
	built_done(&b);
	faults_free(&faults);
	doc_free(d);
}

#define POOL "pools = ( { name = \"a\"; addresses = ( \"192.0.2.0/24\" );\n"
#define PEER "bgpPeers = ( { name = \"a\"; myASN = 1; peerASN = 2; peerAddress = \"10.0.0.1\";\n"

/* One fault each: text of a configuration file, and the fault as it is printed. */
static const struct bad {
	const char *text, *fault;
} bad_conf[] = {
	/* the form of the file */
	{ "pools = (\n{ name = }\n);", "b.conf:2: syntax error" },
	{ "\npoolz = ( );", "b.conf:2: poolz: unknown list, did you mean pools?" },
	{ "wholly_different = 1;", "b.conf:1: wholly_different: unknown list" },
	{ "pools = { };", "b.conf:1: pools: must be a list of groups ( { }, ... )" },
	{ "pools = (\n\n\"x\" );", "b.conf:3: pools[0]: must be a group { }" },
	{ "@include \"x\"\n", "b.conf:1: @include is not supported, put all in one file" },
	{ "settings = (\n{ } );", "b.conf:1: settings: must be a group { }" },
	/* names and labels */
	{ "pools = (\n{ addresses = ( \"192.0.2.0/24\" ); } );",
	  "b.conf:2: pools[0].name: is required" },
	{ "pools = (\n{ name = \"\"; addresses = ( \"192.0.2.0/24\" ); } );",
	  "b.conf:2: pools[0].name: is required" },
	{ POOL "name = \"b\"; } );", "b.conf:2: duplicate setting name" },
	{ POOL "labels = ( \"zone=edge\",\n\"edge\" ); } );",
	  "b.conf:3: pools[0].labels[1]: must be \"key=value\"" },
	{ POOL "labels = ( \"zone=edge\",\n\"zone=b\" ); } );",
	  "b.conf:3: zone: is there twice, first at line 2" },
	{ POOL "},\n{ name = \"a\"; addresses = ( \"10.0.0.0/8\" ); } );",
	  "b.conf:3: pools[1].name: IPAddressPool \"a\" is already there (b.conf line 1)" },
	/* pools */
	{ POOL "autoasign = true; } );",
	  "b.conf:2: pools[0].autoasign: unknown field, did you mean autoAssign?" },
	{ POOL "zzz = 1; } );", "b.conf:2: pools[0].zzz: unknown field" },
	{ POOL "autoAssign = 1; } );",
	  "b.conf:2: pools[0].autoAssign: must be true or false, not a number" },
	{ "pools = (\n{ name = \"a\"; } );", "b.conf:2: pools[0].addresses: is required" },
	{ "pools = ( { name = \"a\";\naddresses = ( ); } );",
	  "b.conf:2: pools[0].addresses: must not be empty" },
	{ "pools = ( { name = \"a\";\naddresses = ( \"192.0.2.0/24\",\n\"192.0.3.1\" ); } );",
	  "b.conf:3: pools[0].addresses[1]: \"192.0.3.1\" has no length: a single address is "
	  "\"192.0.3.1/32\"" },
	{ "pools = ( { name = \"a\";\naddresses = ( \"192.0.3.9-192.0.3.1\" ); } );",
	  "b.conf:2: pools[0].addresses[0]: \"192.0.3.9-192.0.3.1\" starts above its end" },
	{ "pools = ( { name = \"a\";\naddresses = ( 5 ); } );",
	  "b.conf:2: pools[0].addresses[0]: must be a string, not a number" },
	{ "pools = ( { name = \"a\";\naddresses = \"192.0.2.0/24\"; } );",
	  "b.conf:2: pools[0].addresses: must be a list, not a string" },
	{ "pools = ( { name = \"a\"; addresses = ( \"192.0.2.0/24\",\n\"192.0.2.7-192.0.2.9\" ); } "
	  ");",
	  "b.conf:2: pools[0].addresses[1]: \"192.0.2.7-192.0.2.9\" of pool \"a\" overlaps with "
	  "already defined CIDR \"192.0.2.0/24\" of pool \"a\"" },
	{ POOL "},\n{ name = \"b\"; addresses = ( \"192.0.0.0/16\" ); } );",
	  "b.conf:3: pools[1].addresses[0]: \"192.0.0.0/16\" of pool \"b\" overlaps with already "
	  "defined CIDR \"192.0.2.0/24\" of pool \"a\"" },
	{ POOL "exclude = ( \"x\" ); } );",
	  "b.conf:2: pools[0].exclude[0]: \"x\" is neither ADDRESS/LENGTH nor FIRST-LAST nor an "
	  "address" },
	{ "l2Advertisements = ( { name = \"a\";\nspread = \"odd\"; } );",
	  "b.conf:2: l2Advertisements[0].spread: \"odd\" is none of hash, even" },
	{ "l2Advertisements = ( { name = \"a\";\nmethod = \"arp\"; } );",
	  "b.conf:2: l2Advertisements[0].method: \"arp\" is none of packet, address" },
	{ POOL "ipMode = \"vip\"; } );",
	  "b.conf:2: pools[0].ipMode: \"vip\" is none of VIP, Proxy" },
	{ POOL "serviceAllocation = { priority = 3000000000; }; } );",
	  "b.conf:2: pools[0].serviceAllocation.priority: 3000000000 is not in "
	  "-2147483648..2147483647" },
	{ POOL "serviceAllocation = { priority = 99999999999999999999; }; } );",
	  "b.conf:2: pools[0].serviceAllocation.priority: must be a whole number in "
	  "-2147483648..2147483647" },
	{ POOL "serviceAllocation = { namespaces = ( \"w\",\n\"w\" ); }; } );",
	  "b.conf:3: pools[0].serviceAllocation.namespaces[1]: \"w\" is there twice" },
	/* selectors */
	{ POOL
	  "serviceAllocation = { serviceSelectors = (\n{ matchlabels = ( \"a=b\" ); } ); }; } );",
	  "b.conf:3: pools[0].serviceAllocation.serviceSelectors[0].matchlabels: unknown field, "
	  "did "
	  "you mean matchLabels?" },
	{ POOL "serviceAllocation = { serviceSelectors = ( { matchExpressions = (\n"
	       "{ key = \"a\"; operator = \"In\"; } ); } ); }; } );",
	  "b.conf:3: pools[0].serviceAllocation.serviceSelectors[0].matchExpressions[0].values: "
	  "must "
	  "not be empty for In" },
	{ POOL "serviceAllocation = { serviceSelectors = ( { matchExpressions = (\n"
	       "{ key = \"a\"; operator = \"Is\"; values = ( \"b\" ); } ); } ); }; } );",
	  "b.conf:3: pools[0].serviceAllocation.serviceSelectors[0].matchExpressions[0].operator: "
	  "\"Is\" is none of In, NotIn, Exists, DoesNotExist" },
	{ POOL "serviceAllocation = { serviceSelectors = ( { matchExpressions = ( { key = \"a\";\n"
	       "operator = \"In\"; values = ( \"b\", \"c\", \"b\" ); } ); } ); }; } );",
	  "b.conf:3: pools[0].serviceAllocation.serviceSelectors[0].matchExpressions[0].values: "
	  "\"b\" "
	  "is there twice" },
	{ POOL "serviceAllocation = { serviceSelectors = ( { matchExpressions = (\n"
	       "{ key = \"a\"; operator = \"Exists\"; },\n{ key = \"a\"; operator = \"Exists\"; }"
	       " ); } ); }; } );",
	  "b.conf:2: pools[0].serviceAllocation.serviceSelectors[0].matchExpressions: the "
	  "expression "
	  "on \"a\" is there twice" },
	{ POOL "serviceAllocation = { serviceSelectors = ( { matchLabels = ( \"a=b\" ); },\n"
	       "{ matchLabels = ( \"a=b\" ); } ); }; } );",
	  "b.conf:2: pools[0].serviceAllocation.serviceSelectors: the same selector is there "
	  "twice" },
	/* L2Advertisement */
	{ "l2Advertisements = ( { name = \"a\";\nipAddressPools = ( \"p\", \"p\" ); } );",
	  "b.conf:2: l2Advertisements[0].ipAddressPools[1]: \"p\" is there twice" },
	{ "l2Advertisements = ( { name = \"a\"; preferredNodeSelectors = (\n"
	  "{ weight = 101; preference = { }; } ); } );",
	  "b.conf:2: l2Advertisements[0].preferredNodeSelectors[0].weight: 101 is not in 1..100" },
	{ "l2Advertisements = ( { name = \"a\"; preferredNodeSelectors = (\n"
	  "{ weight = 1; } ); } );",
	  "b.conf:2: l2Advertisements[0].preferredNodeSelectors[0].preference: is required" },
	{ "l2Advertisements = ( { name = \"a\";\ninterface = ( \"eth0\" ); } );",
	  "b.conf:2: l2Advertisements[0].interface: unknown field, did you mean interfaces?" },
	{ "l2Advertisements = ( { name = \"a\";\ngratuitousInterval = \"5 parsecs\"; } );",
	  "b.conf:2: l2Advertisements[0].gratuitousInterval: \"5 parsecs\" is no duration such as "
	  "\"90s\" or \"1m30s\"" },
	/* BGPAdvertisement */
	{ "bgpAdvertisements = ( { name = \"a\";\naggregationLength = 33; } );",
	  "b.conf:2: bgpAdvertisements[0].aggregationLength: 33 is not in 1..32" },
	{ "bgpAdvertisements = ( { name = \"a\";\naggregationLengthV6 = 129; } );",
	  "b.conf:2: bgpAdvertisements[0].aggregationLengthV6: 129 is not in 0..128" },
	{ "bgpAdvertisements = ( { name = \"a\";\nlocalPref = 4294967296; } );",
	  "b.conf:2: bgpAdvertisements[0].localPref: 4294967296 is not in 0..4294967295" },
	{ "bgpAdvertisements = ( { name = \"a\";\ncommunities = ( \"1:2:3\" ); } );",
	  "b.conf:2: bgpAdvertisements[0].communities[0]: invalid community format: 1:2:3" },
	{ "bgpAdvertisements = ( { name = \"a\";\ncommunities = ( \"65536:1\" ); } );",
	  "b.conf:2: bgpAdvertisements[0].communities[0]: invalid community value: invalid section "
	  "\"65536\" of community \"65536:1\"" },
	{ "bgpAdvertisements = ( { name = \"a\";\ncommunities = ( \"large:1:2\" ); } );",
	  "b.conf:2: bgpAdvertisements[0].communities[0]: invalid community format: large:1:2" },
	{ "bgpAdvertisements = ( { name = \"a\"; aggregationLength = 24;\n"
	  "serviceSelectors = ( { matchLabels = ( \"a=b\" ); } ); } );",
	  "b.conf:2: bgpAdvertisements[0].serviceSelectors: serviceSelectors and aggregationLength "
	  "are mutually exclusive" },
	{ "bgpAdvertisements = ( { name = \"a\";\npeers = ( \"p\", \"p\" ); } );",
	  "b.conf:2: bgpAdvertisements[0].peers[1]: \"p\" is there twice" },
	/* BGPPeer */
	{ "bgpPeers = (\n{ name = \"a\"; peerASN = 2; peerAddress = \"10.0.0.1\"; } );",
	  "b.conf:2: bgpPeers[0].myASN: is required" },
	{ "bgpPeers = ( { name = \"a\"; peerASN = 2; peerAddress = \"10.0.0.1\";\nmyASN = 0; } );",
	  "b.conf:2: bgpPeers[0].myASN: 0 is not in 1..4294967295" },
	{ "bgpPeers = ( { name = \"a\"; peerASN = 2; peerAddress = \"10.0.0.1\";\n"
	  "myASN = \"4294967296\"; } );",
	  "b.conf:2: bgpPeers[0].myASN: 4294967296 is not in 1..4294967295" },
	{ "bgpPeers = ( { name = \"a\"; peerASN = 2; peerAddress = \"10.0.0.1\";\n"
	  "myASN = 18446744073709551617; } );",
	  "b.conf:2: bgpPeers[0].myASN: must be a whole number in 1..4294967295" },
	{ "bgpPeers = ( { name = \"a\"; peerASN = 2; peerAddress = \"10.0.0.1\";\n"
	  "myASN = \"AS1\"; } );",
	  "b.conf:2: bgpPeers[0].myASN: \"AS1\" is no AS number" },
	{ "bgpPeers = (\n{ name = \"a\"; myASN = 1; peerAddress = \"10.0.0.1\"; } );",
	  "b.conf:2: bgpPeers[0]: one of peerASN and dynamicASN is required" },
	{ PEER "dynamicASN = \"internal\"; } );",
	  "b.conf:2: bgpPeers[0].dynamicASN: peerASN and dynamicASN exclude each other" },
	{ PEER "interface = \"eth0\"; } );",
	  "b.conf:2: bgpPeers[0].interface: peerAddress and interface exclude each other" },
	{ "bgpPeers = (\n{ name = \"a\"; myASN = 1; peerASN = 2; } );",
	  "b.conf:2: bgpPeers[0]: one of peerAddress and interface is required" },
	{ "bgpPeers = ( { name = \"a\"; myASN = 1; peerASN = 2;\npeerAddress = \"tor1\"; } );",
	  "b.conf:2: bgpPeers[0].peerAddress: \"tor1\" is no address" },
	{ PEER "password = \"x\"; passwordFile = \"/y\"; } );",
	  "b.conf:2: bgpPeers[0].passwordFile: password and passwordFile exclude each other" },
	{ PEER "passwordFile = \"/y\";\npasswordSecret = { name = \"s\"; }; } );",
	  "b.conf:3: bgpPeers[0].passwordSecret: passwordFile and passwordSecret exclude each "
	  "other" },
	{ PEER "peerPort = 16385; } );",
	  "b.conf:2: bgpPeers[0].peerPort: 16385 is not in 0..16384" },
	{ PEER "holdTime = \"2s\"; } );",
	  "b.conf:2: bgpPeers[0].holdTime: must be 0 or at least 3 s" },
	{ PEER "holdTime = \"90\"; } );",
	  "b.conf:2: bgpPeers[0].holdTime: \"90\" is no duration such as \"90s\" or \"1m30s\"" },
	{ PEER "holdTime = \"9s\";\nkeepaliveTime = \"10s\"; } );",
	  "b.conf:3: bgpPeers[0].keepaliveTime: must not exceed holdTime" },
	{ PEER "connectTime = \"1500ms\"; } );",
	  "b.conf:2: bgpPeers[0].connectTime: must be whole seconds, 1..65535 of them" },
	{ "bgpPeers = ( { name = \"a\"; myASN = 2; peerASN = 2; peerAddress = \"10.0.0.1\";\n"
	  "ebgpMultiHop = true; } );",
	  "b.conf:2: bgpPeers[0].ebgpMultiHop: is for eBGP, but myASN and peerASN are the same" },
	/* BFDProfile */
	{ "bfdProfiles = ( { name = \"a\";\nreceiveInterval = 9; } );",
	  "b.conf:2: bfdProfiles[0].receiveInterval: 9 is not in 10..60000" },
	{ "bfdProfiles = ( { name = \"a\";\ndetectMultiplier = 256; } );",
	  "b.conf:2: bfdProfiles[0].detectMultiplier: 256 is not in 2..255" },
	{ "bfdProfiles = ( { name = \"a\";\nminimumTtl = 255; } );",
	  "b.conf:2: bfdProfiles[0].minimumTtl: 255 is not in 1..254" },
	/* Community */
	{ "communities = ( { name = \"a\"; communities = (\n{ name = \"x\"; value = \"y\"; } ); } "
	  ");",
	  "b.conf:2: communities[0].communities[0].value: invalid community format: y" },
	/* settings */
	{ "settings = {\nmetric = \":1\"; };",
	  "b.conf:2: settings.metric: unknown field, did you mean metrics?" },
	{ "settings = {\nmetrics = \"127.0.0.1:99999\"; };",
	  "b.conf:2: settings.metrics: \"127.0.0.1:99999\" is no address and port such as "
	  "\"127.0.0.1:7473\"" },
	{ "settings = {\nprobe = \"slow\"; };",
	  "b.conf:2: settings.probe: \"slow\" is none of off, fast, rfc" },
	{ "settings = { ml = {\nbindport = 0; }; };",
	  "b.conf:2: settings.ml.bindport: 0 is not in 1..65535" },
};

static void test_each_fault_has_its_line_and_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_conf) / sizeof(*bad_conf); i++)
		expect_fault("b.conf", bad_conf[i].text, bad_conf[i].fault);
}

#define META "apiVersion: metallb.io/v1beta1\nkind: "

/* The same rules hold for manifests; paths are those of the resource. */
static const struct bad bad_yaml[] = {
	{ META "IPAddressPool\nmetadata: {name: a}\nspec:\n  addresses:\n  - 192.0.2.1\n",
	  "m.yaml:6: spec.addresses[0]: \"192.0.2.1\" has no length: a single address is "
	  "\"192.0.2.1/32\"" },
	{ META "IPAddressPool\nmetadata: {name: a}\nspec:\n  adresses: []\n"
	       "  addresses: [192.0.2.0/24]\n",
	  "m.yaml:5: spec.adresses: unknown field, did you mean addresses?" },
	{ META "IPAddressPool\nmetadata: {name: a}\nspek: {}\nspec: {addresses: [192.0.2.0/24]}\n",
	  "m.yaml:4: spek: unknown field, did you mean spec?" },
	{ META "IPAddressPool\nmetadata: {name: a}\n", "m.yaml:1: spec.addresses: is required" },
	{ META "IPAdressPool\nmetadata: {name: a}\n",
	  "m.yaml:2: kind: unknown kind \"IPAdressPool\", did you mean IPAddressPool?" },
	{ "apiVersion: metallb.io/v1\nkind: Community\nmetadata: {name: a}\n",
	  "m.yaml:1: apiVersion: \"metallb.io/v1\" is no version of Community, metallb.io/v1beta1 "
	  "is" },
	/* Bellman's own fields are annotations here */
	{ META "IPAddressPool\nmetadata: {name: a}\n"
	       "spec: {addresses: [192.0.2.0/24],\n  exclude: [192.0.2.1]}\n",
	  "m.yaml:5: spec.exclude: unknown field" },
	{ META "IPAddressPool\nmetadata:\n  name: a\n  annotations:\n"
	       "    bellman.io/exclude: '[\"x\"]'\nspec: {addresses: [192.0.2.0/24]}\n",
	  "m.yaml:6: metadata.annotations[bellman.io/exclude][0]: \"x\" is neither ADDRESS/LENGTH "
	  "nor FIRST-LAST nor an address" },
	{ META "IPAddressPool\nmetadata:\n  name: a\n  annotations:\n"
	       "    bellman.io/exclude: '['\nspec: {addresses: [192.0.2.0/24]}\n",
	  "m.yaml:6: metadata.annotations[bellman.io/exclude]: is not JSON: [" },
	{ META "IPAddressPool\nmetadata:\n  name: a\n  annotations:\n"
	       "    bellman.io/excluded: '[]'\nspec: {addresses: [192.0.2.0/24]}\n",
	  "m.yaml:6: metadata.annotations[bellman.io/excluded]: warning: unknown annotation, "
	  "ignored, did you mean bellman.io/exclude?" },
	/* the old version of BGPPeer has fewer fields, and needs these */
	{ META "BGPPeer\nmetadata: {name: a}\nspec: {myASN: 1, peerASN: 2, peerAddress: 10.0.0.1,\n"
	       "  vrf: x}\n",
	  "m.yaml:5: spec.vrf: unknown field" },
	{ META "BGPPeer\nmetadata: {name: a}\nspec: {myASN: 1, peerASN: 2}\n",
	  "m.yaml:4: spec.peerAddress: is required" },
	/* a file on the speaker's disk is nothing that a resource may name */
	{ "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: a}\n"
	  "spec: {myASN: 1, peerASN: 2, peerAddress: 10.0.0.1,\n  passwordFile: /etc/shadow}\n",
	  "m.yaml:5: spec.passwordFile: may stand in a configuration file only" },
};

static void test_manifests_are_held_to_the_same_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_yaml) / sizeof(*bad_yaml); i++)
		expect_fault("m.yaml", bad_yaml[i].text, bad_yaml[i].fault);
}

static void test_all_faults_of_a_file_are_told(void **state)
{
	(void)state;
	struct built b = { 0 };

	built_add(&b, "b.conf",
		  "poolz = ( );\n"
		  "pools = ( { name = \"a\"; addresses = ( \"x\" ); },\n"
		  "{ name = \"b\"; addresses = ( \"192.0.2.0/24\" ); autoAssign = \"no\"; } );\n");
	built_finish(&b);
	assert_int_equal(b.rc, -EBADMSG);
	assert_null(b.config);
	assert_int_equal(b.faults.errors, 3);
	assert_int_equal(b.faults.items[0].line, 1);
	assert_int_equal(b.faults.items[1].line, 2);
	assert_int_equal(b.faults.items[2].line, 3);
	built_done(&b);
}

static void test_defaults_are_those_of_metallb(void **state)
{
	(void)state;
	struct built b = { 0 };

	build_good(&b, "m.yaml",
		   META "IPAddressPool\nmetadata: {name: a, namespace: metallb-system}\n"
			"spec: {addresses: [192.0.2.9/24]}\n");
	const struct pool *p = config_pool(b.config, "a");
	assert_non_null(p);
	assert_true(p->auto_assign);
	assert_false(p->avoid_buggy_ips);
	assert_false(p->pinned);
	assert_int_equal(p->priority, 0);
	/* host bits of a prefix are masked off */
	assert_int_equal(p->addresses.items[0].range.first.bytes[3], 0);
	assert_int_equal(p->addresses.items[0].range.last.bytes[3], 255);
	built_done(&b);
}

/* --- BGP ------------------------------------------------------------------------------------ */

static void test_peer_is_read_field_for_field(void **state)
{
	(void)state;
	struct built b = { 0 };

	build_good(
		&b, "b.conf",
		"bgpPeers = ( { name = \"p\"; myASN = 4200000000; peerASN = \"64512\"; localASN = "
		"3;\n"
		"peerAddress = \"2001:db8::1\"; sourceAddress = \"2001:db8::2\"; peerPort = 1790;\n"
		"holdTime = \"90s\"; connectTime = \"5s\"; routerID = \"10.0.0.1\"; vrf = "
		"\"red\";\n"
		"password = \"x\"; bfdProfile = \"f\"; enableGracefulRestart = true;\n"
		"ebgpMultiHop = true; dualStackAddressFamily = true;\n"
		"nodeSelectors = ( { matchLabels = ( \"a=b\" ); } ); },\n"
		"{ name = \"q\"; myASN = 1; dynamicASN = \"external\"; interface = \"eth0\";\n"
		"vrf = \"blue\"; routerID = \"10.0.0.1\"; keepaliveTime = \"10s\";\n"
		"passwordFile = \"/key\"; } );\n"
		"bfdProfiles = ( { name = \"f\"; receiveInterval = 10; transmitInterval = 60000;\n"
		"echoInterval = 20; detectMultiplier = 255; minimumTtl = 254; passiveMode = true;\n"
		"echoMode = true; } );");
	const struct bgp_peer *p = config_bgp_peer(b.config, "p");
	char ip[IP_TEXT_MAX];

	assert_int_equal(p->my_asn, 4200000000);
	assert_int_equal(p->peer_asn, 64512);
	assert_int_equal(p->local_asn, 3);
	assert_int_equal(p->dynamic_asn, BGP_ASN_FIXED);
	assert_string_equal(ip_format(&p->address, ip), "2001:db8::1");
	assert_string_equal(ip_format(&p->source, ip), "2001:db8::2");
	assert_string_equal(ip_format(&p->router_id, ip), "10.0.0.1");
	assert_null(p->interface);
	assert_int_equal(p->port, 1790);
	assert_true(p->hold_ns == 90 * NS_PER_S && p->keepalive_ns == 30 * NS_PER_S);
	assert_true(p->connect_ns == 5 * NS_PER_S);
	assert_string_equal(p->vrf, "red");
	assert_string_equal(p->password, "x");
	assert_string_equal(p->bfd_profile, "f");
	assert_true(p->graceful_restart && p->multi_hop && p->dual_stack);
	assert_int_equal(p->node_selectors.count, 1);

	p = config_bgp_peer(b.config, "q");
	assert_int_equal(p->dynamic_asn, BGP_ASN_EXTERNAL);
	assert_int_equal(p->address.family, IP_NONE);
	assert_string_equal(p->interface, "eth0");
	assert_int_equal(p->port, BGP_PORT);
	assert_true(p->hold_ns == 30 * NS_PER_S && p->keepalive_ns == 10 * NS_PER_S);
	assert_true(p->connect_ns == BGP_DURATION_UNSET);
	assert_string_equal(p->password_file, "/key");
	assert_null(p->password);

	const struct bfd_profile *f = config_bfd_profile(b.config, "f");
	assert_int_equal(f->receive_ms, 10);
	assert_int_equal(f->transmit_ms, 60000);
	assert_int_equal(f->echo_ms, 20);
	assert_int_equal(f->detect_multiplier, 255);
	assert_int_equal(f->minimum_ttl, 254);
	assert_true(f->passive && f->echo_mode);
	built_done(&b);
}

/* --- what a cluster of MetalLB may hold ------------------------------------------------ */

#define STORED(version, kind, spec)                                                                \
	"{\"apiVersion\":\"metallb.io/" version "\",\"kind\":\"" kind                              \
	"\",\"metadata\":{\"name\":\"x\"},\"spec\":" spec "}"
#define STORED_PEER(more)                                                                          \
	STORED("v1beta2", "BGPPeer",                                                               \
	       "{\"myASN\":1,\"peerASN\":2,\"peerAddress\":\"10.0.0.1\"," more "}")

/* As objects of an API: MetalLB takes each of them, so none may keep the others from being used. */
static void test_what_metallb_takes_is_no_fault(void **state)
{
	static const struct {
		const char *object, *told;
	} rows[] = {
		{ STORED("v1beta1", "IPAddressPool",
			 "{\"addresses\":[\"10.0.0.0/24\"],\"ofANewerVersion\":{\"a\":1}}"),
		  "spec.ofANewerVersion: warning: unknown field, ignored" },
		{ STORED("v1beta1", "L2Advertisement",
			 "{\"nodeSelectors\":[{\"matchLabels\":{\"a\":\"b\"},\"new\":1}]}"),
		  "spec.nodeSelectors[0].new: warning: unknown field, ignored" },
		{ STORED_PEER("\"holdTime\":\"24h\""),
		  "spec.holdTime: warning: the hold time is cut to 65535 s, all that BGP can say" },
		{ STORED_PEER("\"keepaliveTime\":\"2000h\""),
		  "spec.keepaliveTime: warning: the hold time is cut to 65535 s, all that BGP can "
		  "say" },
		{ STORED("v1beta1", "Community", "{\"communities\":[{\"value\":\"1:2\"}]}"),
		  "spec.communities[0]: warning: has no name, so that nothing can refer to it" },
		/* It looks for what is there twice in lists, and at how it is written. */
		{ STORED("v1beta1", "L2Advertisement",
			 "{\"preferredNodeSelectors\":[{\"weight\":1,\"preference\":{"
			 "\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":["
			 "\"b\",\"b\"]}]}}]}"),
		  "" },
		{ STORED_PEER("\"nodeSelectors\":[{\"matchLabels\":{\"a\":\"b\"}},{"
			      "\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\","
			      "\"values\":[\"b\"]}]}]"),
		  "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cJSON *json = cJSON_Parse(rows[i].object);
		struct config_input input = { .object = json };
		struct config_inputs inputs = { .items = &input, .count = 1 };
		struct faults faults = { 0 };
		struct config *config = NULL;
		char line[512] = "", *told = line;

		assert_non_null(json);
		assert_int_equal(config_build(&inputs, &faults, &config), 0);
		if (faults.count > 0)
			told = strstr(fault_format(&faults.items[0], line, sizeof(line)), "spec.");
		assert_string_equal(told, rows[i].told);
		assert_int_equal(faults.count, *rows[i].told != '\0');
		if (config->bgp_peers.count > 0 && strstr(told, "hold time") != NULL) {
			const struct bgp_peer *p = &config->bgp_peers.items[0];
			assert_true(p->hold_ns == 65535 * NS_PER_S);
			assert_true(p->keepalive_ns == 21845 * NS_PER_S);
		}
		config_unref(config);
		faults_free(&faults);
		cJSON_Delete(json);
	}
}

/* A slip in one of Bellman's annotations no definition finds. */
static void test_unknown_field_in_an_annotation_is_a_fault(void **state)
{
	cJSON *json = cJSON_Parse(
		"{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\",\"metadata\":{"
		"\"name\":\"x\",\"annotations\":{\"bellman.io/ipam\":\"{\\\"url\\\":"
		"\\\"https://a\\\",\\\"timeot\\\":\\\"1s\\\"}\"}},"
		"\"spec\":{\"addresses\":[\"10.0.0.0/24\"]}}");
	struct config_input input = { .object = json };
	struct config_inputs inputs = { .items = &input, .count = 1 };
	struct faults faults = { 0 };
	struct config *config = NULL;

	(void)state;
	assert_non_null(json);
	assert_int_equal(config_build(&inputs, &faults, &config), -EBADMSG);
	assert_non_null(strstr(faults.items[0].message, "did you mean timeout?"));
	faults_free(&faults);
	cJSON_Delete(json);
}

/* The old version, too: without holdTime it is unset, and not 0 as by MetalLB's conversion. */
static void test_old_peer_is_the_same_struct(void **state)
{
	(void)state;
	struct built b = { 0 };

	build_good(
		&b, "m.yaml",
		"apiVersion: metallb.io/v1beta1\nkind: BGPPeer\nmetadata: {name: p}\n"
		"spec: {myASN: 1, peerASN: 2, peerAddress: 10.0.0.1, peerPort: 0,\n"
		"  nodeSelectors: [{matchExpressions: [{key: a, operator: In, values: [b]}]}]}\n");
	const struct bgp_peer *p = config_bgp_peer(b.config, "p");

	assert_int_equal(p->peer_asn, 2);
	assert_int_equal(p->port, BGP_PORT);
	assert_true(p->hold_ns == BGP_DURATION_UNSET && p->keepalive_ns == BGP_DURATION_UNSET);
	assert_int_equal(p->node_selectors.count, 1);
	built_done(&b);
}

static void test_bgp_advertisement_is_read_field_for_field(void **state)
{
	(void)state;
	struct built b = { 0 };

	build_good(
		&b, "b.conf",
		"bgpAdvertisements = ( { name = \"a\"; aggregationLength = 24; localPref = 7;\n"
		"aggregationLengthV6 = 64; ipAddressPools = ( \"p\" ); peers = ( \"x\", \"z\" );\n"
		"communities = ( \"large:1:2:3\", \"alias\", \"1:2\" ); med = 0;\n"
		"asPathPrepend = 3; nodeSelectors = ( { matchLabels = ( \"a=b\" ); } ); },\n"
		"{ name = \"b\"; } );\n"
		"communities = ( { name = \"c\"; communities = ( { name = \"alias\"; value = "
		"\"1:2\"; } "
		"); } );");
	const struct bgp_advertisement *a = &b.config->bgp_advertisements.items[0];

	assert_int_equal(a->aggregation_length, 24);
	assert_int_equal(a->aggregation_length_v6, 64);
	assert_int_equal(a->local_pref, 7);
	assert_true(a->has_med && a->med == 0);
	assert_int_equal(a->as_path_prepend, 3);
	assert_int_equal(a->peers.count, 2);
	assert_int_equal(a->node_selectors.count, 1);
	/* in MetalLB's order, and the alias is no second one */
	assert_int_equal(a->communities.count, 2);
	assert_true(a->communities.items[0].large && a->communities.items[0].parts[2] == 3);
	assert_false(a->communities.items[1].large);
	assert_int_equal(a->communities.items[1].parts[0], 1 << 16 | 2);

	a = &b.config->bgp_advertisements.items[1];
	assert_int_equal(a->aggregation_length, 32);
	assert_int_equal(a->aggregation_length_v6, 128);
	assert_false(a->has_med);
	built_done(&b);
}

static void test_big_numbers_survive_libconfig(void **state)
{
	(void)state;
	struct built b = { 0 };

	/* Above 31 bits libconfig 1.5 would wrap; within strings and comments nothing changes. */
	build_good(&b, "b.conf",
		   "# 4200000000\n/* 4200000000 \" */ // 4200000000\n"
		   "bgpPeers = ( { name = \"4200000000\"; myASN = 4200000000; peerASN = 0xFFFFFFFF;"
		   " peerAddress = \"10.0.0.1\"; },\n"
		   "{ name = \"b\"; myASN = \"4200000000\"; peerASN = 4294967295L;"
		   " peerAddress = \"10.0.0.2\"; } );");
	const cJSON *spec = cJSON_GetObjectItemCaseSensitive(b.inputs.items[0].object, "spec");
	const cJSON *my = cJSON_GetObjectItemCaseSensitive(spec, "myASN");
	const cJSON *peer = cJSON_GetObjectItemCaseSensitive(spec, "peerASN");
	assert_true(my->valuedouble == 4200000000.0);
	assert_true(peer->valuedouble == 4294967295.0);
	built_done(&b);
}

static void test_string_lists_may_be_in_brackets(void **state)
{
	(void)state;
	struct built b = { 0 };

	build_good(&b, "b.conf",
		   "pools = ( { name = \"a\"; addresses = [ \"192.0.2.0/24\", \"10.0.0.0/8\" ];"
		   " labels = [ \"a=b\" ]; } );");
	assert_int_equal(b.config->pools.items[0].addresses.count, 2);
	assert_string_equal(labels_get(&b.config->pools.items[0].labels, "a"), "b");
	built_done(&b);
}

static void test_own_field_as_annotation_acts_like_in_the_file(void **state)
{
	(void)state;
	struct built b = { 0 };
	struct ip_addr ip;

	build_good(&b, "m.yaml",
		   META "IPAddressPool\nmetadata:\n  name: a\n  annotations:\n"
			"    bellman.io/exclude: '[\"192.0.2.1\", \"192.0.2.8/30\"]'\n"
			"spec: {addresses: [192.0.2.0/24]}\n");
	const struct pool *p = &b.config->pools.items[0];
	assert_int_equal(ip_parse("192.0.2.11", &ip), 0);
	assert_true(pool_excludes(p, &ip));
	assert_int_equal(ip_parse("192.0.2.12", &ip), 0);
	assert_false(pool_excludes(p, &ip));
	built_done(&b);
}

static void test_file_wins_over_a_resource_of_the_same_name(void **state)
{
	(void)state;
	struct built b = { 0 };
	char buf[512];

	/* The resource has a fault of its own: ignored is ignored. */
	built_add(&b, "m.yaml",
		  META "IPAddressPool\nmetadata: {name: a}\nspec: {addresses: [nonsense]}\n");
	built_add(&b, "b.conf", "pools = ( { name = \"a\"; addresses = ( \"192.0.2.0/24\" ); } );");
	built_finish(&b);
	assert_int_equal(b.rc, 0);
	assert_int_equal(b.config->pools.count, 1);
	assert_int_equal(b.faults.count, 1);
	assert_string_equal(first_fault(&b, buf, sizeof(buf)),
			    "m.yaml:3: metadata.name: warning: ignored, IPAddressPool \"a\" of "
			    "b.conf line 1 wins");
	built_done(&b);
}

static void test_file_wins_over_overlapping_resources(void **state)
{
	(void)state;
	struct built b = { 0 };

	built_add(&b, "m.yaml",
		  META "IPAddressPool\nmetadata: {name: inside}\n"
		       "spec: {addresses: [10.1.0.0/24, 192.0.2.128/25]}\n---\n" META
		       "IPAddressPool\nmetadata: {name: around}\nspec: {addresses: [192.0.0.0/8]}\n"
		       "---\n" META "IPAddressPool\nmetadata: {name: apart}\n"
		       "spec: {addresses: [10.1.0.0/16]}\n");
	built_add(&b, "b.conf", "pools = ( { name = \"a\"; addresses = ( \"192.0.2.0/24\" ); } );");
	built_finish(&b);
	assert_int_equal(b.rc, 0);
	assert_int_equal(b.faults.count, 2);
	assert_int_equal(b.faults.errors, 0);
	assert_int_equal(b.config->pools.count, 2);
	/* what was ignored no longer stands in the way of others */
	assert_non_null(config_pool(b.config, "apart"));
	assert_null(config_pool(b.config, "inside"));
	assert_null(config_pool(b.config, "around"));
	built_done(&b);
}

static void test_overlap_hidden_behind_a_narrow_range_is_found(void **state)
{
	(void)state;
	struct built b = { 0 };

	/* The wide range starts first; the third overlaps with it, not with its neighbour. */
	built_add(&b, "b.conf",
		  "pools = ( { name = \"wide\"; addresses = ( \"10.0.0.0/8\" ); },\n"
		  "{ name = \"x\"; addresses = ( \"10.1.0.0/24\" ); },\n"
		  "{ name = \"y\"; addresses = ( \"10.2.0.0/24\" ); } );");
	built_finish(&b);
	assert_int_equal(b.rc, -EBADMSG);
	assert_int_equal(b.faults.errors, 2);
	assert_int_equal(b.faults.items[1].line, 3);
	built_done(&b);
}

static void test_families_never_overlap(void **state)
{
	(void)state;
	struct built b = { 0 };

	build_good(&b, "b.conf",
		   "pools = ( { name = \"a\"; addresses = ( \"0.0.0.0/0\", \"::/0\" ); } );");
	built_done(&b);
}

static void test_pool_of_an_address(void **state)
{
	(void)state;
	struct built b = { 0 };
	struct ip_addr ip;

	build_good(&b, "b.conf",
		   "pools = ( { name = \"b\"; addresses = ( \"10.0.1.0/24\" ); avoidBuggyIPs = "
		   "true; },"
		   "{ name = \"a\"; addresses = ( \"10.0.2.0/24\", \"10.0.0.0/24\", \"fd00::/120\" "
		   "); } );");
	static const struct {
		const char *ip, *pool;
		bool ignore_buggy;
	} rows[] = {
		{ "10.0.0.0", "a", false },      { "10.0.0.255", "a", false },
		{ "10.0.1.0", NULL, false },     { "10.0.1.0", "b", true },
		{ "10.0.1.255", NULL, false },   { "10.0.1.1", "b", false },
		{ "10.0.2.7", "a", false },      { "10.0.3.0", NULL, false },
		{ "9.255.255.255", NULL, true }, { "fd00::ff", "a", false },
		{ "fd00::100", NULL, false },    { "::", NULL, false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(ip_parse(rows[i].ip, &ip), 0);
		const struct pool *p = config_pool_of(b.config, &ip, rows[i].ignore_buggy);
		if (rows[i].pool == NULL) {
			assert_null(p);
		} else {
			assert_non_null(p);
			assert_string_equal(p->name, rows[i].pool);
			assert_true(pool_contains(p, &ip, rows[i].ignore_buggy));
		}
	}
	built_done(&b);
}

static void test_advertisement_covers_pools_by_name_or_label(void **state)
{
	(void)state;
	struct built b = { 0 };

	build_good(&b, "b.conf",
		   "pools = ( { name = \"a\"; addresses = ( \"10.0.0.0/24\" ); labels = ( \"z=1\" "
		   "); },"
		   "{ name = \"b\"; addresses = ( \"10.0.1.0/24\" ); } );"
		   "l2Advertisements = ( { name = \"all\"; },"
		   "{ name = \"both\"; ipAddressPools = ( \"b\" );"
		   "  ipAddressPoolSelectors = ( { matchLabels = ( \"z=1\" ); } ); },"
		   "{ name = \"label\"; ipAddressPoolSelectors = ( { matchLabels = ( \"z=1\" ); } "
		   "); },"
		   "{ name = \"none\"; ipAddressPools = ( \"c\" ); } );");
	const struct pool *pools = b.config->pools.items;
	const struct l2_advertisement *ads = b.config->l2_advertisements.items;
	static const bool want[4][2] = {
		{ true, true }, { true, true }, { true, false }, { false, false }
	};
	for (size_t a = 0; a < 4; a++)
		for (size_t p = 0; p < 2; p++)
			assert_int_equal(l2_advertisement_covers_pool(&ads[a], &pools[p]),
					 want[a][p]);
	built_done(&b);
}

static void test_settings_are_text_by_key(void **state)
{
	(void)state;
	struct built b = { 0 };

	build_good(&b, "b.conf",
		   "settings = { ignoreExcludeLB = true; leaseDuration = \"15s\";"
		   " ml = { profile = \"lan\"; bindport = 7947; insecure = false; }; };");
	assert_string_equal(config_setting(b.config, "ignoreExcludeLB"), "true");
	assert_string_equal(config_setting(b.config, "leaseDuration"), "15s");
	assert_string_equal(config_setting(b.config, "ml.profile"), "lan");
	assert_string_equal(config_setting(b.config, "ml.bindport"), "7947");
	assert_string_equal(config_setting(b.config, "ml.insecure"), "false");
	built_done(&b);
}

/* An object of the API has neither file nor line: the fault names it. */
static void test_fault_of_an_api_object_names_it(void **state)
{
	(void)state;
	cJSON *object =
		cJSON_Parse("{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\","
			    "\"metadata\":{\"name\":\"a\"},\"spec\":{\"addresses\":[\"x\"]}}");
	struct built b = { 0 };
	char buf[512];

	*(struct config_input *)array_push(&b.inputs) = (struct config_input){ .object = object };
	built_finish(&b);
	assert_int_equal(b.rc, -EBADMSG);
	assert_string_equal(first_fault(&b, buf, sizeof(buf)),
			    "IPAddressPool/a.spec.addresses[0]: \"x\" is neither ADDRESS/LENGTH "
			    "nor FIRST-LAST");
	built_done(&b);
	cJSON_Delete(object);
}

static void test_other_kinds_are_passed_over(void **state)
{
	(void)state;
	struct built b = { 0 };

	build_good(&b, "m.yaml",
		   "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nunheard: of\n---\n" META
		   "ServiceL2Status\nmetadata: {name: l2-x}\nstatus: {node: n}\n");
	assert_int_equal(b.config->pools.count, 0);
	built_done(&b);
}

/* Ten thousand pools sort and sweep; comparing all with all would be 50 million steps a rule. */
static void test_ten_thousand_pools_build_in_time(void **state)
{
	(void)state;
	struct built b = { 0 };
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	fputs("pools = (\n", f);
	for (unsigned i = 0; i < 10000; i++)
		fprintf(f, "%s{ name = \"p%05u\"; addresses = ( \"10.%u.%u.0/24\" ); }\n",
			i == 0 ? "" : ",", i, i / 256, i % 256);
	fputs(");\n", f);
	fclose(f);
	clock_t start = clock();
	build_good(&b, "b.conf", text);
	double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	assert_int_equal(b.config->pools.count, 10000);
	assert_string_equal(b.config->pools.items[9999].name, "p09999");
	assert_true(seconds < 10); /* about 0.2 on a quiet machine under the sanitizers */
	built_done(&b);
	free(text);
}

static int nothing_is_left_interned(void **state)
{
	(void)state;
	return intern_count() == 0 ? 0 : -1;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, nothing_is_left_interned)
	const struct CMUnitTest tests[] = {
		TEST(test_sample_is_valid_and_has_every_list_and_field),
		TEST(test_each_fault_has_its_line_and_field),
		TEST(test_manifests_are_held_to_the_same_rules),
		TEST(test_all_faults_of_a_file_are_told),
		TEST(test_defaults_are_those_of_metallb),
		TEST(test_peer_is_read_field_for_field),
		TEST(test_old_peer_is_the_same_struct),
		TEST(test_what_metallb_takes_is_no_fault),
		TEST(test_unknown_field_in_an_annotation_is_a_fault),
		TEST(test_bgp_advertisement_is_read_field_for_field),
		TEST(test_big_numbers_survive_libconfig),
		TEST(test_string_lists_may_be_in_brackets),
		TEST(test_own_field_as_annotation_acts_like_in_the_file),
		TEST(test_file_wins_over_a_resource_of_the_same_name),
		TEST(test_file_wins_over_overlapping_resources),
		TEST(test_overlap_hidden_behind_a_narrow_range_is_found),
		TEST(test_families_never_overlap),
		TEST(test_pool_of_an_address),
		TEST(test_advertisement_covers_pools_by_name_or_label),
		TEST(test_settings_are_text_by_key),
		TEST(test_fault_of_an_api_object_names_it),
		TEST(test_other_kinds_are_passed_over),
		TEST(test_ten_thousand_pools_build_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
