// SPDX-License-Identifier: Apache-2.0
/*
 * Ask for one IPv4 address by ARP, many times, and say how fast the answers come.
 *
 *	bench_arp IF SENDER-IP TARGET-IP COUNT rtt
 *	bench_arp IF SENDER-IP TARGET-IP COUNT rate
 *
 * rtt: one request at a time; round-trip times in microseconds. rate: 64 requests outstanding;
 * replies a second. One line of JSON on stdout. Who answers makes no difference to this program,
 * so the kernel and a speaker are measured alike.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cursor.h"
#include "lib/base/ip.h"

enum { FRAME_LEN = 42, OUTSTANDING = 64, LOST_MS = 200 };

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_arp: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A packet socket that only sees ARP replies from @target. */
static int open_socket(const char *ifname, const struct ip_addr *target, uint8_t mac[6])
{
	uint32_t address = (uint32_t)ip_to_number(target);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20), /* operation */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 28), /* sender protocol address */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, address, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 256),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(*code), code };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP) };
	struct ifreq req = { 0 };
	const int on = 1, room = 8 << 20;

	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd == -1)
		die("packet socket");
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", ifname);
	if (ioctl(fd, SIOCGIFHWADDR, &req) == -1)
		die(ifname);
	memcpy(mac, req.ifr_hwaddr.sa_data, 6);
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) == -1)
		die("filter");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	to.sll_ifindex = (int)if_nametoindex(ifname);
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		die("bind");
	return fd;
}

static void make_request(uint8_t frame[static FRAME_LEN], const uint8_t mac[static 6],
			 const struct ip_addr *sender, const struct ip_addr *target)
{
	struct wr w = wr_init(frame, FRAME_LEN);

	wr_bytes(&w, "\xff\xff\xff\xff\xff\xff", 6);
	wr_bytes(&w, mac, 6);
	wr_u16(&w, ETH_P_ARP);
	wr_u16(&w, 1); /* Ethernet */
	wr_u16(&w, ETH_P_IP);
	wr_u8(&w, 6);
	wr_u8(&w, 4);
	wr_u16(&w, 1); /* request */
	wr_bytes(&w, mac, 6);
	wr_bytes(&w, sender->bytes, 4);
	wr_room(&w, 6);
	wr_bytes(&w, target->bytes, 4);
}

/* True when something came in within @timeout_ms. */
static bool wait_readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void measure_rtt(int fd, const uint8_t *frame, size_t count)
{
	double *took = calloc(count, sizeof(*took));
	size_t got = 0, lost = 0;
	uint8_t buf[256];

	if (took == NULL)
		die("memory");
	for (size_t i = 0; i < count; i++) {
		double start = now_us();
		if (send(fd, frame, FRAME_LEN, 0) == -1)
			die("send");
		if (!wait_readable(fd, LOST_MS)) {
			lost++;
			continue;
		}
		if (recv(fd, buf, sizeof(buf), 0) > 0)
			took[got++] = now_us() - start;
	}
	if (got == 0) {
		fprintf(stderr, "bench_arp: nobody answered\n");
		exit(1);
	}
	qsort(took, got, sizeof(*took), by_value);
	printf("{\"replies\":%zu,\"lost\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
	       "\"max_us\":%.1f}\n",
	       got, lost, took[got / 2], took[got * 99 / 100], took[got * 999 / 1000],
	       took[got - 1]);
	free(took);
}

/* Keep a window full with batched system calls, so that the responder is what is measured. */
static void measure_rate(int fd, uint8_t *frame, size_t count)
{
	static uint8_t bufs[OUTSTANDING][256];
	struct mmsghdr tx[OUTSTANDING] = { 0 }, rx[OUTSTANDING] = { 0 };
	struct iovec out = { frame, FRAME_LEN }, in[OUTSTANDING];
	size_t sent = 0, got = 0, flying = 0, lost = 0;

	for (size_t i = 0; i < OUTSTANDING; i++) {
		in[i] = (struct iovec){ bufs[i], sizeof(bufs[i]) };
		tx[i].msg_hdr = (struct msghdr){ .msg_iov = &out, .msg_iovlen = 1 };
		rx[i].msg_hdr = (struct msghdr){ .msg_iov = &in[i], .msg_iovlen = 1 };
	}
	double start = now_us(), last = start;
	while (got + lost < count) {
		size_t room = OUTSTANDING - flying;
		if (room > count - sent)
			room = count - sent;
		if (room > 0) {
			int n = sendmmsg(fd, tx, (unsigned)room, 0);
			if (n > 0) {
				sent += (size_t)n;
				flying += (size_t)n;
			}
		}
		int n = recvmmsg(fd, rx, OUTSTANDING, MSG_DONTWAIT, NULL);
		if (n > 0) {
			got += (size_t)n;
			flying -= (size_t)n < flying ? (size_t)n : flying;
			last = now_us();
		} else if (!wait_readable(fd, LOST_MS)) {
			lost += flying; /* whatever flew is not coming back */
			flying = 0;
			if (sent == count)
				break;
		}
	}
	if (got == 0) {
		fprintf(stderr, "bench_arp: nobody answered\n");
		exit(1);
	}
	printf("{\"replies\":%zu,\"lost\":%zu,\"per_s\":%.0f}\n", got, lost,
	       (double)got * 1e6 / (last - start));
}

int main(int argc, char **argv)
{
	struct ip_addr sender, target;
	uint8_t mac[6], frame[FRAME_LEN];

	if (argc != 6 || ip_parse(argv[2], &sender) != 0 || ip_parse(argv[3], &target) != 0 ||
	    sender.family != IP_V4 || target.family != IP_V4 || atol(argv[4]) <= 0) {
		fprintf(stderr, "usage: bench_arp IF SENDER-IP TARGET-IP COUNT rtt|rate\n");
		return 2;
	}
	int fd = open_socket(argv[1], &target, mac);
	make_request(frame, mac, &sender, &target);
	if (strcmp(argv[5], "rate") == 0)
		measure_rate(fd, frame, (size_t)atol(argv[4]));
	else
		measure_rtt(fd, frame, (size_t)atol(argv[4]));
	close(fd);
	return 0;
}
