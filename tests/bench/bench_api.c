// SPDX-License-Identifier: Apache-2.0
/*
 * Load for an API server: writers that patch the status of Services, and watchers that read.
 *
 *   bench_api PORT fill SERVICES                       create service-00000...
 *   bench_api PORT write SERVICES WRITES WRITERS WATCHERS PER_SECOND
 *   bench_api PORT get PATH TIMES                      one after the other on one connection
 *
 * One line of JSON each. PER_SECOND 0: as fast as they are answered. The n-th patch sets the
 * address 10.x.y.z that spells n, so each event tells a watcher which write it comes from; its
 * latency is counted from the moment the request was sent. Plain sockets and one epoll: two orders
 * of magnitude less work than the server has.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_SIZE = 64 << 10, LINE_MAX = 32 << 10, REQUEST_MAX = 2048, ADDRESS_MASK = 0xffffff };

/* A connection: a writer has one request under way, a watcher a line of its stream. */
struct peer {
	int fd;
	bool watcher, head_done;
	char *bytes; /* of the answer so far; of a watcher, of the line */
	size_t len;
	char size_text[16]; /* of a chunk, as far as it was read */
	size_t size_len, chunk_left;
	int tail_left; /* CRLF behind a chunk */
	unsigned long write;
	int code;
};

struct load {
	uint16_t port;
	int epoll;
	unsigned long services, writes, sent, answered, events, want_events, failed;
	double *sent_at, *answer_ms, *event_ms;
	double per_second, began;
	unsigned long base; /* a new one each run: a patch that changes nothing makes no event */
	bool create;
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_api: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *must(void *memory)
{
	if (memory == NULL)
		fail("memory");
	return memory;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int dial(uint16_t port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) == -1)
		fail("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void send_all(int fd, const char *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		fail("send");
}

/* --- answers of known length ----------------------------------------------------------- */

/* The length of the whole answer once its head is there; 0: not yet. */
static size_t answer_len(const char *bytes, size_t len)
{
	const char *end = memmem(bytes, len, "\r\n\r\n", 4);

	if (end == NULL)
		return 0;
	size_t head = (size_t)(end - bytes) + 4;
	const char *field = memmem(bytes, head, "Content-Length: ", 16);
	if (field == NULL) {
		errno = EPROTO;
		fail("answer without length");
	}
	return head + strtoul(field + 16, NULL, 10);
}

/* --- watchers -------------------------------------------------------------------------- */

static void on_line(struct load *l, struct peer *p)
{
	static const char mark[] = "\"ip\":\"10.";
	const char *at = memmem(p->bytes, p->len, mark, sizeof(mark) - 1);
	unsigned a, b, c;

	if (at == NULL || sscanf(at + sizeof(mark) - 1, "%u.%u.%u", &a, &b, &c) != 3)
		return;
	unsigned long write = ((a << 16 | b << 8 | c) - l->base) & ADDRESS_MASK;
	if (write >= l->sent || l->events == l->want_events)
		return;
	l->event_ms[l->events++] = now_ms() - l->sent_at[write];
}

static void take_text(struct load *l, struct peer *p, const char *bytes, size_t len)
{
	while (len > 0) {
		const char *end = memchr(bytes, '\n', len);
		size_t n = end == NULL ? len : (size_t)(end - bytes) + 1;

		if (p->len + n > LINE_MAX) {
			errno = EMSGSIZE;
			fail("line");
		}
		memcpy(p->bytes + p->len, bytes, n);
		p->len += n;
		if (end != NULL) {
			on_line(l, p);
			p->len = 0;
		}
		bytes += n;
		len -= n;
	}
}

/* Undo the chunks of RFC 9112 section 7.1. */
static void take_stream(struct load *l, struct peer *p, const char *bytes, size_t len)
{
	while (len > 0) {
		if (p->tail_left > 0) {
			p->tail_left--;
			bytes++;
			len--;
		} else if (p->chunk_left > 0) {
			size_t n = len < p->chunk_left ? len : p->chunk_left;
			take_text(l, p, bytes, n);
			p->chunk_left -= n;
			p->tail_left = p->chunk_left == 0 ? 2 : 0;
			bytes += n;
			len -= n;
		} else if (*bytes == '\n') {
			p->size_text[p->size_len] = '\0';
			p->chunk_left = strtoul(p->size_text, NULL, 16);
			p->size_len = 0;
			bytes++;
			len--;
		} else {
			if (p->size_len + 1 < sizeof(p->size_text))
				p->size_text[p->size_len++] = *bytes;
			bytes++;
			len--;
		}
	}
}

static void open_watch(struct load *l, struct peer *p, const char *rv)
{
	char request[256], head[REQUEST_MAX];
	size_t len = 0;

	p->fd = dial(l->port);
	p->watcher = true;
	p->bytes = must(malloc(LINE_MAX));
	int n = snprintf(request, sizeof(request),
			 "GET /api/v1/services?watch=1&resourceVersion=%s HTTP/1.1\r\n"
			 "Host: 127.0.0.1\r\n\r\n",
			 rv);
	send_all(p->fd, request, (size_t)n);
	/* The head byte by byte: what follows belongs to the stream. */
	while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0)
		if (len == sizeof(head) || recv(p->fd, head + len++, 1, 0) != 1)
			fail("watch");
}

/* --- writers --------------------------------------------------------------------------- */

static void write_next(struct load *l, struct peer *p)
{
	char request[REQUEST_MAX], body[REQUEST_MAX / 2];
	unsigned long w = l->sent++, service = w % l->services;
	unsigned long address = (l->base + w) & ADDRESS_MASK;
	int n;

	if (l->create)
		n = snprintf(body, sizeof(body),
			     "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":"
			     "\"service-%05lu\",\"labels\":{\"app\":\"service-%05lu\",\"team\":"
			     "\"team-%lu\"}},\"spec\":{\"type\":\"LoadBalancer\","
			     "\"allocateLoadBalancerNodePorts\":false,\"selector\":{\"app\":"
			     "\"service-%05lu\"},\"ports\":[{\"name\":\"http\",\"port\":80,"
			     "\"targetPort\":8080}]}}",
			     service, service, service % 20, service);
	else
		n = snprintf(body, sizeof(body),
			     "{\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":"
			     "\"10.%lu.%lu.%lu\"}]}}}",
			     address >> 16, address >> 8 & 255, address & 255);
	char path[64] = "";
	if (!l->create)
		snprintf(path, sizeof(path), "/service-%05lu/status", service);
	n = snprintf(request, sizeof(request),
		     "%s /api/v1/namespaces/default/services%s HTTP/1.1\r\n"
		     "Host: 127.0.0.1\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		     l->create ? "POST" : "PATCH", path,
		     l->create ? "application/json" : "application/merge-patch+json", n, body);
	p->write = w;
	p->len = 0;
	l->sent_at[w] = now_ms();
	send_all(p->fd, request, (size_t)n);
}

/* May another write go out by now? */
static bool is_time(const struct load *l)
{
	return l->sent < l->writes &&
	       (l->per_second == 0 ||
		(now_ms() - l->began) / 1e3 >= (double)l->sent / l->per_second);
}

static bool take_answer(struct load *l, struct peer *p, const char *bytes, size_t len)
{
	if (p->len + len > LINE_MAX) {
		errno = EMSGSIZE;
		fail("answer");
	}
	memcpy(p->bytes + p->len, bytes, len);
	p->len += len;
	size_t whole = answer_len(p->bytes, p->len);
	if (whole == 0 || p->len < whole)
		return false;
	l->answer_ms[l->answered++] = now_ms() - l->sent_at[p->write];
	if (p->len < 12 || p->bytes[9] != '2')
		l->failed++;
	return true;
}

/* --- runs ------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double quantile(double *values, unsigned long n, double q)
{
	if (n == 0)
		return 0;
	qsort(values, n, sizeof(values[0]), by_value);
	return values[(unsigned long)((double)(n - 1) * q)];
}

static void add_peer(struct load *l, struct peer *p)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = p };

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, p->fd, &e) == -1)
		fail("epoll");
}

static void run(struct load *l, unsigned writers, unsigned watchers)
{
	struct peer *peers = must(calloc(writers + watchers, sizeof(*peers)));
	struct peer **idle = must(calloc(writers, sizeof(struct peer *)));
	struct epoll_event events[64];
	static char bytes[READ_SIZE];
	unsigned idle_count = 0;

	l->want_events = l->writes * watchers;
	l->sent_at = must(calloc(l->writes, sizeof(double)));
	l->answer_ms = must(calloc(l->writes, sizeof(double)));
	l->event_ms = must(calloc(l->want_events + 1, sizeof(double)));
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	char rv[32] = "";
	if (watchers > 0) { /* from now on: the version that an empty page tells */
		char answer[READ_SIZE];
		int fd = dial(l->port);
		static const char list[] =
			"GET /api/v1/services?limit=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
		send_all(fd, list, sizeof(list) - 1);
		ssize_t n = recv(fd, answer, sizeof(answer) - 1, 0);
		answer[n < 0 ? 0 : n] = '\0';
		const char *at = strstr(answer, "\"resourceVersion\":\"");
		if (at == NULL || sscanf(at + 19, "%31[0-9]", rv) != 1)
			fail("list");
		close(fd);
	}
	for (unsigned i = 0; i < writers + watchers; i++) {
		struct peer *p = &peers[i];

		if (i < watchers) {
			open_watch(l, p, rv);
		} else {
			p->fd = dial(l->port);
			p->bytes = must(malloc(LINE_MAX));
			idle[idle_count++] = p;
		}
		add_peer(l, p);
	}
	l->began = now_ms();
	double answered_ms = 0;
	while (l->answered < l->writes || l->events < l->want_events) {
		while (idle_count > 0 && is_time(l))
			write_next(l, idle[--idle_count]);
		int n = epoll_wait(l->epoll, events, 64, l->per_second == 0 ? 10000 : 1);
		if (n == 0 && l->per_second == 0) {
			errno = ETIMEDOUT;
			fail("no answer");
		}
		for (int i = 0; i < n; i++) {
			struct peer *p = events[i].data.ptr;
			ssize_t got = recv(p->fd, bytes, sizeof(bytes), 0);

			if (got <= 0)
				fail("closed");
			if (p->watcher)
				take_stream(l, p, bytes, (size_t)got);
			else if (take_answer(l, p, bytes, (size_t)got))
				idle[idle_count++] = p;
		}
		if (l->answered == l->writes && answered_ms == 0)
			answered_ms = now_ms() - l->began;
	}
	double ms = now_ms() - l->began;
	printf("{\"seconds\":%.4f,\"per_second\":%.1f,\"failed\":%lu,\"events\":%lu,"
	       "\"events_seconds\":%.4f,\"answer_p50_ms\":%.3f,\"answer_p99_ms\":%.3f,"
	       "\"event_p50_ms\":%.3f,\"event_p99_ms\":%.3f,\"event_max_ms\":%.3f}\n",
	       answered_ms / 1e3, (double)l->writes / answered_ms * 1e3, l->failed, l->events,
	       ms / 1e3, quantile(l->answer_ms, l->answered, 0.5),
	       quantile(l->answer_ms, l->answered, 0.99), quantile(l->event_ms, l->events, 0.5),
	       quantile(l->event_ms, l->events, 0.99), quantile(l->event_ms, l->events, 1));
}

/* Read one answer to the end; returns its bytes. */
static size_t read_answer(int fd)
{
	static char bytes[READ_SIZE];
	char head[REQUEST_MAX];
	size_t got = 0, whole = 0;
	bool chunked = false;
	char last[5] = "";

	for (;;) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		if (n <= 0)
			fail("get");
		if (got == 0) {
			size_t keep = (size_t)n < sizeof(head) ? (size_t)n : sizeof(head);
			memcpy(head, bytes, keep);
			chunked = memmem(head, keep, "chunked\r\n", 9) != NULL;
			whole = chunked ? 0 : answer_len(head, keep);
		}
		got += (size_t)n;
		if (chunked) { /* the last chunk ends in 0 CRLF CRLF, which JSON cannot */
			size_t keep = n < 5 ? (size_t)n : 5;
			memmove(last, last + keep, 5 - keep);
			memcpy(last + 5 - keep, bytes + n - keep, keep);
			if (memcmp(last, "0\r\n\r\n", 5) == 0)
				return got;
		} else if (got >= whole) {
			return got;
		}
	}
}

static void get(uint16_t port, const char *path, unsigned long times)
{
	double *ms = must(calloc(times, sizeof(double)));
	char request[REQUEST_MAX];
	size_t bytes = 0;
	int fd = dial(port);
	int n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
			 path);

	for (unsigned long i = 0; i < times; i++) {
		double began = now_ms();
		send_all(fd, request, (size_t)n);
		bytes = read_answer(fd);
		ms[i] = now_ms() - began;
	}
	printf("{\"bytes\":%zu,\"p50_ms\":%.4f,\"p99_ms\":%.4f}\n", bytes, quantile(ms, times, 0.5),
	       quantile(ms, times, 0.99));
}

int main(int argc, char **argv)
{
	struct load l = { 0 };

	if (argc == 5 && strcmp(argv[2], "get") == 0) {
		get((uint16_t)atoi(argv[1]), argv[3], strtoul(argv[4], NULL, 10));
		return 0;
	}
	l.base = (unsigned long)now_ms();
	l.create = argc == 4 && strcmp(argv[2], "fill") == 0;
	if (!l.create && (argc != 8 || strcmp(argv[2], "write") != 0)) {
		fprintf(stderr, "usage: bench_api PORT fill SERVICES | get PATH TIMES |\n"
				"       write SERVICES WRITES WRITERS WATCHERS PER_SECOND\n");
		return 2;
	}
	l.port = (uint16_t)atoi(argv[1]);
	l.services = strtoul(argv[3], NULL, 10);
	l.writes = l.create ? l.services : strtoul(argv[4], NULL, 10);
	l.per_second = l.create ? 0 : strtod(argv[7], NULL);
	run(&l, l.create ? 16 : (unsigned)atoi(argv[5]), l.create ? 0 : (unsigned)atoi(argv[6]));
	return l.failed == 0 ? 0 : 1;
}
