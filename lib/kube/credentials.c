// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <nettle/base64.h>

#include "lib/model/doc.h"
#include "lib/model/file_io.h"

#define FILE_MAX         (1u << 20) /* of any file read here */
#define TOKEN_MAX_AGE_MS 60000

/* What a reader needs beside the result: where to complain, and whose file it is. */
struct reading {
	struct credentials *to;
	const char *path;
	char *err;
	size_t err_size;
};

__attribute__((format(printf, 3, 4))) static int fault(const struct reading *r, int rc,
						       const char *fmt, ...)
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

/* A file that holds one word. */
static int word_read(const char *path, char **ret)
{
	size_t len;
	char *text;
	int rc = file_read(path, FILE_MAX, &text, &len);

	if (rc < 0)
		return rc;
	text[strcspn(text, " \t\r\n")] = '\0';
	if (*text == '\0') {
		free(text);
		return -ENODATA;
	}
	*ret = text;
	return 0;
}

static void secret_free(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

/* Take the server's address: a scheme we speak, no name or password in it, no slash at the end. */
static int server_set(const struct reading *r, const char *server)
{
	const char *scheme_end = strstr(server, "://");
	const char *host = scheme_end == NULL ? server : scheme_end + 3;
	size_t len = strlen(server);

	/* First of all, so that no message below repeats a password. */
	if (memchr(host, '@', strcspn(host, "/")) != NULL)
		return fault(r, -EINVAL, "server: a user name in the address is not supported");
	if (strncmp(server, "https://", 8) != 0 && strncmp(server, "http://", 7) != 0)
		return fault(r, -EINVAL, "server \"%s\": must begin with https:// or http://",
			     server);
	while (len > 0 && server[len - 1] == '/')
		len--;
	if (server + len <= host || *host == '/' || strpbrk(host, " ?#\r\n") != NULL)
		return fault(r, -EINVAL, "server \"%s\": not an address", server);
	r->to->server = strndup(server, len);
	return r->to->server == NULL ? fault(r, -ENOMEM, "out of memory") : 0;
}

static void credentials_init(struct credentials *c)
{
	*c = (struct credentials){ .fds = { -1, -1, -1 } };
}

int credentials_from_server(const char *server, struct credentials *ret, char *err, size_t err_size)
{
	struct credentials c;
	struct reading r = { .to = &c, .err = err, .err_size = err_size };
	int rc;

	credentials_init(&c);
	rc = server_set(&r, server);
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
		return fault(&r, -ENOENT,
			     "not in a cluster (KUBERNETES_SERVICE_HOST and _PORT are not set): "
			     "give --server or --kubeconfig");
	bool v6 = strchr(host, ':') != NULL;
	if (asprintf(&server, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port) < 0 ||
	    asprintf(&c.token_file, "%s/token", dir) < 0 ||
	    asprintf(&c.ca_file, "%s/ca.crt", dir) < 0 ||
	    asprintf(&ns_file, "%s/namespace", dir) < 0) {
		rc = fault(&r, -ENOMEM, "out of memory");
		goto out;
	}
	rc = server_set(&r, server);
	if (rc < 0)
		goto out;
	rc = word_read(c.token_file, &c.token);
	if (rc < 0) {
		fault(&r, rc, "%s: %s", c.token_file, file_error(rc));
		goto out;
	}
	rc = file_check(c.ca_file);
	if (rc < 0) {
		fault(&r, rc, "%s: %s", c.ca_file, file_error(rc));
		goto out;
	}
	word_read(ns_file, &c.ns); /* not there: the caller has a default */
	*ret = c;
out:
	free(server);
	free(ns_file);
	if (rc < 0)
		credentials_done(&c);
	return rc;
}

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *member_text(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(member(object, name));

	return text != NULL && *text == '\0' ? NULL : text;
}

/* The entry of list @list with name @name; its member @inner. NULL when it is not there. */
static const cJSON *entry_of(const cJSON *config, const char *list, const char *name,
			     const char *inner)
{
	const cJSON *entry;

	cJSON_ArrayForEach (entry, member(config, list)) {
		const char *text = member_text(entry, "name");

		if (text != NULL && strcmp(text, name) == 0)
			return member(entry, inner);
	}
	return NULL;
}

/* @path beside the kubeconfig, unless it is absolute. */
static int path_set(const struct reading *r, const char *field, const char *path, char **ret)
{
	const char *slash = strrchr(r->path, '/');

	if (*path == '/' || slash == NULL)
		*ret = strdup(path);
	else if (asprintf(ret, "%.*s/%s", (int)(slash - r->path), r->path, path) < 0)
		*ret = NULL;
	if (*ret == NULL)
		return fault(r, -ENOMEM, "out of memory");
	int rc = file_check(*ret);
	return rc < 0 ? fault(r, rc, "%s: %s: %s", field, *ret, file_error(rc)) : 0;
}

/* Bytes in base64 into a memory file. */
static int data_set(const struct reading *r, const char *field, const char *base64, int *ret_fd,
		    char **ret_path)
{
	struct base64_decode_ctx decode;
	size_t len = BASE64_DECODE_LENGTH(strlen(base64));
	uint8_t *bytes = malloc(len + 1);
	int rc = 0;

	if (bytes == NULL)
		return fault(r, -ENOMEM, "out of memory");
	base64_decode_init(&decode);
	if (!base64_decode_update(&decode, &len, bytes, strlen(base64), base64) ||
	    !base64_decode_final(&decode) || len == 0) {
		rc = fault(r, -EINVAL, "%s: not base64", field);
		goto out;
	}
	*ret_fd = memfd_create(field, MFD_CLOEXEC);
	if (*ret_fd == -1 || write(*ret_fd, bytes, len) != (ssize_t)len ||
	    asprintf(ret_path, "/proc/self/fd/%d", *ret_fd) < 0)
		rc = fault(r, errno == 0 ? -EIO : -errno, "%s: %s", field, strerror(errno));
out:
	explicit_bzero(bytes, len);
	free(bytes);
	return rc;
}

/* A certificate or key given as @field (a file) or @field-data (inline, which wins). */
static int pem_set(const struct reading *r, const cJSON *from, const char *field, int slot,
		   char **ret_path)
{
	char data_field[64];
	const char *path = member_text(from, field);

	snprintf(data_field, sizeof(data_field), "%s-data", field);
	const char *data = member_text(from, data_field);
	if (data != NULL)
		return data_set(r, data_field, data, &r->to->fds[slot], ret_path);
	return path == NULL ? 0 : path_set(r, field, path, ret_path);
}

static int cluster_read(const struct reading *r, const cJSON *cluster, const char *server)
{
	struct credentials *c = r->to;
	const char *proxy = member_text(cluster, "proxy-url");
	int rc;

	if (server == NULL)
		server = member_text(cluster, "server");
	if (server == NULL)
		return fault(r, -EINVAL, "the cluster has no server");
	if (member_text(cluster, "tls-server-name") != NULL)
		return fault(r, -EINVAL, "tls-server-name is not supported");
	if (proxy != NULL && (c->proxy_url = strdup(proxy)) == NULL)
		return fault(r, -ENOMEM, "out of memory");
	c->insecure = cJSON_IsTrue(member(cluster, "insecure-skip-tls-verify"));
	rc = server_set(r, server);
	if (rc == 0)
		rc = pem_set(r, cluster, "certificate-authority", 0, &c->ca_file);
	return rc;
}

static int user_read(const struct reading *r, const cJSON *user)
{
	static const char *const unsupported[] = { "exec", "auth-provider", "username", "as" };
	struct credentials *c = r->to;
	const char *token = member_text(user, "token");
	const char *token_file = member_text(user, "tokenFile");
	int rc;

	for (size_t i = 0; i < sizeof(unsupported) / sizeof(*unsupported); i++) {
		if (member(user, unsupported[i]) != NULL)
			return fault(r, -EINVAL,
				     "the user's %s is not supported: use a token, tokenFile or "
				     "client certificate",
				     unsupported[i]);
	}
	rc = pem_set(r, user, "client-certificate", 1, &c->cert_file);
	if (rc == 0)
		rc = pem_set(r, user, "client-key", 2, &c->key_file);
	if (rc < 0)
		return rc;
	if ((c->cert_file == NULL) != (c->key_file == NULL))
		return fault(r, -EINVAL,
			     "client-certificate and client-key go together, one is missing");
	if (token_file != NULL) { /* wins over token, as in kubectl */
		rc = path_set(r, "tokenFile", token_file, &c->token_file);
		if (rc < 0)
			return rc;
		rc = word_read(c->token_file, &c->token);
		return rc < 0 ? fault(r, rc, "tokenFile: %s: %s", c->token_file, file_error(rc))
			      : 0;
	}
	if (token != NULL && (c->token = strdup(token)) == NULL)
		return fault(r, -ENOMEM, "out of memory");
	return 0;
}

static int config_read(const struct reading *r, const cJSON *config, const char *server)
{
	const char *current = member_text(config, "current-context");

	if (!cJSON_IsObject(config) || !cJSON_IsArray(member(config, "clusters")))
		return fault(r, -EINVAL, "not a kubeconfig: no list of clusters");
	if (current == NULL)
		return fault(r, -EINVAL, "no current-context");

	const cJSON *context = entry_of(config, "contexts", current, "context");
	const char *cluster_name = member_text(context, "cluster");
	const char *user_name = member_text(context, "user");
	if (cluster_name == NULL)
		return fault(r, -EINVAL,
			     "current-context \"%s\": no such context, or no cluster in it",
			     current);
	const cJSON *cluster = entry_of(config, "clusters", cluster_name, "cluster");
	if (cluster == NULL)
		return fault(r, -EINVAL, "context \"%s\": no cluster \"%s\"", current,
			     cluster_name);
	int rc = cluster_read(r, cluster, server);
	if (rc < 0 || user_name == NULL)
		return rc;
	const cJSON *user = entry_of(config, "users", user_name, "user");
	if (user == NULL)
		return fault(r, -EINVAL, "context \"%s\": no user \"%s\"", current, user_name);
	return user_read(r, user);
}

int credentials_from_kubeconfig(const char *path, const char *server, struct credentials *ret,
				char *err, size_t err_size)
{
	struct credentials c;
	struct reading r = { .to = &c, .path = path, .err = err, .err_size = err_size };
	char *text, why[256];
	size_t len;
	int rc;

	credentials_init(&c);
	rc = file_read(path, FILE_MAX, &text, &len);
	if (rc < 0)
		return fault(&r, rc, "%s", file_error(rc));
	if (server != NULL && text[strspn(text, " \t\r\n")] == '\0') { /* KUBECONFIG=/dev/null */
		free(text);
		return credentials_from_server(server, ret, err, err_size);
	}
	cJSON *config = doc_parse_yaml(text, len, why, sizeof(why));
	explicit_bzero(text, len);
	free(text);
	if (config == NULL)
		return fault(&r, -EINVAL, "%s", why);
	rc = config_read(&r, config, server);
	cJSON_Delete(config);
	if (rc == 0)
		*ret = c;
	else
		credentials_done(&c);
	return rc;
}

void credentials_done(struct credentials *c)
{
	free(c->server);
	free(c->ca_file);
	free(c->cert_file);
	free(c->key_file);
	secret_free(c->token);
	free(c->token_file);
	free(c->proxy_url);
	free(c->ns);
	for (size_t i = 0; i < 3; i++) {
		if (c->fds[i] != -1)
			close(c->fds[i]);
	}
	credentials_init(c);
}

bool credentials_refresh(struct credentials *c, bool refused, uint64_t now_ms)
{
	char *token;

	if (c->token_file == NULL || (!refused && now_ms - c->token_read_ms < TOKEN_MAX_AGE_MS))
		return false;
	c->token_read_ms = now_ms;
	if (word_read(c->token_file, &token) < 0)
		return false;
	bool changed = strcmp(token, c->token) != 0;
	secret_free(c->token);
	c->token = token;
	return changed;
}
