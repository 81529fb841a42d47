// SPDX-License-Identifier: Apache-2.0
/*
 * Where the API server is and how we prove who we are: a kubeconfig's current context
 * (kubeconfig.h), or what every pod finds in its file system.
 *
 * Files are followed: the token is read again each minute, and certificates that were replaced are
 * noticed as often. What an `exec` plugin gives, exec_io.c gets.
 */
#ifndef BELLMAN_KUBE_CREDENTIALS_H
#define BELLMAN_KUBE_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

struct exec_plugin;
struct exec_answer;

enum { CREDENTIALS_CA, CREDENTIALS_CERT, CREDENTIALS_KEY, CREDENTIALS_FILES };

struct credentials {
	char *server; /* scheme://host[:port][/prefix], no slash at the end */
	/* With tls-server-name: the server by that name, how libcurl finds it all the same, and
	 * what it is called in HTTP. All three, or NULL. */
	char *tls_server, *connect_to, *host_header;
	char *ca_file, *cert_file, *key_file; /* NULL: none */
	char *token, *token_file;             /* token: what the file said last, if there is one */
	char *proxy_url;                      /* of the kubeconfig; NULL: none */
	char *ns;                             /* of the service account; NULL: none */
	int fds[CREDENTIALS_FILES];           /* memory files behind the three files; -1: none */
	bool insecure;                        /* do not verify the server's certificate */

	uint64_t checked_ms; /* when files were looked at last */
	struct credentials_stamp {
		struct timespec changed;
		uint64_t inode, size; /* inode 0: not looked at yet */
	} stamps[CREDENTIALS_FILES];
	unsigned version;     /* counts all changes */
	unsigned tls_version; /* those after which connections show outdated certificates */

	struct exec_plugin *plugin; /* who knows token, or certificate and key; NULL: nobody */
	bool plugin_asked;          /* and what it said holds */
	time_t expires;             /* until then; 0: for ever */
	bool accepted;              /* the server has taken them, since they are as they are */
};

/* All begin with *ret not initialized. On failure a negative errno, the reason in @err and nothing
 * to free. */
int credentials_from_server(const char *server, struct credentials *ret, char *err,
			    size_t err_size);
/* @dir: SERVICE_ACCOUNT_DIR. @host, @port: from the environment, NULL when not there. */
int credentials_in_cluster(const char *dir, const char *host, const char *port,
			   struct credentials *ret, char *err, size_t err_size);
void credentials_done(struct credentials *c);

/*
 * Look at the files again if the last time is a minute ago, or at once with @refused. Has anything
 * changed? A token that cannot be read leaves the old one.
 */
bool credentials_refresh(struct credentials *c, bool refused, uint64_t now_ms);

/* Take over what the plugin said; @answer is left empty. 0 or a negative errno, and then nothing
 * has changed. */
int credentials_take(struct credentials *c, struct exec_answer *answer);

#endif
