// SPDX-License-Identifier: Apache-2.0
/*
 * New UDP flows through a Service: what the first packet of each costs, and when they go elsewhere.
 *
 *	bench_flows serve ADDRESS PORT NAME        answer every datagram with NAME
 *	bench_flows ask ADDRESS PORT FROM COUNT    one after the other; prints JSON
 *	bench_flows until ADDRESS PORT FROM NAME   ask until NAME answers; prints CLOCK_MONOTONIC in
 *s
 *
 * Each question comes from another port of FROM, so that the kernel asks the rules about each.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PORT_MIN = 2000, PORT_MAX = 64000 };

static struct sockaddr_in address(const char *ip, unsigned port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, ip, &sin.sin_addr) != 1) {
		fprintf(stderr, "bench_flows: no address: %s\n", ip);
		exit(2);
	}
	return sin;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int serve(const struct sockaddr_in *at, const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) != 0) {
		perror("bench_flows: bind");
		return 1;
	}
	for (;;) {
		struct sockaddr_in peer;
		socklen_t len = sizeof(peer);
		char buf[64];

		if (recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len) >= 0)
			sendto(fd, name, strlen(name), 0, (const struct sockaddr *)&peer, len);
	}
}

/* One question from @from. Returns the length of the answer in @buf, or -1. */
static ssize_t question(const struct sockaddr_in *to, const struct sockaddr_in *from,
			unsigned patience_ms, char *buf, size_t size)
{
	const struct timeval patience = { .tv_usec = patience_ms * 1000 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	ssize_t len = -1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(fd, (const struct sockaddr *)from, sizeof(*from)) == 0 &&
	    connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 && send(fd, "?", 1, 0) == 1)
		len = recv(fd, buf, size, 0);
	close(fd);
	return len;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int ask(const struct sockaddr_in *to, struct sockaddr_in *from, unsigned count)
{
	uint64_t *took = calloc(count, sizeof(*took)), began = now_ns();
	unsigned answers = 0;
	char buf[64];

	if (took == NULL || count == 0 || count > PORT_MAX - PORT_MIN)
		return 2;
	for (unsigned i = 0; i < count; i++) {
		uint64_t start = now_ns();

		from->sin_port = htons((uint16_t)(PORT_MIN + i));
		if (question(to, from, 500, buf, sizeof(buf)) > 0)
			took[answers++] = now_ns() - start;
	}
	uint64_t all = now_ns() - began;

	qsort(took, answers, sizeof(*took), by_size);
	uint64_t p50 = answers > 0 ? took[answers / 2] : 0;
	uint64_t p99 = answers > 0 ? took[answers - 1 - answers / 100] : 0;
	printf("{\"answers\": %u, \"p50_us\": %.2f, \"p99_us\": %.2f, \"per_s\": %.0f}\n", answers,
	       (double)p50 / 1e3, (double)p99 / 1e3, answers / ((double)all / 1e9));
	free(took);
	return answers > 0 ? 0 : 1;
}

static int until(const struct sockaddr_in *to, struct sockaddr_in *from, const char *name)
{
	uint64_t give_up = now_ns() + 60000000000u;
	char buf[64];

	for (unsigned i = 0; now_ns() < give_up; i++) {
		from->sin_port = htons((uint16_t)(PORT_MIN + i % (PORT_MAX - PORT_MIN)));
		ssize_t len = question(to, from, 10, buf, sizeof(buf));
		if (len == (ssize_t)strlen(name) && memcmp(buf, name, strlen(name)) == 0) {
			printf("%.6f\n", (double)now_ns() / 1e9);
			return 0;
		}
	}
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "serve") == 0) {
		struct sockaddr_in at = address(argv[2], (unsigned)atoi(argv[3]));
		return serve(&at, argv[4]);
	}
	if (argc != 6) {
		fprintf(stderr, "usage: see the head of bench_flows.c\n");
		return 2;
	}
	struct sockaddr_in to = address(argv[2], (unsigned)atoi(argv[3])),
			   from = address(argv[4], 0);
	return strcmp(argv[1], "ask") == 0 ? ask(&to, &from, (unsigned)atoi(argv[5]))
					   : until(&to, &from, argv[5]);
}
