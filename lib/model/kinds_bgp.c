// SPDX-License-Identifier: Apache-2.0
/*
 * The kinds of BGP, field by field (compatibility page 1.3 to 1.6), and the rules that join the
 * fields of one object. What objects must not do to each other is in config_peers.c and
 * config_advertisements.c.
 */
#include "lib/model/kinds_bgp.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/model/community.h"

#define U32_MAX 4294967295

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))

/* --- BGPAdvertisement ----------------------------------------------------------------- */

const struct field bgp_advertisement_fields[] = {
	{ .name = "aggregationLength", .type = FIELD_INT, .min = 1, .max = 32 },
	{ .name = "aggregationLengthV6", .type = FIELD_INT, .min = 0, .max = 128 },
	{ .name = "localPref", .type = FIELD_INT, .min = 0, .max = U32_MAX },
	{ .name = "communities", .type = FIELD_COMMUNITY, .called = "community" },
	{ .name = "ipAddressPools", .type = FIELD_UNIQUE },
	{ .name = "ipAddressPoolSelectors", .type = FIELD_SELECTORS },
	{ .name = "nodeSelectors", .type = FIELD_SELECTORS },
	{ .name = "peers", .type = FIELD_UNIQUE },
	{ .name = "serviceSelectors", .type = FIELD_SELECTORS },
	{ .name = NULL },
};

const struct field bgp_advertisement_own[] = {
	{ .name = "med", .type = FIELD_INT, .min = 0, .max = U32_MAX },
	{ .name = "asPathPrepend", .type = FIELD_INT, .min = 0, .max = 255 },
	{ .name = NULL },
};

static bool number_is(const struct json *spec, const char *name, int64_t wanted)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(spec->value, name);
	int64_t n;

	return value == NULL || cJSON_IsNull(value) || !json_integer(value, &n) || n == wanted;
}

void bgp_advertisement_rules(const struct json *spec)
{
	struct json selectors = json_get(spec, "serviceSelectors");

	if (cJSON_IsArray(selectors.value) && selectors.value->child != NULL &&
	    (!number_is(spec, "aggregationLength", 32) ||
	     !number_is(spec, "aggregationLengthV6", 128)))
		json_fault(&selectors,
			   "serviceSelectors and aggregationLength are mutually exclusive");
}

/* --- BGPPeer -------------------------------------------------------------------------- */

static const char *const dynamic_asns[] = { "internal", "external", NULL };

static const struct field secret_fields[] = {
	{ .name = "name", .type = FIELD_TEXT },
	{ .name = "namespace", .type = FIELD_TEXT },
	{ .name = NULL },
};

const struct field bgp_peer_fields[] = {
	{ .name = "myASN",
	  .type = FIELD_ASN,
	  .required = true,
	  .min = 1,
	  .missing = "missing local ASN" },
	{ .name = "peerASN", .type = FIELD_ASN },
	{ .name = "localASN", .type = FIELD_ASN, .min = 1 },
	{ .name = "dynamicASN", .type = FIELD_WORD, .words = dynamic_asns, .called = "dynamicASN" },
	{ .name = "peerAddress", .type = FIELD_IP, .called = "BGPPeer address" },
	{ .name = "interface", .type = FIELD_TEXT },
	{ .name = "sourceAddress", .type = FIELD_IP, .called = "source IP" },
	/* 0, the default, comes from resources of v1beta1; the definition of v1beta2 refuses it. */
	{ .name = "peerPort", .type = FIELD_INT, .min = 0, .max = 16384 },
	{ .name = "holdTime", .type = FIELD_DURATION },
	{ .name = "keepaliveTime", .type = FIELD_DURATION },
	{ .name = "connectTime", .type = FIELD_DURATION },
	{ .name = "routerID", .type = FIELD_IP, .called = "router ID" },
	{ .name = "nodeSelectors", .type = FIELD_SELECTORS },
	{ .name = "password", .type = FIELD_TEXT },
	{ .name = "passwordSecret", .type = FIELD_MAP, .fields = secret_fields },
	{ .name = "passwordFile", .type = FIELD_TEXT, .file_only = true },
	{ .name = "bfdProfile", .type = FIELD_TEXT },
	{ .name = "enableGracefulRestart", .type = FIELD_BOOL },
	{ .name = "ebgpMultiHop", .type = FIELD_BOOL },
	{ .name = "vrf", .type = FIELD_TEXT },
	{ .name = "disableMP", .type = FIELD_BOOL },
	{ .name = "dualStackAddressFamily", .type = FIELD_BOOL },
	{ .name = NULL },
};

const struct field bgp_peer_v1beta1_fields[] = {
	{ .name = "myASN",
	  .type = FIELD_ASN,
	  .required = true,
	  .min = 1,
	  .missing = "missing local ASN" },
	{ .name = "peerASN",
	  .type = FIELD_ASN,
	  .required = true,
	  .min = 1,
	  .missing = "missing peer ASN and dynamicASN" },
	{ .name = "peerAddress",
	  .type = FIELD_IP,
	  .required = true,
	  .called = "BGPPeer address",
	  .missing = "peer has no Address or Interface specified" },
	{ .name = "sourceAddress", .type = FIELD_IP, .called = "source IP" },
	{ .name = "peerPort", .type = FIELD_INT, .min = 0, .max = 16384 },
	{ .name = "holdTime", .type = FIELD_DURATION },
	{ .name = "keepaliveTime", .type = FIELD_DURATION },
	{ .name = "routerID", .type = FIELD_IP, .called = "router ID" },
	{ .name = "nodeSelectors", .type = FIELD_SELECTORS },
	{ .name = "password", .type = FIELD_TEXT },
	{ .name = "bfdProfile", .type = FIELD_TEXT },
	{ .name = "ebgpMultiHop", .type = FIELD_BOOL },
	{ .name = NULL },
};

static const char *text_of(const struct json *j)
{
	return cJSON_IsString(j->value) ? j->value->valuestring : "";
}

/* Is it set to something? As in Go: the empty text, 0 and a reference without a name are not. */
static bool is_set(const struct json *spec, const char *field)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(spec->value, field);
	int64_t n;

	if (cJSON_IsObject(value))
		value = cJSON_GetObjectItemCaseSensitive(value, "name");
	if (cJSON_IsString(value))
		return *value->valuestring != '\0';
	return value != NULL && !cJSON_IsNull(value) && !(json_integer(value, &n) && n == 0);
}

/* The same for an AS number, which may be a text: "0" is not set, "AS1" is, wrongly. */
static bool is_asn_set(const struct json *spec, const char *field)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(spec->value, field);

	return is_set(spec, field) &&
	       !(cJSON_IsString(value) &&
		 value->valuestring[strspn(value->valuestring, "0")] == '\0');
}

/* One of fields @a and @b, which are set or not. @both, @neither: MetalLB's words. */
static void exactly_one(const struct json *spec, const char *a, bool has_a, const char *b,
			bool has_b, const char *both, const char *neither)
{
	struct json second = json_get(spec, b);

	if (has_a && has_b) {
		json_fault(&second, "%s and %s exclude each other", a, b);
		json_summarize(spec, "%s", both);
	} else if (!has_a && !has_b) {
		json_fault(spec, "one of %s and %s is required", a, b);
		json_summarize(spec, "%s", neither);
	}
}

/* An AS number that already passed its check; 0 when there is none or it did not. */
static int64_t asn_of(const struct json *spec, const char *name)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(spec->value, name);
	int64_t n = 0;

	if (cJSON_IsString(value))
		return strtoll(value->valuestring, NULL, 10);
	return value != NULL && json_integer(value, &n) ? n : 0;
}

static bool duration_of(const struct json *spec, const char *name, uint64_t *ret_ns)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(spec->value, name);

	return cJSON_IsString(value) && duration_parse(value->valuestring, ret_ns) == 0;
}

/* RFC 4271 section 4.2: in seconds, 0 or at least 3. MetalLB cuts what is below. */
static bool hold_time_fits(uint64_t ns)
{
	return ns / NS_PER_S == 0 || ns / NS_PER_S >= 3;
}

/* It has two octets there. MetalLB takes any, so it is no fault: config_read_bgp.c cuts it. */
static void warn_of_long(const struct json *j, uint64_t hold_ns)
{
	if (hold_ns / NS_PER_S > UINT16_MAX)
		json_warn(j, "the hold time is cut to 65535 s, all that BGP can say");
}

static void timer_rules(const struct json *spec)
{
	struct json hold = json_get(spec, "holdTime"), keep = json_get(spec, "keepaliveTime");
	struct json connect = json_get(spec, "connectTime");
	uint64_t hold_ns, keep_ns, connect_ns;
	bool has_hold = duration_of(spec, "holdTime", &hold_ns);
	bool has_keep = duration_of(spec, "keepaliveTime", &keep_ns);

	if (has_keep && json_absent(&hold))
		warn_of_long(&keep, keep_ns < UINT64_MAX / 3 ? keep_ns * 3 : UINT64_MAX);
	if (has_hold)
		warn_of_long(&hold, hold_ns);
	if (has_keep && json_absent(&hold) && keep_ns < UINT64_MAX / 3 &&
	    !hold_time_fits(keep_ns * 3)) {
		json_fault(&keep, "three times of it, the hold time, is not 0 or at least 3 s");
		json_summarize(spec,
			       "invalid BGPPeer timers: invalid hold time, three times \"%s\": "
			       "must be 0 or >=3s",
			       keep.value->valuestring);
	}
	if (has_hold && !hold_time_fits(hold_ns)) {
		json_fault(&hold, "must be 0 or at least 3 s");
		json_summarize(
			spec, "invalid BGPPeer timers: invalid hold time \"%s\": must be 0 or >=3s",
			hold.value->valuestring);
	}
	if (has_hold && has_keep && keep_ns > hold_ns) {
		json_fault(&keep, "must not exceed holdTime");
		json_summarize(
			spec,
			"invalid BGPPeer timers: invalid keepaliveTime \"%s\", must be lower "
			"than holdTime \"%s\"",
			keep.value->valuestring, hold.value->valuestring);
	}
	if (duration_of(spec, "connectTime", &connect_ns) &&
	    (connect_ns % NS_PER_S != 0 || connect_ns < NS_PER_S ||
	     connect_ns / NS_PER_S > UINT16_MAX))
		json_fault(&connect, "must be whole seconds, 1..65535 of them");
}

/* At most one of them. */
static void password_rules(const struct json *spec)
{
	static const char *const passwords[] = { "password", "passwordFile", "passwordSecret" };
	struct json metadata = json_get(spec->up, "metadata");
	struct json ns = json_get(&metadata, "namespace"), name = json_get(&metadata, "name");
	const char *given = NULL;

	for (size_t i = 0; i < LENGTH(passwords); i++) {
		if (!is_set(spec, passwords[i]))
			continue;
		struct json j = json_get(spec, passwords[i]);
		if (given != NULL) {
			json_fault(&j, "%s and %s exclude each other", given, passwords[i]);
			json_summarize(spec,
				       "can not have both password and secret ref set in peer "
				       "config \"%s\"/\"%s\"",
				       text_of(&ns), text_of(&name));
		}
		given = passwords[i];
	}
}

static void multi_hop_rule(const struct json *spec)
{
	struct json multi_hop = json_get(spec, "ebgpMultiHop");

	if (!cJSON_IsTrue(multi_hop.value) || asn_of(spec, "myASN") == 0 ||
	    asn_of(spec, "myASN") != asn_of(spec, "peerASN"))
		return;
	json_fault(&multi_hop, "is for eBGP, but myASN and peerASN are the same");
	json_summarize(spec, "invalid ebgp-multihop parameter set for an ibgp peer");
}

void bgp_peer_rules(const struct json *spec)
{
	exactly_one(spec, "peerASN", is_asn_set(spec, "peerASN"), "dynamicASN",
		    is_set(spec, "dynamicASN"), "both peer ASN and dynamicASN specified",
		    "missing peer ASN and dynamicASN");
	exactly_one(spec, "peerAddress", is_set(spec, "peerAddress"), "interface",
		    is_set(spec, "interface"), "peer has both Address and Interface specified",
		    "peer has no Address or Interface specified");
	timer_rules(spec);
	password_rules(spec);
	multi_hop_rule(spec);
}

void bgp_peer_v1beta1_rules(const struct json *spec)
{
	timer_rules(spec);
	multi_hop_rule(spec);
}

/* --- BFDProfile, Community ------------------------------------------------------------ */

const struct field bfd_profile_fields[] = {
	{ .name = "receiveInterval",
	  .type = FIELD_INT,
	  .min = 10,
	  .max = 60000,
	  .called = "receive interval" },
	{ .name = "transmitInterval",
	  .type = FIELD_INT,
	  .min = 10,
	  .max = 60000,
	  .called = "transmit interval" },
	{ .name = "detectMultiplier",
	  .type = FIELD_INT,
	  .min = 2,
	  .max = 255,
	  .called = "detect multiplier" },
	{ .name = "echoInterval",
	  .type = FIELD_INT,
	  .min = 10,
	  .max = 60000,
	  .called = "echo interval" },
	{ .name = "echoMode", .type = FIELD_BOOL },
	{ .name = "passiveMode", .type = FIELD_BOOL },
	{ .name = "minimumTtl", .type = FIELD_INT, .min = 1, .max = 254, .called = "minimum ttl" },
	{ .name = NULL },
};

static const struct field community_alias_fields[] = {
	{ .name = "name", .type = FIELD_TEXT }, /* MetalLB takes one that has none */
	{ .name = "value", .type = FIELD_COMMUNITY, .required = true },
	{ .name = NULL },
};

const struct field community_fields[] = {
	{ .name = "communities", .type = FIELD_MAPS, .fields = community_alias_fields },
	{ .name = NULL },
};

void community_rules(const struct json *spec)
{
	struct json list = json_get(spec, "communities");

	if (!cJSON_IsArray(list.value))
		return;
	json_each (j, &list) {
		const cJSON *name = cJSON_GetObjectItemCaseSensitive(j.value, "name");
		if (!cJSON_IsString(name) || *name->valuestring == '\0')
			json_warn(&j, "has no name, so that nothing can refer to it");
		const cJSON *text = cJSON_GetObjectItemCaseSensitive(j.value, "value");
		struct community value;
		char why[256];

		if (!cJSON_IsString(text) || *text->valuestring == '\0' ||
		    community_parse(text->valuestring, &value, why, sizeof(why)) == 0)
			continue;
		struct json at = json_get(&j, "value");
		json_fault(&at, "%s", why);
		json_summarize(&at, "parsing community \"%s\": %s",
			       cJSON_IsString(name) ? name->valuestring : "", why);
	}
}
