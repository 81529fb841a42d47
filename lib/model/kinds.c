// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration kinds, field by field (compatibility page 1.1 to 1.6; contracts:
 * Bellman's own fields, the table of flags for Settings). Those of BGP are in kinds_bgp.c.
 */
#include "lib/model/kinds_bgp.h"
#include "lib/model/pool_own.h"

/* --- IPAddressPool -------------------------------------------------------------------- */

static const struct field service_allocation_fields[] = {
	{ .name = "priority", .type = FIELD_INT, .min = INT32_MIN, .max = INT32_MAX },
	{ .name = "namespaces", .type = FIELD_UNIQUE },
	{ .name = "namespaceSelectors", .type = FIELD_SELECTORS },
	{ .name = "serviceSelectors", .type = FIELD_SELECTORS },
	{ .name = NULL },
};

static const struct field pool_fields[] = {
	{ .name = "addresses",
	  .type = FIELD_RANGES,
	  .required = true,
	  .missing = "pool has no prefixes defined" },
	{ .name = "autoAssign", .type = FIELD_BOOL },
	{ .name = "avoidBuggyIPs", .type = FIELD_BOOL },
	{ .name = "serviceAllocation", .type = FIELD_MAP, .fields = service_allocation_fields },
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

static const char *const spreads[] = { "hash", "even", NULL };
static const char *const methods[] = { "packet", "address", NULL };
static const char *const conflict_policies[] = { "defend", "yield", "force", NULL };

static const struct field l2_advertisement_own[] = {
	{ .name = "spread", .type = FIELD_WORD, .words = spreads },
	{ .name = "failback", .type = FIELD_BOOL },
	{ .name = "conflictPolicy", .type = FIELD_WORD, .words = conflict_policies },
	{ .name = "gratuitousInterval", .type = FIELD_DURATION },
	{ .name = "method", .type = FIELD_WORD, .words = methods },
	{ .name = "localSubnetOnly", .type = FIELD_BOOL },
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
	{ .name = "webhook", .type = FIELD_LISTEN },
	{ .name = "webhookTlsCert", .type = FIELD_TEXT },
	{ .name = "webhookTlsKey", .type = FIELD_TEXT },
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
	{ "IPAddressPool", "metallb.io/v1beta1", "pools", pool_fields, pool_own_fields,
	  pool_rules },
	{ "L2Advertisement", "metallb.io/v1beta1", "l2Advertisements", l2_advertisement_fields,
	  l2_advertisement_own, NULL },
	{ "BGPAdvertisement", "metallb.io/v1beta1", "bgpAdvertisements", bgp_advertisement_fields,
	  bgp_advertisement_own, bgp_advertisement_rules },
	{ "BGPPeer", "metallb.io/v1beta2", "bgpPeers", bgp_peer_fields, NULL, bgp_peer_rules },
	{ "BGPPeer", "metallb.io/v1beta1", NULL, bgp_peer_v1beta1_fields, NULL,
	  bgp_peer_v1beta1_rules },
	{ "BFDProfile", "metallb.io/v1beta1", "bfdProfiles", bfd_profile_fields, NULL, NULL },
	{ "Community", "metallb.io/v1beta1", "communities", community_fields, NULL,
	  community_rules },
	{ "Settings", "bellman.io/v1", "settings", settings_fields, NULL, NULL },
	{ NULL, NULL, NULL, NULL, NULL, NULL },
};
