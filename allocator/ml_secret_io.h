// SPDX-License-Identifier: Apache-2.0
/*
 * The Secret that encrypts what speakers say to each other (memberlist): created where there is
 * none, as MetalLB's controller does, so that a ring of either's speakers takes it.
 *
 * Type Opaque, key `secretkey`: 16 random bytes in base64 without padding. One that is there is
 * left alone whatever it holds, and never read beyond that it is there. The key goes nowhere else.
 * It has no owner, unlike MetalLB's, so that it outlives the Deployment: a new one with another
 * key would split the ring.
 */
#ifndef BELLMAN_ALLOCATOR_ML_SECRET_IO_H
#define BELLMAN_ALLOCATOR_ML_SECRET_IO_H

#include <uv.h>

#include "allocator/gate_io.h"
#include "lib/kube/kube.h"

struct ml_secret_io; /* opaque */

struct ml_secret_io_cfg {
	uv_loop_t *loop;
	struct kube *kube;    /* borrowed; to be closed after ml_secret_io_close() */
	struct gate_io *gate; /* borrowed */
	const char *ns;       /* copied */
	const char *name;     /* copied; NULL or "": none is created */
	uint64_t seed;        /* of the jitter in back-offs, not of the key */
};

struct ml_secret_io *ml_secret_io_open(const struct ml_secret_io_cfg *cfg);

/* We lead: see that it is there. Once it was seen to be, this does nothing. */
void ml_secret_io_ensure(struct ml_secret_io *x);

/*
 * The memory goes once the request under way has ended and the loop has run the close callbacks.
 * NULL is fine; returns NULL.
 */
struct ml_secret_io *ml_secret_io_close(struct ml_secret_io *x);

#endif
