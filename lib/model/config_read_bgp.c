// SPDX-License-Identifier: Apache-2.0
/*
 * One object of BGP into its struct. Communities are read once every alias is known
 * (config_communities.c), passwords out of Secrets in config_peers.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/model/config_build.h"
#include "lib/model/schema.h"

/* A text, or NULL for an empty one as for none. */
static const char *text_read(const struct json *of, const char *name)
{
	struct json j = json_get(of, name);
	const char *text = json_text(&j);

	return text == NULL || *text == '\0' ? NULL : text;
}

static struct ip_addr ip_read(const struct json *of, const char *name)
{
	const char *text = text_read(of, name);
	struct ip_addr ip = { 0 };

	if (text != NULL)
		ip_parse(text, &ip);
	return ip;
}

static int64_t int_read(const struct json *of, const char *name, int64_t max, int64_t absent)
{
	struct json j = json_get(of, name);

	return json_int(&j, 0, max, absent);
}

static bool bool_read(const struct json *of, const char *name)
{
	struct json j = json_get(of, name);

	return json_bool(&j, false);
}

/* A number, or a text that is one. */
static uint32_t asn_read(const struct json *of, const char *name)
{
	struct json j = json_get(of, name);

	if (cJSON_IsString(j.value))
		return (uint32_t)strtoul(j.value->valuestring, NULL, 10);
	return (uint32_t)json_int(&j, 0, UINT32_MAX, 0);
}

static uint64_t duration_read(const struct json *of, const char *name)
{
	const char *text = text_read(of, name);
	uint64_t ns;

	return text != NULL && duration_parse(text, &ns) == 0 ? ns : BGP_DURATION_UNSET;
}

#define HOLD_MAX_NS ((uint64_t)UINT16_MAX * NS_PER_S) /* RFC 4271 section 4.2 */

/* Where one of the two is given the other follows, as in MetalLB. */
static void timers_read(const struct json *spec, struct bgp_peer *p)
{
	p->hold_ns = duration_read(spec, "holdTime");
	p->keepalive_ns = duration_read(spec, "keepaliveTime");
	p->connect_ns = duration_read(spec, "connectTime");
	if (p->hold_ns == BGP_DURATION_UNSET && p->keepalive_ns != BGP_DURATION_UNSET)
		p->hold_ns = p->keepalive_ns > HOLD_MAX_NS ? HOLD_MAX_NS : p->keepalive_ns * 3;
	else if (p->hold_ns != BGP_DURATION_UNSET && p->keepalive_ns == BGP_DURATION_UNSET)
		p->keepalive_ns = p->hold_ns / 3;
	if (p->hold_ns == BGP_DURATION_UNSET || p->hold_ns < HOLD_MAX_NS)
		return;
	p->hold_ns = HOLD_MAX_NS;
	if (p->keepalive_ns > HOLD_MAX_NS / 3)
		p->keepalive_ns = HOLD_MAX_NS / 3;
}

static int peer_read(const struct build_entry *e, struct bgp_peer *p)
{
	static const char *const dynamic[] = { "", "internal", "external", NULL };
	struct json_source source = { .where = e->input->where };
	struct json root = json_root(&source, e->input->object, ""), spec = json_get(&root, "spec");
	struct json dynamic_asn = json_get(&spec, "dynamicASN");
	struct json secret = json_get(&spec, "passwordSecret");
	const char *password = text_read(&spec, "password");
	int64_t port = int_read(&spec, "peerPort", UINT16_MAX, 0);

	p->name = intern(e->name);
	p->my_asn = asn_read(&spec, "myASN");
	p->peer_asn = asn_read(&spec, "peerASN");
	p->local_asn = asn_read(&spec, "localASN");
	p->dynamic_asn = (enum bgp_dynamic_asn)json_word(&dynamic_asn, dynamic, BGP_ASN_FIXED);
	p->address = ip_read(&spec, "peerAddress");
	p->interface = intern(text_read(&spec, "interface"));
	p->source = ip_read(&spec, "sourceAddress");
	p->router_id = ip_read(&spec, "routerID");
	p->port = port == 0 ? BGP_PORT : (uint16_t)port;
	p->password_file = intern(text_read(&spec, "passwordFile"));
	p->password_secret = intern(text_read(&secret, "name"));
	p->bfd_profile = intern(text_read(&spec, "bfdProfile"));
	p->vrf = intern(text_read(&spec, "vrf"));
	p->graceful_restart = bool_read(&spec, "enableGracefulRestart");
	p->multi_hop = bool_read(&spec, "ebgpMultiHop");
	p->dual_stack = bool_read(&spec, "dualStackAddressFamily");
	timers_read(&spec, p);
	if (password != NULL && (p->password = strdup(password)) == NULL)
		return -ENOMEM;
	return build_read_selectors(&spec, "nodeSelectors", &p->node_selectors);
}

static void bfd_profile_read(const struct build_entry *e, struct bfd_profile *p)
{
	struct json_source source = { .where = e->input->where };
	struct json root = json_root(&source, e->input->object, ""), spec = json_get(&root, "spec");

	p->name = intern(e->name);
	p->receive_ms = (uint16_t)int_read(&spec, "receiveInterval", UINT16_MAX, 0);
	p->transmit_ms = (uint16_t)int_read(&spec, "transmitInterval", UINT16_MAX, 0);
	p->echo_ms = (uint16_t)int_read(&spec, "echoInterval", UINT16_MAX, 0);
	p->detect_multiplier = (uint8_t)int_read(&spec, "detectMultiplier", UINT8_MAX, 0);
	p->minimum_ttl = (uint8_t)int_read(&spec, "minimumTtl", UINT8_MAX, 0);
	p->echo_mode = bool_read(&spec, "echoMode");
	p->passive = bool_read(&spec, "passiveMode");
}

/* One of Bellman's own numbers; false when it is not there. */
static bool own_number(const struct build_entry *e, const char *name, uint32_t *ret)
{
	struct json_source source = { .where = e->input->where };
	cJSON *value = kind_own_field(e->input->object, e->input->where, name);
	struct json j = json_root(&source, value, "");
	bool there = !json_absent(&j);

	if (there)
		*ret = (uint32_t)json_int(&j, 0, UINT32_MAX, 0);
	cJSON_Delete(value);
	return there;
}

static int advertisement_read(const struct build_entry *e, struct bgp_advertisement *a)
{
	struct json_source source = { .where = e->input->where };
	struct json root = json_root(&source, e->input->object, ""), spec = json_get(&root, "spec");
	struct json pools = json_get(&spec, "ipAddressPools"), peers = json_get(&spec, "peers");
	uint32_t prepend = 0;

	a->name = intern(e->name);
	a->aggregation_length = (uint8_t)int_read(&spec, "aggregationLength", 32, 32);
	a->aggregation_length_v6 = (uint8_t)int_read(&spec, "aggregationLengthV6", 128, 128);
	a->local_pref = (uint32_t)int_read(&spec, "localPref", UINT32_MAX, 0);
	a->has_med = own_number(e, "med", &a->med);
	own_number(e, "asPathPrepend", &prepend);
	a->as_path_prepend = (uint8_t)prepend;
	int rc = build_read_names(&pools, &a->pools);
	if (rc == 0)
		rc = build_read_names(&peers, &a->peers);
	if (rc == 0)
		rc = build_read_selectors(&spec, "ipAddressPoolSelectors", &a->pool_selectors);
	if (rc == 0)
		rc = build_read_selectors(&spec, "nodeSelectors", &a->node_selectors);
	if (rc == 0)
		rc = build_read_selectors(&spec, "serviceSelectors", &a->service_selectors);
	return rc;
}

static int list_add(struct build_list *list, struct build_entry *e)
{
	struct build_entry **slot = array_push(list);

	if (slot == NULL)
		return -ENOMEM;
	*slot = e;
	return 0;
}

int build_read_bgp(struct build *b, struct build_entry *e)
{
	struct config *c = b->config;

	if (strcmp(e->kind->name, "BGPPeer") == 0) {
		struct bgp_peer *p = array_push(&c->bgp_peers);
		int rc = p == NULL ? -ENOMEM : peer_read(e, p);
		return rc != 0 ? rc : list_add(&b->bgp_peers, e);
	}
	if (strcmp(e->kind->name, "BGPAdvertisement") == 0) {
		struct bgp_advertisement *a = array_push(&c->bgp_advertisements);
		int rc = a == NULL ? -ENOMEM : advertisement_read(e, a);
		return rc != 0 ? rc : list_add(&b->bgp_advertisements, e);
	}
	if (strcmp(e->kind->name, "BFDProfile") == 0) {
		struct bfd_profile *p = array_push(&c->bfd_profiles);
		if (p == NULL)
			return -ENOMEM;
		bfd_profile_read(e, p);
	}
	return 0;
}

void bgp_peer_done(struct bgp_peer *p)
{
	intern_unref(p->name);
	intern_unref(p->interface);
	intern_unref(p->password_file);
	intern_unref(p->password_secret);
	intern_unref(p->bfd_profile);
	intern_unref(p->vrf);
	selectors_done(&p->node_selectors);
	if (p->password != NULL)
		explicit_bzero(p->password, strlen(p->password));
	free(p->password);
}

void bgp_advertisement_done(struct bgp_advertisement *a)
{
	intern_unref(a->name);
	names_done(&a->pools);
	names_done(&a->peers);
	selectors_done(&a->pool_selectors);
	selectors_done(&a->node_selectors);
	selectors_done(&a->service_selectors);
	array_free(&a->communities);
}

void config_bgp_done(struct config *c)
{
	for (size_t i = 0; i < c->bgp_peers.count; i++)
		bgp_peer_done(&c->bgp_peers.items[i]);
	for (size_t i = 0; i < c->bgp_advertisements.count; i++)
		bgp_advertisement_done(&c->bgp_advertisements.items[i]);
	for (size_t i = 0; i < c->bfd_profiles.count; i++)
		intern_unref(c->bfd_profiles.items[i].name);
	for (size_t i = 0; i < c->communities.count; i++)
		intern_unref(c->communities.items[i].name);
	array_free(&c->bgp_peers);
	array_free(&c->bgp_advertisements);
	array_free(&c->bfd_profiles);
	array_free(&c->communities);
}
