// SPDX-License-Identifier: Apache-2.0
/*
 * Where the API server is and how we prove who we are: a kubeconfig's current context, or what
 * every pod finds in its file system.
 *
 * Understood of a user: token, tokenFile, client certificate and key. Not supported, and said so:
 * exec and auth-provider plugins, user name and password.
 * Certificates given inline are kept in anonymous memory files and named by /proc/self/fd/N: every
 * TLS library that libcurl may be built with reads files, few read memory, and no key goes to disk.
 */
#ifndef BELLMAN_KUBE_CREDENTIALS_H
#define BELLMAN_KUBE_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

struct credentials {
	char *server; /* scheme://host[:port][/prefix], no slash at the end */
	char *ca_file, *cert_file, *key_file; /* NULL: none */
	char *token, *token_file;             /* token: what the file said last, if there is one */
	char *proxy_url;                      /* of the kubeconfig; NULL: none */
	char *ns;                             /* of the service account; NULL: none */
	uint64_t token_read_ms;
	int fds[3];    /* memory files behind ca_file, cert_file, key_file; -1: none */
	bool insecure; /* do not verify the server's certificate */
};

/* All begin with *ret not initialized. On failure a negative errno, the reason in @err and nothing
 * to free. Relative file names are relative to the kubeconfig. */
int credentials_from_server(const char *server, struct credentials *ret, char *err,
			    size_t err_size);
/* @server: stands in for the cluster's; NULL: none. */
int credentials_from_kubeconfig(const char *path, const char *server, struct credentials *ret,
				char *err, size_t err_size);
/* @dir: SERVICE_ACCOUNT_DIR. @host, @port: from the environment, NULL when not there. */
int credentials_in_cluster(const char *dir, const char *host, const char *port,
			   struct credentials *ret, char *err, size_t err_size);
void credentials_done(struct credentials *c);

/* Read the token file anew if it is a minute old, or at once with @refused. Did the token change?
 * A file that cannot be read leaves the old token. */
bool credentials_refresh(struct credentials *c, bool refused, uint64_t now_ms);

#endif
