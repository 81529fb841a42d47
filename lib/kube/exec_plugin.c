// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/exec_plugin.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kube/secret.h"

#define GROUP "client.authentication.k8s.io/"

static const char *member_text(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text != NULL && *text == '\0' ? NULL : text;
}

static void texts_free(char **texts)
{
	for (char **at = texts; at != NULL && *at != NULL; at++)
		secret_free(*at);
	free(texts);
}

struct exec_plugin *exec_plugin_free(struct exec_plugin *p)
{
	if (p == NULL)
		return NULL;
	free(p->api_version);
	texts_free(p->args);
	texts_free(p->env);
	free(p->install_hint);
	cJSON_Delete(p->cluster);
	free(p);
	return NULL;
}

/* --- the kubeconfig's words ----------------------------------------------------------------- */

static int set_command(struct exec_plugin *p, const cJSON *exec, const char *dir, char *err,
		       size_t err_size)
{
	const cJSON *args = cJSON_GetObjectItemCaseSensitive(exec, "args"), *arg;
	const char *command = member_text(exec, "command");
	size_t n = 0;

	if (command == NULL) {
		snprintf(err, err_size, "exec: no command");
		return -EINVAL;
	}
	p->args = calloc((size_t)cJSON_GetArraySize(args) + 2, sizeof(char *));
	if (p->args == NULL)
		return -ENOMEM;
	if (strchr(command, '/') == NULL || *command == '/' || dir == NULL)
		p->args[n] = strdup(command);
	else if (asprintf(&p->args[n], "%s/%s", dir, command) < 0)
		p->args[n] = NULL;
	if (p->args[n++] == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach (arg, args) {
		if (!cJSON_IsString(arg)) {
			snprintf(err, err_size, "exec: args[%zu] is no text", n - 1);
			return -EINVAL;
		}
		p->args[n] = strdup(arg->valuestring);
		if (p->args[n++] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int set_env(struct exec_plugin *p, const cJSON *exec, char *err, size_t err_size)
{
	const cJSON *env = cJSON_GetObjectItemCaseSensitive(exec, "env"), *entry;
	size_t n = 0;

	p->env = calloc((size_t)cJSON_GetArraySize(env) + 1, sizeof(char *));
	if (p->env == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach (entry, env) {
		const char *name = member_text(entry, "name");
		const char *value = member_text(entry, "value");

		if (name == NULL || strchr(name, '=') != NULL) {
			snprintf(err, err_size, "exec: env[%zu] has no name", n);
			return -EINVAL;
		}
		if (asprintf(&p->env[n], "%s=%s", name, value == NULL ? "" : value) < 0) {
			p->env[n] = NULL;
			return -ENOMEM;
		}
		n++;
	}
	return 0;
}

static int set_interactive(struct exec_plugin *p, const cJSON *exec, char *err, size_t err_size)
{
	static const char *const modes[] = {
		[EXEC_NEVER] = "Never",
		[EXEC_IF_AVAILABLE] = "IfAvailable",
		[EXEC_ALWAYS] = "Always",
	};
	const char *mode = member_text(exec, "interactiveMode");

	if (mode == NULL && strcmp(p->api_version, GROUP "v1beta1") == 0)
		mode = "IfAvailable";
	for (size_t i = 0; mode != NULL && i < sizeof(modes) / sizeof(*modes); i++) {
		if (strcmp(mode, modes[i]) == 0) {
			p->interactive = i;
			return 0;
		}
	}
	snprintf(err, err_size, "exec: interactiveMode must be Never, IfAvailable or Always");
	return -EINVAL;
}

int exec_plugin_read(const cJSON *exec, const char *dir, struct exec_plugin **ret, char *err,
		     size_t err_size)
{
	const char *version = member_text(exec, "apiVersion");
	const char *hint = member_text(exec, "installHint");
	struct exec_plugin *p;
	int rc = -ENOMEM;

	if (version == NULL ||
	    (strcmp(version, GROUP "v1") != 0 && strcmp(version, GROUP "v1beta1") != 0)) {
		snprintf(err, err_size, "exec: apiVersion must be " GROUP "v1 or " GROUP "v1beta1");
		return -EINVAL;
	}
	snprintf(err, err_size, "exec: out of memory");
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->api_version = strdup(version);
	p->install_hint = hint == NULL ? NULL : strdup(hint);
	p->wants_cluster =
		cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(exec, "provideClusterInfo"));
	if (p->api_version != NULL && (hint == NULL || p->install_hint != NULL))
		rc = set_command(p, exec, dir, err, err_size);
	if (rc == 0)
		rc = set_env(p, exec, err, err_size);
	if (rc == 0)
		rc = set_interactive(p, exec, err, err_size);
	if (rc == 0)
		*ret = p;
	else
		exec_plugin_free(p);
	return rc;
}

/* --- what it is told ------------------------------------------------------------------------ */

char *exec_plugin_info(const struct exec_plugin *p, bool interactive)
{
	cJSON *info = cJSON_CreateObject();
	cJSON *spec;
	char *text = NULL;

	cJSON_AddStringToObject(info, "kind", "ExecCredential");
	cJSON_AddStringToObject(info, "apiVersion", p->api_version);
	spec = cJSON_AddObjectToObject(info, "spec");
	if (p->cluster != NULL)
		cJSON_AddItemToObject(spec, "cluster", cJSON_Duplicate(p->cluster, true));
	if (cJSON_AddBoolToObject(spec, "interactive", interactive) != NULL)
		text = cJSON_PrintUnformatted(info);
	cJSON_Delete(info);
	return text;
}

/* Does one of @env set the variable of @entry? */
static bool is_set(char *const *env, const char *entry)
{
	size_t len = strcspn(entry, "=");

	for (; *env != NULL; env++) {
		if (strncmp(*env, entry, len) == 0 && (*env)[len] == '=')
			return true;
	}
	return false;
}

char **exec_plugin_environ(const struct exec_plugin *p, char **environ, const char *info)
{
	size_t ours = 0, own = 0, n = 0;
	char **all;
	bool ok = true;

	while (environ[ours] != NULL)
		ours++;
	while (p->env[own] != NULL)
		own++;
	all = calloc(ours + own + 2, sizeof(char *));
	if (all == NULL)
		return NULL;
	for (size_t i = 0; ok && i < ours; i++) {
		if (!is_set(p->env, environ[i]) &&
		    strncmp(environ[i], EXEC_INFO "=", strlen(EXEC_INFO "=")) != 0)
			ok = (all[n++] = strdup(environ[i])) != NULL;
	}
	for (size_t i = 0; ok && i < own; i++)
		ok = (all[n++] = strdup(p->env[i])) != NULL;
	if (ok && asprintf(&all[n], EXEC_INFO "=%s", info) < 0) {
		all[n] = NULL;
		ok = false;
	}
	if (!ok) {
		texts_free(all);
		return NULL;
	}
	return all;
}

void exec_plugin_environ_free(char **environ)
{
	texts_free(environ);
}

/* --- what it answers ------------------------------------------------------------------------ */

bool exec_time_read(const char *text, time_t *ret)
{
	struct tm tm = { 0 };
	const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int hours = 0, minutes = 0, end = 0;
	char sign[2] = "+";

	if (at == NULL)
		return false;
	if (*at == '.') {
		do
			at++;
		while (isdigit((unsigned char)*at));
	}
	if (*at == 'Z')
		end = 1;
	else if (sscanf(at, "%1[+-]%2d:%2d%n", sign, &hours, &minutes, &end) != 3)
		return false;
	if (at[end] != '\0')
		return false;
	time_t offset = (time_t)hours * 3600 + (time_t)minutes * 60;
	*ret = timegm(&tm) - (*sign == '-' ? -offset : offset);
	return true;
}

void exec_answer_done(struct exec_answer *a)
{
	secret_free(a->token);
	secret_free(a->cert);
	secret_free(a->key);
	*a = (struct exec_answer){ 0 };
}

/* Overwrite what is secret in it, and delete it. */
static void answer_delete(cJSON *json)
{
	static const char *const secrets[] = { "token", "clientKeyData" };
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(json, "status");

	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
		char *text =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(status, secrets[i]));

		if (text != NULL)
			explicit_bzero(text, strlen(text));
	}
	cJSON_Delete(json);
}

/* What is wrong with it; NULL: nothing. */
static const char *answer_fault(const struct exec_plugin *p, const cJSON *json,
				struct exec_answer *ret)
{
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(json, "status");
	const char *version = member_text(json, "apiVersion"), *kind = member_text(json, "kind");
	const char *token = member_text(status, "token");
	const char *cert = member_text(status, "clientCertificateData");
	const char *key = member_text(status, "clientKeyData");
	const char *expires = member_text(status, "expirationTimestamp");

	if (json == NULL)
		return "what it printed is no JSON";
	if (kind == NULL || strcmp(kind, "ExecCredential") != 0)
		return "what it printed is no ExecCredential";
	if (version == NULL || strcmp(version, p->api_version) != 0)
		return "it answers in another apiVersion than the kubeconfig asks for";
	if (!cJSON_IsObject(status))
		return "it printed no status";
	if (token == NULL && cert == NULL && key == NULL)
		return "it printed neither a token nor a certificate and key";
	if ((cert == NULL) != (key == NULL))
		return "of certificate and key it printed only one";
	if (token != NULL && strpbrk(token, "\r\n") != NULL)
		return "the token has more than one line";
	if (expires != NULL && !exec_time_read(expires, &ret->expires))
		return "its expirationTimestamp is no time";
	ret->token = token == NULL ? NULL : strdup(token);
	ret->cert = cert == NULL ? NULL : strdup(cert);
	ret->key = key == NULL ? NULL : strdup(key);
	if ((token != NULL && ret->token == NULL) || (cert != NULL && ret->cert == NULL) ||
	    (key != NULL && ret->key == NULL))
		return "out of memory";
	return NULL;
}

int exec_answer_read(const struct exec_plugin *p, const char *text, size_t len,
		     struct exec_answer *ret, char *err, size_t err_size)
{
	cJSON *json = cJSON_ParseWithLength(text, len);
	struct exec_answer answer = { 0 };
	const char *fault = answer_fault(p, json, &answer);

	answer_delete(json);
	if (fault != NULL) {
		exec_answer_done(&answer);
		snprintf(err, err_size, "%s", fault);
		return -EBADMSG;
	}
	*ret = answer;
	return 0;
}
