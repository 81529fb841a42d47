// SPDX-License-Identifier: Apache-2.0
/*
 * A node may have a million routes, of which two or three are default routes. So no cache of
 * libnl's is filled: of each message only the header is looked at, unless the route is a default
 * one. An event about such a route has all of them read again.
 */
#include "speaker/gateway_io.h"

#include <stdlib.h>

#include <netlink/netlink.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/socket.h>

#include "lib/base/duration.h"
#include "lib/base/log.h"
#include "lib/base/must.h"

#define SETTLE_MS 200  /* a route is often replaced in two steps */
#define RETRY_MS  5000 /* after a reading that failed */

struct gateway_io {
	struct gateway_io_cfg cfg;
	struct nl_sock *events;
	struct taken_ranges gateways;
	struct overlap_report *report;
	struct config *config;
	uv_poll_t poll;
	uv_timer_t soon;
	unsigned handles;
};

/* --- what the kernel says ------------------------------------------------------------------ */

static bool is_of_default_route(struct nl_msg *msg)
{
	const struct nlmsghdr *h = nlmsg_hdr(msg);
	const struct rtmsg *route = nlmsg_data(nlmsg_hdr(msg));

	return (h->nlmsg_type == RTM_NEWROUTE || h->nlmsg_type == RTM_DELROUTE) &&
	       nlmsg_valid_hdr(h, sizeof(*route)) && route->rtm_dst_len == 0 &&
	       route->rtm_type == RTN_UNICAST && (route->rtm_flags & RTM_F_CLONED) == 0;
}

static void nexthop_take(struct rtnl_nexthop *hop, void *arg)
{
	struct gateway_io *g = arg;
	struct nl_addr *via = rtnl_route_nh_get_gateway(hop);

	if (via == NULL)
		via = rtnl_route_nh_get_via(hop); /* IPv4 by way of IPv6, RFC 5549 */
	if (via == NULL || (nl_addr_get_len(via) != 4 && nl_addr_get_len(via) != 16))
		return;
	struct ip_addr ip = ip_from_bytes(nl_addr_get_len(via) == 4 ? IP_V4 : IP_V6,
					  nl_addr_get_binary_addr(via));
	for (size_t i = 0; i < g->gateways.count; i++)
		if (ip_equal(&g->gateways.items[i].range.first, &ip))
			return; /* of another table or metric, too */
	if (taken_add_address(&g->gateways, OVERLAP_GATEWAY, &ip, g->cfg.node) != 0)
		must(NULL);
}

static void route_take(struct nl_object *object, void *arg)
{
	rtnl_route_foreach_nexthop((struct rtnl_route *)object, nexthop_take, arg);
}

static int on_dumped(struct nl_msg *msg, void *arg)
{
	if (is_of_default_route(msg))
		nl_msg_parse(msg, route_take, arg);
	return NL_OK;
}

static int routes_read(struct gateway_io *g)
{
	struct rtmsg all = { .rtm_family = AF_UNSPEC };
	struct nl_sock *sock = nl_socket_alloc();
	int rc = sock == NULL ? -NLE_NOMEM : nl_connect(sock, NETLINK_ROUTE);

	taken_done(&g->gateways);
	if (rc == 0) {
		nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_dumped, g);
		rc = nl_send_simple(sock, RTM_GETROUTE, NLM_F_DUMP, &all, sizeof(all));
	}
	if (rc >= 0)
		rc = nl_recvmsgs_default(sock);
	nl_socket_free(sock);
	return rc;
}

static void look(struct gateway_io *g)
{
	struct overlaps found = { 0 };

	if (g->config == NULL)
		return;
	if (overlaps_find(g->config, &g->gateways, &found) != 0)
		must(NULL);
	overlap_report_add(g->report, &found);
	overlap_report_end(g->report, g->config);
	overlaps_done(&found);
}

/* --- events -------------------------------------------------------------------------------- */

static void on_soon(uv_timer_t *t)
{
	struct gateway_io *g = t->data;
	int rc = routes_read(g);

	if (rc >= 0) {
		look(g);
		return;
	}
	if (rc != -NLE_DUMP_INTR) /* routes changed under the reading */
		log_warn("gateway", "cannot read the routes, retrying", "err=\"%s\"",
			 nl_geterror(rc));
	uv_timer_start(t, on_soon, RETRY_MS, 0);
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct gateway_io *g = arg;

	if (is_of_default_route(msg))
		uv_timer_start(&g->soon, on_soon, SETTLE_MS, 0);
	return NL_OK;
}

/* Events that were lost may have been about a default route. */
static void on_events(uv_poll_t *poll, int status, int events)
{
	struct gateway_io *g = poll->data;
	int rc;

	(void)events;
	do
		rc = nl_recvmsgs_default(g->events);
	while (rc >= 0);
	if (rc != -NLE_AGAIN || status < 0)
		uv_timer_start(&g->soon, on_soon, SETTLE_MS, 0);
	if (status < 0) /* libuv stops the handle of a socket that has an error pending */
		uv_poll_start(poll, UV_READABLE, on_events);
}

static int subscribe(struct gateway_io *g)
{
	g->events = nl_socket_alloc();
	if (g->events == NULL)
		return -NLE_NOMEM;
	nl_socket_disable_seq_check(g->events); /* nobody asked for what comes */
	nl_socket_modify_cb(g->events, NL_CB_VALID, NL_CB_CUSTOM, on_message, g);
	int rc = nl_connect(g->events, NETLINK_ROUTE);
	if (rc == 0)
		rc = nl_socket_set_nonblocking(g->events);
	if (rc == 0)
		rc = nl_socket_add_memberships(g->events, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
					       0);
	return rc;
}

/* --- life ---------------------------------------------------------------------------------- */

static void gateway_io_free(struct gateway_io *g)
{
	taken_done(&g->gateways);
	overlap_report_free(g->report);
	config_unref(g->config);
	nl_socket_free(g->events);
	free(g);
}

struct gateway_io *gateway_io_open(const struct gateway_io_cfg *cfg)
{
	struct gateway_io *g = must(calloc(1, sizeof(*g)));

	g->cfg = *cfg;
	g->report = overlap_report_new(&cfg->report);
	int rc = subscribe(g);
	if (rc >= 0)
		rc = routes_read(g);
	if (rc < 0)
		log_warn("gateway", "cannot follow the routes", "err=\"%s\"", nl_geterror(rc));
	if (rc >= 0)
		rc = uv_poll_init(cfg->loop, &g->poll, nl_socket_get_fd(g->events));
	if (rc < 0) {
		gateway_io_free(g);
		return NULL;
	}
	uv_timer_init(cfg->loop, &g->soon);
	g->poll.data = g->soon.data = g;
	g->handles = 2;
	uv_poll_start(&g->poll, UV_READABLE, on_events);
	return g;
}

void gateway_io_config(struct gateway_io *g, struct config *c)
{
	if (g == NULL)
		return;
	config_unref(g->config);
	g->config = config_ref(c);
	look(g);
}

static void on_closed(uv_handle_t *handle)
{
	struct gateway_io *g = handle->data;

	if (--g->handles == 0)
		gateway_io_free(g);
}

struct gateway_io *gateway_io_close(struct gateway_io *g)
{
	if (g != NULL) {
		uv_close((uv_handle_t *)&g->poll, on_closed);
		uv_close((uv_handle_t *)&g->soon, on_closed);
	}
	return NULL;
}
