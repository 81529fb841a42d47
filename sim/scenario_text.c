// SPDX-License-Identifier: Apache-2.0
/* Steps of a timeline in words, for people who have not read bellman-scenario(5). */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/utf8.h"
#include "sim/scenario.h"

/* Text that grows in a buffer, and is cut at its end. */
struct text {
	char *buf;
	size_t size, len;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *t, const char *fmt, ...)
{
	va_list args;

	if (t->len + 1 >= t->size)
		return;
	va_start(args, fmt);
	int n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, args);
	va_end(args);
	t->len += n < 0 ? 0 : (size_t)n;
	if (t->len < t->size)
		return;
	t->len = utf8_whole(t->buf, t->size - 1);
	t->buf[t->len] = '\0';
	t->size = t->len + 1; /* nothing comes behind the cut */
}

static const char *or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

static void put_duration(struct text *t, const char *before, uint64_t ns, const char *behind)
{
	char buf[DURATION_TEXT_MAX];

	put(t, "%s%s%s", before, duration_format(ns, buf), behind);
}

/* --- processes -------------------------------------------------------------------------------- */

bool sim_step_is_cure(const struct sim_step *s)
{
	return s->op == SIM_OP_RESTART || s->op == SIM_OP_RESUME || s->op == SIM_OP_API_HEAL ||
	       ((s->op == SIM_OP_SLOW || s->op == SIM_OP_API_SLOW) && s->time_ns == 0);
}

static void put_process(struct text *t, const struct sim_step *s)
{
	const char *what = or_empty(s->what);

	if (s->process == SIM_PROCESS_NODE)
		put(t, "%s", what);
	else if (s->process == SIM_PROCESS_SPEAKER)
		put(t, "the speaker on %s", what);
	else if (strcmp(what, SIM_LEADER) == 0)
		put(t, "the allocator that %s", sim_step_is_cure(s) ? "led" : "leads");
	else
		put(t, "allocator %s", what);
}

static void put_ended(struct text *t, const struct sim_step *s)
{
	bool node = s->process == SIM_PROCESS_NODE;

	if (s->op == SIM_OP_KILL)
		put(t, node ? "power off " : "kill ");
	else if (s->op == SIM_OP_STOP)
		put(t, node ? "shut down " : "stop ");
	else if (s->op == SIM_OP_RESTART)
		put(t, "restart ");
	else
		put(t, "pause ");
	put_process(t, s);
}

static void put_slow(struct text *t, const struct sim_step *s)
{
	put_process(t, s);
	if (s->time_ns == 0)
		put(t, " runs at full speed again");
	else
		put_duration(t, " is slow: each of its turns begins ", s->time_ns, " late");
}

static void put_clock_step(struct text *t, const struct sim_step *s)
{
	put(t, "set the clock of ");
	put_process(t, s);
	put_duration(t, " ", s->time_ns, s->back ? " back" : " forward");
}

/* --- the network ------------------------------------------------------------------------------ */

/* Of what goes from .what to .to, either of which may be anybody. */
static void put_way(struct text *t, const struct sim_step *s)
{
	if (s->what != NULL && s->to != NULL && s->both)
		put(t, " between %s and %s", s->what, s->to);
	else if (s->what == NULL && s->to == NULL)
		put(t, " between all");
	else if (s->both)
		put(t, " to and from %s", s->what != NULL ? s->what : s->to);
	else if (s->what == NULL)
		put(t, " to %s", s->to);
	else if (s->to == NULL)
		put(t, " from %s", s->what);
	else
		put(t, " from %s to %s", s->what, s->to);
}

static void put_heal(struct text *t, const struct sim_step *s)
{
	if (s->link == NULL) {
		put(t, "heal everything");
		return;
	}
	put(t, "heal %s", s->link);
	if (s->what != NULL || s->to != NULL)
		put_way(t, s);
}

static void put_cable(struct text *t, const struct sim_step *s)
{
	bool down = s->op == SIM_OP_LINK_DOWN;

	put(t, down ? "pull the cable%s of %s" : "plug in the cable%s of %s",
	    s->to == NULL ? "s" : "", or_empty(s->what));
	if (s->to != NULL)
		put(t, " %s", s->to);
}

static void put_share(struct text *t, const char **comma, uint32_t ppm, const char *what)
{
	if (ppm == 0)
		return;
	put(t, "%s%g%% %s", *comma, ppm / 10000.0, what);
	*comma = ", ";
}

static void put_impair(struct text *t, const struct sim_step *s)
{
	const struct sim_impair *i = &s->impair;
	const char *comma = ": ";

	put(t, "%s", or_empty(s->link));
	if (s->what != NULL)
		put(t, " at %s", s->what);
	size_t before = t->len;
	put_share(t, &comma, i->loss_ppm, "of the frames lost");
	put_share(t, &comma, i->duplicate_ppm, "doubled");
	put_share(t, &comma, i->reorder_ppm, "out of order");
	if (i->delay_ns != 0) {
		put_duration(t, comma, i->delay_ns, " later");
		comma = ", ";
	}
	if (i->jitter_ns != 0)
		put_duration(t, comma, i->jitter_ns, " of jitter");
	if (t->len == before)
		put(t, " is as it was");
}

static void put_storm(struct text *t, const struct sim_step *s)
{
	if (s->count == 0)
		put(t, "the loop on %s is gone", or_empty(s->link));
	else
		put(t, "a loop on %s: %" PRIu64 " broadcasts a second", or_empty(s->link),
		    s->count);
}

static void put_steal(struct text *t, const struct sim_step *s)
{
	char ip[IP_TEXT_MAX];

	put(t, "%s %s ", or_empty(s->what), s->op == SIM_OP_STEAL ? "steals" : "gives back");
	if (s->service != NULL)
		put(t, "the address of %s", s->service);
	else
		put(t, "%s", ip_format(&s->address, ip));
}

/* --- the API server --------------------------------------------------------------------------- */

static void put_api_cut(struct text *t, const struct sim_step *s)
{
	if (s->in && !s->out) {
		put(t, "requests of ");
		put_process(t, s);
		put(t, " do not arrive at the API server");
	} else if (s->out && !s->in) {
		put(t, "what the API server says does not reach ");
		put_process(t, s);
	} else {
		put(t, "cut ");
		put_process(t, s);
		put(t, " off from the API server");
	}
}

static void put_api_slow(struct text *t, const struct sim_step *s)
{
	put_process(t, s);
	if (s->time_ns == 0)
		put(t, " is as near to the API server as it was");
	else
		put_duration(t, " is ", s->time_ns, " farther from the API server");
}

/* --- expectations ----------------------------------------------------------------------------- */

static void put_comma(struct text *t, size_t begin)
{
	if (t->len > begin)
		put(t, ", ");
}

static void put_expect(struct text *t, const struct sim_step *s)
{
	const struct sim_expect *e = &s->expect;

	put(t, "expect ");
	if (e->service != NULL)
		put(t, "%s ", e->service);
	size_t begin = t->len;
	if (e->owner != NULL)
		put(t, "to be announced by %s", *e->owner == '\0' ? "nobody" : e->owner);
	if (e->address != NULL) {
		put_comma(t, begin);
		put(t, "to have %s", *e->address == '\0' ? "no address" : e->address);
	}
	if (e->leader != NULL) {
		put_comma(t, begin);
		put(t, "%s%s to lead", *e->leader == '\0' ? "no allocator" : "allocator ",
		    e->leader);
	}
	if (e->has_dark) {
		put_comma(t, begin);
		put_duration(t,
			     e->service != NULL ? "not to be dark for longer than "
						: "nothing to be dark for longer than ",
			     e->dark_max_ns, "");
	}
	if (e->has_failed) {
		put_comma(t, begin);
		put(t,
		    e->failed_max == 0 ? "no attempt to fail"
				       : "at most %" PRIu64 " attempts to fail",
		    e->failed_max);
	}
	if (s->time_ns != 0)
		put_duration(t, " within ", s->time_ns, "");
}

/* --- all of them ------------------------------------------------------------------------------ */

const char *sim_step_format(const struct sim_step *s, char *buf, size_t size)
{
	struct text text = { .buf = buf, .size = size }, *t = &text;
	const char *what = or_empty(s->what);

	*buf = '\0';
	switch (s->op) {
	case SIM_OP_EXCLUDE:
		put(t, "exclude %s", what);
		break;
	case SIM_OP_INCLUDE:
		put(t, "include %s again", what);
		break;
	case SIM_OP_NETWORK_UNAVAILABLE:
		put(t, "%s reports its network %s", what,
		    s->on ? "unavailable" : "available again");
		break;
	case SIM_OP_APPLY:
		put(t, "apply %s", s->file != NULL ? s->file : "objects");
		break;
	case SIM_OP_DELETE:
		put(t, "delete %s%s%s%s%s", or_empty(s->kind), *what == '\0' ? "" : " ",
		    or_empty(s->ns), *or_empty(s->ns) == '\0' ? "" : "/", what);
		break;
	case SIM_OP_ENDPOINT:
		put(t, "the endpoint of %s on %s is %s", or_empty(s->service), what,
		    s->on ? "ready" : "no longer ready");
		break;
	case SIM_OP_CONFIG:
		put(t, "the configuration is now %s", s->file != NULL ? s->file : "another one");
		break;
	case SIM_OP_KILL:
	case SIM_OP_STOP:
	case SIM_OP_RESTART:
	case SIM_OP_PAUSE:
		put_ended(t, s);
		break;
	case SIM_OP_RESUME:
		put(t, "let ");
		put_process(t, s);
		put(t, " go on");
		break;
	case SIM_OP_SLOW:
		put_slow(t, s);
		break;
	case SIM_OP_CLOCK_STEP:
		put_clock_step(t, s);
		break;
	case SIM_OP_LINK_DOWN:
	case SIM_OP_LINK_UP:
		put_cable(t, s);
		break;
	case SIM_OP_CUT:
		put(t, "cut %s", or_empty(s->link));
		put_way(t, s);
		break;
	case SIM_OP_HEAL:
		put_heal(t, s);
		break;
	case SIM_OP_IMPAIR:
		put_impair(t, s);
		break;
	case SIM_OP_STORM:
		put_storm(t, s);
		break;
	case SIM_OP_FORGET:
		put(t, "the switch of %s forgets who is where", or_empty(s->link));
		break;
	case SIM_OP_STEAL:
	case SIM_OP_GIVE_BACK:
		put_steal(t, s);
		break;
	case SIM_OP_API_DOWN:
		put(t, "the API server goes down");
		break;
	case SIM_OP_API_UP:
		put(t, "the API server is up again");
		break;
	case SIM_OP_API_CUT:
		put_api_cut(t, s);
		break;
	case SIM_OP_API_HEAL:
		put_process(t, s);
		put(t, " reaches the API server again");
		break;
	case SIM_OP_API_SLOW:
		put_api_slow(t, s);
		break;
	case SIM_OP_API_BREAK:
		put(t, "every connection to the API server breaks");
		break;
	case SIM_OP_API_COMPACT:
		put(t, "the API server forgets its history");
		break;
	case SIM_OP_API_CONFLICTS:
		put(t, "the next %" PRIu64 " writes conflict", s->count);
		break;
	case SIM_OP_EXPECT:
		put_expect(t, s);
		break;
	}
	return buf;
}
