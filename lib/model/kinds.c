// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration kinds, field by field (compatibility page 1.1 to 1.6; contracts:
 * Bellman's own fields, the table of flags for Settings), and the rules that join fields.
 */
#include <string.h>

#include "lib/base/duration.h"
#include "lib/model/schema.h"

#define U32_MAX 4294967295

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))

/* --- IPAddressPool -------------------------------------------------------------------- */

static const struct field service_allocation_fields[] = {
	{ .name = "priority", .type = FIELD_INT, .min = INT32_MIN, .max = INT32_MAX },
	{ .name = "namespaces", .type = FIELD_UNIQUE },
	{ .name = "namespaceSelectors", .type = FIELD_SELECTORS },
	{ .name = "serviceSelectors", .type = FIELD_SELECTORS },
	{ .name = NULL },
};

static const struct field pool_fields[] = {
	{ .name = "addresses", .type = FIELD_RANGES, .required = true },
	{ .name = "autoAssign", .type = FIELD_BOOL },
	{ .name = "avoidBuggyIPs", .type = FIELD_BOOL },
	{ .name = "serviceAllocation", .type = FIELD_MAP, .fields = service_allocation_fields },
	{ .name = NULL },
};

static const char *const ip_modes[] = { "VIP", "Proxy", NULL };

static const struct field pool_own[] = {
	{ .name = "exclude", .type = FIELD_ADDRESSES },
	{ .name = "strategy", .type = FIELD_TEXT },
	{ .name = "drain", .type = FIELD_BOOL },
	{ .name = "perRange", .type = FIELD_ANY },
	{ .name = "quota", .type = FIELD_ANY },
	{ .name = "reserve", .type = FIELD_ANY },
	{ .name = "ipam", .type = FIELD_ANY },
	{ .name = "ipMode", .type = FIELD_WORD, .words = ip_modes },
	{ .name = NULL },
};

/* --- L2Advertisement ------------------------------------------------------------------ */

static const struct field preference_fields[] = {
	{ .name = "weight", .type = FIELD_INT, .required = true, .min = 1, .max = 100 },
	{ .name = "preference", .type = FIELD_SELECTOR, .required = true },
	{ .name = NULL },
};

static const struct field l2_advertisement_fields[] = {
	{ .name = "ipAddressPools", .type = FIELD_UNIQUE },
	{ .name = "ipAddressPoolSelectors", .type = FIELD_SELECTORS },
	{ .name = "nodeSelectors", .type = FIELD_SELECTORS },
	{ .name = "serviceSelectors", .type = FIELD_SELECTORS },
	{ .name = "interfaces", .type = FIELD_TEXTS },
	{ .name = "preferredNodeSelectors", .type = FIELD_MAPS, .fields = preference_fields },
	{ .name = NULL },
};

static const char *const conflict_policies[] = { "defend", "yield", "force", NULL };

static const struct field l2_advertisement_own[] = {
	{ .name = "spread", .type = FIELD_TEXT },
	{ .name = "failback", .type = FIELD_BOOL },
	{ .name = "conflictPolicy", .type = FIELD_WORD, .words = conflict_policies },
	{ .name = "gratuitousInterval", .type = FIELD_DURATION },
	{ .name = "method", .type = FIELD_TEXT },
	{ .name = "localSubnetOnly", .type = FIELD_BOOL },
	{ .name = NULL },
};

/* --- BGPAdvertisement ----------------------------------------------------------------- */

static const struct field bgp_advertisement_fields[] = {
	{ .name = "aggregationLength", .type = FIELD_INT, .min = 1, .max = 32 },
	{ .name = "aggregationLengthV6", .type = FIELD_INT, .min = 0, .max = 128 },
	{ .name = "localPref", .type = FIELD_INT, .min = 0, .max = U32_MAX },
	{ .name = "communities", .type = FIELD_COMMUNITY },
	{ .name = "ipAddressPools", .type = FIELD_UNIQUE },
	{ .name = "ipAddressPoolSelectors", .type = FIELD_SELECTORS },
	{ .name = "nodeSelectors", .type = FIELD_SELECTORS },
	{ .name = "peers", .type = FIELD_UNIQUE },
	{ .name = "serviceSelectors", .type = FIELD_SELECTORS },
	{ .name = NULL },
};

static const struct field bgp_advertisement_own[] = {
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

static void bgp_advertisement_rules(const struct json *spec)
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

static const struct field bgp_peer_fields[] = {
	{ .name = "myASN", .type = FIELD_ASN, .required = true },
	{ .name = "peerASN", .type = FIELD_ASN },
	{ .name = "localASN", .type = FIELD_ASN },
	{ .name = "dynamicASN", .type = FIELD_WORD, .words = dynamic_asns },
	{ .name = "peerAddress", .type = FIELD_IP },
	{ .name = "interface", .type = FIELD_TEXT },
	{ .name = "sourceAddress", .type = FIELD_IP },
	{ .name = "peerPort", .type = FIELD_INT, .min = 1, .max = 16384 },
	{ .name = "holdTime", .type = FIELD_DURATION },
	{ .name = "keepaliveTime", .type = FIELD_DURATION },
	{ .name = "connectTime", .type = FIELD_DURATION },
	{ .name = "routerID", .type = FIELD_IP },
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

static const struct field bgp_peer_v1beta1_fields[] = {
	{ .name = "myASN", .type = FIELD_ASN, .required = true },
	{ .name = "peerASN", .type = FIELD_ASN, .required = true },
	{ .name = "peerAddress", .type = FIELD_IP, .required = true },
	{ .name = "sourceAddress", .type = FIELD_IP },
	{ .name = "peerPort", .type = FIELD_INT, .min = 0, .max = 16384 },
	{ .name = "holdTime", .type = FIELD_DURATION },
	{ .name = "keepaliveTime", .type = FIELD_DURATION },
	{ .name = "routerID", .type = FIELD_IP },
	{ .name = "nodeSelectors", .type = FIELD_SELECTORS },
	{ .name = "password", .type = FIELD_TEXT },
	{ .name = "bfdProfile", .type = FIELD_TEXT },
	{ .name = "ebgpMultiHop", .type = FIELD_BOOL },
	{ .name = NULL },
};

/* Is it set to something? An empty text and an empty map are as good as absent. */
static bool is_set(const struct json *spec, const char *name)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(spec->value, name);

	if (cJSON_IsString(value))
		return *value->valuestring != '\0';
	if (cJSON_IsObject(value) || cJSON_IsArray(value))
		return value->child != NULL;
	return value != NULL && !cJSON_IsNull(value);
}

static void exactly_one(const struct json *spec, const char *a, const char *b)
{
	struct json second = json_get(spec, b);

	if (is_set(spec, a) && is_set(spec, b))
		json_fault(&second, "%s and %s exclude each other", a, b);
	else if (!is_set(spec, a) && !is_set(spec, b))
		json_fault(spec, "one of %s and %s is required", a, b);
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

static void timer_rules(const struct json *spec)
{
	struct json hold = json_get(spec, "holdTime"), keep = json_get(spec, "keepaliveTime");
	struct json connect = json_get(spec, "connectTime");
	uint64_t hold_ns, keep_ns, connect_ns;
	bool has_hold = duration_of(spec, "holdTime", &hold_ns);
	bool has_keep = duration_of(spec, "keepaliveTime", &keep_ns);

	if (has_keep && !has_hold && json_absent(&hold) && keep_ns <= UINT64_MAX / 3) {
		hold_ns = keep_ns * 3;
		if (hold_ns / NS_PER_S > UINT16_MAX || (hold_ns > 0 && hold_ns < 3 * NS_PER_S))
			json_fault(&keep,
				   "three times of it, the hold time, is not 0 or 3..65535 s");
	}
	if (has_hold && hold_ns / NS_PER_S != 0 &&
	    (hold_ns / NS_PER_S < 3 || hold_ns / NS_PER_S > UINT16_MAX))
		json_fault(&hold, "must be 0 or 3..65535 s");
	if (has_hold && has_keep && keep_ns > hold_ns)
		json_fault(&keep, "must not exceed holdTime");
	if (duration_of(spec, "connectTime", &connect_ns) &&
	    (connect_ns % NS_PER_S != 0 || connect_ns < NS_PER_S ||
	     connect_ns / NS_PER_S > UINT16_MAX))
		json_fault(&connect, "must be whole seconds, 1..65535 of them");
}

static void bgp_peer_rules(const struct json *spec)
{
	static const char *const passwords[] = { "password", "passwordFile", "passwordSecret" };
	struct json multi_hop = json_get(spec, "ebgpMultiHop");
	const char *given = NULL;

	exactly_one(spec, "peerASN", "dynamicASN");
	exactly_one(spec, "peerAddress", "interface");
	timer_rules(spec);
	for (size_t i = 0; i < LENGTH(passwords); i++) {
		if (!is_set(spec, passwords[i]))
			continue;
		struct json j = json_get(spec, passwords[i]);
		if (given != NULL)
			json_fault(&j, "%s and %s exclude each other", given, passwords[i]);
		given = passwords[i];
	}
	if (cJSON_IsTrue(multi_hop.value) && asn_of(spec, "myASN") != 0 &&
	    asn_of(spec, "myASN") == asn_of(spec, "peerASN"))
		json_fault(&multi_hop, "is for eBGP, but myASN and peerASN are the same");
}

static void bgp_peer_v1beta1_rules(const struct json *spec)
{
	timer_rules(spec);
}

/* --- BFDProfile, Community ------------------------------------------------------------ */

static const struct field bfd_profile_fields[] = {
	{ .name = "receiveInterval", .type = FIELD_INT, .min = 10, .max = 60000 },
	{ .name = "transmitInterval", .type = FIELD_INT, .min = 10, .max = 60000 },
	{ .name = "detectMultiplier", .type = FIELD_INT, .min = 2, .max = 255 },
	{ .name = "echoInterval", .type = FIELD_INT, .min = 10, .max = 60000 },
	{ .name = "echoMode", .type = FIELD_BOOL },
	{ .name = "passiveMode", .type = FIELD_BOOL },
	{ .name = "minimumTtl", .type = FIELD_INT, .min = 1, .max = 254 },
	{ .name = NULL },
};

static const struct field community_alias_fields[] = {
	{ .name = "name", .type = FIELD_TEXT, .required = true },
	{ .name = "value", .type = FIELD_COMMUNITY, .required = true },
	{ .name = NULL },
};

static const struct field community_fields[] = {
	{ .name = "communities", .type = FIELD_MAPS, .fields = community_alias_fields },
	{ .name = NULL },
};

/* --- Settings: what a daemon may also be told by a flag ------------------------------- */

static const char *const profiles[] = { "fast", "lan", "wan", NULL };
static const char *const probes[] = { "off", "fast", "rfc", NULL };
static const char *const log_levels[] = { "all", "debug", "info", "warn", "error", "none", NULL };
static const char *const log_formats[] = { "text", "json", NULL };

static const struct field ml_fields[] = {
	{ .name = "profile", .type = FIELD_WORD, .words = profiles },
	{ .name = "bindaddr", .type = FIELD_TEXT },
	{ .name = "bindport", .type = FIELD_INT, .min = 1, .max = UINT16_MAX },
	{ .name = "labels", .type = FIELD_TEXT },
	{ .name = "secretFile", .type = FIELD_TEXT },
	{ .name = "insecure", .type = FIELD_BOOL },
	{ .name = NULL },
};

static const struct field settings_fields[] = {
	{ .name = "namespace", .type = FIELD_TEXT },
	{ .name = "nodeName", .type = FIELD_TEXT },
	{ .name = "loadBalancerClass", .type = FIELD_TEXT },
	{ .name = "ignoreExcludeLB", .type = FIELD_BOOL },
	{ .name = "metrics", .type = FIELD_LISTEN },
	{ .name = "metricsTlsCert", .type = FIELD_TEXT },
	{ .name = "metricsTlsKey", .type = FIELD_TEXT },
	{ .name = "metricsAuth", .type = FIELD_BOOL },
	{ .name = "leaseDuration", .type = FIELD_DURATION },
	{ .name = "renewDeadline", .type = FIELD_DURATION },
	{ .name = "retryPeriod", .type = FIELD_DURATION },
	{ .name = "ml", .type = FIELD_MAP, .fields = ml_fields },
	{ .name = "bgpListen", .type = FIELD_BOOL },
	{ .name = "shutdownDelay", .type = FIELD_DURATION },
	{ .name = "probe", .type = FIELD_WORD, .words = probes },
	{ .name = "logLevel", .type = FIELD_WORD, .words = log_levels },
	{ .name = "logFormat", .type = FIELD_WORD, .words = log_formats },
	{ .name = NULL },
};

/* The first of a kind is the one that entries of a configuration file become. */
const struct kind kinds[] = {
	{ "IPAddressPool", "metallb.io/v1beta1", "pools", pool_fields, pool_own, NULL },
	{ "L2Advertisement", "metallb.io/v1beta1", "l2Advertisements", l2_advertisement_fields,
	  l2_advertisement_own, NULL },
	{ "BGPAdvertisement", "metallb.io/v1beta1", "bgpAdvertisements", bgp_advertisement_fields,
	  bgp_advertisement_own, bgp_advertisement_rules },
	{ "BGPPeer", "metallb.io/v1beta2", "bgpPeers", bgp_peer_fields, NULL, bgp_peer_rules },
	{ "BGPPeer", "metallb.io/v1beta1", NULL, bgp_peer_v1beta1_fields, NULL,
	  bgp_peer_v1beta1_rules },
	{ "BFDProfile", "metallb.io/v1beta1", "bfdProfiles", bfd_profile_fields, NULL, NULL },
	{ "Community", "metallb.io/v1beta1", "communities", community_fields, NULL, NULL },
	{ "Settings", "bellman.io/v1", "settings", settings_fields, NULL, NULL },
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};
