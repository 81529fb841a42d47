// SPDX-License-Identifier: Apache-2.0
/* Bytes that the Kubernetes API carries as text (RFC 4648 section 4). */
#ifndef BELLMAN_BASE_BASE64_H
#define BELLMAN_BASE_BASE64_H

#include <stddef.h>

/*
 * The bytes that @text stands for; *ret is the caller's, and a NUL stands behind them.
 * Returns 0, -EINVAL (not base64, or nothing) or -ENOMEM.
 */
int base64_bytes(const char *text, char **ret, size_t *ret_len);

#endif
