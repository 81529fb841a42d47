// SPDX-License-Identifier: Apache-2.0
/*
 * Credential plugins: programs that print who we are (client.authentication.k8s.io v1 and v1beta1).
 *
 * Pure: what a kubeconfig says of them, what they are told, and what they answer. exec_io.c runs
 * them.
 */
#ifndef BELLMAN_KUBE_EXEC_PLUGIN_H
#define BELLMAN_KUBE_EXEC_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <cjson/cJSON.h>

#define EXEC_INFO "KUBERNETES_EXEC_INFO" /* the environment variable by which they are told */

/* May it ask the user at the terminal? */
enum exec_interactive { EXEC_NEVER, EXEC_IF_AVAILABLE, EXEC_ALWAYS };

struct exec_plugin {
	char *api_version;
	char **args;        /* the command first, NULL last */
	char **env;         /* "NAME=value", NULL last; beside ours */
	char *install_hint; /* NULL: none */
	enum exec_interactive interactive;
	bool wants_cluster;
	cJSON *cluster; /* spec.cluster of what it is told; NULL: nothing */
};

/*
 * Read a user's `exec`. @dir: of the kubeconfig, for a command with a slash in it; NULL: the
 * current one. Returns 0 and *ret for exec_plugin_free(); -EINVAL or -ENOMEM, and the reason in
 * @err.
 */
int exec_plugin_read(const cJSON *exec, const char *dir, struct exec_plugin **ret, char *err,
		     size_t err_size);
struct exec_plugin *exec_plugin_free(struct exec_plugin *p); /* NULL is fine; returns NULL */

/* What it is told: an ExecCredential. Free it; NULL: out of memory. */
char *exec_plugin_info(const struct exec_plugin *p, bool interactive);

/*
 * Its whole environment: @environ, where its own do not say otherwise, its own, and EXEC_INFO with
 * @info. Free it by exec_plugin_environ_free(); NULL: out of memory.
 */
char **exec_plugin_environ(const struct exec_plugin *p, char **environ, const char *info);
void exec_plugin_environ_free(char **environ);

struct exec_answer {
	char *token, *cert, *key; /* NULL: none; the last two are PEM, and go together */
	time_t expires;           /* 0: never */
};

/*
 * Understand what it printed. Returns 0 and *ret for exec_answer_done(), or -EBADMSG with the
 * reason, which has nothing of the answer in it, in @err; or -ENOMEM.
 */
int exec_answer_read(const struct exec_plugin *p, const char *text, size_t len,
		     struct exec_answer *ret, char *err, size_t err_size);
void exec_answer_done(struct exec_answer *a);

/* RFC 3339, "2026-03-05T17:30:20-08:00"; false: it is none. */
bool exec_time_read(const char *text, time_t *ret);

#endif
