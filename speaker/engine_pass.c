// SPDX-License-Identifier: Apache-2.0
/* The pass: for each marked Service what should be announced, what is, and the difference. */
#include "speaker/engine_state.h"

#include <stdio.h>

#include "lib/base/intern.h"

#define EVENT_EVERY_NS (60 * NS_PER_S) /* nodeAssigned for one Service (decision 6) */

static struct speaker_action *say(struct speaker_actions *out, enum speaker_action_type type,
				  const struct subject *j, char *text)
{
	struct speaker_action *a = must(array_push(out));

	a->type = type;
	a->about.ns = intern_ref(j->id.ns);
	a->about.name = intern_ref(j->id.name);
	a->about.text = text;
	return a;
}

static void say_event(struct speaker_actions *out, const struct subject *j, bool warning,
		      const char *reason, char *text)
{
	struct speaker_action *a = say(out, SPEAKER_EVENT, j, text);

	a->about.reason = reason;
	a->about.warning = warning;
	if (j->balancer->uid != NULL)
		a->about.uid = must(strdup(j->balancer->uid));
}

/* The series of one announced address; made with the value 1, or dropped. */
static void announced_metric(struct speaker *s, const struct subject *j, const struct ip_addr *ip,
			     bool there)
{
	char text[IP_TEXT_MAX], service[600];

	if (s->announced_metric == NULL)
		return;
	snprintf(service, sizeof(service), "%s/%s", j->id.ns, j->id.name);
	const char *const values[] = { service, "layer2", s->node_name, ip_format(ip, text) };
	if (there)
		*metric_value(s->announced_metric, values) = 1;
	else
		metric_drop(s->announced_metric, values);
}

static bool among(const struct ip_addr *ip, const struct ip_addr *ips, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ip_equal(ip, &ips[i]))
			return true;
	return false;
}

static void held_add(struct subject *j, const struct ip_addr *ip)
{
	j->held = must(reallocarray(j->held, j->held_count + 1u, sizeof(*j->held)));
	j->held[j->held_count++] = *ip;
}

/* Give up what is held and is not among @ips. */
static void release_others(struct speaker *s, struct subject *j, const struct ip_addr *ips,
			   size_t count)
{
	for (size_t i = 0; i < j->held_count;) {
		struct ip_addr *ip = &j->held[i];
		if (among(ip, ips, count)) {
			i++;
			continue;
		}
		l2_release(s->l2, &j->id, ip);
		announced_metric(s, j, ip, false);
		*ip = j->held[--j->held_count];
	}
}

static void withdraw(struct speaker *s, struct subject *j, const char *why,
		     struct speaker_actions *out)
{
	if (j->held_count == 0)
		return;
	release_others(s, j, NULL, 0);
	held_free(j);
	s->announced--;
	say(out, SPEAKER_WITHDRAWN, j, must(strdup(why)));
}

static void announce(struct speaker *s, struct subject *j, const struct names *interfaces,
		     uint64_t now_ns, struct speaker_actions *out)
{
	struct balancer *b = j->balancer;
	bool new = j->held_count == 0;

	release_others(s, j, b->ips, b->ip_count);
	for (size_t i = 0; i < b->ip_count; i++) {
		l2_hold(s->l2, &j->id, &b->ips[i], interfaces);
		if (among(&b->ips[i], j->held, j->held_count))
			continue;
		held_add(j, &b->ips[i]);
		announced_metric(s, j, &b->ips[i], true);
	}
	if (!new)
		return;
	s->announced++;
	say(out, SPEAKER_ANNOUNCED, j, NULL);
	if (b->event_ns == 0 || now_ns - b->event_ns >= EVENT_EVERY_NS) {
		b->event_ns = now_ns;
		say_event(out, j, false, "nodeAssigned",
			  must_text("announcing from node \"%s\" with protocol \"layer2\"",
				    s->node_name));
	}
}

/* Elected, but do we have any of the interfaces? Says so once when that is not so. */
static bool can_announce(struct speaker *s, struct subject *j, const struct names *interfaces,
			 struct speaker_actions *out)
{
	bool any = interfaces->count == 0;
	char ip[IP_TEXT_MAX];

	for (size_t i = 0; i < interfaces->count && !any; i++)
		any = l2_link_exists(s->l2, interfaces->items[i]);
	if (!any && !j->balancer->failed)
		say_event(
			out, j, true, "announceFailed",
			must_text("none of the interfaces to announce %s on exists on node \"%s\" "
				  "(protocol \"layer2\")",
				  ip_format(&j->balancer->ips[0], ip), s->node_name));
	j->balancer->failed = !any;
	return any;
}

/* Bring one Service in line. */
static void converge(struct speaker *s, struct subject *j, uint64_t now_ns,
		     struct speaker_actions *out)
{
	const char *why = NULL;

	if (j->balancer == NULL)
		why = "the Service is gone";
	else if (!s->ready)
		why = "this speaker takes no part";
	else
		why = engine_unannounceable(s, j, &s->ads);
	if (why == NULL) {
		engine_elect(s, j, &s->ads);
		if (j->winner.member == NULL)
			why = "no node is eligible";
		else if (j->winner.member->name != s->node_name)
			why = "another node is first";
	} else {
		engine_unelect(s, j);
	}
	if (why == NULL) {
		struct names interfaces = engine_interfaces(s, &s->ads, s->node_name);
		if (can_announce(s, j, &interfaces, out))
			announce(s, j, &interfaces, now_ns, out);
		else
			why = "none of its interfaces is here";
		array_free(&interfaces);
	}
	if (why != NULL)
		withdraw(s, j, why, out);
}

/* What is left when @budget is spent waits for the next pass. */
static void converge_marked(struct speaker *s, uint64_t now_ns, unsigned *budget,
			    struct speaker_actions *out)
{
	for (struct subject *j; *budget > 0 && (j = engine_next(s)) != NULL; --*budget) {
		engine_unmark(j);
		converge(s, j, now_ns, out);
		engine_subject_reap(s, j);
	}
}

static void say_config(struct speaker *s, struct speaker_actions *out)
{
	static const struct subject nobody = { 0 };
	const struct subject *j =
		s->config_next == NULL ? &nobody : engine_orphan(s, s->config_next);

	s->config_news = false;
	say(out, SPEAKER_CONFIG, j,
	    j == &nobody
		    ? NULL
		    : must_text("an address of %s/%s is in no pool of it", j->id.ns, j->id.name));
}

void speaker_pass(struct speaker *s, uint64_t now_ns, struct speaker_actions *out)
{
	bool changed = engine_next(s) != NULL;
	unsigned budget = SPEAKER_PASS_MAX;

	converge_marked(s, now_ns, &budget, out);
	if (changed && s->config_next != NULL && engine_config_adopt(s))
		converge_marked(s, now_ns, &budget, out);
	if (s->config_news)
		say_config(s, out);
	l2_pass(s->l2, now_ns, out);
}

uint64_t speaker_wake_ns(const struct speaker *s)
{
	return engine_next(s) == NULL ? l2_wake_ns(s->l2) : 0;
}

void speaker_frame(struct speaker *s, unsigned ifindex, const void *bytes, size_t len,
		   struct speaker_actions *out)
{
	l2_frame(s->l2, ifindex, bytes, len, out);
}

size_t speaker_cover(struct speaker *s, uint8_t family, size_t max,
		     struct ip_prefix ret[static L2_COVER_MAX])
{
	return l2_cover(s->l2, family, max, ret);
}

size_t speaker_announced_count(const struct speaker *s)
{
	return s->announced;
}
