// SPDX-License-Identifier: Apache-2.0
/*
 * What BGP peers refer to, and what FRR does not let two of them do on one node (compatibility page
 * 1.4): be the same router, or speak for different routers or AS numbers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/model/config_build.h"
#include "lib/model/places.h"
#include "lib/model/schema.h"

#define SECRET_TYPE "kubernetes.io/basic-auth"

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *text_of(const cJSON *value, const char *absent)
{
	return cJSON_IsString(value) ? value->valuestring : absent;
}

/* --- what a peer refers to -------------------------------------------------------------------- */

/* A profile that is there but faulty has its own fault. */
static bool profile_is_known(const struct build *b, const char *name)
{
	if (config_bfd_profile(b->config, name) != NULL)
		return true;
	for (size_t i = 0; i < b->entries.count; i++)
		if (strcmp(b->entries.items[i].kind->name, "BFDProfile") == 0 &&
		    strcmp(b->entries.items[i].name, name) == 0)
			return true;
	return false;
}

static void profile_check(struct build *b, const struct bgp_peer *p, struct build_entry *e)
{
	struct build_cursor at;
	char summary[1024];

	if (p->bfd_profile == NULL || b->inputs->references_may_come ||
	    profile_is_known(b, p->bfd_profile))
		return;
	build_cursor_at(b, e, &at);
	struct json j = json_get(&at.spec, "bfdProfile");
	snprintf(summary, sizeof(summary), "peer %s referencing non existing bfd profile %s",
		 p->name, p->bfd_profile);
	build_refuse(b, e, NULL, BUILD_PEERS, &j, summary, "there is no BFDProfile \"%s\"",
		     p->bfd_profile);
}

static const cJSON *secret_find(const struct config_inputs *in, const char *name)
{
	for (size_t i = 0; i < in->secret_count; i++) {
		const cJSON *metadata = get(in->secrets[i], "metadata");
		const char *ns = text_of(get(metadata, "namespace"), in->ns);

		if (strcmp(text_of(get(metadata, "name"), ""), name) == 0 &&
		    (ns == NULL || in->ns == NULL || strcmp(ns, in->ns) == 0))
			return in->secrets[i];
	}
	return NULL;
}

/* 0 with the password in @p, -EINVAL when there is none, or -ENOMEM. */
static int password_read(const cJSON *secret, struct bgp_peer *p)
{
	const cJSON *plain = get(get(secret, "stringData"), "password"); /* wins, as in the API */
	const cJSON *encoded = get(get(secret, "data"), "password");
	size_t len;

	if (cJSON_IsString(plain))
		return (p->password = strdup(plain->valuestring)) == NULL ? -ENOMEM : 0;
	return cJSON_IsString(encoded) ? base64_bytes(encoded->valuestring, &p->password, &len)
				       : -EINVAL;
}

/* Read the password out of its Secret, where Secrets are given. */
static int secret_read(struct build *b, struct bgp_peer *p, struct build_entry *e)
{
	const struct config_inputs *in = b->inputs;
	const char *default_ns = in->ns == NULL ? "" : in->ns;
	const char *peer_ns =
		text_of(get(get(e->input->object, "metadata"), "namespace"), default_ns);
	const cJSON *secret =
		p->password_secret == NULL ? NULL : secret_find(in, p->password_secret);
	const char *ns = text_of(get(get(secret, "metadata"), "namespace"), default_ns);
	char said[512], why[256], summary[1024];
	int rc = 0;

	if (p->password_secret == NULL || (secret == NULL && !in->secrets_complete))
		return 0;
	if (secret == NULL) {
		snprintf(why, sizeof(why), "there is no Secret \"%s\"", p->password_secret);
		snprintf(said, sizeof(said), "secret ref not found for peer config \"%s\"/\"%s\"",
			 peer_ns, p->name);
	} else if (strcmp(text_of(get(secret, "type"), "Opaque"), SECRET_TYPE) != 0) {
		snprintf(why, sizeof(why), "Secret \"%s\" is not of type " SECRET_TYPE,
			 p->password_secret);
		/* The blank at the end is MetalLB's. */
		snprintf(said, sizeof(said),
			 "secret type mismatch on \"%s\"/\"%s\", type \"" SECRET_TYPE
			 "\" is expected ",
			 ns, p->password_secret);
	} else {
		rc = password_read(secret, p);
		if (rc != -EINVAL)
			return rc;
		snprintf(why, sizeof(why), "Secret \"%s\" has no password", p->password_secret);
		snprintf(said, sizeof(said), "password not specified in the secret \"%s\"/\"%s\"",
			 ns, p->password_secret);
	}
	struct build_cursor at;
	build_cursor_at(b, e, &at);
	struct json j = json_get(&at.spec, "passwordSecret");
	snprintf(summary, sizeof(summary),
		 "parsing peer %s %s\nfailed to parse peer %s password secret", p->name, said,
		 p->name);
	build_refuse(b, e, NULL, BUILD_PEERS, &j, summary, "%s", why);
	return 0;
}

/* --- two of them on one node ------------------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
	return a == b; /* both interned */
}

/* MetalLB's name for the router at the other end. */
static const char *identifier(const struct bgp_peer *p, char *buf, size_t size)
{
	char address[IP_TEXT_MAX];

	snprintf(buf, size, "%s%s%s",
		 p->interface != NULL ? p->interface : ip_format(&p->address, address),
		 p->vrf != NULL ? "-" : "", p->vrf != NULL ? p->vrf : "");
	return buf;
}

enum config_frr config_frr_limits(const char *bgp_type, enum config_frr otherwise)
{
	bool frr = bgp_type != NULL &&
		   (strcmp(bgp_type, "frr") == 0 || strcmp(bgp_type, "frr-k8s") == 0);

	return frr ? FRR_LIMITS_REFUSE : otherwise;
}

enum contradiction { NONE, ROUTER_ID, SAME_PEER, MY_ASN };

static bool is_same_peer(const struct bgp_peer *p, const struct bgp_peer *q)
{
	return same_text(p->vrf, q->vrf) && ip_equal(&p->address, &q->address) &&
	       same_text(p->interface, q->interface);
}

/* For FRR. */
static enum contradiction contradict(const struct bgp_peer *p, const struct bgp_peer *q)
{
	if (!ip_equal(&p->router_id, &q->router_id))
		return ROUTER_ID;
	if (is_same_peer(p, q))
		return SAME_PEER;
	return p->my_asn != q->my_asn && same_text(p->vrf, q->vrf) ? MY_ASN : NONE;
}

/* May @i and @k of the peers not be on one node? */
static enum contradiction contradiction_of(const struct build *b, size_t i, size_t k)
{
	const struct bgp_peer *p = &b->config->bgp_peers.items[i];
	const struct bgp_peer *q = &b->config->bgp_peers.items[k];
	const struct build_list *entries = &b->bgp_peers;

	/* Between file and resource this is about one router, whatever its two names are. */
	if (entries->items[i]->input->from_file != entries->items[k]->input->from_file &&
	    is_same_peer(p, q))
		return SAME_PEER;
	return b->inputs->frr == FRR_LIMITS_IGNORE ? NONE : contradict(p, q);
}

/* Why @p cannot be on one node with @q, in our words and in MetalLB's. */
static void explain(enum contradiction what, const struct bgp_peer *p, const struct bgp_peer *q,
		    char *why, size_t why_size, char *summary, size_t summary_size)
{
	char id[256], other_id[256], router[IP_TEXT_MAX], other_router[IP_TEXT_MAX];

	identifier(p, id, sizeof(id));
	identifier(q, other_id, sizeof(other_id));
	switch (what) {
	case ROUTER_ID:
		snprintf(why, why_size, "is not that of BGPPeer \"%s\", which is on the same node",
			 q->name);
		snprintf(summary, summary_size,
			 "peer %s has RouterID different from %s, in FRR mode peers selecting the "
			 "same node must all have the same RouterID",
			 ip_format(&p->router_id, router), ip_format(&q->router_id, other_router));
		break;
	case SAME_PEER:
		snprintf(why, why_size, "%s already exists on the same node, as BGPPeer \"%s\"", id,
			 q->name);
		snprintf(summary, summary_size,
			 "peer %s already exists, FRR mode doesn't support duplicate BGPPeers "
			 "selecting the same node",
			 id);
		break;
	case MY_ASN:
		snprintf(why, why_size,
			 "is not that of BGPPeer \"%s\", which is on the same node and in the same "
			 "VRF",
			 q->name);
		snprintf(summary, summary_size,
			 "peer %s has myAsn different from %s, in FRR mode peers selecting the "
			 "same node must have the same myAsn within the same VRF",
			 id, other_id);
		break;
	case NONE:
		break;
	}
}

/* @p, of @e, cannot be on one node with @q, of @other; or FRR could not do it. */
static void report(struct build *b, enum contradiction what, const struct bgp_peer *p,
		   struct build_entry *e, const struct bgp_peer *q, const struct build_entry *other)
{
	const char *const fields[] = {
		[ROUTER_ID] = "routerID",
		[SAME_PEER] = p->interface != NULL ? "interface" : "peerAddress",
		[MY_ASN] = "myASN",
	};
	char why[512] = "", summary[1024] = "";
	struct build_cursor at;

	build_cursor_at(b, e, &at);
	struct json j = json_get(&at.spec, fields[what]);
	explain(what, p, q, why, sizeof(why), summary, sizeof(summary));
	bool file_wins = what == SAME_PEER && other->input->from_file && !e->input->from_file;
	if (file_wins || b->inputs->frr == FRR_LIMITS_REFUSE)
		build_refuse(b, e, other, BUILD_PEERS_TOGETHER, &j, summary, "%s", why);
	else
		json_warn(&j, "%s; MetalLB with FRR refuses that", why);
}

/*
 * Each with each: there are hardly more peers than racks, and only those that contradict each other
 * are asked whether they meet.
 */
static void pairs_check(struct build *b, const struct place_set *sets)
{
	const struct bgp_peers *peers = &b->config->bgp_peers;

	for (size_t i = 0; i < peers->count; i++) {
		struct build_entry *e = b->bgp_peers.items[i];
		for (size_t k = 0; k < i && !e->dropped && sets[i].words != NULL; k++) {
			struct build_entry *other = b->bgp_peers.items[k];
			enum contradiction what = contradiction_of(b, i, k);
			if (what == NONE || other->dropped || sets[k].words == NULL ||
			    !place_sets_meet(&sets[i], &sets[k]))
				continue;
			if (build_loser(e, other) == e) {
				report(b, what, &peers->items[i], e, &peers->items[k], other);
				break; /* one is enough for the user to find the others */
			}
			report(b, what, &peers->items[k], other, &peers->items[i], e);
		}
	}
}

/* The places of each peer that concerns the one who asks. */
static int peers_place(struct build *b, struct place_set *sets)
{
	const struct config_inputs *in = b->inputs;
	const struct bgp_peers *peers = &b->config->bgp_peers;
	const struct selectors **lists = calloc(peers->count + 1, sizeof(const struct selectors *));
	struct places *places = NULL;

	if (lists == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < peers->count; i++)
		lists[i] = &peers->items[i].node_selectors;
	int rc =
		places_new(in->own_node != NULL ? &in->own_node : in->nodes,
			   in->own_node != NULL ? 1 : in->node_count, lists, peers->count, &places);
	for (size_t i = 0; rc == 0 && i < peers->count; i++)
		if (build_concerns(b, lists[i]))
			rc = places_of(places, lists[i], &sets[i]);
	places_free(places);
	free(lists);
	return rc;
}

int build_peers_check(struct build *b)
{
	const struct bgp_peers *peers = &b->config->bgp_peers;
	struct place_set *sets = calloc(peers->count + 1, sizeof(*sets));
	int rc = sets == NULL ? -ENOMEM : peers_place(b, sets);

	for (size_t i = 0; rc == 0 && i < peers->count; i++) {
		if (!build_concerns(b, &peers->items[i].node_selectors))
			continue;
		profile_check(b, &peers->items[i], b->bgp_peers.items[i]);
		rc = secret_read(b, &peers->items[i], b->bgp_peers.items[i]);
	}
	if (rc == 0)
		pairs_check(b, sets);
	for (size_t i = 0; sets != NULL && i < peers->count; i++)
		free(sets[i].words);
	free(sets);
	return rc;
}
