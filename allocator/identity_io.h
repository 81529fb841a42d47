// SPDX-License-Identifier: Apache-2.0
/*
 * The name under which a process stands for election: NAME_BOOT-NAMESPACE-PID-RANDOM.
 *
 * No other process ever has the same one: the end is random. The middle lets a successor on the
 * same machine see that the holder of a Lease has ended without releasing it, so that after a crash
 * the Lease need not expire: the boot of the kernel and the PID namespace are those of the
 * successor, and there is no process of that number. It says nothing about what the dead one had
 * sent, so the wait for that remains (lib/kube/lease.h).
 *
 * A pod's name would prove less: two pods of one name may run for a while when the first was
 * deleted by force. In a container that is started again the PID namespace is a new one, and the
 * Lease expires; that is what a second replica is for.
 */
#ifndef BELLMAN_ALLOCATOR_IDENTITY_IO_H
#define BELLMAN_ALLOCATOR_IDENTITY_IO_H

#include <stdbool.h>

#define IDENTITY_MAX 320

/* @name: of the pod; NULL or "": the host's. Into @ret, which is returned. */
const char *identity_make(const char *name, char ret[static IDENTITY_MAX]);

/* Has the process of this name surely ended? False for whatever cannot be known. */
bool identity_is_dead(const char *identity);

#endif
