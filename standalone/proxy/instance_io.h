// SPDX-License-Identifier: Apache-2.0
/*
 * One proxy for a network namespace: two would each replace what the other made.
 *
 * The first holds a socket of a name that only lives in that namespace and goes with the process,
 * however that ends: no file that stays behind, and none that a container does not see.
 */
#ifndef BELLMAN_PROXY_INSTANCE_IO_H
#define BELLMAN_PROXY_INSTANCE_IO_H

#include <sys/types.h>

/*
 * Be the one. Returns a descriptor to keep open, -EEXIST with its process id (0: not to be seen
 * from here, or too many have asked) in *ret_pid when another is, or another negative errno. Takes
 * up to a second while somebody has the name and does not listen.
 *
 * Names of such sockets are anybody's. Processes of other users that have it do not count, so that
 * they cannot keep it from us by that; but one that listens and lets nobody connect is not told
 * from one of ours that too many have asked.
 */
int instance_claim(pid_t *ret_pid);

#endif
