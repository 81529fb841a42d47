// SPDX-License-Identifier: Apache-2.0
/*
 * The server's certificate and key, read again when their files have changed: a renewed certificate
 * is served without a restart. While the new files do not go together (one is written before the
 * other) or cannot be read, the old pair stays.
 */
#ifndef BELLMAN_DAEMON_HTTPD_CERT_H
#define BELLMAN_DAEMON_HTTPD_CERT_H

#include <gnutls/abstract.h>
#include <stdint.h>

struct cert; /* opaque */

/*
 * Load both (PEM, at most 1 MiB; the chain in the certificate's file, its end entity first). The
 * paths are copied. Returns 0 or -EINVAL, and has logged why then; *ret is the caller's.
 */
int cert_open(const char *cert_file, const char *key_file, struct cert **ret);
struct cert *cert_free(struct cert *c); /* NULL is fine; returns NULL */

/*
 * The pair to use in a handshake that begins now. Looks at the files when @now_ms (monotonic) is a
 * second after the last look. What is returned stays good for two minutes, which is more than a
 * handshake may take.
 */
void cert_current(struct cert *c, uint64_t now_ms, gnutls_pcert_st **ret_chain, unsigned *ret_count,
		  gnutls_privkey_t *ret_key);

#endif
