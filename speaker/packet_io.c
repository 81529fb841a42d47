// SPDX-License-Identifier: Apache-2.0
#include "speaker/packet_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/tree.h"
#include "lib/daemon/loop.h"
#include "speaker/filter.h"

#define BATCH             64  /* frames a system call */
#define BATCHES           16  /* before others have their turn */
#define FRAME_ROOM        512 /* of what is received; longer ones are cut and then refused */
#define GROUPS_PER_SOCKET 256

struct receiver {
	struct packet_io *io;
	uv_poll_t poll;
	int fd;
	uint8_t family;
};

struct group_socket {
	int fd;
	unsigned groups;
	bool full; /* the kernel gave it no more memory */
};

struct membership {
	RB_ENTRY(membership) by_group;
	unsigned ifindex;
	struct ip_addr group;
	size_t socket; /* index */
};

RB_HEAD(membership_tree, membership);

struct packet_io {
	struct packet_io_cfg cfg;
	struct receiver arp, ndp;
	int send_fd;
	unsigned handles_open;
	struct {
		ARRAY_OF(struct group_socket);
	} sockets;
	struct membership_tree memberships;
	struct speaker_actions answers;
	struct log_limit send_log;

	struct batch {
		struct mmsghdr messages[BATCH];
		struct sockaddr_ll ends[BATCH]; /* where from or where to */
		struct iovec parts[BATCH];
	} in, out;
	uint8_t room[BATCH][FRAME_ROOM];
};

static int membership_cmp(const struct membership *a, const struct membership *b)
{
	if (a->ifindex != b->ifindex)
		return a->ifindex < b->ifindex ? -1 : 1;
	return ip_cmp(&a->group, &b->group);
}

TREE_GENERATE(membership_tree, membership, by_group, membership_cmp)

/* --- filters ------------------------------------------------------------------------------- */

static int attach(const struct receiver *r, const struct ip_prefix *prefixes, size_t count)
{
	struct sock_filter code[FILTER_LEN_MAX];
	struct sock_fprog program = { .filter = code };

	program.len = (unsigned short)(r->family == IP_V4 ? filter_arp(prefixes, count, code)
							  : filter_ndp(prefixes, count, code));
	if (setsockopt(r->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == -1)
		return -errno;
	return 0;
}

/* Bring the filter in line with what is announced; coarser where the kernel has no memory for it.
 */
static void filter_update(struct packet_io *io, const struct receiver *r)
{
	struct ip_prefix prefixes[L2_COVER_MAX];
	const struct ip_prefix any = { .addr.family = r->family };
	size_t max = L2_COVER_MAX, count;
	int rc;

	do {
		count = speaker_cover(io->cfg.speaker, r->family, max, prefixes);
		rc = attach(r, prefixes, count);
		max = count / 2;
	} while (rc == -ENOMEM && max > 0);
	if (rc == -ENOMEM)
		rc = attach(r, &any, 1);
	if (rc < 0)
		log_error("packet", "cannot filter, new addresses may not be answered",
			  "family=%s err=\"%s\"", r->family == IP_V4 ? "ipv4" : "ipv6",
			  strerror(-rc));
}

/* --- groups -------------------------------------------------------------------------------- */

static int membership_set(int fd, int option, unsigned ifindex, const struct ip_addr *group)
{
	struct ipv6_mreq request = { .ipv6mr_interface = ifindex };

	memcpy(&request.ipv6mr_multiaddr, group->bytes, sizeof(request.ipv6mr_multiaddr));
	return setsockopt(fd, IPPROTO_IPV6, option, &request, sizeof(request)) == -1 ? -errno : 0;
}

/* The index of a socket with room, opened if need be. Returns negative errno. */
static ssize_t group_socket_get(struct packet_io *io)
{
	size_t unused = io->sockets.count;

	for (size_t i = 0; i < io->sockets.count; i++) {
		const struct group_socket *s = &io->sockets.items[i];
		if (s->fd >= 0 && !s->full && s->groups < GROUPS_PER_SOCKET)
			return (ssize_t)i;
		if (s->fd < 0)
			unused = i;
	}
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	if (unused == io->sockets.count && array_push(&io->sockets) == NULL) {
		close(fd);
		return -ENOMEM;
	}
	io->sockets.items[unused] = (struct group_socket){ .fd = fd };
	return (ssize_t)unused;
}

static int join(struct packet_io *io, unsigned ifindex, const struct ip_addr *group)
{
	for (unsigned tries = 0;; tries++) {
		ssize_t at = group_socket_get(io);
		if (at < 0)
			return (int)at;
		struct group_socket *s = &io->sockets.items[at];
		int rc = membership_set(s->fd, IPV6_ADD_MEMBERSHIP, ifindex, group);
		if (rc == 0) {
			struct membership *m = calloc(1, sizeof(*m));
			if (m == NULL)
				abort();
			m->ifindex = ifindex;
			m->group = *group;
			m->socket = (size_t)at;
			RB_INSERT(membership_tree, &io->memberships, m);
			s->groups++;
			return 0;
		}
		/* A socket that holds some and takes no more is full; a fresh one says the truth.
		 */
		if ((rc != -ENOBUFS && rc != -ENOMEM) || s->groups == 0 || tries > 0)
			return rc;
		s->full = true;
	}
}

static void leave(struct packet_io *io, unsigned ifindex, const struct ip_addr *group)
{
	struct membership key = { .ifindex = ifindex, .group = *group };
	struct membership *m = RB_FIND(membership_tree, &io->memberships, &key);

	if (m == NULL)
		return; /* entering it had failed */
	struct group_socket *s = &io->sockets.items[m->socket];
	/* Fails where the interface is gone, and the membership with it. */
	membership_set(s->fd, IPV6_DROP_MEMBERSHIP, ifindex, group);
	s->full = false;
	if (--s->groups == 0) {
		close(s->fd);
		s->fd = -1;
	}
	RB_REMOVE(membership_tree, &io->memberships, m);
	free(m);
}

/* --- frames out ---------------------------------------------------------------------------- */

/* Send @count frames, at most BATCH; one that the kernel refuses is passed over. */
static void send_batch(struct packet_io *io, const struct speaker_action *frames, unsigned count)
{
	struct batch *b = &io->out;
	unsigned done = 0;

	for (unsigned i = 0; i < count; i++) {
		b->parts[i].iov_base = (void *)frames[i].frame.bytes;
		b->parts[i].iov_len = frames[i].frame.len;
		b->ends[i].sll_ifindex = (int)frames[i].ifindex;
		memcpy(&b->ends[i].sll_protocol, frames[i].frame.bytes + 2 * ETHER_ADDR_LEN,
		       sizeof(b->ends[i].sll_protocol));
	}
	while (done < count) {
		int n = sendmmsg(io->send_fd, b->messages + done, count - done, MSG_DONTWAIT);
		if (n > 0) {
			done += (unsigned)n;
			continue;
		}
		if (n == -1 && errno == EINTR)
			continue;
		if (log_limit_pass(&io->send_log, daemon_now_ns()))
			log_warn("packet", "cannot send, the frame is lost",
				 "ifindex=%u err=\"%s\"", frames[done].ifindex, strerror(errno));
		done++;
	}
}

void packet_io_do(struct packet_io *io, const struct speaker_actions *actions)
{
	char text[IP_TEXT_MAX];
	int rc;

	for (size_t i = 0; i < actions->count; i++) {
		const struct speaker_action *a = &actions->items[i];
		unsigned run = 1;

		switch (a->type) {
		case SPEAKER_FILTER:
			filter_update(io, a->family == IP_V4 ? &io->arp : &io->ndp);
			break;
		case SPEAKER_JOIN:
			rc = join(io, a->ifindex, &a->group);
			if (rc < 0)
				log_error("packet", "cannot join a solicited-node group",
					  "group=%s ifindex=%u err=\"%s\"",
					  ip_format(&a->group, text), a->ifindex, strerror(-rc));
			break;
		case SPEAKER_LEAVE:
			leave(io, a->ifindex, &a->group);
			break;
		case SPEAKER_SEND:
			while (run < BATCH && i + run < actions->count &&
			       a[run].type == SPEAKER_SEND)
				run++;
			send_batch(io, a, run);
			i += run - 1;
			break;
		default:
			break; /* for people: main.c's */
		}
	}
}

/* Tie the parts of a batch together, once for all. */
static void batch_init(struct batch *b)
{
	for (unsigned i = 0; i < BATCH; i++) {
		b->ends[i].sll_family = AF_PACKET;
		b->messages[i].msg_hdr = (struct msghdr){ .msg_name = &b->ends[i],
							  .msg_namelen = sizeof(b->ends[i]),
							  .msg_iov = &b->parts[i],
							  .msg_iovlen = 1 };
	}
}

/* --- frames in ----------------------------------------------------------------------------- */

/* Take one batch and answer it. Returns whether there was something. */
static bool receive_batch(struct receiver *r)
{
	struct packet_io *io = r->io;
	struct batch *b = &io->in;
	int n = recvmmsg(r->fd, b->messages, BATCH, MSG_DONTWAIT, NULL);

	for (int i = 0; i < n; i++) {
		speaker_frame(io->cfg.speaker, (unsigned)b->ends[i].sll_ifindex, io->room[i],
			      b->messages[i].msg_len, &io->answers);
		b->messages[i].msg_hdr.msg_namelen = sizeof(b->ends[i]); /* was cut to fit */
	}
	packet_io_do(io, &io->answers);
	speaker_actions_clear(&io->answers);
	return n > 0;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct receiver *r = poll->data;

	(void)events;
	for (unsigned i = 0; i < BATCHES && receive_batch(r); i++)
		;
	if (status < 0) /* libuv stops the handle of a socket with an error; reading took it */
		uv_poll_start(poll, UV_READABLE, on_readable);
}

/*
 * Bound only after the filter is there: between the two the socket would take every frame.
 */
static int receiver_open(struct packet_io *io, struct receiver *r, uint8_t family,
			 uint16_t protocol)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol) };
	const int on = 1;

	r->io = io;
	r->family = family;
	r->poll.data = r;
	r->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->fd == -1)
		return -errno;
	int rc = attach(r, NULL, 0);
	if (rc < 0)
		return rc;
	/* Kernels before 4.20 lack it; for a single protocol it matters little. */
	setsockopt(r->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	if (bind(r->fd, (const struct sockaddr *)&at, sizeof(at)) == -1)
		return -errno;
	rc = uv_poll_init(io->cfg.loop, &r->poll, r->fd);
	if (rc < 0)
		return rc;
	io->handles_open++;
	return uv_poll_start(&r->poll, UV_READABLE, on_readable);
}

static void packet_io_free(struct packet_io *io)
{
	for (struct membership *m; (m = RB_MIN(membership_tree, &io->memberships)) != NULL;) {
		RB_REMOVE(membership_tree, &io->memberships, m);
		free(m);
	}
	for (size_t i = 0; i < io->sockets.count; i++)
		if (io->sockets.items[i].fd >= 0)
			close(io->sockets.items[i].fd);
	array_free(&io->sockets);
	speaker_actions_done(&io->answers);
	if (io->arp.fd >= 0)
		close(io->arp.fd);
	if (io->ndp.fd >= 0)
		close(io->ndp.fd);
	if (io->send_fd >= 0)
		close(io->send_fd);
	free(io);
}

static void on_closed(uv_handle_t *handle)
{
	struct receiver *r = handle->data;

	if (--r->io->handles_open == 0)
		packet_io_free(r->io);
}

struct packet_io *packet_io_close(struct packet_io *io)
{
	if (io == NULL)
		return NULL;
	if (io->handles_open == 0)
		packet_io_free(io);
	else if (io->handles_open == 1)
		uv_close((uv_handle_t *)&io->arp.poll, on_closed);
	else {
		uv_close((uv_handle_t *)&io->arp.poll, on_closed);
		uv_close((uv_handle_t *)&io->ndp.poll, on_closed);
	}
	return NULL;
}

int packet_io_open(const struct packet_io_cfg *cfg, struct packet_io **ret)
{
	struct packet_io *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return -ENOMEM;
	io->cfg = *cfg;
	io->send_log = (struct log_limit){ .every_ns = 10 * NS_PER_S, .burst = 5 };
	io->arp.fd = io->ndp.fd = -1;
	batch_init(&io->in);
	batch_init(&io->out);
	for (unsigned i = 0; i < BATCH; i++)
		io->in.parts[i] = (struct iovec){ io->room[i], FRAME_ROOM };
	/* Protocol 0: it receives nothing. */
	io->send_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = io->send_fd == -1 ? -errno : 0;
	if (rc == 0)
		rc = receiver_open(io, &io->arp, IP_V4, ETH_P_ARP);
	if (rc == 0)
		rc = receiver_open(io, &io->ndp, IP_V6, ETH_P_IPV6);
	if (rc < 0) {
		packet_io_close(io);
		return rc;
	}
	*ret = io;
	return 0;
}
