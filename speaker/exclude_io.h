// SPDX-License-Identifier: Apache-2.0
/* The override of which interfaces are never used, where MetalLB's manifests mount it. */
#ifndef BELLMAN_SPEAKER_EXCLUDE_IO_H
#define BELLMAN_SPEAKER_EXCLUDE_IO_H

#include <stddef.h>

#define EXCLUDE_FILE "/etc/metallb/excludel2.yaml"

/*
 * Read `announcedInterfacesToExclude` of @path, a list of expressions, as one expression in which
 * each is an alternative. Returns 0 and *ret for free(), NULL when there is no such file or key:
 * the default holds. Or a negative errno with what is wrong in @err.
 */
int exclude_read(const char *path, char **ret, char *err, size_t err_size);

#endif
