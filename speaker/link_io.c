// SPDX-License-Identifier: Apache-2.0
/*
 * A table of links by index, fed by a dump at the start and by events after it. The
 * subscription comes before the dump, so nothing falls between them; being told a
 * thing twice is harmless.
 */
#include "speaker/link_io.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/socket.h>

#include "lib/base/log.h"
#include "lib/base/tree.h"
#include "lib/daemon/loop.h"

#define EVENT_BUFFER (1 << 20) /* bytes; a node with many pods sees bursts of links */
#define ERRORS_MAX   64        /* in a row, before others have their turn */

struct entry {
	RB_ENTRY(entry) by_ifindex;
	struct l2_link link;
	bool seen; /* in the dump under way */
	bool told;
};

RB_HEAD(entry_tree, entry);

struct link_io {
	struct link_io_cfg cfg;
	struct nl_sock *events;
	uv_poll_t poll;
	struct entry_tree entries;
	struct log_limit lost_log;
	bool lost; /* what is known may be wrong: read all again */
};

static int entry_cmp(const struct entry *a, const struct entry *b)
{
	return (a->link.ifindex > b->link.ifindex) - (a->link.ifindex < b->link.ifindex);
}

TREE_GENERATE(entry_tree, entry, by_ifindex, entry_cmp)

static struct entry *entry_find(struct link_io *l, unsigned ifindex)
{
	struct entry key = { .link.ifindex = ifindex };

	return RB_FIND(entry_tree, &l->entries, &key);
}

static void entry_remove(struct link_io *l, struct entry *e)
{
	if (e->told)
		l->cfg.remove(l->cfg.arg, e->link.ifindex);
	RB_REMOVE(entry_tree, &l->entries, e);
	free(e);
}

static void entry_tell(struct link_io *l, struct entry *e)
{
	e->told = true;
	l->cfg.set(l->cfg.arg, &e->link);
}

/* --- what the kernel says ------------------------------------------------------------------ */

static struct entry *link_take(struct link_io *l, struct rtnl_link *from)
{
	unsigned ifindex = (unsigned)rtnl_link_get_ifindex(from);
	struct entry *e = entry_find(l, ifindex);
	const struct nl_addr *mac = rtnl_link_get_addr(from);

	if (e == NULL) {
		e = calloc(1, sizeof(*e));
		if (e == NULL)
			abort();
		e->link.ifindex = ifindex;
		RB_INSERT(entry_tree, &l->entries, e);
	}
	const char *name = rtnl_link_get_name(from);
	snprintf(e->link.name, sizeof(e->link.name), "%s", name == NULL ? "" : name);
	memset(e->link.mac, 0, sizeof(e->link.mac));
	if (mac != NULL && nl_addr_get_len(mac) == sizeof(e->link.mac))
		memcpy(e->link.mac, nl_addr_get_binary_addr(mac), sizeof(e->link.mac));
	e->link.hw_type = (uint16_t)rtnl_link_get_arptype(from);
	e->link.flags = rtnl_link_get_flags(from);
	e->link.enslaved = rtnl_link_get_master(from) > 0;
	e->seen = true;
	return e;
}

/* The address, if it is link-local IPv6; family IP_NONE otherwise. */
static struct ip_addr link_local_of(struct rtnl_addr *from)
{
	const struct nl_addr *local = rtnl_addr_get_local(from);
	struct ip_addr none = { 0 };

	if (rtnl_addr_get_family(from) != AF_INET6 || local == NULL || nl_addr_get_len(local) != 16)
		return none;
	const uint8_t *b = nl_addr_get_binary_addr(local);
	return b[0] == 0xfe && (b[1] & 0xc0) == 0x80 ? ip_from_bytes(IP_V6, b) : none;
}

/* Returns the link if it changed. The first usable address stays until it goes. */
static struct entry *address_take(struct link_io *l, struct rtnl_addr *from, bool gone)
{
	struct entry *e = entry_find(l, (unsigned)rtnl_addr_get_ifindex(from));
	struct ip_addr ip = link_local_of(from);
	bool usable =
		!gone && (rtnl_addr_get_flags(from) & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) == 0;

	if (e == NULL || ip.family == IP_NONE)
		return NULL;
	if (usable && e->link.link_local.family == IP_NONE) {
		e->link.link_local = ip;
		return e;
	}
	if (!usable && ip_equal(&e->link.link_local, &ip)) {
		e->link.link_local = (struct ip_addr){ 0 };
		l->lost = true; /* there may be another one: look */
		return e;
	}
	return NULL;
}

/* --- reading all --------------------------------------------------------------------------- */

static void dump_link(struct nl_object *object, void *arg)
{
	struct entry *e = link_take(arg, (struct rtnl_link *)object);

	e->link.link_local = (struct ip_addr){ 0 };
}

static void dump_address(struct nl_object *object, void *arg)
{
	address_take(arg, (struct rtnl_addr *)object, false);
}

static int read_all(struct link_io *l)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_cache *links = NULL, *addresses = NULL;
	struct entry *e, *next;
	int rc = sock == NULL ? -NLE_NOMEM : nl_connect(sock, NETLINK_ROUTE);

	if (rc == 0)
		rc = rtnl_link_alloc_cache(sock, AF_UNSPEC, &links);
	if (rc == 0)
		rc = rtnl_addr_alloc_cache(sock, &addresses);
	if (rc == 0) {
		RB_FOREACH (e, entry_tree, &l->entries)
			e->seen = false;
		nl_cache_foreach(links, dump_link, l);
		nl_cache_foreach(addresses, dump_address, l);
		l->lost = false;
		for (e = RB_MIN(entry_tree, &l->entries); e != NULL; e = next) {
			next = RB_NEXT(entry_tree, &l->entries, e);
			if (e->seen)
				entry_tell(l, e);
			else
				entry_remove(l, e);
		}
	}
	nl_cache_free(addresses);
	nl_cache_free(links);
	nl_socket_free(sock);
	if (rc == 0)
		return 0;
	log_error("link", "cannot read the links", "err=\"%s\"", nl_geterror(rc));
	return -EIO;
}

/* --- events -------------------------------------------------------------------------------- */

struct event {
	struct link_io *io;
	int type; /* RTM_* */
};

static void event_object(struct nl_object *object, void *arg)
{
	const struct event *event = arg;
	struct link_io *l = event->io;
	struct entry *e = NULL;

	if (event->type == RTM_NEWADDR || event->type == RTM_DELADDR) {
		e = address_take(l, (struct rtnl_addr *)object, event->type == RTM_DELADDR);
	} else if (rtnl_link_get_family((struct rtnl_link *)object) != AF_UNSPEC) {
		return; /* a bridge speaks of its port: the link itself is told apart */
	} else if (event->type == RTM_NEWLINK) {
		if (rtnl_link_get_addr((struct rtnl_link *)object) == NULL &&
		    rtnl_link_get_arptype((struct rtnl_link *)object) == ARPHRD_ETHER)
			return; /* a part only, such as wireless events are */
		e = link_take(l, (struct rtnl_link *)object);
	} else if (event->type == RTM_DELLINK) {
		struct entry *old =
			entry_find(l, (unsigned)rtnl_link_get_ifindex((struct rtnl_link *)object));
		if (old != NULL)
			entry_remove(l, old);
	}
	if (e != NULL)
		entry_tell(l, e);
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct event event = { .io = arg, .type = nlmsg_hdr(msg)->nlmsg_type };

	nl_msg_parse(msg, event_object, &event);
	return NL_OK;
}

/*
 * Take in all that is queued. Whether something was lost: with its buffer full (ENOBUFS) the kernel
 * drops the newest events and keeps the oldest, so the queue must be empty before all is read
 * again, or what it still holds would be taken for news after it.
 */
static bool drain(struct link_io *l)
{
	unsigned errors = 0;

	while (errors < ERRORS_MAX) {
		int rc = nl_recvmsgs_default(l->events);
		if (rc == -NLE_AGAIN)
			break;
		errors += rc < 0;
	}
	return errors > 0;
}

static void on_events(uv_poll_t *poll, int status, int events)
{
	struct link_io *l = poll->data;

	(void)events;
	if (drain(l) || status < 0) {
		if (log_limit_pass(&l->lost_log, daemon_now_ns()))
			log_warn("link", "events lost, reading all links again", "");
		l->lost = true;
	}
	if (l->lost)
		read_all(l);
	if (status < 0) /* libuv stops the handle of a socket that has an error pending */
		uv_poll_start(poll, UV_READABLE, on_events);
}

static int subscribe(struct link_io *l)
{
	l->events = nl_socket_alloc();
	if (l->events == NULL)
		return -NLE_NOMEM;
	nl_socket_disable_seq_check(l->events); /* nobody asked for what comes */
	nl_socket_modify_cb(l->events, NL_CB_VALID, NL_CB_CUSTOM, on_message, l);
	int rc = nl_connect(l->events, NETLINK_ROUTE);
	if (rc == 0)
		rc = nl_socket_set_nonblocking(l->events);
	if (rc == 0)
		rc = nl_socket_set_buffer_size(l->events, EVENT_BUFFER, 0);
	if (rc == 0)
		rc = nl_socket_add_memberships(l->events, RTNLGRP_LINK, RTNLGRP_IPV6_IFADDR, 0);
	return rc;
}

static void link_io_free(struct link_io *l)
{
	for (struct entry *e; (e = RB_MIN(entry_tree, &l->entries)) != NULL;) {
		RB_REMOVE(entry_tree, &l->entries, e);
		free(e);
	}
	nl_socket_free(l->events);
	free(l);
}

int link_io_open(const struct link_io_cfg *cfg, struct link_io **ret)
{
	struct link_io *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	l->cfg = *cfg;
	l->poll.data = l;
	l->lost_log = (struct log_limit){ .every_ns = 10 * NS_PER_S, .burst = 5 };
	int rc = subscribe(l);
	if (rc < 0) {
		log_error("link", "cannot follow the links", "err=\"%s\"", nl_geterror(rc));
		link_io_free(l);
		return -EIO;
	}
	rc = read_all(l);
	if (rc == 0)
		rc = uv_poll_init(cfg->loop, &l->poll, nl_socket_get_fd(l->events));
	if (rc < 0) {
		link_io_free(l);
		return rc;
	}
	uv_poll_start(&l->poll, UV_READABLE, on_events);
	*ret = l;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	link_io_free(handle->data);
}

struct link_io *link_io_close(struct link_io *l)
{
	if (l != NULL)
		uv_close((uv_handle_t *)&l->poll, on_closed);
	return NULL;
}
