// SPDX-License-Identifier: Apache-2.0
#include "allocator/verdict_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"
#include "lib/daemon/config_state.h"

#define POOL "IPAddressPool/" /* that fields of a pool's faults begin with */

struct verdict_io {
	struct verdict_io_cfg cfg;
	struct config_state *state;
	bool loaded;
	char *pool, *fault; /* to be told in an event; NULL: none */
	char trouble[512];
};

/* --- the pool at fault --------------------------------------------------------------- */

static void forget_fault(struct verdict_io *v)
{
	free(v->pool);
	free(v->fault);
	v->pool = v->fault = NULL;
}

static void tell_fault(struct verdict_io *v)
{
	const char *uid = v->pool == NULL ? NULL : v->cfg.uid_of(v->cfg.arg, v->pool);

	if (uid != NULL)
		kube_event(v->cfg.kube, &(struct kube_event){
						.component = v->cfg.component,
						.host = "",
						.kind = "IPAddressPool",
						.api_version = "metallb.io/v1beta1",
						.ns = v->cfg.ns,
						.name = v->pool,
						.uid = uid,
						.type = "Warning",
						.reason = "ConfigurationError",
						.message = v->fault,
					});
	forget_fault(v);
}

void verdict_io_fault(struct verdict_io *v, const char *field, const char *message)
{
	if (v->pool != NULL || strncmp(field, POOL, strlen(POOL)) != 0)
		return;
	/* A dot ends the name, and there may be dots in it. */
	char *name = must(strdup(field + strlen(POOL)));
	for (char *dot = strchr(name, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
		*dot = '\0';
		if (v->cfg.uid_of(v->cfg.arg, name) != NULL) {
			v->pool = must(strdup(name));
			v->fault = must_text("%s: %s", dot + 1, message);
			break;
		}
		*dot = '.';
	}
	free(name);
	if (gate_io_is_open(v->cfg.gate))
		tell_fault(v);
}

/* --- ConfigurationState -------------------------------------------------------------- */

static int send_told(void *via, const char *method, const char *path, const char *type,
		     const char *body, kube_done done, void *arg)
{
	struct verdict_io *v = via;

	if (!gate_io_is_open(v->cfg.gate) && (v->loaded || !v->cfg.leaderless(v->cfg.arg)))
		return -EAGAIN; /* and is asked again */
	tell_fault(v);
	if (gate_io_is_open(v->cfg.gate))
		return gate_io_send(v->cfg.gate, method, path, type, body, done, arg);
	return kube_request(v->cfg.kube, method, path, type, body, done, arg);
}

void verdict_io_judged(struct verdict_io *v, const char *error)
{
	if (error == NULL)
		forget_fault(v);
	if (!v->loaded && error != NULL)
		snprintf(v->trouble, sizeof(v->trouble),
			 "no configuration was loaded yet, so it does not stand for leader: %s",
			 error);
	config_state_set(v->state, error);
	if (!v->loaded)
		config_state_once(v->state);
}

void verdict_io_loaded(struct verdict_io *v)
{
	if (v->loaded)
		return;
	v->loaded = true;
	v->trouble[0] = '\0';
	config_state_lead(v->state, false); /* it is the leader's from now on */
}

void verdict_io_lead(struct verdict_io *v, bool lead)
{
	config_state_lead(v->state, lead);
	if (lead)
		tell_fault(v);
}

const char *verdict_io_trouble(const struct verdict_io *v)
{
	return v->trouble[0] != '\0' ? v->trouble : NULL;
}

/* --- life ---------------------------------------------------------------------------- */

int verdict_io_open(const struct verdict_io_cfg *cfg, struct verdict_io **ret)
{
	struct verdict_io *v = must(calloc(1, sizeof(*v)));
	const struct config_state_cfg state_cfg = {
		.loop = cfg->loop,
		.kube = cfg->kube,
		.ns = cfg->ns,
		.condition = "poolReconcilerValid",
		.pod = cfg->pod,
		.seed = cfg->seed,
		.send = send_told,
		.via = v,
	};

	v->cfg = *cfg;
	int rc = config_state_open(&state_cfg, &v->state);
	if (rc != 0) {
		free(v);
		return rc;
	}
	config_state_lead(v->state, false);
	*ret = v;
	return 0;
}

struct verdict_io *verdict_io_close(struct verdict_io *v)
{
	if (v == NULL)
		return NULL;
	v->state = config_state_close(v->state);
	forget_fault(v);
	free(v);
	return NULL;
}
