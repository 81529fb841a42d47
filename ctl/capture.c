// SPDX-License-Identifier: Apache-2.0
/*
 * `bellman capture`: who announces what on a link, told as it happens.
 *
 * libpcap hands over the frames, ctl/frame_text.h says what they mean. The file it writes
 * is for Wireshark: classic pcap with nanoseconds, flushed frame by frame, so that it is
 * whole whenever somebody looks, and however this ends.
 */
#include "ctl/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/frame_text.h"
#include "lib/base/array.h"
#include "lib/base/duration.h"
#include "lib/daemon/options.h"

#define PROGRAM "bellman capture"
#define SNAPLEN 2048 /* more than any frame that is told */

/* ARP, and the five types of neighbour discovery (RFC 4861 section 4). */
#define FILTER "arp or (icmp6 and ip6[40] >= 133 and ip6[40] <= 137)"

struct mac_name {
	uint8_t mac[ETHER_ADDR_LEN];
	char *name;
};

struct capture {
	pcap_t *pcap;
	pcap_dumper_t *dump; /* NULL: no file is written */
	uint64_t start_ns;   /* what times are told from; 0: from the first frame */
	struct {
		ARRAY_OF(struct mac_name);
	} names;
};

/* --- names ------------------------------------------------------------------------------- */

static const char *name_of(const struct capture *c, const uint8_t mac[static ETHER_ADDR_LEN])
{
	for (size_t i = 0; i < c->names.count; i++)
		if (ether_equal(c->names.items[i].mac, mac))
			return c->names.items[i].name;
	return NULL;
}

/* Lines "MAC name"; empty ones and those that start with # are passed over. 0 or -1, said. */
static int names_read(struct capture *c, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[256];
	int rc = 0;

	if (f == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	for (unsigned number = 1; fgets(line, sizeof(line), f) != NULL; number++) {
		unsigned byte[ETHER_ADDR_LEN];
		char name[65], more;

		if (line[strspn(line, " \t")] == '#' || line[strspn(line, " \t\r\n")] == '\0')
			continue;
		if (sscanf(line, "%2x:%2x:%2x:%2x:%2x:%2x %64s %c", &byte[0], &byte[1], &byte[2],
			   &byte[3], &byte[4], &byte[5], name, &more) != 7) {
			fprintf(stderr, "%s:%u: not of the form 'MAC name'\n", path, number);
			rc = -1;
			continue;
		}
		struct mac_name *m = array_push(&c->names);
		if (m == NULL || (m->name = strdup(name)) == NULL)
			abort();
		for (size_t i = 0; i < ETHER_ADDR_LEN; i++)
			m->mac[i] = (uint8_t)byte[i];
	}
	fclose(f);
	return rc;
}

/* --- frames ------------------------------------------------------------------------------ */

static void on_frame(u_char *arg, const struct pcap_pkthdr *h, const u_char *bytes)
{
	struct capture *c = (struct capture *)(void *)arg;
	uint8_t src[ETHER_ADDR_LEN];
	char text[FRAME_TEXT_MAX], mac[ETHER_TEXT_MAX];

	if (c->dump != NULL) {
		pcap_dump((u_char *)c->dump, h, bytes);
		pcap_dump_flush(c->dump);
	}
	/* tv_usec holds nanoseconds: the handle was asked for them. */
	uint64_t at_ns = (uint64_t)h->ts.tv_sec * NS_PER_S + (uint64_t)h->ts.tv_usec;
	if (c->start_ns == 0)
		c->start_ns = at_ns;
	if (frame_text(bytes, h->caplen, src, text) == NULL)
		return;

	double since = at_ns < c->start_ns ? 0 : (double)(at_ns - c->start_ns) / NS_PER_S;
	const char *name = name_of(c, src);
	ether_format(src, mac);
	if (name != NULL)
		printf("%.3f  %s (%s)  %s\n", since, name, mac, text);
	else
		printf("%.3f  %s  %s\n", since, mac, text);
}

/* --- opening ------------------------------------------------------------------------------ */

/* Listen on @interface. NULL when it cannot be done, and said. */
static pcap_t *open_interface(const char *interface)
{
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_create(interface, err);

	if (p == NULL) {
		fprintf(stderr, "%s: %s: %s\n", PROGRAM, interface, err);
		return NULL;
	}
	pcap_set_snaplen(p, SNAPLEN);
	pcap_set_promisc(p, 1);
	pcap_set_immediate_mode(p, 1);
	pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO);
	int rc = pcap_activate(p);
	if (rc >= 0) /* above 0: a warning, such as no promiscuous mode */
		return p;
	const char *detail = pcap_geterr(p);
	fprintf(stderr, "%s: %s: %s\n", PROGRAM, interface,
		*detail == '\0' ? pcap_statustostr(rc) : detail);
	if (rc == PCAP_ERROR_PERM_DENIED)
		fprintf(stderr, "%s: capturing needs root, or the capability NET_RAW\n", PROGRAM);
	pcap_close(p);
	return NULL;
}

static pcap_t *open_file(const char *path)
{
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, err);

	if (p == NULL)
		fprintf(stderr, "%s: %s: %s\n", PROGRAM, path, err);
	return p;
}

/* What is common to both; 0 or -1, said. */
static int prepare(struct capture *c, const char *from, const char *write_to)
{
	struct bpf_program filter;

	if (pcap_datalink(c->pcap) != DLT_EN10MB) {
		fprintf(stderr, "%s: %s is not Ethernet but %s\n", PROGRAM, from,
			pcap_datalink_val_to_name(pcap_datalink(c->pcap)));
		return -1;
	}
	if (pcap_compile(c->pcap, &filter, FILTER, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		fprintf(stderr, "%s: filter: %s\n", PROGRAM, pcap_geterr(c->pcap));
		return -1;
	}
	int rc = pcap_setfilter(c->pcap, &filter);
	pcap_freecode(&filter);
	if (rc != 0) {
		fprintf(stderr, "%s: filter: %s\n", PROGRAM, pcap_geterr(c->pcap));
		return -1;
	}
	if (write_to == NULL)
		return 0;
	/* Only now: who sees the file knows that frames are being seen. */
	c->dump = pcap_dump_open(c->pcap, write_to);
	if (c->dump == NULL) {
		fprintf(stderr, "%s: %s\n", PROGRAM, pcap_geterr(c->pcap));
		return -1;
	}
	pcap_dump_flush(c->dump);
	return 0;
}

/* --- stopping ----------------------------------------------------------------------------- */

static pcap_t *to_stop; /* what the signal handler can reach */

static void on_signal(int signum)
{
	(void)signum;
	pcap_breakloop(to_stop); /* made for signal handlers; wakes a loop that waits */
}

static void stop_on_signals(pcap_t *p)
{
	struct sigaction stop = { .sa_handler = on_signal };

	to_stop = p;
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
}

/* --- the subcommand ------------------------------------------------------------------------ */

static int run(struct capture *c, const char *interface, const char *read_from,
	       const char *write_to, uint64_t count)
{
	c->pcap = interface != NULL ? open_interface(interface) : open_file(read_from);
	if (c->pcap == NULL)
		return CTL_FAULT;
	stop_on_signals(c->pcap);
	if (interface != NULL) {
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		c->start_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
	}
	if (prepare(c, interface != NULL ? interface : read_from, write_to) != 0)
		return CTL_FAULT;

	int rc = pcap_loop(c->pcap, count == 0 ? -1 : (int)count, on_frame, (u_char *)c);
	if (rc == PCAP_ERROR) {
		fprintf(stderr, "%s: %s\n", PROGRAM, pcap_geterr(c->pcap));
		return CTL_FAULT;
	}
	return CTL_DONE;
}

int ctl_capture(int argc, char **argv)
{
	const char *interface = NULL, *read_from = NULL, *write_to = NULL, *names = NULL;
	uint64_t count = 0;
	const struct option_spec specs[] = {
		{ "i", OPT_TEXT, &interface, NULL, "IF", "listen on this interface" },
		{ "r", OPT_TEXT, &read_from, NULL, "FILE", "read a capture file instead" },
		{ "w", OPT_TEXT, &write_to, NULL, "FILE", "write what is seen, as pcap" },
		{ "count", OPT_NUMBER, &count, NULL, "N", "stop after so many frames" },
		{ "names", OPT_TEXT, &names, NULL, "FILE", "lines 'MAC name': who is who" },
		{ 0 },
	};

	options_parse(PROGRAM, "Tell ARP and neighbour discovery on a link in words.", specs, argc,
		      argv);
	if ((interface == NULL) == (read_from == NULL))
		options_usage(PROGRAM, "one of -i IF and -r FILE is needed");
	if (count > INT32_MAX)
		options_usage(PROGRAM, "--count: at most %" PRId32, INT32_MAX);

	struct capture c = { 0 };
	setvbuf(stdout, NULL, _IOLBF, 0);
	int code = names != NULL && names_read(&c, names) != 0 ? CTL_FAULT : CTL_DONE;
	if (code == CTL_DONE)
		code = run(&c, interface, read_from, write_to, count);

	if (c.dump != NULL)
		pcap_dump_close(c.dump);
	if (c.pcap != NULL)
		pcap_close(c.pcap);
	for (size_t i = 0; i < c.names.count; i++)
		free(c.names.items[i].name);
	array_free(&c.names);
	return code;
}
