// SPDX-License-Identifier: Apache-2.0
/*
 * How the verdict about the configuration is told: by the ConfigurationState `controller`, by an
 * event on the IPAddressPool that is at fault, and by /readyz.
 *
 * The leader tells it. Who never had a configuration does not stand for leader, so where nobody
 * leads for that, somebody without one tells it all the same, once for each verdict: two of them do
 * not correct each other.
 */
#ifndef BELLMAN_ALLOCATOR_VERDICT_IO_H
#define BELLMAN_ALLOCATOR_VERDICT_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "allocator/gate_io.h"
#include "lib/kube/kube.h"

struct verdict_io; /* opaque */

struct verdict_io_cfg {
	uv_loop_t *loop;
	struct kube *kube;     /* borrowed; to be closed after verdict_io_close() */
	struct gate_io *gate;  /* borrowed; open while we lead */
	const char *ns;        /* borrowed; of ConfigurationState and pools */
	const char *pod;       /* own pod; NULL: not known */
	const char *component; /* that events are from; borrowed */
	uint64_t seed;
	/* Is it known that nobody leads? */
	bool (*leaderless)(void *arg);
	/* The UID of an IPAddressPool, NULL when there is none; lent. */
	const char *(*uid_of)(void *arg, const char *pool);
	void *arg;
};

/* *ret belongs to the caller. Returns 0 or a negative errno. */
int verdict_io_open(const struct verdict_io_cfg *cfg, struct verdict_io **ret);

/* All is well with the configuration (NULL), or @error is the first that is not. */
void verdict_io_judged(struct verdict_io *v, const char *error);
/* A resource is at @fault, which is a field of it and why. Those that are no pool are passed over.
 */
void verdict_io_fault(struct verdict_io *v, const char *field, const char *message);
/* A configuration is in force, the first or another one. */
void verdict_io_loaded(struct verdict_io *v);
void verdict_io_lead(struct verdict_io *v, bool lead);

/* Why we do not stand for leader, a sentence without a full stop; NULL: we may. */
const char *verdict_io_trouble(const struct verdict_io *v);

/* The memory goes as that of config_state_close(). NULL is fine; returns NULL. */
struct verdict_io *verdict_io_close(struct verdict_io *v);

#endif
