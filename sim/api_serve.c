// SPDX-License-Identifier: Apache-2.0
/* What the server does with a request that has arrived. */
#include <string.h>

#include "lib/base/must.h"
#include "sim/api_state.h"

int sim_api_serve_read(const struct sim_api *a, const struct sim_api_write *w,
		       struct sim_api_version **ret)
{
	const struct sim_api_entry *e = sim_api_find(a, w->kind, w->ns, w->name);

	if (e == NULL)
		return 404;
	*ret = sim_api_version_ref(e->now);
	return 200;
}

/* Is it to be refused? 0: no. */
static int refusal(struct sim_api *a, const struct sim_api_write *w, const struct sim_api_entry *e)
{
	if (a->conflicts > 0) {
		a->conflicts--;
		return 409;
	}
	if (w->create)
		return e != NULL ? 409 : 0;
	if (e == NULL)
		return 404;
	return w->version != NULL && strcmp(w->version, e->now->text) != 0 ? 409 : 0;
}

int sim_api_serve_write(struct sim_api *a, const struct sim_api_write *w, bool *ret_changed,
			struct sim_api_version **ret)
{
	const struct sim_api_entry *e = sim_api_find(a, w->kind, w->ns, w->name);
	int status = refusal(a, w, e);

	if (status != 0) {
		a->counts.conflicts += status == 409;
		return status;
	}
	cJSON *json =
		must(e == NULL ? cJSON_CreateObject() : cJSON_Duplicate(e->now->object.json, true));
	w->change(w->change_arg, json);
	*ret_changed = sim_api_commit(a, w->kind, w->ns, w->name, json);
	a->counts.writes += *ret_changed;
	e = sim_api_find(a, w->kind, w->ns, w->name);
	*ret = sim_api_version_ref(e->now);
	return w->create ? 201 : 200;
}
