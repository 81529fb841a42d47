// SPDX-License-Identifier: Apache-2.0
/*
 * One dump after the other on one socket. When somebody changes the rule set meanwhile, the kernel
 * marks the answer, which may lack something then, and the look begins again.
 */
#include "standalone/proxy/table_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "standalone/proxy/frame.h"
#include "standalone/proxy/json.h"
#include "standalone/proxy/nfnl.h"
#include "standalone/proxy/nftnetlink.h"
#include "standalone/proxy/transaction.h"

#define READ_MAX       (64 * 1024)
#define READS_PER_TURN 16
#define TRIES_MAX      10

struct look {
	uv_poll_t poll;
	int fd;
	uint32_t seq;
	enum nftnetlink_what what; /* is being read */
	unsigned set;              /* of the elements: 2 * enum rule_set, and 1 for IPv6 */
	bool interrupted;
	unsigned tries;

	struct table_seen seen;
	int error;
	table_done done;
	void *arg;
};

static void ask(struct look *l);

static void on_closed(uv_handle_t *handle)
{
	struct look *l = handle->data;

	l->done(l->arg, l->error, &l->seen);
	inherited_free(l->seen.found);
	close(l->fd);
	free(l);
}

static void finish(struct look *l, int error)
{
	l->error = error;
	if (error != 0 || !l->seen.frame)
		l->seen.found = inherited_free(l->seen.found);
	if (error != 0)
		l->seen = (struct table_seen){ 0 };
	uv_close((uv_handle_t *)&l->poll, on_closed);
}

static uint8_t family_of(const struct look *l)
{
	return l->set % 2 == 0 ? IP_V4 : IP_V6;
}

static void on_element(void *arg, const struct element *e, const char *chain)
{
	inherited_add_element(arg, e, chain);
}

static void take(struct look *l, const struct nlmsghdr *m)
{
	char name[NFT_NAME_MAX];

	if (l->what == NFT_ELEMENTS) {
		nftnetlink_read_elements(m, (enum rule_set)(l->set / 2), family_of(l),
					 l->seen.found, on_element);
		return;
	}
	if (nftnetlink_read_name(m, l->what, name) != 0)
		return;
	switch (l->what) {
	case NFT_TABLES:
		l->seen.kube_proxy |= strcmp(name, "kube-proxy") == 0;
		break;
	case NFT_CHAINS:
		l->seen.table = true;
		l->seen.frame |= strcmp(name, frame_id()) == 0;
		inherited_add_chain(l->seen.found, name);
		break;
	case NFT_SETS:
		l->seen.table = true;
		l->seen.affinity[0] |= strcmp(name, AFFINITY_SET("4")) == 0;
		l->seen.affinity[1] |= strcmp(name, AFFINITY_SET("6")) == 0;
		break;
	default:
		break;
	}
}

static void begin(struct look *l)
{
	inherited_free(l->seen.found);
	l->seen = (struct table_seen){ .found = inherited_new() };
	l->what = NFT_TABLES;
	l->set = 0;
	l->interrupted = false;
	ask(l);
}

static void begin_again(struct look *l)
{
	if (++l->tries < TRIES_MAX)
		begin(l);
	else
		finish(l, -EAGAIN);
}

/* One dump is over. */
static void next(struct look *l)
{
	if (l->interrupted) {
		begin_again(l);
		return;
	}
	if (l->what == NFT_ELEMENTS)
		l->set++;
	else
		l->what++;
	/* Elements of a table that will be replaced are nobody's business. */
	if (l->what == NFT_ELEMENTS && (!l->seen.frame || l->set == 2 * RULE_SETS))
		finish(l, 0);
	else
		ask(l);
}

/* Returns whether the dump is at its end. */
static bool take_all(struct look *l, char *buf, int left)
{
	for (struct nlmsghdr *m = (void *)buf; nlmsg_ok(m, left); m = nlmsg_next(m, &left)) {
		l->interrupted |= (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (m->nlmsg_type == NLMSG_DONE)
			return true;
		if (m->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = nlmsg_data(m);

			l->error = e->error;
			l->interrupted |= e->error == -EINTR;
			return true;
		}
		take(l, m);
	}
	return false;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	static _Alignas(struct nlmsghdr) char buf[READ_MAX]; /* one thread */
	struct look *l = poll->data;

	(void)status;
	(void)events;
	for (unsigned i = 0; i < READS_PER_TURN; i++) {
		ssize_t len = recv(l->fd, buf, sizeof(buf), 0);

		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (len <= 0) {
			finish(l, len < 0 ? -errno : -EPIPE);
			return;
		}
		if (!take_all(l, buf, (int)len))
			continue;
		if (l->error == -ENOENT && !l->seen.table)
			finish(l, 0); /* there is none to have chains */
		else if (l->error == -ENOENT)
			begin_again(l); /* it has gone since */
		else if (l->error != 0 && !l->interrupted)
			finish(l, l->error);
		else
			next(l);
		return;
	}
}

static void ask(struct look *l)
{
	_Alignas(struct nlmsghdr) char request[NFNL_REQUEST_MAX];
	char set[SET_NAME_MAX];

	if (l->what == NFT_ELEMENTS)
		transaction_set_name((enum rule_set)(l->set / 2), family_of(l), set);
	size_t len = nftnetlink_write_dump(request, l->what, l->what == NFT_ELEMENTS ? set : NULL,
					   ++l->seq);
	l->error = 0;
	if (send(l->fd, request, len, 0) != (ssize_t)len)
		finish(l, -errno);
}

static int netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
}

/* Ask on @fd for one chain. @ret_use: as nftnetlink_read_chain_use(). */
static int ask_for_chain(int fd, const char *name, uint32_t *ret_use)
{
	_Alignas(struct nlmsghdr) char request[NFNL_REQUEST_MAX], answer[4096];
	size_t len = nftnetlink_write_get_chain(request, name, 1);

	/* The kernel answers within send(). */
	ssize_t got = send(fd, request, len, 0) == (ssize_t)len
			      ? recv(fd, answer, sizeof(answer), 0)
			      : -1;
	const struct nlmsghdr *m = (void *)answer;
	if (got < 0)
		return -errno;
	if (!nlmsg_ok(m, (int)got))
		return -EBADMSG;
	if (m->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)nlmsg_data(m))->error;
	return nftnetlink_read_chain_use(m, ret_use);
}

int table_probe(void)
{
	int fd = netlink_socket();
	uint32_t use = 0;

	if (fd == -1)
		return -errno;
	int rc = ask_for_chain(fd, frame_id(), &use);
	for (size_t i = 0; rc == 0 && frame_hooks[i] != NULL; i++) {
		rc = ask_for_chain(fd, frame_hooks[i], &use);
		if (rc == 0 && use == 0)
			rc = -ENODATA; /* `nft flush table` leaves chains and elements */
	}
	close(fd);
	return rc;
}

void table_look(uv_loop_t *loop, table_done done, void *arg)
{
	struct look *l = must(calloc(1, sizeof(*l)));

	*l = (struct look){ .done = done, .arg = arg };
	l->fd = netlink_socket();
	int rc = l->fd == -1 ? -errno : uv_poll_init(loop, &l->poll, l->fd);
	if (rc != 0) {
		/* No handle to call back from: there is none left in the whole process. */
		struct table_seen nothing = { 0 };

		if (l->fd != -1)
			close(l->fd);
		free(l);
		done(arg, rc, &nothing);
		return;
	}
	l->poll.data = l;
	uv_poll_start(&l->poll, UV_READABLE, on_readable);
	begin(l);
}
