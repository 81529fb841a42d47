// SPDX-License-Identifier: Apache-2.0
#include "ctl/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/replay_tally.h"
#include "ctl/replay_text.h"
#include "ctl/simulate.h"
#include "lib/base/must.h"
#include "proto/ndp.h"

#define IFINDEX   1
#define START_NS  NS_PER_S /* when the first frame comes: 0 has a meaning of its own to engines */
#define FRAME_MAX 65535    /* no frame of Ethernet is longer, jumbo frames included */
#define STAMP_MAX (1ull << 33) /* seconds since 1970; what is later is forged */

/* One that no card has: locally administered. */
static const uint8_t nobodys_mac[ETHER_ADDR_LEN] = { 0x02, 0xbe, 0x11, 0x3a, 0x00, 0x00 };

struct replay {
	const struct replay_cfg *cfg;
	char interface[IFNAMSIZ];
	uint8_t mac[ETHER_ADDR_LEN];
	bool mac_given;

	pcap_t *pcap;
	struct speaker *speaker;
	struct metrics *metrics;
	struct speaker_actions actions;
	struct replay_tally tally;
	struct replay_text text;

	uint64_t first_ns;  /* of the capture: its time stamp */
	uint64_t now_ns;    /* since the first frame; never goes back */
	uint64_t backwards; /* frames that are older than one before */
};

/* --- the interface ---------------------------------------------------------------------------- */

static void read_interface(struct replay *r)
{
	const char *text = r->cfg->interface == NULL ? "eth0" : r->cfg->interface;
	const char *equals = strchr(text, '=');
	size_t len = equals == NULL ? strlen(text) : (size_t)(equals - text);

	if (len == 0 || len >= sizeof(r->interface))
		options_usage(SIMULATE,
			      "--interface: '%s' does not begin with a name of up to %zu "
			      "letters",
			      text, sizeof(r->interface) - 1);
	memcpy(r->interface, text, len);
	memcpy(r->mac, nobodys_mac, sizeof(r->mac));
	r->mac_given = equals != NULL;
	if (r->mac_given && (ether_parse(equals + 1, r->mac) != 0 || !ether_is_station(r->mac)))
		options_usage(SIMULATE, "--interface: '%s' is not the MAC of a station",
			      equals + 1);
}

/* As the kernel would tell it. */
static struct l2_link link_of(const struct replay *r)
{
	struct l2_link link = { .ifindex = IFINDEX,
				.hw_type = ARPHRD_ETHER,
				.flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST | IFF_MULTICAST,
				.link_local = ndp_link_local(r->mac) };

	memcpy(link.name, r->interface, sizeof(link.name));
	memcpy(link.mac, r->mac, sizeof(link.mac));
	return link;
}

/* --- the speaker
 * ---------------------------------------------------------------------------------- */

/* What it sends of its own accord is not told: the capture has nothing to do with it. */
static void pass(struct replay *r, uint64_t at_ns)
{
	speaker_pass(r->speaker, at_ns, &r->actions);
	speaker_actions_clear(&r->actions);
}

static void start_speaker(struct replay *r, const struct cluster *c, const char *lb_class)
{
	const struct l2_link link = link_of(r);
	struct speaker_cfg cfg = engines_speaker_cfg(c, lb_class);

	cfg.node_name = r->cfg->node;
	cfg.exclude = "^$"; /* whatever the interface is called, it was named */
	cfg.metrics = r->metrics = metrics_new();
	r->speaker = engines_speaker(c, &cfg);
	speaker_link_set(r->speaker, &link);
	speaker_ready_set(r->speaker, true);
	do
		pass(r, START_NS);
	while (speaker_wake_ns(r->speaker) == 0);
}

/* --- frames -------------------------------------------------------------------------------------
 */

static uint64_t stamp_of(const struct pcap_pkthdr *h)
{
	uint64_t s = h->ts.tv_sec < 0 ? 0 : (uint64_t)h->ts.tv_sec;
	/* tv_usec holds nanoseconds: the handle was asked for them. */
	uint64_t ns = h->ts.tv_usec < 0 ? 0 : (uint64_t)h->ts.tv_usec % NS_PER_S;

	return (s < STAMP_MAX ? s : STAMP_MAX) * NS_PER_S + ns;
}

/* Time follows the stamps, but not back: an engine's clock is monotonic. */
static void take_time(struct replay *r, const struct pcap_pkthdr *h)
{
	uint64_t stamp_ns = stamp_of(h);

	if (r->tally.frames == 1)
		r->first_ns = stamp_ns;
	if (stamp_ns >= r->first_ns + r->now_ns)
		r->now_ns = stamp_ns - r->first_ns;
	else
		r->backwards++;
}

static void hear(struct replay *r, const uint8_t *bytes, size_t len)
{
	const struct replay_claim *claim =
		replay_tally_heard(&r->tally, r->now_ns, bytes, len, r->mac);

	if (claim != NULL)
		replay_text_claim(&r->text, claim, bytes, len);
	/* At most one pass a frame, so that no time stamp can make it run for long. */
	if (speaker_wake_ns(r->speaker) <= START_NS + r->now_ns)
		pass(r, START_NS + r->now_ns);
	speaker_frame(r->speaker, IFINDEX, bytes, len, &r->actions);
	for (size_t i = 0; i < r->actions.count; i++) {
		const struct speaker_action *a = &r->actions.items[i];
		if (a->type != SPEAKER_SEND)
			continue;
		replay_tally_answered(&r->tally, r->now_ns, a);
		replay_text_answer(&r->text, r->now_ns, bytes, len, a);
	}
	speaker_actions_clear(&r->actions);
}

static void on_frame(struct replay *r, const struct pcap_pkthdr *h, const uint8_t *bytes)
{
	size_t len = h->caplen < FRAME_MAX ? h->caplen : FRAME_MAX;
	struct rd rd = rd_init(bytes, len);
	struct ether e;

	r->tally.frames++;
	r->tally.cut += len < h->len;
	take_time(r, h);
	if (r->mac_given && ether_decode(&rd, &e) == 0 &&
	    memcmp(e.src, r->mac, sizeof(r->mac)) == 0)
		replay_tally_own(&r->tally, r->now_ns, bytes, len);
	else
		hear(r, bytes, len);
}

/* --- the capture
 * ---------------------------------------------------------------------------------- */

/* The names of files may be of any length, and libpcap's messages are not. */
static enum ctl_exit say(const char *path, const char *why)
{
	fprintf(stderr, "%s: %.*s%s: %s\n", SIMULATE, PATH_MAX, path,
		strlen(path) > PATH_MAX ? "..." : "", why);
	return CTL_FAULT;
}

static enum ctl_exit open_capture(struct replay *r)
{
	const char *path = r->cfg->capture;
	FILE *f = fopen(path, "rbe");
	char err[PCAP_ERRBUF_SIZE];

	if (f == NULL)
		return say(path, strerror(errno));
	r->pcap = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, err);
	if (r->pcap == NULL) {
		fclose(f);
		return say(path, err);
	}
	if (pcap_datalink(r->pcap) == DLT_EN10MB)
		return CTL_DONE;
	const char *name = pcap_datalink_val_to_name(pcap_datalink(r->pcap));
	snprintf(err, sizeof(err), "its frames are not Ethernet but %s",
		 name == NULL ? "of an unknown kind" : name);
	return say(path, err);
}

/* Returns why the capture ends before its end, for the caller to free, or NULL. */
static char *play(struct replay *r)
{
	struct pcap_pkthdr *h;
	const u_char *bytes;
	int rc;

	while ((rc = pcap_next_ex(r->pcap, &h, &bytes)) == 1)
		on_frame(r, h, bytes);
	if (rc != PCAP_ERROR_BREAK)
		return must_text("frame %" PRIu64 ": %s", r->tally.frames + 1,
				 pcap_geterr(r->pcap));
	return r->tally.frames == 0 ? must_copy("there is no frame in it") : NULL;
}

static enum ctl_exit play_and_tell(struct replay *r)
{
	struct replay_facts facts = {
		.capture = r->cfg->capture,
		.node = r->cfg->node,
		.interface = r->interface,
		.mac = r->mac,
		.mac_given = r->mac_given,
		.metrics = r->metrics,
	};

	replay_text_begin(&r->text, &facts, &r->tally);
	char *failed = play(r);
	facts.failed = failed;
	facts.took_ns = r->now_ns;
	facts.backwards = r->backwards;
	replay_text_end(&r->text, &facts, &r->tally);
	enum ctl_exit code = failed == NULL ? CTL_DONE : say(r->cfg->capture, failed);
	free(failed);
	return code;
}

/* --- all of it
 * ------------------------------------------------------------------------------------ */

static bool is_node(const struct cluster *c, const char *name)
{
	for (size_t i = 0; i < c->nodes.count; i++)
		if (strcmp(c->nodes.items[i]->meta.name, name) == 0)
			return true;
	return false;
}

static enum ctl_exit replay_cluster(struct replay *r, const struct look *look, struct cluster *c)
{
	if (!is_node(c, r->cfg->node)) {
		fprintf(stderr, "%s: --node: there is no Node '%s' in what was read\n", SIMULATE,
			r->cfg->node);
		return CTL_FAULT;
	}
	struct engines engines = engines_run(c, look->lb_class, true);
	replay_tally_find(&r->tally, c, &engines, r->cfg->node, r->interface);
	engines_done(&engines);
	start_speaker(r, c, look->lb_class);
	return play_and_tell(r);
}

enum ctl_exit simulate_replay(const struct replay_cfg *cfg, const struct look *look, char **words,
			      int count)
{
	struct replay r = { .cfg = cfg, .text = { stdout, look_wants_json(look), false } };
	struct sight sight = { 0 };

	read_interface(&r);
	enum ctl_exit code = open_capture(&r);
	if (code == CTL_DONE)
		code = look_read(look, words, count, &sight);
	if (code == CTL_DONE)
		code = look_decode(look, &sight);
	if (code == CTL_DONE)
		code = replay_cluster(&r, look, &sight.cluster);
	speaker_free(r.speaker);
	metrics_free(r.metrics);
	speaker_actions_done(&r.actions);
	replay_tally_done(&r.tally);
	if (r.pcap != NULL)
		pcap_close(r.pcap);
	sight_done(&sight);
	return code;
}
