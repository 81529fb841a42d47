// SPDX-License-Identifier: Apache-2.0
/*
 * A speaker process on a node: the engine of speaker/engine.h with what the kernel and the API give
 * it here: watches, links, multicast groups, and the very socket filters of speaker/filter.h, run
 * frame by frame.
 *
 * Does what speaker/main.c does with libuv, in the same order: inputs are taken in together, one
 * pass follows, its actions are done, and a timer with whole milliseconds wants the next one.
 */
#ifndef BELLMAN_SIM_SPEAKER_H
#define BELLMAN_SIM_SPEAKER_H

#include "sim/api.h"
#include "sim/process.h"
#include "sim/stack.h"
#include "speaker/engine.h"

struct sim_speaker;

/* What is told of a process; any may be NULL. None may start, stop or end the one that tells. */
struct sim_speaker_ops {
	/* Each action of a pass that is not a frame, group or filter: ANNOUNCED, WITHDRAWN, EVENT,
	 * CONFIG. */
	void (*told)(void *arg, const struct sim_speaker *s, const struct speaker_action *a);
	/* A frame is sent; @a is SPEAKER_SEND. */
	void (*sent)(void *arg, const struct sim_speaker *s, const struct speaker_action *a);
	/* A pass has run, or the process started or ended. */
	void (*passed)(void *arg, const struct sim_speaker *s);
	/* It broke a rule that a process is bound to (a pass that changes things twice, passes
	 * without end at one moment): a sentence without a full stop. */
	void (*broke)(void *arg, const struct sim_speaker *s, const char *what);
};

struct sim_speaker_cfg {
	const char *node;               /* name of its Node; copied */
	struct sim_stack *stack;        /* of its node; borrowed */
	struct sim_api *api;            /* borrowed */
	const char *lb_class, *exclude; /* as speaker_cfg */
	bool ignore_exclude_lb;
	struct ranks
		*ranks; /* borrowed: of all speakers of a world; NULL: each hashes for itself */
	uint64_t seed;
	bool say_why;     /* somebody captures: frames go out with speaker_why_format() */
	bool check_twice; /* run every pass a second time: it must have nothing to do */
	const struct sim_speaker_ops *ops;
	void *arg;
};

struct sim_speaker *sim_speaker_new(const struct sim_speaker_cfg *cfg); /* not started */
struct sim_speaker *sim_speaker_free(struct sim_speaker *s);

/* One that runs is left alone, here and below one that does not. Each life has a clock of its own
 * zero. Links are those that the stack has now. */
void sim_speaker_start(struct sim_speaker *s);
void sim_speaker_kill(struct sim_speaker *s); /* kill -9 */
/* SIGTERM: withdraws, then ends; when its turn comes, which for one that is paused is later. */
void sim_speaker_stop(struct sim_speaker *s);
/* Meanwhile the kernel keeps for it what its sockets have room for. */
void sim_speaker_pause(struct sim_speaker *s, bool paused);
/* Each turn of its loop, and each reading of frames, begins so late from now on. */
void sim_speaker_slow(struct sim_speaker *s, uint64_t turn_ns);

bool sim_speaker_runs(const struct sim_speaker *s); /* started and not ended; may be paused */
bool sim_speaker_is_ready(const struct sim_speaker *s);
bool sim_speaker_is_current(const struct sim_speaker *s); /* its watches have told it everything,
							     and it has run since */
/* The same of what had happened at the API up to the change @number. */
bool sim_speaker_is_past(const struct sim_speaker *s, uint64_t number);
struct sim_api_client *sim_speaker_client(const struct sim_speaker *s); /* NULL: it does not run */
const struct speaker *sim_speaker_engine(const struct sim_speaker *s);  /* the same */

/*
 * Would it answer for @ip on @iface, if somebody there asked? Puts a question through group, filter
 * and engine, as the wire would, and changes nothing. One that is paused or does not run would not.
 */
bool sim_speaker_answers(struct sim_speaker *s, struct sim_iface *iface, const struct ip_addr *ip);
/* Does its filter let such a question in, if it comes in on @iface? */
bool sim_speaker_hears(const struct sim_speaker *s, const struct sim_iface *iface,
		       const struct ip_addr *ip);
/* Multicast groups that its sockets are in, on all interfaces. */
size_t sim_speaker_groups(const struct sim_speaker *s);

/*
 * Tell the engine all over again what it knows, and return how many actions follow: 0 unless the
 * engine is wrong. Only one that sim_speaker_is_current() is told; of any other this is 0.
 */
size_t sim_speaker_retell(struct sim_speaker *s);

/* Passes that it asked for itself (no input came) since it started. */
uint64_t sim_speaker_wakes(const struct sim_speaker *s);

/* Frames from a capture, for --replay: as if they came in on @iface. */
void sim_speaker_feed(struct sim_speaker *s, struct sim_iface *iface, const uint8_t *bytes,
		      size_t len);

#endif
