// SPDX-License-Identifier: Apache-2.0
/*
 * The one error for ConfigurationState (compatibility page 1.9): MetalLB's words, and the one that
 * MetalLB would come upon first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/intern.h"
#include "tests/unit/config_built.h"

#define POOL(name, address)                                                                        \
	"apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: " name "}\n"        \
	"spec: {addresses: [" address "]}\n---\n"
#define PEER(name, spec)                                                                           \
	"apiVersion: metallb.io/v1beta2\nkind: BGPPeer\n"                                          \
	"metadata: {name: " name ", namespace: metallb-system}\nspec: {" spec "}\n---\n"
#define BFD(name, spec)                                                                            \
	"apiVersion: metallb.io/v1beta1\nkind: BFDProfile\nmetadata: {name: " name "}\n"           \
	"spec: {" spec "}\n---\n"
#define AD(name, spec)                                                                             \
	"apiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: " name "}\n"     \
	"spec: {" spec "}\n---\n"

static void expect_first(const char *text, enum config_scope scope, const char *error)
{
	struct built b = { .inputs.scope = scope };
	char buf[1024];

	built_add(&b, "m.yaml", text);
	built_finish(&b);
	assert_string_equal(config_first_error(&b.faults, buf, sizeof(buf)), error);
	assert_int_equal(b.rc == 0, *error == '\0');
	built_done(&b);
}

static const struct said {
	const char *text, *error;
} of_one_object[] = {
	{ "", "" },
	/* pools */
	{ POOL("p", ""), "parsing address pool p: pool has no prefixes defined" },
	{ POOL("p", "192.0.2.1"), "parsing address pool p: invalid CIDR \"192.0.2.1\"" },
	{ POOL("p", "192.0.2.9-192.0.2.1"),
	  "parsing address pool p: invalid CIDR \"192.0.2.9-192.0.2.1\"" },
	{ POOL("p", "192.0.2.0/24, 192.0.2.77/25"),
	  "CIDR \"192.0.2.0/25\" in pool \"p\" overlaps with already defined CIDR "
	  "\"192.0.2.0/24\"" },
	{ POOL("b", "192.0.2.0/24")
		  POOL("a", "192.0.2.0/23"), /* sorted by name, as MetalLB has them */
	  "CIDR \"192.0.2.0/24\" in pool \"b\" overlaps with already defined CIDR "
	  "\"192.0.2.0/23\"" },
	/* peers */
	{ PEER("p", "peerASN: 2, peerAddress: 10.0.0.1"), "parsing peer p missing local ASN" },
	{ PEER("p", "myASN: 0, peerASN: 2, peerAddress: 10.0.0.1"),
	  "parsing peer p missing local ASN" },
	{ PEER("p", "myASN: 1, peerAddress: 10.0.0.1"),
	  "parsing peer p missing peer ASN and dynamicASN" },
	{ PEER("p", "myASN: 1, peerASN: 0, peerAddress: 10.0.0.1"),
	  "parsing peer p missing peer ASN and dynamicASN" },
	{ PEER("p", "myASN: 1, peerASN: 2, dynamicASN: internal, peerAddress: 10.0.0.1"),
	  "parsing peer p both peer ASN and dynamicASN specified" },
	{ PEER("p", "myASN: 1, dynamicASN: nearby, peerAddress: 10.0.0.1"),
	  "parsing peer p invalid dynamicASN \"nearby\"" },
	{ PEER("p", "myASN: 1, peerASN: 1, ebgpMultiHop: true, peerAddress: 10.0.0.1"),
	  "parsing peer p invalid ebgp-multihop parameter set for an ibgp peer" },
	{ PEER("p", "myASN: 1, peerASN: 2"),
	  "parsing peer p peer has no Address or Interface specified" },
	{ PEER("p", "myASN: 1, peerASN: 2, peerAddress: 10.0.0.1, interface: eth0"),
	  "parsing peer p peer has both Address and Interface specified" },
	{ PEER("p", "myASN: 1, peerASN: 2, peerAddress: 10.0.0.1, holdTime: 2s"),
	  "parsing peer p invalid BGPPeer timers: invalid hold time \"2s\": must be 0 or >=3s" },
	{ PEER("p",
	       "myASN: 1, peerASN: 2, peerAddress: 10.0.0.1, holdTime: 9s, keepaliveTime: 10s"),
	  "parsing peer p invalid BGPPeer timers: invalid keepaliveTime \"10s\", must be lower "
	  "than "
	  "holdTime \"9s\"" },
	{ PEER("p", "myASN: 1, peerASN: 2, peerAddress: tor1"),
	  "parsing peer p invalid BGPPeer address \"tor1\"" },
	{ PEER("p", "myASN: 1, peerASN: 2, peerAddress: 10.0.0.1, routerID: x"),
	  "parsing peer p invalid router ID \"x\"" },
	{ PEER("p", "myASN: 1, peerASN: 2, peerAddress: 10.0.0.1, sourceAddress: x"),
	  "parsing peer p invalid source IP \"x\"" },
	{ PEER("p", "myASN: 1, peerASN: 2, peerAddress: 10.0.0.1, password: x, "
		    "passwordSecret: {name: s}"),
	  "parsing peer p can not have both password and secret ref set in peer config "
	  "\"metallb-system\"/\"p\"" },
	{ PEER("p", "myASN: 1, peerASN: 2, peerAddress: 10.0.0.1, peerPort: 16385"),
	  "parsing peer p spec.peerPort: 16385 is not in 0..16384" },
	/* BFD profiles */
	{ BFD("f", "receiveInterval: 9"),
	  "parsing bfd profile f: invalid value 9, must be in 10-60000 range\n"
	  "invalid receive interval value" },
	{ BFD("f", "detectMultiplier: 256"),
	  "parsing bfd profile f: invalid value 256, must be in 2-255 range\n"
	  "invalid detect multiplier value" },
	/* advertisements */
	{ AD("a", "peers: [x, x]"), "duplicate definition of peers \"x\"" },
	{ AD("a", "ipAddressPools: [x, x]"), "duplicate definition of ipAddressPools \"x\"" },
	{ AD("a", "aggregationLength: 24, serviceSelectors: [{matchLabels: {a: b}}]"),
	  "BGPAdvertisement a: spec.serviceSelectors: serviceSelectors and aggregationLength are "
	  "mutually exclusive" },
};

static void test_first_error_is_in_the_words_of_metallb(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(of_one_object) / sizeof(*of_one_object); i++)
		expect_first(of_one_object[i].text, CONFIG_ALL, of_one_object[i].error);
}

#define BAD_AD AD("a", "peers: [x, x]")
#define BAD_L2                                                                                     \
	"apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: l}\n"             \
	"spec: {ipAddressPools: [x, x]}\n---\n"
#define BAD_POOL POOL("p", "192.0.2.1")
#define BAD_PEER PEER("p", "myASN: 1, peerASN: 2, peerAddress: x")
#define BAD_BFD  BFD("f", "receiveInterval: 9")

/* The order in which MetalLB reads, not that in which the objects came. */
static const struct said of_many[] = {
	{ BAD_AD BAD_L2, "duplicate definition of ipAddressPools \"x\"" },
	{ BAD_AD BAD_L2 BAD_POOL, "parsing address pool p: invalid CIDR \"192.0.2.1\"" },
	{ BAD_AD BAD_L2 BAD_POOL BAD_PEER, "parsing peer p invalid BGPPeer address \"x\"" },
	{ BAD_AD BAD_L2 BAD_POOL BAD_PEER BAD_BFD,
	  "parsing bfd profile f: invalid value 9, must be in 10-60000 range\n"
	  "invalid receive interval value" },
	/* within a kind by name */
	{ POOL("z", "x") POOL("b", "here") POOL("c", "z"),
	  "parsing address pool b: invalid CIDR \"here\"" },
	{ PEER("z", "myASN: 1, peerASN: 2, peerAddress: x") BAD_PEER,
	  "parsing peer p invalid BGPPeer address \"x\"" },
};

static void test_first_error_follows_the_order_of_metallb(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(of_many) / sizeof(*of_many); i++)
		expect_first(of_many[i].text, CONFIG_ALL, of_many[i].error);
}

/* MetalLB's controller reads no advertisements and peers: what is wrong there stops no allocation.
 */
static void test_allocator_is_stopped_by_pools_and_communities_alone(void **state)
{
	(void)state;
	expect_first(POOL("p", "192.0.2.0/24") BAD_AD BAD_L2 BAD_PEER BAD_BFD, CONFIG_POOLS, "");
	expect_first(BAD_POOL BAD_AD, CONFIG_POOLS,
		     "parsing address pool p: invalid CIDR \"192.0.2.1\"");
}

static void test_fault_of_the_file_comes_first(void **state)
{
	(void)state;
	struct built b = { 0 };
	char buf[256];

	built_add(&b, "m.yaml", BAD_BFD);
	built_add(&b, "b.conf", "pools = (\n{ name = }\n);");
	built_finish(&b);
	assert_string_equal(config_first_error(&b.faults, buf, sizeof(buf)),
			    "b.conf:2: syntax error");
	built_done(&b);
}

static void test_warning_is_no_error(void **state)
{
	(void)state;
	struct built b = { 0 };
	char buf[256];

	built_add(&b, "b.conf", "pools = ( { name = \"a\"; addresses = ( \"192.0.2.0/24\" ); } );");
	built_add(&b, "m.yaml", POOL("b", "192.0.2.0/25"));
	built_finish(&b);
	assert_int_equal(b.faults.count, 1);
	assert_string_equal(config_first_error(&b.faults, buf, sizeof(buf)), "");
	built_done(&b);
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
		TEST(test_first_error_is_in_the_words_of_metallb),
		TEST(test_first_error_follows_the_order_of_metallb),
		TEST(test_allocator_is_stopped_by_pools_and_communities_alone),
		TEST(test_fault_of_the_file_comes_first),
		TEST(test_warning_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
