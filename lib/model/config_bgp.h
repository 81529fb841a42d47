// SPDX-License-Identifier: Apache-2.0
/* What the user asks of BGP (compatibility page 1.3 to 1.6); a part of lib/model/config.h. */
#ifndef BELLMAN_MODEL_CONFIG_BGP_H
#define BELLMAN_MODEL_CONFIG_BGP_H

#include "lib/base/ip.h"
#include "lib/model/community.h"
#include "lib/model/meta.h"

#define BGP_PORT           179
#define BGP_DURATION_UNSET UINT64_MAX

/* Which AS a peer may be of when peer_asn does not say. */
enum bgp_dynamic_asn { BGP_ASN_FIXED, BGP_ASN_INTERNAL, BGP_ASN_EXTERNAL };

/* A router to speak BGP with; BGPPeer of v1beta1 and v1beta2 alike. Texts are interned. */
struct bgp_peer {
	const char *name;
	uint32_t my_asn;
	uint32_t peer_asn;  /* 0: dynamic_asn says */
	uint32_t local_asn; /* to show the peer instead of my_asn (RFC 7705); 0: none */
	enum bgp_dynamic_asn dynamic_asn;
	struct ip_addr address;   /* IP_NONE: unnumbered, over .interface */
	const char *interface;    /* NULL: .address says */
	struct ip_addr source;    /* IP_NONE: any */
	struct ip_addr router_id; /* IP_NONE: of the node */
	uint16_t port;            /* default BGP_PORT */

	/*
	 * In nanoseconds, or BGP_DURATION_UNSET. Where the user gives one of hold and keepalive the
	 * other is derived (a third, or three times); hold is 0 or 3..65535 s after cutting what is
	 * below a second.
	 */
	uint64_t hold_ns, keepalive_ns, connect_ns;

	struct selectors node_selectors; /* who opens the session; empty: every node */
	char *password;              /* TCP MD5, from .password or the Secret; NULL: none known */
	const char *password_file;   /* NULL: none */
	const char *password_secret; /* name of a Secret beside the peer; NULL: none */
	const char *bfd_profile;     /* NULL: no BFD */
	const char *vrf;             /* NULL: the default one */
	bool graceful_restart;
	bool multi_hop;  /* eBGP over routers */
	bool dual_stack; /* both families over one session */
};

/* How quickly a dead router is noticed (RFC 5880). 0: the default. */
struct bfd_profile {
	const char *name;                          /* interned */
	uint16_t receive_ms, transmit_ms, echo_ms; /* 10..60000 */
	uint8_t detect_multiplier;                 /* 2..255 */
	uint8_t minimum_ttl;                       /* 1..254, of multihop sessions */
	bool echo_mode, passive;
};

/* How addresses of pools become routes. */
struct bgp_advertisement {
	const char *name;   /* interned */
	struct names pools; /* spec.ipAddressPools */
	struct names peers; /* names of BGPPeers, known or not; empty: every peer */
	struct selectors pool_selectors, node_selectors, service_selectors;
	struct bgp_communities {
		ARRAY_OF(struct community); /* aliases resolved; sorted, none twice */
	} communities;
	uint32_t local_pref; /* 0: not set */
	uint32_t med;        /* Bellman's own */
	bool has_med;
	uint8_t as_path_prepend;                           /* Bellman's own: so many times more */
	uint8_t aggregation_length, aggregation_length_v6; /* default 32 and 128: none */
};

/* A name for a community, of whichever Community object. */
struct community_alias {
	const char *name; /* interned */
	struct community value;
};

/* Does advertisement @a reach pool @p, by name or by label? Both lists empty: every pool. */
struct pool;
bool bgp_advertisement_covers_pool(const struct bgp_advertisement *a, const struct pool *p);

#endif
