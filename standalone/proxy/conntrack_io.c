// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/conntrack_io.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/array.h"
#include "lib/base/duration.h"
#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/daemon/loop.h"
#include "standalone/proxy/ctnetlink.h"
#include "standalone/proxy/nfnl.h"

/* The kernel fills 32 KiB a time for who has room, some 150 flows. */
#define READ_MAX       (64 * 1024)
#define READS_PER_TURN 16

/*
 * The reading of one family, with a socket of its own: when it ends before its time, the kernel may
 * be in the midst of it, refuses another on that socket, and what it has sent is still to be read.
 */
struct dump {
	uv_poll_t poll;
	struct conntrack *conntrack;
	int fd;
};

struct conntrack {
	uv_loop_t *loop;
	struct dump *dump; /* NULL: nothing is being read */
	int delete;        /* a socket */
	uint32_t seq;

	struct flows *wanted, *current; /* for the next look, and for this one */
	uint8_t family;                 /* that is being read; 0: nothing is */
	struct {
		ARRAY_OF(struct ip_addr);
	} local; /* addresses of this node, sorted, while node ports are looked at */

	bool incomplete; /* this look: not all could be read */
	unsigned seen, stale;
	uint64_t began_ns;
	int64_t *deleted;
	int logged; /* the error that was logged last */
};

static void next_family(struct conntrack *c);

static void complain(struct conntrack *c, const char *what, int error)
{
	if (c->logged == error)
		return;
	c->logged = error;
	log_warn("conntrack", what, "err=\"%s\"%s", strerror(error),
		 error == EPERM ? " hint=\"needs CAP_NET_ADMIN\"" : "");
}

/* Part of what this look is for could not be had: it is looked for again in the next one. */
static void cannot_read(struct conntrack *c, const char *what, int error)
{
	c->incomplete = true;
	complain(c, what, error);
}

/* --- addresses of this node ------------------------------------------------------------------ */

static int by_address(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

/* Loopback has no node ports: what is sent there is for somebody on this host. */
static bool is_loopback(const struct ip_addr *a)
{
	static const uint8_t last_one[16] = { [15] = 1 };

	return a->family == IP_V4 ? a->bytes[0] == 127
				  : memcmp(a->bytes, last_one, sizeof(last_one)) == 0;
}

static void local_add(struct conntrack *c, const struct sockaddr *sa)
{
	struct ip_addr addr;

	if (sa != NULL && sa->sa_family == AF_INET)
		addr = ip_from_bytes(IP_V4,
				     &((const struct sockaddr_in *)(const void *)sa)->sin_addr);
	else if (sa != NULL && sa->sa_family == AF_INET6)
		addr = ip_from_bytes(IP_V6,
				     &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
	else
		return;
	if (!is_loopback(&addr))
		*(struct ip_addr *)must(array_push(&c->local)) = addr;
}

static void local_read(struct conntrack *c)
{
	struct ifaddrs *all;

	c->local.count = 0;
	if (!flows_need_local(c->current))
		return;
	if (getifaddrs(&all) != 0) {
		cannot_read(c, "cannot list this node's addresses", errno);
		return;
	}
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		local_add(c, i->ifa_addr);
	freeifaddrs(all);
	if (c->local.count > 0)
		qsort(c->local.items, c->local.count, sizeof(*c->local.items), by_address);
}

static bool is_local(const struct conntrack *c, const struct ip_addr *addr)
{
	return c->local.count > 0 && bsearch(addr, c->local.items, c->local.count,
					     sizeof(*c->local.items), by_address) != NULL;
}

/* --- one flow -------------------------------------------------------------------------------- */

static void look_at(struct conntrack *c, const struct nlmsghdr *message)
{
	_Alignas(struct nlmsghdr) char request[NFNL_REQUEST_MAX];
	struct flow flow;

	if (ctnetlink_read(message, &flow) != 0)
		return;
	c->seen++;
	if (!flows_stale(c->current, &flow, is_local(c, &flow.to)))
		return;
	size_t len = ctnetlink_write_delete(request, message, ++c->seq);
	/* No answer is asked for: a flow that has ended by itself meanwhile is no fault, and others
	 * show when the table is read. */
	if (len > 0 && send(c->delete, request, len, 0) == (ssize_t)len) {
		c->stale++;
	} else {
		complain(c, "cannot delete a flow", errno);
	}
}

/* The kernel says no more than errors there: each is one flow that was gone already, or why not. */
static void read_refusals(struct conntrack *c)
{
	_Alignas(struct nlmsghdr) char buf[4096];
	ssize_t len;

	while ((len = recv(c->delete, buf, sizeof(buf), 0)) > 0) {
		int left = (int)len;

		for (struct nlmsghdr *m = (void *)buf; nlmsg_ok(m, left);
		     m = nlmsg_next(m, &left)) {
			const struct nlmsgerr *e = nlmsg_data(m);

			if (m->nlmsg_type != NLMSG_ERROR || e->error == 0)
				continue;
			c->stale -= c->stale > 0;
			if (e->error != -ENOENT)
				complain(c, "cannot delete a flow", -e->error);
		}
	}
}

/* --- the table ------------------------------------------------------------------------------- */

static int netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
}

static void on_dump_closed(uv_handle_t *handle)
{
	struct dump *d = handle->data;

	close(d->fd);
	free(d);
}

static void dump_end(struct conntrack *c)
{
	if (c->dump != NULL)
		uv_close((uv_handle_t *)&c->dump->poll, on_dump_closed);
	c->dump = NULL;
}

static void on_readable(uv_poll_t *poll, int status, int events);

/* Ask for the flows of c->family. Returns 0 or a negative errno. */
static int dump_begin(struct conntrack *c)
{
	_Alignas(struct nlmsghdr) char request[NFNL_REQUEST_MAX];
	size_t len = ctnetlink_write_dump(request, c->family, ++c->seq);
	int fd = netlink_socket();

	if (fd == -1)
		return -errno;
	struct dump *d = must(calloc(1, sizeof(*d)));
	d->conntrack = c;
	d->fd = fd;
	int rc = send(fd, request, len, 0) == (ssize_t)len ? 0 : -errno;
	if (rc == 0)
		rc = uv_poll_init(c->loop, &d->poll, fd);
	if (rc != 0) {
		close(fd);
		free(d);
		return rc;
	}
	d->poll.data = d;
	c->dump = d;
	uv_poll_start(&d->poll, UV_READABLE, on_readable);
	return 0;
}

static void finish(struct conntrack *c)
{
	c->family = 0;
	*c->deleted += c->stale;
	if (c->stale > 0)
		log_info("conntrack", "flows to endpoints that are gone deleted",
			 "flows=%u of=%u ms=%llu", c->stale, c->seen,
			 (unsigned long long)((daemon_now_ns() - c->began_ns) / NS_PER_MS));
	if (c->incomplete) {
		/* What is wanted is newer. */
		flows_merge(c->current, c->wanted);
		flows_merge(c->wanted, c->current);
		return;
	}
	flows_forget(c->current);
	if (!flows_empty(c->wanted))
		conntrack_sweep(c, c->wanted);
}

/* Returns whether the dump is at its end. */
static bool take(struct conntrack *c, char *buf, int left)
{
	for (struct nlmsghdr *m = (void *)buf; nlmsg_ok(m, left); m = nlmsg_next(m, &left)) {
		if (m->nlmsg_type == NLMSG_DONE)
			return true;
		if (m->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = nlmsg_data(m);

			if (e->error != 0)
				cannot_read(c, "cannot read the table of flows", -e->error);
			return true;
		}
		look_at(c, m);
	}
	return false;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	static _Alignas(struct nlmsghdr) char buf[READ_MAX]; /* one thread */
	struct dump *d = poll->data;
	struct conntrack *c = d->conntrack;
	bool over = status < 0;

	(void)events;
	for (unsigned i = 0; i < READS_PER_TURN && !over; i++) {
		ssize_t len = recv(d->fd, buf, sizeof(buf), 0);

		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (len <= 0) {
			cannot_read(c, "cannot read the table of flows", errno);
			over = true;
		} else {
			over = take(c, buf, (int)len);
		}
	}
	read_refusals(c);
	if (over)
		next_family(c);
}

static void next_family(struct conntrack *c)
{
	dump_end(c);
	if (c->family == IP_V6) {
		finish(c);
		return;
	}
	c->family = c->family == 0 ? IP_V4 : IP_V6;
	int rc = dump_begin(c);
	if (rc != 0) {
		cannot_read(c, "cannot read the table of flows", -rc);
		finish(c);
	}
}

void conntrack_sweep(struct conntrack *c, struct flows *flows)
{
	if (c == NULL) {
		flows_forget(flows);
		return;
	}
	if (flows != c->wanted)
		flows_merge(c->wanted, flows);
	if (c->family != 0 || flows_empty(c->wanted))
		return;
	flows_merge(c->current, c->wanted);
	c->incomplete = false;
	local_read(c);
	c->seen = c->stale = 0;
	c->began_ns = daemon_now_ns();
	next_family(c);
}

void conntrack_expect(struct conntrack *c, const struct flows *coming)
{
	if (c == NULL)
		return;
	flows_allow(c->wanted, coming);
	flows_allow(c->current, coming);
}

/* --- life ------------------------------------------------------------------------------------ */

struct conntrack *conntrack_open(uv_loop_t *loop, int64_t *deleted)
{
	int fd = netlink_socket();

	if (fd == -1) {
		log_error("conntrack",
			  "no netlink socket: UDP flows stay with endpoints that are gone",
			  "err=\"%s\"", strerror(errno));
		return NULL;
	}
	struct conntrack *c = must(calloc(1, sizeof(*c)));
	c->loop = loop;
	c->delete = fd;
	c->wanted = flows_new();
	c->current = flows_new();
	c->deleted = deleted;
	return c;
}

struct conntrack *conntrack_close(struct conntrack *c)
{
	if (c == NULL)
		return NULL;
	dump_end(c);
	close(c->delete);
	flows_free(c->wanted);
	flows_free(c->current);
	array_free(&c->local);
	free(c);
	return NULL;
}
