// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/streams.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/duration.h"
#include "lib/daemon/loop.h"
#include "standalone/apiserver/watch.h"

enum {
	STREAMS_MAX = 384,        /* so that there is always a connection left for the rest */
	STREAMS_OF_ADDRESS = 256, /* so that one host leaves some to the others */
	BLOCK = 16 << 10,
	STALL_S = 15, /* a client that takes nothing for so long is let go */
};

/* One watch. Lives from the queued answer until MHD is done with it. */
struct stream {
	struct streams *all;
	struct MHD_Connection *connection;
	struct watch *watch;
	struct in6_addr address;
	bool suspended, abandoned;
	uint64_t read_s; /* when it last took something */
	TAILQ_ENTRY(stream) entry;
};

struct streams {
	const struct api *api;
	struct httpd *httpd;
	TAILQ_HEAD(, stream) list;
	unsigned count;
	uint64_t announced; /* seq up to which they were woken */
	bool ending;
};

static uint64_t now_s(void)
{
	return daemon_now_ns() / NS_PER_S;
}

struct streams *streams_new(const struct api *a, struct httpd *httpd)
{
	struct streams *s = mem_zero(sizeof(*s));

	s->api = a;
	s->httpd = httpd;
	s->announced = store_visible(a->store);
	TAILQ_INIT(&s->list);
	return s;
}

struct streams *streams_free(struct streams *s)
{
	free(s);
	return NULL;
}

/* --- one stream ------------------------------------------------------------------------ */

static ssize_t read_stream(void *cls, uint64_t position, char *to, size_t max)
{
	struct stream *s = cls;

	(void)position;
	if (s->all->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (s->abandoned)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	s->read_s = now_s();
	size_t n = watch_read(s->watch, to, max, s->read_s);
	if (n > 0)
		return (ssize_t)n;
	if (watch_ended(s->watch))
		return MHD_CONTENT_READER_END_OF_STREAM;
	MHD_suspend_connection(s->connection);
	s->suspended = true;
	return 0;
}

static void free_stream(void *cls)
{
	struct stream *s = cls;

	TAILQ_REMOVE(&s->all->list, s, entry);
	s->all->count--;
	watch_free(s->watch);
	free(s);
}

static void resume(struct stream *s)
{
	if (!s->suspended)
		return;
	s->suspended = false;
	MHD_resume_connection(s->connection);
	httpd_kick(s->all->httpd);
}

/* An IPv4 address as one of IPv6, so that a client is the same by either socket. */
static struct in6_addr address_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct in6_addr a = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	if (info == NULL || info->client_addr == NULL)
		return a;
	if (info->client_addr->sa_family == AF_INET6)
		return ((const struct sockaddr_in6 *)info->client_addr)->sin6_addr;
	memcpy(&a.s6_addr[12], &((const struct sockaddr_in *)info->client_addr)->sin_addr, 4);
	return a;
}

bool streams_have_room(const struct streams *s, struct MHD_Connection *c)
{
	const struct in6_addr address = address_of(c);
	const struct stream *other;
	unsigned same = 0;

	TAILQ_FOREACH (other, &s->list, entry)
		same += memcmp(&other->address, &address, sizeof(address)) == 0;
	return s->count < STREAMS_MAX && same < STREAMS_OF_ADDRESS;
}

enum MHD_Result streams_begin(struct streams *all, struct MHD_Connection *c,
			      struct watch_spec *spec, const char *content_type)
{
	struct stream *s = mem_zero(sizeof(*s));

	s->all = all;
	s->connection = c;
	s->address = address_of(c);
	s->read_s = now_s();
	s->watch = watch_new(all->api, spec, s->read_s);
	TAILQ_INSERT_TAIL(&all->list, s, entry);
	all->count++;
	httpd_streams(c);

	struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK,
								   read_stream, s, free_stream);
	if (r == NULL) {
		free_stream(s);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	enum MHD_Result rc = MHD_queue_response(c, MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return rc;
}

/* --- all of them ----------------------------------------------------------------------- */

/* Does one of the changes that were committed since concern it? */
static bool is_concerned(const struct stream *s, uint64_t end)
{
	const struct history *history = store_history(s->all->api->store);

	for (uint64_t seq = s->all->announced; seq < end; seq++)
		if (watch_wakes_for(s->watch, seq, history_at(history, seq)))
			return true;
	return false;
}

void streams_wake(struct streams *all)
{
	uint64_t end = store_visible(all->api->store);
	struct stream *s;

	TAILQ_FOREACH (s, &all->list, entry)
		if (is_concerned(s, end))
			resume(s);
	all->announced = end;
}

static int socket_of(const struct stream *s)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(s->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info == NULL ? -1 : info->connect_fd;
}

/*
 * End the streams whose clients have gone. MHD does not look at a connection that is suspended: a
 * client without bookmarks would keep its place until the end of the watch.
 */
static void end_abandoned(struct streams *all)
{
	struct pollfd fds[STREAMS_MAX];
	nfds_t n = 0, i = 0;
	struct stream *s;

	TAILQ_FOREACH (s, &all->list, entry)
		fds[n++] = (struct pollfd){ .fd = socket_of(s), .events = POLLRDHUP };
	if (poll(fds, n, 0) <= 0)
		return;
	TAILQ_FOREACH (s, &all->list, entry)
		if (fds[i++].revents != 0) {
			s->abandoned = true;
			resume(s);
		}
}

void streams_tick(struct streams *all)
{
	struct stream *s;

	end_abandoned(all);
	TAILQ_FOREACH (s, &all->list, entry) {
		if (watch_is_due(s->watch, now_s()))
			resume(s);
		/* One that is not suspended has something to send, and nobody takes it. */
		else if (!s->suspended && now_s() - s->read_s > STALL_S)
			httpd_drop(s->connection);
	}
}

void streams_end(struct streams *all)
{
	struct stream *s;

	all->ending = true;
	TAILQ_FOREACH (s, &all->list, entry)
		resume(s);
}
