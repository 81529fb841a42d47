// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/credentials.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/kube/credentials_read.h"
#include "lib/kube/exec_plugin.h"
#include "lib/kube/secret.h"
#include "lib/model/file_io.h"

#define MAX_AGE_MS 60000 /* of what a file said, as the reference client has it */

int reading_fault(const struct reading *r, int rc, const char *fmt, ...)
{
	va_list ap;
	size_t at = 0;

	if (r->path != NULL)
		at = (size_t)snprintf(r->err, r->err_size, "%s: ", r->path);
	if (at >= r->err_size)
		return rc;
	va_start(ap, fmt);
	vsnprintf(r->err + at, r->err_size - at, fmt, ap);
	va_end(ap);
	return rc;
}

void credentials_init(struct credentials *c)
{
	*c = (struct credentials){ .fds = { -1, -1, -1 } };
}

int credentials_set_server(const struct reading *r, const char *server)
{
	const char *scheme_end = strstr(server, "://");
	const char *host = scheme_end == NULL ? server : scheme_end + 3;
	size_t len = strlen(server);

	/* First of all, so that no message below repeats a password. */
	if (memchr(host, '@', strcspn(host, "/")) != NULL)
		return reading_fault(r, -EINVAL,
				     "server: a user name in the address is not supported");
	if (strncmp(server, "https://", 8) != 0 && strncmp(server, "http://", 7) != 0)
		return reading_fault(r, -EINVAL,
				     "server \"%s\": must begin with https:// or http://", server);
	while (len > 0 && server[len - 1] == '/')
		len--;
	if (server + len <= host || *host == '/' || strpbrk(host, " ?#\r\n") != NULL)
		return reading_fault(r, -EINVAL, "server \"%s\": not an address", server);
	r->to->server = strndup(server, len);
	return r->to->server == NULL ? reading_fault(r, -ENOMEM, "out of memory") : 0;
}

int credentials_set_tls_name(const struct reading *r, const char *name)
{
	struct credentials *c = r->to;
	const char *host = strstr(c->server, "://") + 3;
	int host_len = (int)strcspn(host, "/");
	const char *bracket = memchr(host, ']', (size_t)host_len);
	const char *port = memchr(bracket == NULL ? host : bracket, ':',
				  (size_t)(host + host_len - (bracket == NULL ? host : bracket)));
	const char *number = port == NULL ? ":443" : port;
	int number_len = port == NULL ? 4 : (int)(host + host_len - port);

	if (strncmp(c->server, "https://", 8) != 0)
		return 0; /* nothing to verify */
	if (strpbrk(name, " /?#@[]:\r\n") != NULL)
		return reading_fault(r, -EINVAL, "tls-server-name \"%s\": not a host name", name);
	if (asprintf(&c->tls_server, "https://%s%.*s%s", name, number_len, number,
		     host + host_len) < 0 ||
	    asprintf(&c->connect_to, "%s%.*s:%.*s%.*s", name, number_len, number,
		     port == NULL ? host_len : (int)(port - host), host, number_len, number) < 0 ||
	    asprintf(&c->host_header, "Host: %.*s", host_len, host) < 0)
		return reading_fault(r, -ENOMEM, "out of memory");
	return 0;
}

int credentials_from_server(const char *server, struct credentials *ret, char *err, size_t err_size)
{
	struct credentials c;
	struct reading r = { .to = &c, .err = err, .err_size = err_size };
	int rc;

	credentials_init(&c);
	rc = credentials_set_server(&r, server);
	if (rc == 0)
		*ret = c;
	return rc;
}

int credentials_in_cluster(const char *dir, const char *host, const char *port,
			   struct credentials *ret, char *err, size_t err_size)
{
	struct credentials c;
	struct reading r = { .to = &c, .err = err, .err_size = err_size };
	char *server = NULL, *ns_file = NULL;
	int rc;

	credentials_init(&c);
	if (host == NULL || port == NULL)
		return reading_fault(&r, -ENOENT,
				     "not in a cluster (KUBERNETES_SERVICE_HOST and _PORT are not "
				     "set): give --server or --kubeconfig");
	bool v6 = strchr(host, ':') != NULL;
	if (asprintf(&server, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port) < 0 ||
	    asprintf(&c.token_file, "%s/token", dir) < 0 ||
	    asprintf(&c.ca_file, "%s/ca.crt", dir) < 0 ||
	    asprintf(&ns_file, "%s/namespace", dir) < 0) {
		rc = reading_fault(&r, -ENOMEM, "out of memory");
		goto out;
	}
	rc = credentials_set_server(&r, server);
	if (rc < 0)
		goto out;
	rc = secret_word_read(c.token_file, &c.token);
	if (rc < 0) {
		reading_fault(&r, rc, "%s: %s", c.token_file, file_error(rc));
		goto out;
	}
	rc = file_check(c.ca_file);
	if (rc < 0) {
		reading_fault(&r, rc, "%s: %s", c.ca_file, file_error(rc));
		goto out;
	}
	secret_word_read(ns_file, &c.ns); /* not there: the caller has a default */
	*ret = c;
out:
	free(server);
	free(ns_file);
	if (rc < 0)
		credentials_done(&c);
	return rc;
}

void credentials_done(struct credentials *c)
{
	free(c->server);
	free(c->tls_server);
	free(c->connect_to);
	free(c->host_header);
	free(c->ca_file);
	free(c->cert_file);
	free(c->key_file);
	secret_free(c->token);
	free(c->token_file);
	free(c->proxy_url);
	free(c->ns);
	exec_plugin_free(c->plugin);
	for (size_t i = 0; i < CREDENTIALS_FILES; i++) {
		if (c->fds[i] != -1)
			close(c->fds[i]);
	}
	credentials_init(c);
}

/* --- rotation ------------------------------------------------------------------------------- */

/* Has a certificate's file been replaced since the last time? No file, for a moment: no. */
static bool files_changed(struct credentials *c)
{
	const char *const paths[] = {
		[CREDENTIALS_CA] = c->ca_file,
		[CREDENTIALS_CERT] = c->cert_file,
		[CREDENTIALS_KEY] = c->key_file,
	};
	bool changed = false;
	struct stat st;

	for (size_t i = 0; i < CREDENTIALS_FILES; i++) {
		struct credentials_stamp *old = &c->stamps[i], new;

		if (paths[i] == NULL || c->fds[i] != -1 || stat(paths[i], &st) < 0)
			continue;
		new = (struct credentials_stamp){ st.st_ctim, st.st_ino, (uint64_t)st.st_size };
		changed |= old->inode != 0 && (old->inode != new.inode || old->size != new.size ||
					       old->changed.tv_sec != new.changed.tv_sec ||
					       old->changed.tv_nsec != new.changed.tv_nsec);
		*old = new;
	}
	return changed;
}

static bool token_changed(struct credentials *c)
{
	char *token;

	if (c->token_file == NULL || secret_word_read(c->token_file, &token) < 0)
		return false;
	bool changed = c->token == NULL || strcmp(token, c->token) != 0;
	secret_free(c->token);
	c->token = token;
	return changed;
}

bool credentials_refresh(struct credentials *c, bool refused, uint64_t now_ms)
{
	if (!refused && c->checked_ms != 0 && now_ms - c->checked_ms < MAX_AGE_MS)
		return false;
	c->checked_ms = now_ms;
	bool tls = files_changed(c), token = token_changed(c);
	c->tls_version += tls;
	c->version += tls || token;
	return tls || token;
}

/* --- from a plugin -------------------------------------------------------------------------- */

/* A PEM text as a file. */
struct pem_file {
	bool changed; /* else it is what we have, and there is no file */
	int fd;       /* -1: none */
	char *path;
};

static void pem_drop(struct pem_file *f)
{
	if (f->fd != -1)
		close(f->fd);
	free(f->path);
}

/* @pem: NULL for none. */
static int pem_make(const struct credentials *c, int slot, const char *name, const char *pem,
		    struct pem_file *ret)
{
	*ret = (struct pem_file){ .fd = -1 };
	ret->changed =
		pem == NULL ? c->fds[slot] != -1
			    : c->fds[slot] == -1 || !secret_file_is(c->fds[slot], pem, strlen(pem));
	return pem == NULL || !ret->changed
		       ? 0
		       : secret_to_file(name, pem, strlen(pem), &ret->fd, &ret->path);
}

static void pem_take(struct credentials *c, int slot, const struct pem_file *f, char **at)
{
	struct pem_file old = { .fd = c->fds[slot], .path = *at };

	if (!f->changed)
		return;
	pem_drop(&old);
	c->fds[slot] = f->fd;
	*at = f->path;
}

int credentials_take(struct credentials *c, struct exec_answer *answer)
{
	struct pem_file cert, key;
	int rc = pem_make(c, CREDENTIALS_CERT, "client-certificate", answer->cert, &cert);

	if (rc < 0)
		return rc;
	rc = pem_make(c, CREDENTIALS_KEY, "client-key", answer->key, &key);
	if (rc < 0) {
		pem_drop(&cert);
		return rc;
	}
	pem_take(c, CREDENTIALS_CERT, &cert, &c->cert_file);
	pem_take(c, CREDENTIALS_KEY, &key, &c->key_file);
	c->tls_version += cert.changed || key.changed;
	secret_free(c->token);
	c->token = answer->token;
	answer->token = NULL;
	c->expires = answer->expires;
	c->version++;
	c->plugin_asked = true;
	c->accepted = false;
	exec_answer_done(answer);
	return 0;
}
