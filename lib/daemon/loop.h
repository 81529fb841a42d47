// SPDX-License-Identifier: Apache-2.0
/*
 * What every daemon's main() starts with: the libuv loop, its signals, its clock.
 */
#ifndef BELLMAN_DAEMON_LOOP_H
#define BELLMAN_DAEMON_LOOP_H

#include <stdint.h>
#include <uv.h>

struct daemon {
	uv_loop_t *loop;
	/* private */
	uv_signal_t term, interrupt, hup;
	void (*on_stop)(void *arg);
	void (*on_reload)(void *arg);
	void *arg;
	int stop_signals;
};

/*
 * Take the default loop and the signals: SIGTERM and SIGINT call @on_stop once, a second one ends
 * the process at once; SIGHUP calls @on_reload (NULL: ignored); SIGPIPE is ignored. Standard
 * descriptors that are closed become /dev/null.
 * @d stays in place until daemon_done(). Returns 0 or a negative errno.
 */
int daemon_init(struct daemon *d, void (*on_stop)(void *arg), void (*on_reload)(void *arg),
		void *arg);

/*
 * Run until on_stop has closed every handle of its own. The signal handles never keep the loop
 * alive.
 */
void daemon_run(struct daemon *d);

/* Close the signal handles, run the loop dry and free it. */
void daemon_done(struct daemon *d);

/* The clock that engines are told: CLOCK_BOOTTIME in nanoseconds, so that a suspended host notices.
 */
uint64_t daemon_now_ns(void);

/* A seed for rng_seeded(), from the kernel. */
uint64_t daemon_seed(void);

#endif
