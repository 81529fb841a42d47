// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/kubeconfig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>
#include <nettle/base64.h>

#include "lib/base/base64.h"
#include "lib/kube/credentials_read.h"
#include "lib/kube/exec_plugin.h"
#include "lib/kube/secret.h"
#include "lib/model/doc.h"
#include "lib/model/file_io.h"

#define FILES_MAX      16
#define EXEC_EXTENSION "client.authentication.k8s.io/exec" /* of a cluster, for its plugin */

/* Files that were read, in the order of their rank. */
struct configs {
	struct config {
		char *path;
		cJSON *json;
	} of[FILES_MAX];
	size_t count;
};

/* An entry of one of the lists, and whose file it is from. */
struct entry {
	const cJSON *json; /* what the list calls by its name; NULL: no such entry */
	const char *path;
};

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *member_text(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(member(object, name));

	return text != NULL && *text == '\0' ? NULL : text;
}

/* --- the files ------------------------------------------------------------------------------ */

static void configs_done(struct configs *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->of[i].path);
		cJSON_Delete(c->of[i].json);
	}
	c->count = 0;
}

static int config_add(const struct reading *r, struct configs *c, const char *path,
		      const char *text, size_t len)
{
	struct config *config = &c->of[c->count];
	char why[256];

	config->json = doc_parse_yaml(text, len, why, sizeof(why));
	if (config->json == NULL)
		return reading_fault(r, -EINVAL, "%s", why);
	config->path = strdup(path);
	c->count++;
	return config->path == NULL ? reading_fault(r, -ENOMEM, "out of memory") : 0;
}

static int config_load(const struct reading *r, struct configs *c, const char *path)
{
	char *text;
	size_t len;
	int rc = file_read(path, SECRET_FILE_MAX, &text, &len);

	if (rc < 0)
		return reading_fault(r, rc, "%s", file_error(rc));
	/* An empty one, as KUBECONFIG=/dev/null, says nothing. */
	if (text[strspn(text, " \t\r\n")] != '\0')
		rc = config_add(r, c, path, text, len);
	explicit_bzero(text, len);
	free(text);
	return rc;
}

/* All of @paths, of which those that are not there are passed over. */
static int configs_load(struct reading *r, struct configs *c, const char *paths)
{
	char *copy = strdup(paths), *rest = copy, *path;
	int rc = copy == NULL ? reading_fault(r, -ENOMEM, "out of memory") : 0;

	while (rc == 0 && (path = strsep(&rest, ":")) != NULL) {
		if (*path == '\0' || file_check(path) == -ENOENT)
			continue;
		r->path = path;
		if (c->count == FILES_MAX)
			rc = reading_fault(r, -E2BIG, "more than %d files", FILES_MAX);
		else
			rc = config_load(r, c, path);
		r->path = paths;
	}
	free(copy);
	return rc;
}

/* --- what they say -------------------------------------------------------------------------- */

/* The first of the lists called @list that has an entry @name; its member @inner. */
static struct entry entry_of(const struct configs *c, const char *list, const char *name,
			     const char *inner)
{
	const cJSON *entry;

	for (size_t i = 0; i < c->count; i++) {
		cJSON_ArrayForEach (entry, member(c->of[i].json, list)) {
			const char *text = member_text(entry, "name");

			if (text != NULL && strcmp(text, name) == 0)
				return (struct entry){ member(entry, inner), c->of[i].path };
		}
	}
	return (struct entry){ NULL, NULL };
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
		return reading_fault(r, -ENOMEM, "out of memory");
	int rc = file_check(*ret);
	return rc < 0 ? reading_fault(r, rc, "%s: %s: %s", field, *ret, file_error(rc)) : 0;
}

/* Bytes in base64 into a memory file. */
static int data_set(const struct reading *r, const char *field, const char *base64, int *ret_fd,
		    char **ret_path)
{
	char *bytes;
	size_t len;
	int rc = base64_bytes(base64, &bytes, &len);

	if (rc < 0)
		return reading_fault(r, rc, "%s: %s", field,
				     rc == -EINVAL ? "not base64" : strerror(-rc));
	rc = secret_to_file(field, bytes, len, ret_fd, ret_path);
	if (rc < 0)
		reading_fault(r, rc, "%s: %s", field, strerror(-rc));
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

static bool is_port(const char *text, size_t len)
{
	return len >= 1 && len <= 5 && strspn(text, "0123456789") >= len &&
	       strtoul(text, NULL, 10) >= 1 && strtoul(text, NULL, 10) <= 65535;
}

/* Take a proxy's address as client-go does. It may have a password in it, so no message repeats any
 * of it, and libcurl, whose messages do, never sees a wrong one. */
static int proxy_set(const struct reading *r, const char *proxy)
{
	const char *host = strstr(proxy, "://"), *at, *port;
	size_t len;

	if (strncasecmp(proxy, "http://", 7) != 0 && strncasecmp(proxy, "https://", 8) != 0 &&
	    strncasecmp(proxy, "socks5://", 9) != 0)
		return reading_fault(r, -EINVAL,
				     "proxy-url: must begin with http://, https:// or socks5://");
	host += 3;
	len = strcspn(host, "/?#");
	if ((at = memrchr(host, '@', len)) != NULL) {
		len -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	port = memchr(host, ']', *host == '[' ? len : 0);
	port = memchr(port == NULL ? host : port, ':',
		      (size_t)(host + len - (port == NULL ? host : port)));
	if (proxy[strcspn(proxy, " \t\r\n")] != '\0' || len == 0 || port == host ||
	    (port != NULL && !is_port(port + 1, (size_t)(host + len - port - 1))))
		return reading_fault(r, -EINVAL,
				     "proxy-url: not SCHEME://[USER:PASSWORD@]HOST[:PORT]");
	r->to->proxy_url = strdup(proxy);
	return r->to->proxy_url == NULL ? reading_fault(r, -ENOMEM, "out of memory") : 0;
}

static int cluster_read(const struct reading *r, const cJSON *cluster, const char *server)
{
	struct credentials *c = r->to;
	const char *proxy = member_text(cluster, "proxy-url");
	const char *tls_name = member_text(cluster, "tls-server-name");
	int rc;

	if (server == NULL)
		server = member_text(cluster, "server");
	if (server == NULL)
		return reading_fault(r, -EINVAL, "the cluster has no server");
	c->insecure = cJSON_IsTrue(member(cluster, "insecure-skip-tls-verify"));
	rc = credentials_set_server(r, server);
	if (rc == 0 && proxy != NULL)
		rc = proxy_set(r, proxy);
	if (rc == 0 && tls_name != NULL)
		rc = credentials_set_tls_name(r, tls_name);
	if (rc == 0)
		rc = pem_set(r, cluster, "certificate-authority", CREDENTIALS_CA, &c->ca_file);
	if (rc == 0 && c->insecure && c->ca_file != NULL)
		return reading_fault(r, -EINVAL,
				     "insecure-skip-tls-verify: true says to ignore the "
				     "certificate-authority beside it: leave out one of them");
	return rc;
}

/* --- what a plugin may know of the cluster -------------------------------------------------- */

static void add_text(cJSON *to, const char *name, const char *text)
{
	if (text != NULL)
		cJSON_AddStringToObject(to, name, text);
}

/* The CA, wherever it comes from, in base64. */
static int add_ca(const struct reading *r, cJSON *to)
{
	char *text, *base64;
	size_t len;
	int rc;

	if (r->to->ca_file == NULL)
		return 0;
	FILE *from = fopen(r->to->ca_file, "r"); /* a memory file, or checked before */
	if (from == NULL)
		return reading_fault(r, -errno, "%s: %s", r->to->ca_file, strerror(errno));
	text = malloc(SECRET_FILE_MAX);
	len = text == NULL ? 0 : fread(text, 1, SECRET_FILE_MAX, from);
	fclose(from);
	base64 = malloc(BASE64_ENCODE_RAW_LENGTH(len) + 1);
	rc = text == NULL || base64 == NULL ? -ENOMEM : 0;
	if (rc == 0) {
		base64_encode_raw(base64, len, (const uint8_t *)text);
		base64[BASE64_ENCODE_RAW_LENGTH(len)] = '\0';
		cJSON_AddStringToObject(to, "certificate-authority-data", base64);
	}
	free(text);
	free(base64);
	return rc == 0 ? 0 : reading_fault(r, rc, "out of memory");
}

/* Fill in spec.cluster of what the plugin is told. */
static int tell_cluster(const struct reading *r, const cJSON *cluster)
{
	struct credentials *c = r->to;
	cJSON *told = cJSON_CreateObject();
	const cJSON *extension;

	if (told == NULL)
		return reading_fault(r, -ENOMEM, "out of memory");
	c->plugin->cluster = told;
	add_text(told, "server", c->server);
	add_text(told, "tls-server-name", member_text(cluster, "tls-server-name"));
	add_text(told, "proxy-url", c->proxy_url);
	if (c->insecure)
		cJSON_AddTrueToObject(told, "insecure-skip-tls-verify");
	cJSON_ArrayForEach (extension, member(cluster, "extensions")) {
		const char *name = member_text(extension, "name");
		const cJSON *config = member(extension, "extension");

		if (name != NULL && strcmp(name, EXEC_EXTENSION) == 0 && config != NULL)
			cJSON_AddItemToObject(told, "config", cJSON_Duplicate(config, true));
	}
	return add_ca(r, told);
}

/* --- the user ------------------------------------------------------------------------------- */

static int plugin_read(const struct reading *r, const cJSON *exec, const cJSON *cluster)
{
	struct credentials *c = r->to;
	const char *slash = strrchr(r->path, '/');
	char *dir = slash == NULL ? NULL : strndup(r->path, (size_t)(slash - r->path));
	char why[256];
	int rc = exec_plugin_read(exec, dir, &c->plugin, why, sizeof(why));

	free(dir);
	if (rc < 0)
		return reading_fault(r, rc, "%s", why);
	return c->plugin->wants_cluster ? tell_cluster(r, cluster) : 0;
}

static int token_read(const struct reading *r, const cJSON *user)
{
	struct credentials *c = r->to;
	const char *token = member_text(user, "token");
	const char *token_file = member_text(user, "tokenFile");
	int rc = 0;

	if (token != NULL && strpbrk(token, "\r\n") != NULL)
		return reading_fault(r, -EINVAL, "token: more than one line");
	if (token != NULL && (c->token = strdup(token)) == NULL)
		return reading_fault(r, -ENOMEM, "out of memory");
	if (token_file == NULL)
		return 0;
	/* The file wins as long as it can be read, as in kubectl. */
	rc = path_set(r, "tokenFile", token_file, &c->token_file);
	if (rc == 0) {
		char *word;

		rc = secret_word_read(c->token_file, &word);
		if (rc == 0) {
			secret_free(c->token);
			c->token = word;
		} else {
			reading_fault(r, rc, "tokenFile: %s: %s", c->token_file, file_error(rc));
		}
	}
	return c->token != NULL ? 0 : rc;
}

static int user_read(const struct reading *r, const cJSON *user, const cJSON *cluster)
{
	static const char *const unsupported[] = { "auth-provider", "username",  "as",
						   "as-uid",        "as-groups", "as-user-extra" };
	struct credentials *c = r->to;
	int rc;

	for (size_t i = 0; i < sizeof(unsupported) / sizeof(*unsupported); i++) {
		if (member(user, unsupported[i]) != NULL)
			return reading_fault(r, -EINVAL,
					     "the user's %s is not supported: use a token, "
					     "tokenFile, client certificate or exec plugin",
					     unsupported[i]);
	}
	rc = pem_set(r, user, "client-certificate", CREDENTIALS_CERT, &c->cert_file);
	if (rc == 0)
		rc = pem_set(r, user, "client-key", CREDENTIALS_KEY, &c->key_file);
	if (rc < 0)
		return rc;
	if ((c->cert_file == NULL) != (c->key_file == NULL))
		return reading_fault(r, -EINVAL,
				     "client-certificate and client-key go together, one is "
				     "missing");
	rc = token_read(r, user);
	/* Who has credentials needs none from a plugin, as in kubectl. */
	if (rc == 0 && c->token == NULL && c->cert_file == NULL && member(user, "exec") != NULL)
		rc = plugin_read(r, member(user, "exec"), cluster);
	return rc;
}

/* --- all together --------------------------------------------------------------------------- */

static int configs_check(struct reading *r, const struct configs *c, const char **ret_current)
{
	const char *current = NULL;
	bool clusters = false;

	for (size_t i = 0; i < c->count; i++) {
		clusters |= cJSON_IsArray(member(c->of[i].json, "clusters"));
		if (current == NULL)
			current = member_text(c->of[i].json, "current-context");
	}
	if (!clusters)
		return reading_fault(r, -EINVAL, "not a kubeconfig: no list of clusters");
	if (current == NULL)
		return reading_fault(r, -EINVAL, "no current-context");
	*ret_current = current;
	return 0;
}

static int configs_read(struct reading *r, const struct configs *c, const char *server)
{
	const char *all = r->path, *current = "";
	int rc = configs_check(r, c, &current);

	if (rc < 0)
		return rc;
	struct entry context = entry_of(c, "contexts", current, "context");
	const char *cluster_name = member_text(context.json, "cluster");
	const char *user_name = member_text(context.json, "user");
	if (cluster_name == NULL)
		return reading_fault(r, -EINVAL,
				     "current-context \"%s\": no such context, or no cluster in it",
				     current);
	struct entry cluster = entry_of(c, "clusters", cluster_name, "cluster");
	if (cluster.json == NULL)
		return reading_fault(r, -EINVAL, "context \"%s\": no cluster \"%s\"", current,
				     cluster_name);
	r->path = cluster.path;
	rc = cluster_read(r, cluster.json, server);
	r->path = all;
	if (rc < 0 || user_name == NULL)
		return rc;
	struct entry user = entry_of(c, "users", user_name, "user");
	if (user.json == NULL)
		return reading_fault(r, -EINVAL, "context \"%s\": no user \"%s\"", current,
				     user_name);
	r->path = user.path;
	rc = user_read(r, user.json, cluster.json);
	r->path = all;
	return rc;
}

/* The end of both ways in. */
static int finish(struct reading *r, struct configs *c, const char *server, int rc,
		  struct credentials *ret)
{
	if (rc == 0)
		rc = configs_read(r, c, server);
	configs_done(c);
	if (rc == 0)
		*ret = *r->to;
	else
		credentials_done(r->to);
	return rc;
}

int credentials_from_text(const char *path, const char *text, size_t len, const char *server,
			  struct credentials *ret, char *err, size_t err_size)
{
	struct credentials c;
	struct reading r = { .to = &c, .path = path, .err = err, .err_size = err_size };
	struct configs configs = { 0 };

	credentials_init(&c);
	return finish(&r, &configs, server, config_add(&r, &configs, path, text, len), ret);
}

int credentials_from_kubeconfig(const char *path, const char *server, struct credentials *ret,
				char *err, size_t err_size)
{
	struct credentials c;
	struct reading r = { .to = &c, .path = path, .err = err, .err_size = err_size };
	struct configs configs = { 0 };
	int rc;

	credentials_init(&c);
	/* A file may have a colon in its name. */
	if (strchr(path, ':') == NULL || file_check(path) == 0)
		rc = config_load(&r, &configs, path);
	else
		rc = configs_load(&r, &configs, path);
	if (rc == 0 && configs.count == 0 && server != NULL)
		return credentials_from_server(server, ret, err, err_size);
	return finish(&r, &configs, server, rc, ret);
}
