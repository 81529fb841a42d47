// SPDX-License-Identifier: Apache-2.0
/*
 * Credentials from kubeconfig files.
 *
 * Understood of a user: token, tokenFile, client certificate and key (files or inline), exec
 * plugins. Of a cluster: all that concerns the connection. Not supported, and said so:
 * auth-provider plugins, user name and password, impersonation.
 */
#ifndef BELLMAN_KUBE_KUBECONFIG_H
#define BELLMAN_KUBE_KUBECONFIG_H

#include "lib/kube/credentials.h"

/*
 * Read the current context.
 *
 * @path: a file; or several with a colon between, as KUBECONFIG may have: those that are not there
 * are passed over, and who first names the current context, a context, cluster or user, is
 * believed. Relative file names in them are relative to the file that has them.
 * @server: stands in for the cluster's; NULL: none.
 * Returns as credentials_from_server().
 */
int credentials_from_kubeconfig(const char *path, const char *server, struct credentials *ret,
				char *err, size_t err_size);

/* The same from memory, for the fuzzer and tests; @path only gives the name and folder. */
int credentials_from_text(const char *path, const char *text, size_t len, const char *server,
			  struct credentials *ret, char *err, size_t err_size);

#endif
