// SPDX-License-Identifier: Apache-2.0
/*
 * Where a daemon's configuration comes from: the file of --config, followed as it
 * changes, and the custom resources of group metallb.io, watched. Both add up and
 * are checked as one (contracts: Sources).
 *
 * What does not check is refused and logged, and the configuration that runs is kept;
 * it is tried again when a source changes. No decision about addresses is made here.
 */
#ifndef BELLMAN_DAEMON_CONFIG_SOURCE_H
#define BELLMAN_DAEMON_CONFIG_SOURCE_H

#include "lib/base/metrics.h"
#include "lib/kube/kube.h"
#include "lib/model/cluster.h"
#include "lib/model/config.h"

#include <uv.h>

struct config_source; /* opaque */

struct config_source_cfg {
	uv_loop_t *loop;
	const char *file;        /* copied; NULL: no file */
	struct kube *kube;       /* borrowed; NULL: no custom resources */
	const char *ns;          /* copied; where custom resources are looked for */
	enum config_scope scope; /* which of them matter */
	enum config_frr frr;     /* config_inputs.frr */
	bool watch_all;          /* watch the others, too, for config_source_inputs() */
	/* For a speaker: peers and BGP advertisements of other nodes are no concern of its, and it
	 * needs the passwords of its own. Secrets are watched, too, and config_source_node() is
	 * waited for. */
	bool of_node;
	struct metrics *metrics; /* borrowed; metallb_k8s_client_config_loaded_bool and
				    _stale_bool are kept in it */

	/*
	 * A whole new configuration that checks; lent, take a reference to keep it. Not called with
	 * one equal to the last, unless a source is back that was lost, nor before each source was
	 * read once.
	 */
	void (*changed)(void *arg, struct config *config);
	/* Each of them was read once, good or bad; called once. May be NULL. */
	void (*synced)(void *arg);
	/*
	 * What the sources ask for can be taken as a whole and is (NULL), or @error is the first
	 * that is wrong with it; lent. Called when that changes, and once at first, when each
	 * source was read. May be NULL.
	 */
	void (*judged)(void *arg, const char *error);
	/* A resource is at fault, told once as the log tells it: its kind, name and field, and why.
	 * May be NULL. */
	void (*fault)(void *arg, const char *field, const char *message);
	/* An IPAddressPool as the API has it, with its status; lent. @object NULL: it is gone.
	 * Called for every version, also where the configuration is the same. May be NULL. */
	void (*pool_told)(void *arg, const char *name, const cJSON *object);
	void *arg;
};

/* Start. Callbacks come from the loop, never from inside this call. Returns 0 or negative errno. */
int config_source_open(const struct config_source_cfg *cfg, struct config_source **ret);

/* Read the file again, whether it changed or not (SIGHUP). */
void config_source_reload(struct config_source *s);

/* Our Node as the API has it; NULL: it has none. Lent. */
void config_source_node(struct config_source *s, const cJSON *object);

/* The UID of an IPAddressPool of the API; NULL when there is none. Lent until the loop turns. */
const char *config_source_pool_uid(const struct config_source *s, const char *name);

bool config_source_synced(const struct config_source *s);

/*
 * Does what is known come from every source there is? False while resources that were listed once
 * are lost or the file does not parse, and when there was never any source. Where this is false,
 * that there is no pool means nothing (contracts: Sources).
 */
bool config_source_complete(const struct config_source *s);

/*
 * Add all that is known to @ret (array_free() it): the file as in force, and the resources as they
 * are now, good or bad. It stays good until the loop turns. Returns whether each source was read
 * once.
 */
bool config_source_inputs(const struct config_source *s, struct config_inputs *ret);

/*
 * A configuration that was handed over cannot be used yet (the speaker: compatibility page 4.1), or
 * now is in use. Feeds config_stale_bool, which is also 1 while a refused one stands.
 */
void config_source_waits(struct config_source *s, bool waits);

/* Stop. Close it before its kube. The loop must turn once more. NULL is fine; returns NULL. */
struct config_source *config_source_close(struct config_source *s);

#endif
